"""The rules of one row. What comes out is packed: its cells with NUL between them, and its number behind.

No cell holds a character below the space, so packed rows sort as their tuples do, UTF-8 keeping the order of the
characters. A row with nothing to say about takes the quick way; every other one takes the careful way, which finds
the words for what is wrong. Both give the same bytes for a row that is as it should be.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from codemaps.editions import COLUMNS, EditionRow
from codemaps.intake import codes
from codemaps.intake.cells import Draft
from codemaps.intake.cleaning import names_agree, tidy
from codemaps.intake.headers import AUDIT, DISABLED, VALID, Header
from codemaps.intake.limits import MAX_MEMO
from codemaps.intake.order import Order
from codemaps.intake.quick import WIDE, quick_check
from codemaps.intake.report import Book
from codemaps.intake.values import APPROVED
from codemaps.kinds import KINDS, LIST_TYPES

NUMBER_BYTES = 4
"""At the end of a packed row: its number, which the operator knows it by."""
_REST = COLUMNS[5:18]
"""Between the relationship and the remark."""


def pack(row: EditionRow, number: int) -> bytes:
    """A row in one piece."""
    return "\0".join(row).encode() + number.to_bytes(NUMBER_BYTES, "big")


def unpack(packed: bytes) -> EditionRow:
    """The row of a piece."""
    return EditionRow._make(packed[:-NUMBER_BYTES].decode().split("\0"))


def number_of(packed: bytes) -> int:
    """The number of a packed row."""
    return int.from_bytes(packed[-NUMBER_BYTES:], "big")


class RowReader:
    """Reads the rows below one header."""

    def __init__(self, order: Order, header: Header, book: Book, *, pads: bool) -> None:
        self._order, self._header, self._book, self._pads = order, header, book, pads
        self._kind = KINDS[order.kind]
        self._is_list = not order.to_system
        self._width = len(header.cells)
        self._assumes = not self._is_list and "relationship" not in header.places
        # Our own export has the column also where the table it came from had none.
        self._needs_upper_names = "national_name" in header.places and tuple(header.cells) != COLUMNS
        self.blank = 0
        self._places = [header.places.get(column, -1) for column in WIDE]
        small = [place for column, place in header.places.items() if column not in WIDE]
        self._pick: Callable[[list[str]], Any] = itemgetter(*small) if small else lambda _: ()
        self._memo: dict[Any, tuple[str, str, Callable[[str, str, str, str, str], bool]]] = {}
        """What the small cells come to, for combinations that were found to be in order."""

    def read(self, number: int, cells: list[str]) -> bytes | None:
        """A packed row; None for one that is rejected, left out or blank."""
        # A sheet marks cells that are no texts by their class; only the careful way looks at that.
        if len(cells) == self._width and not (self._pads and any(type(cell) is not str for cell in cells)):
            known = self._memo.get(self._pick(cells))
            if known is not None:
                packed = self._quick(number, cells, known)
                if packed is not None:
                    return packed
        return self.careful(number, cells, number)

    def _quick(
        self, number: int, cells: list[str], known: tuple[str, str, Callable[[str, str, str, str, str], bool]]
    ) -> bytes | None:
        code, name, upper, upper_name, remark = [cells[place] if place >= 0 else "" for place in self._places]
        relationship, rest, check = known
        if not check(code, name, upper, upper_name, remark):
            return None
        if upper:
            official = self._order.name_of(upper)
            if official is not None and upper_name and not names_agree(official, upper_name):
                return None
            if self._assumes:
                relationship = _assumed(name, upper_name or official or "")
        line = f"{code}\0{name}\0{upper}\0{upper_name}\0{relationship}\0{rest}\0{remark}"
        return line.encode() + number.to_bytes(NUMBER_BYTES, "big")

    def careful(self, number: int, cells: list[str], line: int) -> bytes | None:
        """As ``read``, with words for everything that is wrong; ``line`` is where the row stands if not there."""
        if not any(tidy(cell) for cell in cells):
            self.blank += 1
            return None
        draft = Draft(number, self._header, self._book, line)
        if not self._fit(draft, cells):
            return None
        draft.read_all(cells)
        self._in_use(draft)
        if draft.left_out:  # what else is wrong with it concerns nobody
            return None
        self._list_type(draft)
        self._code(draft, "local_code", self._order.from_system)
        if self._is_list:
            self._nothing_above(draft)
        else:
            self._upper(draft)
        self._payment(draft)
        self._vouched(draft)
        if draft.dropped:
            return None
        row = EditionRow(**{column: draft.get(column) for column in COLUMNS})
        if draft.spotless and (row.national_code or self._is_list):
            self._remember(cells, row)
        return pack(row, number)

    def _remember(self, cells: list[str], row: EditionRow) -> None:
        if len(self._memo) >= MAX_MEMO:
            self._memo.clear()
        check = quick_check(self._order, row.list_type, named=self._needs_upper_names)
        rest = "\0".join(getattr(row, column) for column in _REST)
        self._memo[self._pick(cells)] = (row.relationship, rest, check)

    def _fit(self, draft: Draft, cells: list[str]) -> bool:
        """Whether the row has as many cells as the header; empty ones behind its end are nothing."""
        while len(cells) > self._width and not tidy(cells[-1]):
            cells.pop()
        if self._pads:
            cells.extend([""] * (self._width - len(cells)))
        if len(cells) != self._width:
            code = "extra_cells" if len(cells) > self._width else "missing_cells"
            draft.fault(code, found=len(cells), expected=self._width)
            return False
        return True

    def _list_type(self, draft: Draft) -> None:
        if "list_type" in self._header.places and "list_type" not in draft.said:
            return
        allowed, found = self._kind.list_types, draft.get("list_type")
        if found and found not in allowed:
            draft.fault("list_type", "list_type", found, expected=" ".join(allowed) or "（空 empty）")
            del draft.said["list_type"]
        elif not found and len(allowed) == 1:
            draft.said["list_type"] = allowed[0]
        elif not found and allowed:
            draft.fault("list_type", "list_type", found, expected=" ".join(allowed))

    def _code(self, draft: Draft, column: str, system: str) -> None:
        code = draft.said.get(column)
        if code is None:
            return
        if not code:
            draft.fault("missing_code", column)
            return
        list_type = draft.get("list_type")
        if list_type not in LIST_TYPES and self._kind.national is None:
            return  # which shape it should have is not known
        cased = codes.in_case(self._kind, system, code, list_type)
        if cased != code:
            draft.fault("lower_case", column, code)
            draft.said[column] = cased
        problem, facts = codes.judge(self._kind, system, cased, list_type)
        if problem:
            draft.fault(problem, column, code, **dict(facts))

    def _nothing_above(self, draft: Draft) -> None:
        self._name(draft, "local_name")
        for column in ("national_code", "national_name", "relationship"):
            if draft.get(column):
                draft.fault("not_in_list", column, draft.get(column))
        if draft.get("preferred") == "true":
            draft.fault("bad_flag", "preferred", "true")

    def _upper(self, draft: Draft) -> None:
        self._name(draft, "local_name")
        if draft.said.get("national_code") is None:
            return
        if not draft.get("national_code"):
            self._without_counterpart(draft)
            return
        self._code(draft, "national_code", self._order.to_system)
        if self._needs_upper_names:
            self._name(draft, "national_name")
        upper_name = draft.get("national_name")
        official = None if draft.dropped else self._order.name_of(draft.get("national_code"))
        if official is not None and upper_name and not names_agree(official, upper_name):
            facts = {"where": "目录", "where_en": "the list", "name": official}
            draft.fault("name_disagrees", "national_name", upper_name, **facts)
        if self._assumes and not draft.dropped:
            draft.said["relationship"] = _assumed(draft.get("local_name"), upper_name or official or "")
        elif draft.said.get("relationship") == "":
            draft.fault("bad_relationship", "relationship")

    def _without_counterpart(self, draft: Draft) -> None:
        """A code that is known and has nothing above it; what is said of an upper one lost its code."""
        if draft.get("national_name"):
            draft.fault("missing_code", "national_code")
        elif draft.get("relationship"):
            draft.fault("bad_relationship", "relationship", draft.get("relationship"))
        elif draft.get("preferred") == "true":
            draft.fault("bad_flag", "preferred", "true")
        else:
            draft.fault("no_counterpart", "national_code")

    def _name(self, draft: Draft, column: str) -> None:
        if draft.said.get(column) == "":
            draft.fault("missing_name", column)

    def _in_use(self, draft: Draft) -> None:
        """Whether the row is in use when the edition begins, and approved."""
        begin, end = draft.get("valid_from"), draft.get("valid_to")
        if begin and end and end < begin:
            draft.fault("date_order", "valid_to", f"{begin} … {end}")
        elif end and end < self._order.effective_from.isoformat():
            draft.fault("expired", "valid_to", end)
        elif draft.get(VALID) == "false":
            draft.fault("expired", VALID)
        elif draft.get(DISABLED) == "true":
            draft.fault("expired", DISABLED)
        if AUDIT in draft.said and draft.get(AUDIT).lower() not in APPROVED:
            draft.fault("not_approved", AUDIT, draft.get(AUDIT))

    def _payment(self, draft: Draft) -> None:
        # Class A is paid in full within its ceiling and class C not at all, as in codemaps.catalogue.
        required = {"01": "0", "03": "1"}.get(draft.get("chrgitm_lv"))
        ratio = draft.get("selfpay_prop")
        if required is not None and ratio and ratio != required:
            draft.fault("bad_ratio", "selfpay_prop", ratio)

    def _vouched(self, draft: Draft) -> None:
        """Who vouches for the row: the source, and whether it is confirmed."""
        draft.said["source"] = draft.get("source")
        draft.said["preferred"] = draft.get("preferred") or "false"
        if "confirmed" not in self._header.places:
            draft.said["confirmed"] = "true" if self._order.confirmed else "false"
        elif draft.get("confirmed") == "true" and not self._order.confirmed:
            draft.fault("confirmed_ignored", "confirmed", "true")
            draft.said["confirmed"] = "false"
        if draft.get("confirmed") == "true" and not (draft.get("source") or self._order.source):
            draft.fault("missing_source", "source")


def _assumed(name: str, upper_name: str) -> str:
    """The relationship where the table says none."""
    return "equal" if upper_name and names_agree(name, upper_name) else "inexact"
