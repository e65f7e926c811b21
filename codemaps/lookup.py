"""Look-up of codes in the editions of all maps.

A set of maps is immutable: a new one is built beside it and takes its place in one assignment, so whoever holds the
old one finishes with it. The hub finds the tables once for a way and a date, then pays one look-up for each code.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from itertools import count
from typing import Literal, NamedTuple

import lmdb

from codemaps import kinds
from codemaps.csvfile import TableError
from codemaps.direction import MAX_CODE, Published, Table, row_of_day, value_of
from codemaps.editions import EditionRow, row_at
from codemaps.image import HOME, NO_ROW, SEVERAL, options_of, place_of
from codemaps.port import NOTHING_GIVEN, Ambiguous, Given, MapMissing, Unmapped
from codemaps.row import MAX_KEPT, Row, Source
from codemaps.timeline import Timeline
from yidi.v1.header_pb2 import Translation

MAX_WAYS = 4096
"""Most combinations of way and date remembered; dates come from callers, so the memory for them is bounded."""

_Way = tuple[int, str, str]


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


_turn = count().__next__
"""One row in eight is kept: what is asked for often is soon among them, what is asked for once costs nearly nothing."""


def _keep(source: Source, code: str, row: Row) -> None:
    """Keep a row that may be asked for again; when there are too many all are forgotten."""
    if len(source.kept) >= MAX_KEPT:
        source.kept.clear()
    source.kept[code] = row


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
        self._timelines: dict[_Way, list[Timeline]] = defaultdict(list)
        self._lists: dict[tuple[int, str], list[Timeline]] = defaultdict(list)
        self._ways: dict[tuple[int, str, str, date], tuple[Callable[[bytes], bytes | None], bytes, Source]] = {}
        self._lines: list[Timeline] = []
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
                row = source.kept.get(code)
                if row is not None:
                    return row
                try:
                    value = get(prefix + code.encode())
                except (lmdb.BadValsizeError, UnicodeEncodeError):  # empty, longer than any key, no text: no code is
                    value = None
                if value is not None and value[0] != SEVERAL:
                    row = Row(source, code, value)
                    if not _turn() & 7:
                        _keep(source, code, row)
                    return row
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

    def published_after(self, kind: int, from_system: str, to_system: str, as_of_ms: int) -> tuple[int, ...]:
        """When editions of the maps on this way were published after an instant, the earliest first."""
        lines = self._timelines.get((kind, from_system, to_system), ())
        moments = {edition.published_ms for line in lines for edition in line.editions}
        return tuple(sorted(moment for moment in moments if moment > as_of_ms))

    def vouches(self, trace: Translation) -> bool:
        """Whether the row that an earlier trace names still stands and is confirmed."""
        for line in self._timelines.get((trace.kind, trace.from_system, trace.to_system), ()):
            for edition in line.editions:
                manifest = edition.manifest
                if (manifest.map, manifest.edition) != (trace.map, trace.edition):
                    continue
                table = line.tables[id(edition)][manifest.from_system != trace.from_system]
                value = value_of(table.get, table.prefix, trace.from_code)
                places = [place_of(option.tail) for option in options_of(value)] if value is not None else []
                return any(place.line == trace.row and place.confirmed for place in places)
        return False

    def in_force(self, on: date) -> tuple[Published, ...]:
        """The editions in force on a date of service, one for each map or list."""
        return tuple(edition for line in self._lines if (edition := line.at(on, None)) is not None)

    def listed(self, kind: int, system: str, code: str, on: date) -> EditionRow | None:
        """What the lists of a system say of a code on a day: its name, dates and payment; None where none names it."""
        for line in self._lists.get((kind, system), ()):
            edition = line.at(on, None)
            value = value_of(edition.image.get, b"", code) if edition is not None else None
            if edition is not None and value is not None and edition.rows_file is not None:
                return row_at(edition.rows_file, place_of(row_of_day(value, on).tail).offset)
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
            line, manifest = Timeline(group), group[0].manifest
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
