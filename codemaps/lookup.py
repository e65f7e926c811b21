"""Look-up of codes in the editions of all maps.

A set of maps is immutable: a new one is built beside it and takes its place in one assignment, so whoever holds the
old one finishes with it. The hub finds the tables once for a way and a date, then pays one look-up for each code.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal, NamedTuple

import lmdb

from codemaps import conditions, kinds
from codemaps.csvfile import TableError
from codemaps.editions import RELATIONSHIPS, EditionRow, Manifest, row_at
from codemaps.image import HOME, NO_ROW, PASSED, SEVERAL, TAIL, Image, Option, options_of, place_of
from codemaps.port import NOTHING_GIVEN, Ambiguous, Given, MapMissing, Relationship, Unmapped
from yidi.v1 import header_pb2

MAX_WAYS = 4096
"""Most combinations of way and date remembered; dates come from callers, so the memory for them is bounded."""
MAX_CODE = 100
"""Longest code that is looked up, in characters; the contract allows 50, and a key of an image some hundred bytes."""
CHINA = timezone(timedelta(hours=8))

_Way = tuple[int, str, str]
_RELATIONSHIPS: tuple[Relationship, ...] = ("equal", "wider", "narrower", "inexact", "inexact", "passed")
_TURNED: tuple[Relationship, ...] = ("equal", "narrower", "wider", "inexact", "inexact", "passed")
assert _RELATIONSHIPS[:4] == RELATIONSHIPS
assert _RELATIONSHIPS[PASSED] == "passed"


class Published(NamedTuple):
    """An edition that may be asked: what it says of itself, for which days, and its image."""

    manifest: Manifest
    effective_from: date
    effective_to: date | None
    """Last day of service; None: until the next edition of its map begins."""
    published_ms: int
    image: Image
    rows_file: Path | None
    digest: str


class Override(NamedTuple):
    """An emergency override in force: one code goes elsewhere, or nowhere, until it expires."""

    id: int
    map: str
    kind: int
    from_system: str
    to_system: str
    code: str
    to_code: str
    """Empty: the code is refused."""
    expires_ms: int


class Source(NamedTuple):
    """What a row says of the table it came from."""

    kind: int
    from_system: str
    to_system: str
    map: str
    edition: str
    home: bool
    """Whether the row was read from the national side, so that wider and narrower change places."""
    rows_file: Path | None


class Row:
    """One translated code and the row that translated it (implements codemaps.port.Row).

    Made for each look-up: it keeps the bytes of the place and reads them when asked.
    """

    __slots__ = ("_source", "_value", "from_code", "to_code")

    def __init__(self, source: Source, from_code: str, value: bytes) -> None:
        self._source, self.from_code, self._value = source, from_code, value
        self.to_code = value[:-TAIL].decode()

    @property
    def kind(self) -> int:
        """Kind of the code on the wire."""
        return self._source.kind

    @property
    def from_system(self) -> str:
        """Code system before."""
        return self._source.from_system

    @property
    def to_system(self) -> str:
        """Code system after."""
        return self._source.to_system

    @property
    def map(self) -> str:
        """Code map."""
        return self._source.map

    @property
    def edition(self) -> str:
        """Edition of the map."""
        return self._source.edition

    @property
    def row(self) -> int:
        """Line in the edition's file; 0 for a code that passed without a row."""
        return place_of(self._value[-TAIL:]).line

    @property
    def relationship(self) -> Relationship:
        """How the code after stands to the code before."""
        return (_TURNED if self._source.home else _RELATIONSHIPS)[place_of(self._value[-TAIL:]).relationship]

    @property
    def confirmed(self) -> bool:
        """Whether the source of the row is confirmed."""
        return place_of(self._value[-TAIL:]).confirmed

    @property
    def home(self) -> bool:
        """Whether the row was read from its national side."""
        return self._source.home

    def details(self) -> EditionRow | None:
        """The whole row with its names, read from the edition's file; None where there is none."""
        place, file = place_of(self._value[-TAIL:]), self._source.rows_file
        return row_at(file, place.offset) if place.line and file is not None else None

    def as_translation(self, admdvs: str) -> header_pb2.Translation:
        """The trace as a message, as translated by the hub of this division."""
        kind, from_system, to_system, map_, edition, _, _ = self._source
        return header_pb2.Translation(
            kind=kind,  # type: ignore[arg-type]  # an enum value is an int to everyone but mypy-protobuf
            from_system=from_system,
            from_code=self.from_code,
            to_system=to_system,
            to_code=self.to_code,
            map=map_,
            edition=edition,
            row=self.row,
            admdvs=admdvs,
        )


