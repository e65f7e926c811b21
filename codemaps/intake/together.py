"""The rules of several rows together: what is the same, what contradicts, and the order of the fixed form.

Rows come packed and leave sorted. A code may have several rows when their conditions tell them apart, or when one of
them holds in every case and the others in special ones.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, groupby
from operator import itemgetter

from codemaps import conditions
from codemaps.editions import EditionRow
from codemaps.intake.cleaning import names_agree
from codemaps.intake.headers import Header
from codemaps.intake.limits import MAX_CONDITIONAL
from codemaps.intake.problems import Fault, shown
from codemaps.intake.report import Book
from codemaps.intake.rows import NUMBER_BYTES, number_of, unpack

_Numbered = tuple[int, EditionRow]


class Together:
    """Judges the rows of one import together."""

    def __init__(self, header: Header, book: Book, only: Callable[[int], bool] = lambda _: True) -> None:
        self._header = header
        self._book = book
        self._only = only
        """Which rows may be faulted: with a corrected file, the corrections and not what was in order before."""
        self._dropped: set[int] = set()

    def settle(self, rows: list[bytes]) -> list[bytes]:
        """The rows that remain, sorted; the others are in the book."""
        rows.sort()
        names: dict[bytes, bytes] = {}
        disputed: set[bytes] = set()
        groups: list[tuple[int, int]] = []
        preferred: list[bytes] = []
        previous, begin = b"", 0
        for place, packed in enumerate(rows):
            code, _, upper, name, _, prefers, _ = packed.split(b"\0", 6)
            if code != previous:
                if place - begin > 1:
                    groups.append((begin, place))
                previous, begin = code, place
            if upper and name:
                known = names.setdefault(upper, name)
                if known != name and not names_agree(known.decode(), name.decode()):
                    disputed.add(upper)
            if prefers == b"true":
                preferred.append(packed)
        if len(rows) - begin > 1:
            groups.append((begin, len(rows)))
        for begin, end in groups:
            self._group(rows[begin:end])
        self._preferred(preferred)
        if disputed:
            self._disputed(rows, disputed)
        return [packed for packed in rows if number_of(packed) not in self._dropped] if self._dropped else rows

    def _fault(self, number: int, code: str, column: str, value: str, **facts: object) -> None:
        if code != "same_row_twice" and not self._only(number):
            return
        fault = Fault(number, code, self._header.theirs(column), shown(value), tuple(facts.items()))
        if self._book.add(fault) in ("rejected", "left_out", "repaired"):
            self._dropped.add(number)

    def _group(self, packed_rows: list[bytes]) -> None:
        """All rows of one local code."""
        different: list[_Numbered] = []
        before, first = b"", 0
        for packed in packed_rows:
            content, number = packed[:-NUMBER_BYTES], number_of(packed)
            if content == before:
                self._fault(number, "same_row_twice", "local_code", unpack(packed).local_code, other=first)
            else:
                different.append((number, unpack(packed)))
                before, first = content, number
        if len(different) > 1:
            self._contradictions(different)

    def _contradictions(self, rows: list[_Numbered]) -> None:
        faulted: set[int] = set()
        for (one, row), (other, second) in self._meeting(rows):
            code = "duplicate" if row.national_code == second.national_code else "several_targets"
            for number, its, against in ((one, row, other), (other, second, one)):
                if number not in faulted:
                    self._fault(number, code, "local_code", its.local_code, other=against)
                    faulted.add(number)
        first, row = rows[0]
        for number, other_row in rows[1:]:
            if number not in faulted and not names_agree(row.local_name, other_row.local_name):
                facts = {"where": f"第 {first} 行", "where_en": f"row {first}", "name": shown(row.local_name)}
                self._fault(number, "name_disagrees", "local_name", other_row.local_name, **facts)

    def _meeting(self, rows: list[_Numbered]) -> Iterator[tuple[_Numbered, _Numbered]]:
        """Pairs of rows that hold in the same case, each row in one pair at least; compared only as far as needed."""
        parsed = [(numbered, conditions.parse(numbered[1])) for numbered in rows]
        always = [numbered for numbered, found in parsed if found is None]
        # Told against the first one that goes elsewhere, so that the worse of two problems is the one told.
        targets = {row.national_code: (number, row) for number, row in reversed(always)}
        for number, row in always[0 if len(always) > 1 else 1 :]:
            elsewhere = next((one for target, one in targets.items() if target != row.national_code), None)
            yield (number, row), elsewhere or (always[0] if always[0][0] != number else always[1])
        special = [(numbered, found) for numbered, found in parsed if found is not None]
        if len(special) > MAX_CONDITIONAL:
            for (number, row), _ in special:
                self._fault(number, "too_many_conditions", "local_code", row.local_code)
            return
        for (one, its), (other, others) in combinations(special, 2):
            if conditions.overlap(its, others):
                yield one, other

    def _preferred(self, packed_rows: list[bytes]) -> None:
        """At most one preferred row for an upper code, in the same case."""
        if len(packed_rows) < 2:
            return
        packed_rows.sort(key=lambda packed: packed.split(b"\0", 3)[2])
        for _, group in groupby(packed_rows, lambda packed: packed.split(b"\0", 3)[2]):
            rows = [(number_of(packed), unpack(packed)) for packed in group]
            rows = [numbered for numbered in rows if numbered[0] not in self._dropped]
            if len(rows) > 1:
                self._several_preferred(rows)

    def _several_preferred(self, rows: list[_Numbered]) -> None:
        faulted: set[int] = set()
        for (one, row), (other, second) in self._meeting(rows):
            for number, its, against in ((one, row, other), (other, second, one)):
                if number not in faulted and row.local_code != second.local_code:
                    self._fault(number, "preferred_twice", "preferred", its.national_code, other=against)
                    faulted.add(number)

    def _disputed(self, rows: Iterable[bytes], codes: set[bytes]) -> None:
        """All rows of an upper code that the file calls by different names; which of them is right nobody knows."""
        by_code: dict[str, list[_Numbered]] = {}
        for packed in rows:
            if packed.split(b"\0", 3)[2] in codes and number_of(packed) not in self._dropped:
                row = unpack(packed)
                by_code.setdefault(row.national_code, []).append((number_of(packed), row))
        for group in by_code.values():
            by_name = {row.national_name: number for number, row in reversed(group)}
            for number, row in sorted(group, key=itemgetter(0)):
                other = next((name for name in by_name if not names_agree(name, row.national_name)), None)
                if other is not None:
                    place = by_name[other]
                    facts = {"where": f"第 {place} 行", "where_en": f"row {place}", "name": shown(other)}
                    self._fault(number, "name_disagrees", "national_name", row.national_name, **facts)
