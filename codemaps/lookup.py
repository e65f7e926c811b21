"""Look-up of codes in the editions of all maps, in memory.

One ``Table`` stands for one direction of one edition: a plain dict from a code to the row that translates it. The
hub finds the table once for a request and a date, then pays one dict look-up for each code.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from codemaps import shapes
from codemaps.csvfile import TableError
from codemaps.editions import KINDS, Edition, EditionRow
from codemaps.port import NATIONAL, Ambiguous, MapMissing, Relationship, Row, Unmapped

_TURNED: dict[Relationship, Relationship] = {"wider": "narrower", "narrower": "wider"}
_Route = tuple[int, str, str]

MAX_TABLES = 4096
"""Most combinations of route and date remembered; dates come from callers, so the memory for them is bounded."""


class Table:
    """One direction of one edition."""

    __slots__ = ("_known", "_route", "ambiguous", "manifest", "rows")

    def __init__(self, edition: Edition, from_system: str, to_system: str) -> None:
        self.manifest = edition.manifest
        self.rows: dict[str, Row] = {}
        self.ambiguous: dict[str, tuple[str, ...]] = {}
        """Codes with several targets of which none is preferred, with those targets."""
        self._route = KINDS[edition.manifest.kind], from_system, to_system
        outward = to_system == NATIONAL
        sources: dict[str, list[EditionRow]] = defaultdict(list)
        for row in edition.rows:
            if row.national_code:
                sources[row.local_code if outward else row.national_code].append(row)
        for code, rows in sources.items():
            chosen = rows if len(rows) == 1 else [row for row in rows if row.preferred]
            if len(chosen) == 1:
                self.rows[code] = _row(edition, chosen[0], from_system, to_system)
            else:
                self.ambiguous[code] = tuple(row.national_code if outward else row.local_code for row in rows)
        # A code that means something on either side must not pass unchanged: its twin on the other side is another
        # code, and the way back would not lead home.
        self._known: frozenset[str] = frozenset()
        if self.manifest.unmapped == "pass":
            self._known = frozenset(code for row in edition.rows for code in (row.local_code, row.national_code))

    def translate(self, code: str) -> Row:
        """The row of a code; raises Unmapped or Ambiguous."""
        row = self.rows.get(code)
        return row if row is not None else self.without_row(code)

    def without_row(self, code: str) -> Row:
        """What the edition says of a code that has no single row."""
        kind, from_system, to_system = self._route
        map_, edition = self.manifest.map, self.manifest.edition
        if code in self.ambiguous:
            raise Ambiguous(kind, code, from_system, to_system, self.ambiguous[code], map_, edition)
        if self.manifest.unmapped == "pass" and code not in self._known and shapes.is_national(kind, code):
            return Row(kind, from_system, code, to_system, code, map_, edition, 0, "passed", False)
        raise Unmapped(kind, code, from_system, to_system, map_, edition)


class _Period:
    __slots__ = ("begin", "edition", "end", "table")

    def __init__(self, edition: Edition, begin: date, end: date, table: Table) -> None:
        self.edition, self.begin, self.end, self.table = edition, begin, end, table


class EditionMaps:
    """The code maps of a set of editions (implements codemaps.port.CodeMaps).

    Immutable: a new set is built beside the old one and takes its place in one assignment.
    """

    def __init__(self, editions: Iterable[Edition]) -> None:
        self.editions = tuple(sorted(editions, key=lambda e: (e.manifest.map, e.manifest.effective_from)))
        self._periods: dict[_Route, list[_Period]] = {}
        self._tables: dict[tuple[int, str, str, date], Table] = {}
        by_map: dict[str, list[Edition]] = defaultdict(list)
        for edition in self.editions:
            by_map[edition.manifest.map].append(edition)
        for group in by_map.values():
            self._add(group)

    def translate(self, kind: int, code: str, from_system: str, to_system: str, on: date) -> Row:
        """Translate one code by the edition in force on the date of service."""
        table = self._tables.get((kind, from_system, to_system, on)) or self._find(
            kind, from_system, to_system, on, code
        )
        row = table.rows.get(code)
        return row if row is not None else table.without_row(code)

    def table(self, kind: int, from_system: str, to_system: str, on: date) -> Table:
        """The table in force on the date of service; raises MapMissing."""
        return self._tables.get((kind, from_system, to_system, on)) or self._find(kind, from_system, to_system, on, "")

    def edition(self, kind: int, from_system: str, to_system: str, on: date) -> Edition | None:
        """The edition in force on the date of service, or None."""
        period = self._period(kind, from_system, to_system, on)
        return period.edition if period else None

    def _period(self, kind: int, from_system: str, to_system: str, on: date) -> _Period | None:
        periods = self._periods.get((kind, from_system, to_system), ())
        return next((period for period in periods if period.begin <= on <= period.end), None)

    def _find(self, kind: int, from_system: str, to_system: str, on: date, code: str) -> Table:
        period = self._period(kind, from_system, to_system, on)
        if period is None:
            raise MapMissing(kind, code, from_system, to_system, on)
        if len(self._tables) >= MAX_TABLES:
            self._tables.clear()
        self._tables[kind, from_system, to_system, on] = period.table
        return period.table

    def _add(self, group: list[Edition]) -> None:
        first = group[0].manifest
        kind, local, national = KINDS[first.kind], first.from_system, first.to_system
        if (kind, local, national) in self._periods:
            other = self._periods[kind, local, national][0].edition.manifest.map
            raise TableError(group[0].file, 0, "map", f"{first.map} and {other} translate the same codes")
        spans = _spans(group)
        for from_system, to_system in ((local, national), (national, local)):
            self._periods[kind, from_system, to_system] = [
                _Period(edition, begin, end, Table(edition, from_system, to_system)) for edition, begin, end in spans
            ]


def _row(edition: Edition, row: EditionRow, from_system: str, to_system: str) -> Row:
    manifest = edition.manifest
    outward = to_system == NATIONAL
    return Row(
        kind=KINDS[manifest.kind],
        from_system=from_system,
        from_code=row.local_code if outward else row.national_code,
        to_system=to_system,
        to_code=row.national_code if outward else row.local_code,
        map=manifest.map,
        edition=manifest.edition,
        row=row.line,
        relationship=row.relationship if outward else _TURNED.get(row.relationship, row.relationship),
        confirmed=row.confirmed,
    )


def _spans(group: list[Edition]) -> list[tuple[Edition, date, date]]:
    """When each edition of one map is in force; the group is in the order of effective_from."""
    spans = []
    for edition, later in zip(group, [*group[1:], None], strict=True):
        manifest = edition.manifest
        _refuse_change_of_route(edition, group[0])
        end = manifest.effective_to or date.max
        if later is not None:
            begins = later.manifest.effective_from
            closed_too_late = manifest.effective_to is not None and manifest.effective_to >= begins
            if closed_too_late or begins == manifest.effective_from:
                problem = f"editions {manifest.edition} and {later.manifest.edition} of {manifest.map} overlap"
                raise TableError(later.file, 0, "effective_from", problem)
            end = min(end, date.fromordinal(begins.toordinal() - 1))
        spans.append((edition, manifest.effective_from, end))
    return spans


def _refuse_change_of_route(edition: Edition, first: Edition) -> None:
    for column in ("kind", "from_system", "to_system"):
        if getattr(edition.manifest, column) != getattr(first.manifest, column):
            raise TableError(edition.file, 0, column, f"differs from edition {first.manifest.edition} of the same map")
