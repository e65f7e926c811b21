"""Look-up of codes in the editions of all maps.

A set of maps is immutable: a new one is built beside it and takes its place in one assignment, so whoever holds the
old one finishes with it. The hub finds the tables once for a way and a date, then pays one look-up for each code.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal, NamedTuple

import lmdb

from codemaps import conditions, kinds
from codemaps.csvfile import TableError
from codemaps.editions import RELATIONSHIPS, EditionRow, Manifest, row_at
from codemaps.image import CONFIRMED, HOME, NO_ROW, PASSED, SEVERAL, TAIL, Image, Option, options_of, place_of
from codemaps.port import NOTHING_GIVEN, Ambiguous, Given, MapMissing, Relationship, Unmapped
from yidi.v1 import header_pb2

MAX_WAYS = 4096
"""Most combinations of way and date remembered; dates come from callers, so the memory for them is bounded."""
MAX_TRACES = 8192
"""Most traces kept of one direction of an edition, some 300 bytes each."""
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
    traces: dict[tuple[int, str], header_pb2.Translation]
    """Traces made lately, by line and hub: the same few thousand codes travel again and again."""


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
        return int.from_bytes(self._value[-TAIL : 4 - TAIL], "little")

    @property
    def relationship(self) -> Relationship:
        """How the code after stands to the code before."""
        return (_TURNED if self._source.home else _RELATIONSHIPS)[self._value[-1] & 7]

    @property
    def confirmed(self) -> bool:
        """Whether the source of the row is confirmed."""
        return bool(self._value[-1] & CONFIRMED)

    @property
    def home(self) -> bool:
        """Whether the row was read from its national side."""
        return self._source.home

    def details(self) -> EditionRow | None:
        """The whole row with its names, read from the edition's file; None where there is none."""
        place, file = place_of(self._value[-TAIL:]), self._source.rows_file
        return row_at(file, place.offset) if place.line and file is not None else None

    def as_translation(self, admdvs: str) -> header_pb2.Translation:
        """The trace as a message, as translated by the hub of this division; shared, so never change it."""
        line, traces = self.row, self._source.traces
        trace = traces.get((line, admdvs))
        if trace is None:
            trace = self._trace(line, admdvs)
            if line:  # codes that passed or were overridden have none of their own
                if len(traces) >= MAX_TRACES:
                    traces.clear()
                traces[line, admdvs] = trace
        return trace

    def _trace(self, line: int, admdvs: str) -> header_pb2.Translation:
        kind, from_system, to_system, map_, edition, *_ = self._source
        return header_pb2.Translation(
            kind=kind,  # type: ignore[arg-type]  # an enum value is an int to everyone but mypy-protobuf
            from_system=from_system,
            from_code=self.from_code,
            to_system=to_system,
            to_code=self.to_code,
            map=map_,
            edition=edition,
            row=line,
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
            wire, *(ends[::-1] if home else ends), manifest.map, manifest.edition, home, edition.rows_file, {}
        )

    def options(self, code: str, on: date, given: Given) -> list[Option]:
        """The rows that come into question for a code on a day, as far as what is given tells."""
        value = _value(self.get, self.prefix, code)
        return [] if value is None else [option for option, _ in _possible(value, on, given)]

    def row(self, code: str, on: date, given: Given) -> Row | None:
        """The row of a code; None where the code has no counterpart. Raises Ambiguous."""
        value = _value(self.get, self.prefix, code)
        if value is None or value[0] != SEVERAL:
            return None if value is None else Row(self.source, code, value)
        possible = _possible(value, on, given)
        options = [option for option, _ in possible]
        chosen = _decide(possible, given, home=self.source.home)
        if chosen is not None:
            return Row(self.source, code, chosen.to_code.encode() + chosen.tail)
        if not options:
            return None
        source, targets = self.source, tuple(sorted({option.to_code for option in options}))
        raise Ambiguous(source.kind, code, source.from_system, source.to_system, targets, source.map, source.edition)


def _value(get: Callable[[bytes], bytes | None], prefix: bytes, code: str) -> bytes | None:
    """The value of a code as it came, which may be anything at all."""
    if not 0 < len(code) <= MAX_CODE:
        return None
    try:
        return get(prefix + code.encode())
    except UnicodeEncodeError:  # no text
        return None


_Possible = list[tuple[Option, bool]]
"""Options, and whether it is certain that each applies."""


