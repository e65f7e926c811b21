"""What differs between two editions of a map: both files are read once, side by side, in the order of their codes.

A code may differ in several ways and is counted under each; it is *changed* once. Where a code goes to another target
its relationship and its upper name are new as well; that is one change, not three.

Also here: the ways to read sorted files beside each other, which the check needs too.
"""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import count, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Generic, Literal, NamedTuple, TypeVar, get_args

import msgspec

from codemaps.conditions import fault
from codemaps.editions import EditionRow, read_rows
from codemaps.kinds import is_local

Difference = Literal[
    "added", "removed", "retargeted", "relationship", "preferred", "confirmed", "payment", "renamed", "other"
]
"""``payment``: class, ratio, ceiling or restriction. ``other``: list type, source or remark."""
SHOWN_ROWS = 4
"""Most rows of one code written out in a change; the number of the others is said."""
_RUN = 200_000
"""Rows sorted at a time in memory, some 40 MB; more go through temporary files."""
_BETWEEN = "\t"
_Record = TypeVar("_Record")

Placed = tuple[int, EditionRow]
"""A row with its line."""


class Change(msgspec.Struct, frozen=True):
    """One code that differs."""

    code: str
    name_before: str
    name_after: str
    before: str
    after: str
    line_before: int
    """Line of its first row; 0 where the edition does not have the code."""
    line_after: int


class Changes(msgspec.Struct):
    """The codes that differ in one way."""

    count: int = 0
    first: list[Change] = []


