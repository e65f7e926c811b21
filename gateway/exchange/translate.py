"""Stage 6: codes, at the border of two code systems.

Each translated code keeps the code before, the code after, the map, the edition and the row, in the request header
for the hubs behind and in the answer for the caller. The edition is chosen by the date of service, and by the time
the encounter was registered.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from google.protobuf.message import Message

from codemaps.port import (
    CATALOGUE,
    CHRONIC,
    DIAGNOSIS,
    NOTHING_GIVEN,
    OPERATION,
    Ambiguous,
    CodeMaps,
    Given,
    MapMissing,
    NotTranslated,
    Row,
    Unmapped,
)
from gateway.codemap.uses import Key, Used
from gateway.contract import rewrite_codes
from gateway.errors import Decline
from yidi.v1.eligibility_pb2 import ChronicEntitlement
from yidi.v1.header_pb2 import Translation

KIND_ZH: dict[int, str] = {
    CHRONIC: "门诊慢特病病种", CATALOGUE: "医疗目录", DIAGNOSIS: "疾病诊断", OPERATION: "手术操作"
}  # fmt: skip
KIND_EN: dict[int, str] = {
    CHRONIC: "chronic disease", CATALOGUE: "catalogue", DIAGNOSIS: "diagnosis", OPERATION: "operation"
}  # fmt: skip
NATIONAL_BY_ITSELF = frozenset((DIAGNOSIS, OPERATION))
"""Both sides use the national versions of the ICD, unless a map between them says otherwise."""


_day = lru_cache(maxsize=1024)(date.fromisoformat)
"""The lines of a settlement share few days."""


class EntitlementNeeded(Exception):
    """Occurs when a disease has several counterparts and nobody has asked yet which the person is entitled for."""


class Failure(NamedTuple):
    """A code of the request without a translation."""

    result: str
    """unmapped, held, ambiguous or no_edition."""
    map: str
    decline: Decline


class Translator:
    """Translates the codes of one exchange and remembers which original each of them had."""

    __slots__ = (
        "_again", "_amounts", "_division", "_entitlements", "_failures", "_given", "_maps", "_originals", "_passes",
        "_remembered", "_rows", "_undone", "ours", "theirs",
    )  # fmt: skip

    def __init__(
        self,
        maps: CodeMaps,
        division: str,
        ours: str,
        theirs: str,
        given: Given = NOTHING_GIVEN,
        entitlements: Sequence[ChronicEntitlement] | None = (),
    ) -> None:
        """``ours`` is the code system of the caller's side, ``theirs`` that of the link's side.

        ``entitlements`` are the person's, in the codes of the link's side; None says that the insured place can be
        asked for them.
        """
        self._maps = maps
        self._division = division
        self._given = given
        self._entitlements = entitlements
        self._originals: dict[tuple[int, str], str] = {}
        self._rows: dict[Key, Row] = {}
        self._failures: dict[Key, Failure] = {}
        self._amounts: dict[Key, int] = {}
        self._again: dict[Key, int] = {}
        """How often a code stands in the request beyond its first time."""
        self._passes: dict[int, bool] = {}
        self._remembered: list[Translation] = []
        """Our traces that an answer carries, where it may not be that of our own rows."""
        self._undone: dict[tuple[int, str], Translation] = {}
        """Our traces of the request that this one undoes, by the code after."""
        self.ours, self.theirs = ours, theirs

    def remember(self, translations: Iterable[Translation]) -> None:
        """Take up what this hub translated earlier on the way out, from the trace that an answer carries."""
        for trace in translations:
            if self._is_outward(trace):
                self._originals[trace.kind, trace.to_code] = trace.from_code
                self._remembered.append(trace)

    def undoing(self, translations: Iterable[Translation]) -> None:
        """Take up what this hub translated for the request that is undone: its mirror comes home in the same codes."""
        for trace in translations:
            if self._is_outward(trace):
                self._undone[trace.kind, trace.to_code] = trace

    def _is_outward(self, trace: Translation) -> bool:
        return (trace.admdvs, trace.from_system, trace.to_system) == (self._division, self.ours, self.theirs)

    # --- what came of the codes of the request ------------------------------------------------------------------

    def results(self) -> Counter[tuple[str, str]]:
        """How many codes of the request came out how, by map and relationship of the row."""
        counted = Counter([(row.map, str(row.relationship)) for row in self._rows.values()])
        counted.update((failure.map, failure.result) for failure in self._failures.values())
        return counted

    def translated(self, total_fen: int) -> list[Used]:
        """What was translated, and for how much money."""
        return [self._used(key, amount_fen, total_fen) for key, amount_fen in self._amounts.items()]

    def failed(self, total_fen: int) -> list[tuple[str, Used]]:
        """What could not be translated, and for how much money; the result comes first."""
        return [(failure.result, self._used(key, self._amounts[key], total_fen))
                for key, failure in self._failures.items()]  # fmt: skip

    def _used(self, key: Key, amount_fen: int, total_fen: int) -> Used:
        """Only what is charged line by line has money of its own; a disease stands for all that is charged."""
        return key, 1 + self._again.get(key, 0), amount_fen if key[0] == CATALOGUE else total_fen

    # --- there --------------------------------------------------------------------------------------------------

    def outward(self, request: Message, on: str) -> list[Translation]:
        """Translate the codes of a request for the link's side; refuse what has no translation.

        All codes are looked at before the first failure is raised, so that the list of what is missing is whole.
        Raises EntitlementNeeded. The request is spoiled by whatever is raised.
        """
        if self.ours == self.theirs:
            return []
        rewrite_codes(request, on, self._out)
        if self._failures:
            # What is only held must not hide what is refused for good.
            raise min(self._failures.values(), key=lambda failure: failure.result == "held").decline
        return [row.as_translation(self._division) for row in self._rows.values()]

    def _out(self, kind: int, code: str, on: str, amount_fen: int) -> str:
        key = kind, code, on
        row = self._rows.get(key)
        if row is not None:
            self._amounts[key] += amount_fen
            self._again[key] = self._again.get(key, 0) + 1
            return row.to_code
        if kind in NATIONAL_BY_ITSELF and self._passes_unchanged(kind):
            return code
        if key in self._failures:
            self._amounts[key] += amount_fen
            self._again[key] = self._again.get(key, 0) + 1
            return code
        self._amounts[key] = amount_fen
        try:
            given = self._given if kind != CHRONIC else self._known(code, on)
            row = self._rows[key] = self._find(kind, code, self.ours, self.theirs, on, given)
        except NotTranslated as error:
            self._failures[key] = failure_of(error, on)
            return code
        self._originals[kind, row.to_code] = code
        return row.to_code

    def _known(self, code: str, on: str) -> Given:
        """What decides among several counterparts of a disease; that may be what the person is entitled for."""
        if not self._maps.shares(CHRONIC, self.ours, self.theirs):
            return self._given
        if self._entitlements is None:
            if len(self._candidates(code, on)) > 1:
                raise EntitlementNeeded
            return self._given
        entitled = frozenset(row.opsp_dise_code for row in self._entitlements if is_valid(row, on))
        return self._given._replace(entitled=entitled)

    # --- and back -----------------------------------------------------------------------------------------------

    def homeward(self, response: Any, on: str) -> None:
        """Translate the codes of an answer back into the caller's own; its header says by which rows, and warns.

        What this exchange sent out comes back as it was. The money is settled by now, so a code without a way back
        is left out and said, never guessed and never a reason to refuse.
        """
        if self.ours == self.theirs:
            return
        looked_up: dict[Key, Row] = {}
        undone: dict[tuple[int, str], Translation] = {}
        lost: dict[str, None] = {}

        def back(kind: int, code: str, on: str, _: int) -> str:
            original = self._originals.get((kind, code))
            if original is not None:
                return original
            if kind in NATIONAL_BY_ITSELF and self._passes_unchanged(kind):
                return code
            trace = self._undone.get((kind, code))
            if trace is not None:
                undone[kind, code] = trace
                return trace.from_code
            try:
                row = self._find(kind, code, self.theirs, self.ours, on, self._given)
            except NotTranslated as error:
                lost[refusal_of(error, on).text_zh] = None
                return ""
            looked_up[kind, code, on] = row
            return row.to_code

        rewrite_codes(response, on, back)
        warning = self._warning(undone.values(), looked_up.values()) + "".join(lost)
        if undone:
            response.header.translations.extend(map(_turned, undone.values()))
        if looked_up:
            response.header.translations.extend(row.as_translation(self._division) for row in looked_up.values())
        if warning:
            response.header.warn_msg += warning

    def _warning(self, undone: Iterable[Translation], looked_up: Iterable[Row]) -> str:
        """What is not confirmed is never used silently: the maps and editions whose rows nobody vouches for."""
        traces = [*self._remembered, *undone]
        doubtful = [(trace.map, trace.edition) for trace in traces if not self._maps.vouches(trace)]
        rows = (*(() if self._remembered else self._rows.values()), *looked_up)
        doubtful += [(row.map, row.edition) for row in rows if not row.confirmed]
        return f"编码对照未经确认：{'、'.join(map(' '.join, dict.fromkeys(doubtful)))}。" if doubtful else ""

    # --- parts of both ------------------------------------------------------------------------------------------

    def _passes_unchanged(self, kind: int) -> bool:
        passes = self._passes.get(kind)
        if passes is None:
            passes = self._passes[kind] = not self._maps.connects(kind, self.ours, self.theirs)
        return passes

    def _find(self, kind: int, code: str, source: str, target: str, on: str, given: Given) -> Row:
        """The row of a code. A later publication reaches an encounter only where it had no translation to change.

        The first one that has the code serves; those after it reach the encounter no more than any other.
        """
        try:
            return self._maps.translate(kind, code, source, target, _day(on), given)
        except (Unmapped, MapMissing) as error:
            missing = error
        for later in self._later(kind, source, target, given):
            try:
                return self._maps.translate(kind, code, source, target, _day(on), later)
            except (Unmapped, MapMissing) as error:
                missing = error
        raise missing

    def _later(self, kind: int, source: str, target: str, given: Given) -> Iterator[Given]:
        """The same as it stood after each publication since the encounter was registered."""
        if given.as_of_ms is not None:
            for moment in self._maps.published_after(kind, source, target, given.as_of_ms):
                yield given._replace(as_of_ms=moment)

    def _candidates(self, code: str, on: str) -> tuple[str, ...]:
        """All counterparts of a disease that come into question, by the same editions as in ``_find``."""
        for given in (self._given, *self._later(CHRONIC, self.ours, self.theirs, self._given)):
            with suppress(MapMissing, Unmapped):
                found = self._maps.candidates(CHRONIC, code, self.ours, self.theirs, _day(on), given)
                if found:
                    return found
        return ()


def _turned(trace: Translation) -> Translation:
    """The same row, read the other way."""
    return Translation(
        kind=trace.kind, from_system=trace.to_system, from_code=trace.to_code, to_system=trace.from_system,
        to_code=trace.from_code, map=trace.map, edition=trace.edition, row=trace.row, admdvs=trace.admdvs,
    )  # fmt: skip


def refusal_of(error: NotTranslated, on: str) -> Decline:
    """The catalogued refusal for a code that has no single translation."""
    names = {
        "kind_zh": KIND_ZH[error.kind], "kind_en": KIND_EN[error.kind], "code": error.code, "date": on,
        "from_system": error.from_system, "to_system": error.to_system,
    }  # fmt: skip
    match error:
        case Unmapped(rule="hold"):
            return Decline("CODE_HELD", **names)
        case Ambiguous():
            return Decline("CODE_AMBIGUOUS", **names)
        case MapMissing():
            return Decline("CODE_MAP_MISSING", **names)
        case _:
            return Decline("CODE_UNMAPPED", **names)


_RESULTS = {
    "CODE_UNMAPPED": "unmapped", "CODE_HELD": "held", "CODE_AMBIGUOUS": "ambiguous", "CODE_MAP_MISSING": "no_edition"
}  # fmt: skip


def failure_of(error: NotTranslated, on: str) -> Failure:
    """The same for the statistics."""
    decline = refusal_of(error, on)
    return Failure(_RESULTS[decline.reason], getattr(error, "map", ""), decline)


def is_valid(entitlement: ChronicEntitlement, on: str) -> bool:
    """Whether an entitlement holds on a date of service; days as text sort as the days do."""
    return entitlement.begndate <= on and (not entitlement.enddate or on <= entitlement.enddate)