class Table:
    """One direction of one edition."""

    __slots__ = ("get", "manifest", "prefix", "shared", "source")

    def __init__(self, edition: Published, *, home: bool) -> None:
        manifest = edition.manifest
        ends = manifest.from_system, manifest.to_system
        self.manifest = manifest
        self.get = edition.image.get
        self.prefix = HOME if home else b""
        self.shared = edition.image.meta.shared_home if home else edition.image.meta.shared_out
        wire = kinds.KINDS[manifest.kind].wire
        self.source = Source(
            wire, *(ends[::-1] if home else ends), manifest.map, manifest.edition, home, edition.rows_file
        )

    def options(self, code: str, on: date, given: Given) -> list[Option]:
        """The rows that come into question for a code on a day, as far as what is given tells."""
        value = self.get(self.prefix + code.encode()) if 0 < len(code) <= MAX_CODE else None
        if value is None:
            return []
        possible = [(option, _applies(option, on, given)) for option in options_of(value) if option.to_code]
        certain = [option for option, applies in possible if applies]
        special = [option for option in certain if option.conditions is not None]
        # A row without conditions is what holds where no special one does. What cannot be told is never ruled out.
        return (special or certain) + [option for option, applies in possible if applies is None]

    def row(self, code: str, value: bytes, on: date, given: Given) -> Row | None:
        """The row of a value; None where the code has no counterpart. Raises Ambiguous."""
        if value[0] != SEVERAL:
            return Row(self.source, code, value)
        options = self.options(code, on, given)
        chosen = _decide(options, given)
        if chosen is not None:
            return Row(self.source, code, chosen.to_code.encode() + chosen.tail)
        if not options:
            return None
        source, targets = self.source, tuple(sorted({option.to_code for option in options}))
        raise Ambiguous(source.kind, code, source.from_system, source.to_system, targets, source.map, source.edition)


def _applies(option: Option, on: date, given: Given) -> bool | None:
    return True if option.conditions is None else conditions.matches(option.conditions, on.isoformat(), given)


def _decide(options: Sequence[Option], given: Given) -> Option | None:
    """Which of several it is: the only target, else the person's entitlement, else the preferred row; never chance."""
    pool = [option for option in options if option.to_code in given.entitled] or options
    preferred = [option for option in pool if place_of(option.tail).preferred]
    return next((group[0] for group in (pool, preferred) if len({option.to_code for option in group}) == 1), None)


class _Timeline:
    """The editions of one map, by the day they begin."""

    def __init__(self, editions: list[Published]) -> None:
        self.editions = sorted(editions, key=lambda edition: edition.effective_from)
        for earlier, later in zip(self.editions, self.editions[1:], strict=False):
            refuse_overlap(earlier, later)
        self.last_published_ms = max(edition.published_ms for edition in self.editions)
        self._days = {id(e): datetime.fromtimestamp(e.published_ms / 1000, CHINA).date() for e in self.editions}
        self.tables = {id(e): (Table(e, home=False), Table(e, home=True)) for e in self.editions}

    def at(self, on: date, as_of_ms: int | None) -> Published | None:
        """The edition in force on a day of service, as an encounter registered at an instant sees it.

        A publication does not reach back into an encounter that was registered before it, but holds for the days
        of service after its own.
        """
        found = None
        for edition in self.editions:
            visible = as_of_ms is None or edition.published_ms <= as_of_ms or self._days[id(edition)] < on
            if edition.effective_from <= on and visible:
                found = edition
        ended = found is not None and found.effective_to is not None and found.effective_to < on
        return None if ended else found


