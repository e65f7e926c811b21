"""How much of recent traffic an edition covers, and what it would have changed in it.

Traffic goes both ways between two systems: on the way out its codes are looked up among the local ones, on the way
home among the upper ones. The files are read once each and only what the traffic used is kept, so memory follows the
codes in use and not the size of the edition.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from heapq import nlargest
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec

from codemaps.editions import EditionRow, read_rows
from codemaps.traffic import Use

Effect = Literal["untranslatable", "translatable", "retargeted", "less_exact"]
TOP = 20  # codes told by name for each effect
TOLD_TARGETS = 3  # of one code; the number of the others is said
_RANK = {"equal": 0, "wider": 1, "narrower": 1}  # how far from exact; what is not named is inexact
_TURNED = {"wider": "narrower", "narrower": "wider"}


class Part(msgspec.Struct):
    """A part of the traffic."""

    codes: int = 0
    cases: int = 0
    lines: int = 0
    amount_fen: int = 0

    def add(self, other: "Part") -> None:
        """Count another part in."""
        self.codes += other.codes
        self.cases += other.cases
        self.lines += other.lines
        self.amount_fen += other.amount_fen


class UsedCode(msgspec.Struct, frozen=True):
    """One code of the traffic, and where it went before and goes after; empty where it goes nowhere."""

    code: str
    from_system: str
    to_system: str
    cases: int
    lines: int
    amount_fen: int
    before: str = ""
    after: str = ""


class WayCoverage(msgspec.Struct):
    """The traffic in one direction. Elsewhere: another map of the same field has the code; top: what is missing."""

    from_system: str
    to_system: str
    covered: Part
    not_covered: Part
    elsewhere: Part
    top: list[UsedCode]


class Coverage(msgspec.Struct):
    """The traffic in both directions; covered, not covered and elsewhere add up to all of it."""

    covered: Part
    not_covered: Part
    elsewhere: Part
    ways: list[WayCoverage]


class Affected(msgspec.Struct):
    """The traffic an edition changes in one way, with its codes by money."""

    total: Part
    top: list[UsedCode]


class Impact(msgspec.Struct):
    """What an edition would have changed; effects, unchanged, untranslated and elsewhere add up to all traffic."""

    effects: dict[Effect, Affected]
    unchanged: Part
    """Goes where it went, no less exactly."""
    untranslated: Part
    """Went nowhere and goes nowhere."""
    elsewhere: Part

    @property
    def is_empty(self) -> bool:
        """Whether nothing would have changed."""
        return not any(affected.total.codes for affected in self.effects.values())


class Loose(NamedTuple):
    """A code in use whose row is wider or inexact in the direction of its use."""

    line: int
    code: str
    relationship: str
    to: str
    part: Part


class Weighed(NamedTuple):
    """An edition weighed against traffic."""

    coverage: Coverage
    impact: Impact
    loose: list[Loose]

    @property
    def has_traffic(self) -> bool:
        """Whether there was any traffic to weigh against."""
        return any(way.covered.codes or way.not_covered.codes or way.elsewhere.codes for way in self.coverage.ways)


def cover(rows: Path, kind_wire: str, from_system: str, to_system: str, uses: Iterable[Use]) -> Coverage:
    """How much of the traffic an edition covers."""
    return weigh(None, rows, kind_wire, from_system, to_system, uses).coverage


def impact(
    before: Path | None, after: Path, kind_wire: str, from_system: str, to_system: str, uses: Iterable[Use]
) -> Impact:
    """What one edition in the place of another would have changed; ``before`` is None where there was none."""
    return weigh(before, after, kind_wire, from_system, to_system, uses).impact


def weigh(
    before: Path | None,
    after: Path,
    kind_wire: str,
    from_system: str,
    to_system: str,
    uses: Iterable[Use],
    *,
    on: str = "",
    others: Sequence[Path] = (),
) -> Weighed:
    """Coverage and impact together, so that the files are read once.

    Rows that ended before the day ``on`` translate nothing. ``others`` are the other maps of the same field between
    the same systems: what they cover is not missing here.
    """
    ways = (_Way(from_system, to_system, home=False), _Way(to_system, from_system, home=True))
    by_ends = {(way.from_system, way.to_system): way for way in ways}
    for use in uses:
        way = by_ends.get((use.from_system, use.to_system)) if use.kind == kind_wire else None
        if way is not None:
            way.use(use)
    elsewhere = [way.elsewhere for way in ways]
    readings = [(after, [way.now for way in ways]), *((other, elsewhere) for other in others)]
    readings += [(before, [way.was for way in ways])] if before is not None else []
    for file, into in readings:
        for line, row in _standing(file, ways, on):
            for way, goes in zip(ways, into, strict=True):
                way.note(goes, row, line)
    return Weighed(_coverage(ways), _impact(ways), [loose for way in ways for loose in way.loose()])


def _standing(file: Path, ways: Sequence["_Way"], on: str) -> Iterator[tuple[int, EditionRow]]:
    """The rows that may matter: with a target, not ended, and used in some direction."""
    out, home = (way.parts for way in ways)
    if not out and not home:
        return
    for line, row in zip(count(2), read_rows(file), strict=False):
        if (row[0] in out or row[2] in home) and row.national_code and not (row.valid_to and row.valid_to < on):
            yield line, row


class _Goes:
    """Where one code goes: enough to compare and to tell, however many rows say it."""

    __slots__ = ("_first_code", "line", "preferred", "rank", "relationship", "rows", "several", "targets", "told")

    def __init__(self, line: int) -> None:
        self.line, self.relationship = line, ""
        self.rows = self.targets = self.preferred = self.rank = 0
        self.several, self._first_code = False, ""
        self.told = ""

    def add(self, to: str, name: str, relationship: str, row: EditionRow) -> None:
        """One more row. Sums of digests tell sets apart in whatever order the rows come.

        Not of ``hash``: that of a tuple is so regular that two rows which exchange a part often keep their sum.
        """
        said = "\0".join((to, *row[8:13])).encode()
        mark = int.from_bytes(blake2b(said, digest_size=16).digest())
        self.several |= bool(self.rows) and to != self._first_code
        self._first_code = to
        self.rows += 1
        self.targets += mark
        self.preferred += mark if row.preferred == "true" else 0
        rank = _RANK.get(relationship, 2)
        self.rank += rank
        if not self.relationship or rank > _RANK.get(self.relationship, 2):
            self.relationship = relationship
        if self.rows <= TOLD_TARGETS:
            text = f"{to} {name} ({relationship})"
            self.told = sys.intern(f"{self.told}; {text}" if self.told else text)  # mostly the same before and after

    @property
    def where(self) -> tuple[int, int, int]:
        """The same targets under the same conditions; a preference counts only where it decides."""
        return self.rows, self.targets, self.preferred if self.several else 0

    def tell(self) -> str:
        """The targets, for people."""
        more = f"; +{self.rows - TOLD_TARGETS}" if self.rows > TOLD_TARGETS else ""
        return self.told + more


class _Way:
    """One direction: its traffic, and where its codes went and go."""

    def __init__(self, from_system: str, to_system: str, *, home: bool) -> None:
        self.from_system, self.to_system, self._home = from_system, to_system, home
        self.parts: dict[str, Part] = {}
        self.was: dict[str, _Goes] = {}
        self.now: dict[str, _Goes] = {}
        self.elsewhere: dict[str, _Goes] = {}

    def use(self, use: Use) -> None:
        part = self.parts.setdefault(use.code, Part(1))
        part.add(Part(0, use.cases, use.lines, use.amount_fen))

    def note(self, goes: dict[str, _Goes], row: EditionRow, line: int) -> None:
        code, to, name = (row[2], row[0], row[1]) if self._home else (row[0], row[2], row[3])
        if code in self.parts:
            relationship = _TURNED.get(row.relationship, row.relationship) if self._home else row.relationship
            goes.setdefault(code, _Goes(line)).add(to, name, relationship, row)

    def used(self, code: str) -> UsedCode:
        part, was, now = self.parts[code], self.was.get(code), self.now.get(code)
        told = was.tell() if was else "", now.tell() if now else ""
        return UsedCode(code, self.from_system, self.to_system, part.cases, part.lines, part.amount_fen, *told)

    def effect(self, code: str) -> Effect | Literal["unchanged", "untranslated", "elsewhere"]:
        was, now = self.was.get(code), self.now.get(code)
        if now is None:
            if code in self.elsewhere:
                return "elsewhere"
            return "untranslated" if was is None else "untranslatable"
        if was is None:
            return "translatable"
        if was.where != now.where:
            return "retargeted"
        return "less_exact" if now.rank > was.rank else "unchanged"

    def loose(self) -> Iterator[Loose]:
        for code, goes in self.now.items():
            if goes.relationship not in {"equal", "narrower"}:
                yield Loose(goes.line, code, goes.relationship, goes.told, self.parts[code])


def _coverage(ways: Sequence[_Way]) -> Coverage:
    coverage = Coverage(Part(), Part(), Part(), [])
    for way in ways:
        told = WayCoverage(way.from_system, way.to_system, Part(), Part(), Part(), [])
        missing: list[UsedCode] = []
        for code, part in way.parts.items():
            if code in way.now:
                told.covered.add(part)
            elif code in way.elsewhere:
                told.elsewhere.add(part)
            else:
                told.not_covered.add(part)
                missing.append(way.used(code))
        told.top = nlargest(TOP, missing, _weight)
        coverage.covered.add(told.covered)
        coverage.not_covered.add(told.not_covered)
        coverage.elsewhere.add(told.elsewhere)
        coverage.ways.append(told)
    return coverage


def _impact(ways: Sequence[_Way]) -> Impact:
    found = Impact({effect: Affected(Part(), []) for effect in get_args(Effect)}, Part(), Part(), Part())
    changed: dict[Effect, list[UsedCode]] = {effect: [] for effect in found.effects}
    for way in ways:
        for code, part in way.parts.items():
            match way.effect(code):
                case "unchanged":
                    found.unchanged.add(part)
                case "untranslated":
                    found.untranslated.add(part)
                case "elsewhere":
                    found.elsewhere.add(part)
                case effect:
                    found.effects[effect].total.add(part)
                    changed[effect].append(way.used(code))
    for effect, codes in changed.items():
        found.effects[effect].top = nlargest(TOP, codes, _weight)
    return found


def _weight(used: UsedCode) -> tuple[int, int, str]:
    return used.amount_fen, used.cases, used.code