def _possible(value: bytes, on: date, given: Given) -> _Possible:
    """The rows of a value that come into question on a day, as far as what is given tells.

    A row without conditions is what holds where no special one does. What cannot be told is never ruled out.
    """
    day = on.isoformat()
    judged = [(o, True if o.conditions is None else conditions.matches(o.conditions, day, given))
              for o in options_of(value)]  # fmt: skip
    certain = [option for option, applies in judged if applies]
    special = [option for option in certain if option.conditions is not None]
    found = [(option, True) for option in special or certain]
    found += [(option, False) for option, applies in judged if applies is None]
    return [(option, certainly) for option, certainly in found if option.to_code]


def _decide(possible: _Possible, given: Given, *, home: bool) -> Option | None:
    """Which of several it is: the only target, else the person's entitlement, else on the way home the preferred row.

    Never chance: a row is preferred to another only where it holds whenever the other one does.
    """
    pool = [each for each in possible if each[0].to_code in given.entitled] or possible
    preferred = [each for each in pool if home and place_of(each[0].tail).preferred]
    if len({option.to_code for option, _ in pool}) == 1:
        return pool[0][0]
    if len({option.to_code for option, _ in preferred}) != 1:
        return None
    chosen = preferred[0][0]
    safe = any(certainly and option.conditions is not None for option, certainly in preferred)
    held = {option.conditions for option, _ in preferred}
    return chosen if safe or all(o.conditions in held or o.to_code == chosen.to_code for o, _ in pool) else None


def _of_day(value: bytes, on: date) -> Option:
    """The row of a list that holds on a day; where none does, the first one still tells the name."""
    options, day = options_of(value), on.isoformat()
    holding = [
        o for o in options if not o.conditions or conditions.matches(o.conditions, day, NOTHING_GIVEN) is not False
    ]
    return next((option for option in holding if option.conditions), (holding or options)[0])


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
        self._overrides: dict[tuple[int, str, str, str], list[Override]] = defaultdict(list)
        for each in overrides:
            self._overrides[each.kind, each.from_system, each.to_system, each.code].append(each)
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
                except (lmdb.BadValsizeError, UnicodeEncodeError):  # empty, longer than any key, no text: no code is
                    value = None
                if value is not None and value[0] != SEVERAL:
                    return Row(source, code, value)
        return self._translate(kind, code, from_system, to_system, on, given)

    def _translate(self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given) -> Row:
        if self._overrides and (row := self._overridden(kind, code, from_system, to_system)) is not None:
            return row
        tables = self._in_force(kind, code, from_system, to_system, on, given.as_of_ms)
        found = [row for table in tables if (row := table.row(code, on, given)) is not None]
        if not found:
            return self._without_row(tables, kind, code, from_system, to_system)
        if len(targets := {row.to_code for row in found}) > 1:  # two maps that should not both have it
            raise Ambiguous(kind, code, from_system, to_system, tuple(sorted(targets)), found[0].map, found[0].edition)
        return found[0]

    def candidates(
        self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given = NOTHING_GIVEN
    ) -> tuple[str, ...]:
        """All codes that come into question for one, preferences aside; raises MapMissing or Unmapped."""
        if self._overrides and (row := self._overridden(kind, code, from_system, to_system)) is not None:
            return (row.to_code,)
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
            value = _value(edition.image.get, b"", code) if edition is not None else None
            if edition is not None and value is not None and edition.rows_file is not None:
                return row_at(edition.rows_file, place_of(_of_day(value, on).tail).offset)
        return None

    def _overridden(self, kind: int, code: str, from_system: str, to_system: str) -> Row | None:
        asked, now_ms = self._overrides.get((kind, from_system, to_system, code), ()), self._now_ms()
        override = next((each for each in reversed(asked) if each.expires_ms > now_ms), None)  # the latest one holds
        if override is None:
            return None
        if not override.to_code:
            raise Unmapped(kind, code, from_system, to_system, override.map, f"override.{override.id}")
        source = Source(kind, from_system, to_system, override.map, f"override.{override.id}", False, None, {})
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

    def _without_row(self, tables: tuple[Table, ...], kind: int, code: str, from_system: str, to_system: str) -> Row:
        """What the editions say of a code that has no row: let it through, hold it, or refuse it."""
        for table in tables:
            if table.manifest.unmapped == "pass" and self._may_pass(tables, table, code):
                return Row(table.source, code, code.encode() + NO_ROW)
        rule: Literal["reject", "hold"] = "hold" if any(t.manifest.unmapped == "hold" for t in tables) else "reject"
        manifest = next((t.manifest for t in tables if t.manifest.unmapped == rule), tables[0].manifest)
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