def refuse_overlap(earlier: Published, later: Published) -> None:
    """Raise TableError where two editions of a map cannot stand one after the other."""
    one, two = earlier.manifest, later.manifest
    for column in ("kind", "from_system", "to_system"):
        if getattr(one, column) != getattr(two, column):
            raise TableError(two.edition, 0, column, f"differs from edition {one.edition} of the same map")
    if overlap(earlier.effective_from, earlier.effective_to, later.effective_from, later.effective_to):
        problem = f"editions {one.edition} and {two.edition} of {one.map} overlap"
        raise TableError(two.edition, 0, "effective_from", problem)


def overlap(begin: date, end: date | None, other_begin: date, other_end: date | None) -> bool:
    """Whether two editions of a map cannot stand one after the other.

    An edition without a last day ends where the next one begins; one that names its last day must end before.
    """
    if begin == other_begin:
        return True
    last = end if begin < other_begin else other_end
    return last is not None and last >= max(begin, other_begin)


def _clock_ms() -> int:
    return int(time.time() * 1000)


class EditionMaps:
    """The code maps of a set of editions (implements codemaps.port.CodeMaps)."""

    def __init__(
        self,
        editions: Iterable[Published],
        overrides: Iterable[Override] = (),
        now_ms: Callable[[], int] = _clock_ms,
    ) -> None:
        self.editions = tuple(editions)
        self._now_ms = now_ms
        self._overrides = {(o.kind, o.from_system, o.to_system, o.code): o for o in overrides}
        self._timelines: dict[_Way, list[_Timeline]] = defaultdict(list)
        self._lists: dict[tuple[int, str], list[_Timeline]] = defaultdict(list)
        self._ways: dict[tuple[int, str, str, date], tuple[Callable[[bytes], bytes | None], bytes, Source]] = {}
        self._lines: list[_Timeline] = []
        self._last_published_ms = max((edition.published_ms for edition in self.editions), default=0)
        self._add_timelines()

    def translate(
        self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given = NOTHING_GIVEN
    ) -> Row:
        """Translate one code by the edition in force on the date of service."""
        as_of = given.as_of_ms
        if as_of is None or as_of >= self._last_published_ms:
            # Nearly every look-up: one map on this way, one row for the code, nothing to decide.
            known = self._ways.get((kind, from_system, to_system, on))
            if known is not None:
                get, prefix, source = known
                try:
                    value = get(prefix + code.encode())
                except lmdb.BadValsizeError:  # empty, or longer than any key: no code is
                    value = None
                if value is not None and value[0] != SEVERAL:
                    return Row(source, code, value)
        return self._translate(kind, code, from_system, to_system, on, given)

    def _translate(self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given) -> Row:
        if self._overrides and (row := self._overridden(kind, code, from_system, to_system)) is not None:
            return row
        tables = self._in_force(kind, code, from_system, to_system, on, given.as_of_ms)
        for table in tables:
            value = table.get(table.prefix + code.encode()) if 0 < len(code) <= MAX_CODE else None
            if value is not None and (row := table.row(code, value, on, given)) is not None:
                return row
        return self._without_row(tables, kind, code, from_system, to_system)

    def candidates(
        self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given = NOTHING_GIVEN
    ) -> tuple[str, ...]:
        """All codes that come into question for one, preferences aside; raises MapMissing."""
        tables = self._in_force(kind, code, from_system, to_system, on, given.as_of_ms)
        return tuple(sorted({option.to_code for table in tables for option in table.options(code, on, given)}))

    def connects(self, kind: int, from_system: str, to_system: str) -> bool:
        """Whether there is any map of this kind between two systems, whatever its dates."""
        return (kind, from_system, to_system) in self._timelines

    def shares(self, kind: int, from_system: str, to_system: str) -> bool:
        """Whether some code on this way has several targets."""
        lines = self._timelines.get((kind, from_system, to_system), ())
        return any(
            table.shared
            for line in lines
            for pair in line.tables.values()
            for table in pair
            if (table.source.from_system, table.source.to_system) == (from_system, to_system)
        )

    def in_force(self, on: date) -> tuple[Published, ...]:
        """The editions in force on a date of service, one for each map or list."""
        return tuple(edition for line in self._lines if (edition := line.at(on, None)) is not None)

    def listed(self, kind: int, system: str, code: str, on: date) -> EditionRow | None:
        """What the lists of a system say of a code on a day: its name, dates and payment; None where none names it."""
        for line in self._lists.get((kind, system), ()):
            edition = line.at(on, None)
            value = edition.image.get(code.encode()) if edition is not None else None
            if edition is not None and value is not None and edition.rows_file is not None:
                return row_at(edition.rows_file, place_of(options_of(value)[0].tail).offset)
        return None

    def _overridden(self, kind: int, code: str, from_system: str, to_system: str) -> Row | None:
        override = self._overrides.get((kind, from_system, to_system, code))
        if override is None or override.expires_ms <= self._now_ms():
            return None
        if not override.to_code:
            raise Unmapped(kind, code, from_system, to_system, override.map, f"override.{override.id}")
        source = Source(kind, from_system, to_system, override.map, f"override.{override.id}", False, None)
        return Row(source, code, override.to_code.encode() + _OVERRIDDEN)

    def _in_force(
        self, kind: int, code: str, from_system: str, to_system: str, on: date, as_of: int | None
    ) -> tuple[Table, ...]:
        lines = self._timelines.get((kind, from_system, to_system), ())
        found = []
        for line in lines:
            edition = line.at(on, as_of)
            if edition is not None:
                home = edition.manifest.from_system != from_system
                found.append(line.tables[id(edition)][home])
        if not found:
            raise MapMissing(kind, code, from_system, to_system, on)
        tables = tuple(found)
        latest = as_of is None or as_of >= self._last_published_ms
        if latest and len(tables) == 1 and not self._overrides:
            if len(self._ways) >= MAX_WAYS:
                self._ways.clear()
            self._ways[kind, from_system, to_system, on] = tables[0].get, tables[0].prefix, tables[0].source
        return tables

    def _without_row(
        self, tables: tuple[Table, ...], kind: int, code: str, from_system: str, to_system: str
    ) -> Row:
        """What the editions say of a code that has no row: let it through, hold it, or refuse it."""
        for table in tables:
            if table.manifest.unmapped == "pass" and self._may_pass(tables, table, code):
                return Row(table.source, code, code.encode() + NO_ROW)
        rule: Literal["reject", "hold"] = "hold" if any(t.manifest.unmapped == "hold" for t in tables) else "reject"
        manifest = tables[0].manifest
        raise Unmapped(kind, code, from_system, to_system, manifest.map, manifest.edition, rule)

    @staticmethod
    def _may_pass(tables: tuple[Table, ...], table: Table, code: str) -> bool:
        """Only a code of the other side's shape that means nothing on either side may pass unchanged.

        Its twin on the other side would be another code, and the way back would not lead home.
        """
        if not kinds.is_national(kinds.KINDS[table.manifest.kind], code):
            return False
        if len(code) > MAX_CODE:
            return False
        return all(each.get(way + code.encode()) is None for each in tables for way in (b"", HOME))

    def _add_timelines(self) -> None:
        by_map: dict[str, list[Published]] = defaultdict(list)
        for edition in self.editions:
            by_map[edition.manifest.map].append(edition)
        taken: dict[tuple[str, str, str], str] = {}
        for name, group in by_map.items():
            line, manifest = _Timeline(group), group[0].manifest
            self._lines.append(line)
            wire = kinds.KINDS[manifest.kind].wire
            if manifest.is_list:
                self._lists[wire, manifest.from_system].append(line)
                continue
            other = taken.setdefault((manifest.kind, manifest.from_system, manifest.to_system), name)
            if other != name:
                raise TableError(manifest.edition, 0, "map", f"{name} and {other} translate the same codes")
            for way in (
                (wire, manifest.from_system, manifest.to_system),
                (wire, manifest.to_system, manifest.from_system),
            ):
                self._timelines[way].append(line)


_OVERRIDDEN = NO_ROW[:-1] + bytes([3])
"""The place of an overridden code: no line, a relationship that is not claimed to be exact, not confirmed."""