class Diff(msgspec.Struct):
    """All that differs. Before: removed + changed + unchanged codes; after: added + changed + unchanged."""

    changes: dict[Difference, Changes]
    rows_before: int = 0
    rows_after: int = 0
    codes_before: int = 0
    codes_after: int = 0
    changed: int = 0
    """Codes of both editions that differ in anything."""
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the two editions say the same."""
        return not (self.changed or self.changes["added"].count or self.changes["removed"].count)


def diff(before: Path, after: Path, limit: int = 20) -> Diff:
    """Compare two files in the fixed form; the first ``limit`` codes of each difference are told in full."""
    found = Diff({kind: Changes() for kind in get_args(Difference)})
    for code, old, new in _side_by_side(placed(before), placed(after)):
        found.rows_before += len(old)
        found.rows_after += len(new)
        found.codes_before += bool(old)
        found.codes_after += bool(new)
        if len(old) == len(new) and all(a[1] == b[1] for a, b in zip(old, new, strict=True)):
            found.unchanged += 1
            continue
        kinds = _differences(old, new)
        found.unchanged += not kinds
        found.changed += bool(kinds and old and new)
        for kind in kinds:
            changes = found.changes[kind]
            changes.count += 1
            if changes.count <= limit:
                changes.first.append(_change(kind, code, old, new))
    return found


def placed(file: Path) -> Iterator[tuple[str, list[Placed]]]:
    """The rows of each code together, with their lines."""
    for code, group in groupby(zip(count(2), read_rows(file), strict=False), lambda placed: placed[1][0]):
        yield code, list(group)


def _side_by_side(
    before: Iterator[tuple[str, list[Placed]]], after: Iterator[tuple[str, list[Placed]]]
) -> Iterator[tuple[str, list[Placed], list[Placed]]]:
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old[0] < new[0]):
            assert old is not None
            yield *old, []
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            yield new[0], [], new[1]
            new = next(after, None)
        else:
            yield *old, new[1]
            old, new = next(before, None), next(after, None)


class _Aspect(NamedTuple):
    """One way to differ: what is compared of each row with the same target, and how it is shown."""

    of: Callable[[EditionRow], tuple[str, ...]]
    show: Callable[[EditionRow], str]


def _target(row: EditionRow) -> str:
    given = (("险种", row.insutype), ("参保地", row.admdvs), ("医疗类别", row.med_type), ("起", row.valid_from))
    stated = " ".join(f"{name}={value}" for name, value in (*given, ("止", row.valid_to)) if value)
    told = f"{row.national_code} {row.national_name}".strip() or "无对应 none"
    return f"{told} [{stated}]" if stated else told


def _payment(row: EditionRow) -> str:
    cells = (
        ("类别", row.chrgitm_lv),
        ("自付", row.selfpay_prop),
        ("限价", row.pric_uplmt_amt),
        ("限用", row.lmt_used_flag),
    )
    return " ".join(f"{name}={value or '-'}" for name, value in cells)


_ASPECTS: dict[Difference, _Aspect] = {
    "relationship": _Aspect(itemgetter(4), itemgetter(4)),
    "preferred": _Aspect(itemgetter(5), itemgetter(5)),
    "confirmed": _Aspect(itemgetter(6), itemgetter(6)),
    "payment": _Aspect(itemgetter(13, 14, 15, 16), _payment),
    "renamed": _Aspect(itemgetter(1, 3), lambda row: " → ".join(filter(None, (row.local_name, row.national_name)))),
    "other": _Aspect(
        itemgetter(7, 17, 18), lambda row: " / ".join(filter(None, (row.list_type, row.source, row.remark)))
    ),
}
_where_to = itemgetter(2, 8, 9, 10, 11, 12)
"""Target and conditions."""


def _differences(old: list[Placed], new: list[Placed]) -> list[Difference]:
    if not new:
        return ["removed"]
    if not old:
        return ["added"]
    was, now = _targets(old), _targets(new)
    found: list[Difference] = ["retargeted"] if was.keys() != now.keys() else []
    same = was.keys() & now.keys()
    for kind, aspect in _ASPECTS.items():
        if any({aspect.of(row) for row in was[key]} != {aspect.of(row) for row in now[key]} for key in same):
            found.append(kind)
    if not same and _payments(old) != _payments(new):
        found.append("payment")
    return found


def _targets(rows: list[Placed]) -> dict[tuple[str, ...], list[EditionRow]]:
    targets: dict[tuple[str, ...], list[EditionRow]] = {}
    for _, row in rows:
        targets.setdefault(_where_to(row), []).append(row)
    return targets


def _payments(rows: list[Placed]) -> set[tuple[str, ...]]:
    return {_ASPECTS["payment"].of(row) for _, row in rows}


def _change(kind: Difference, code: str, old: list[Placed], new: list[Placed]) -> Change:
    show = _ASPECTS[kind].show if kind in _ASPECTS else _target
    return Change(code, _name(old), _name(new), _told(show, old), _told(show, new), _line(old), _line(new))


def _name(rows: list[Placed]) -> str:
    return rows[0][1].local_name if rows else ""


def _line(rows: list[Placed]) -> int:
    return rows[0][0] if rows else 0


def _told(show: Callable[[EditionRow], str], rows: list[Placed]) -> str:
    texts = list(dict.fromkeys(show(row) for _, row in rows))
    more = f"; +{len(texts) - SHOWN_ROWS}" if len(texts) > SHOWN_ROWS else ""
    return "; ".join(texts[:SHOWN_ROWS]) + more


# --- sorted files beside each other ---------------------------------------------------------------------------------


class Beside(Generic[_Record]):
    """Something sorted, read in step with something else: ask for its records by codes that never go back."""

    def __init__(self, groups: Iterator[tuple[str, list[_Record]]]) -> None:
        self._groups = groups
        self._next = next(groups, None)

    def find(self, code: str) -> list[_Record]:
        """The records of a code; none where it has none."""
        while self._next is not None and self._next[0] < code:
            self._next = next(self._groups, None)
        return self._next[1] if self._next is not None and self._next[0] == code else []


class Towards(NamedTuple):
    """What matters of a row that is looked at from its target; every cell as text."""

    national_code: str
    local_code: str
    line: str
    preferred: str
    insutype: str
    admdvs: str
    med_type: str
    valid_from: str
    valid_to: str
    national_name: str


def by_target(rows: Iterable[Placed]) -> Iterator[tuple[str, list[Towards]]]:
    """The rows of each target together, sorted by it, however many: runs go through temporary files.

    Rows without a target, and those whose codes or conditions cannot be read, are left out.
    """
    stream = (
        _BETWEEN.join((row[2], row[0], str(line), row[5], *row[8:13], " ".join(row[3].split()))) + "\n"
        for line, row in rows
        if is_local(row[2]) and is_local(row[0]) and row[5] in {"true", "false"} and not fault(row[8:13])
    )
    with ExitStack() as files:
        runs: list[IO[str]] = []
        while run := sorted(islice(stream, _RUN)):
            file = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n"))
            file.writelines(run)
            file.seek(0)
            runs.append(file)
        records = (Towards(*line[:-1].split(_BETWEEN)) for line in heapq.merge(*runs))
        for code, group in groupby(records, itemgetter(0)):
            yield code, list(group)
