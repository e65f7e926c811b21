"""Stage 6: codes, at the border of two code systems.

Each translated code keeps the code before, the code after, the map, the edition and the row, in the request header
for the hubs behind and in the answer for the caller. The edition is chosen by the date of service.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from google.protobuf.message import Message

from codemaps.port import Ambiguous, CodeMaps, MapMissing, Row, Unmapped
from gateway.contract import rewrite_codes
from gateway.errors import Decline
from yidi.v1.header_pb2 import Translation
from yidi.v1.options_pb2 import CODE_KIND_CATALOGUE, CODE_KIND_CHRONIC_DISEASE

KIND_ZH: dict[int, str] = {CODE_KIND_CHRONIC_DISEASE: "门诊慢特病病种", CODE_KIND_CATALOGUE: "医疗目录"}
KIND_EN: dict[int, str] = {CODE_KIND_CHRONIC_DISEASE: "chronic disease", CODE_KIND_CATALOGUE: "catalogue"}


_day = lru_cache(maxsize=1024)(date.fromisoformat)
"""The lines of a settlement share few days."""


class Translator:
    """Translates the codes of one exchange and remembers which original each of them had."""

    __slots__ = ("_division", "_failed", "_maps", "_originals", "_rows", "ours", "theirs")

    def __init__(self, maps: CodeMaps, division: str, ours: str, theirs: str) -> None:
        """``ours`` is the code system of the caller's side, ``theirs`` that of the link's side."""
        self._maps = maps
        self._division = division
        self._originals: dict[tuple[int, str], str] = {}
        self._rows: dict[tuple[int, str, str], Row] = {}
        self._failed: tuple[str, str] | None = None
        self.ours, self.theirs = ours, theirs

    def results(self) -> Counter[tuple[str, str]]:
        """How many codes of the request came out how, by map and relationship of the row."""
        counted: Counter[tuple[str, str]] = Counter((row.map, row.relationship) for row in self._rows.values())
        if self._failed:
            counted[self._failed] += 1
        return counted

    def remember(self, translations: Iterable[Translation]) -> None:
        """Take up what this hub translated earlier, from the trace that an answer carries."""
        for trace in translations:
            if trace.admdvs == self._division:
                self._originals[trace.kind, trace.to_code] = trace.from_code

    def outward(self, request: Message, on: str) -> list[Translation]:
        """Translate the codes of a request for the link's side; refuse what has no translation."""
        if self.ours == self.theirs:
            return []
        rewrite_codes(request, on, self._out)
        return [row.as_translation(self._division) for row in self._rows.values()]

    def _out(self, kind: int, code: str, on: str) -> str:
        row = self._rows.get((kind, code, on))
        if row is None:
            row = self._rows[kind, code, on] = self._look_up(kind, code, self.ours, self.theirs, on)
            self._originals[kind, row.to_code] = code
        return row.to_code

    def homeward(self, response: Message, on: str) -> str:
        """Translate the codes of an answer back into the caller's own; a warning when one cannot be.

        What this exchange sent out comes back as it was. The money is settled by now, so a code without a way back
        is left out and said, never guessed and never a reason to refuse.
        """
        if self.ours == self.theirs:
            return ""
        warnings = [self._unconfirmed()]

        def back(kind: int, code: str, on: str) -> str:
            original = self._originals.get((kind, code))
            if original is not None:
                return original
            try:
                return self._look_up(kind, code, self.theirs, self.ours, on).to_code
            except Decline as decline:
                warnings.append(decline.text_zh)
                return ""

        rewrite_codes(response, on, back)
        return "".join(warnings)

    def _unconfirmed(self) -> str:
        """What is not confirmed is never used silently: the maps and editions whose rows nobody vouches for."""
        editions = {f"{row.map} {row.edition}": None for row in self._rows.values() if not row.confirmed}
        return f"编码对照未经确认：{'、'.join(editions)}。" if editions else ""

    def _look_up(self, kind: int, code: str, source: str, target: str, on: str) -> Row:
        try:
            return self._maps.translate(kind, code, source, target, _day(on))
        except Unmapped as error:
            reason, self._failed = "CODE_UNMAPPED", (error.map, "unmapped")
        except Ambiguous as error:
            reason, self._failed = "CODE_AMBIGUOUS", (error.map, "ambiguous")
        except MapMissing:
            reason, self._failed = "CODE_MAP_MISSING", ("", "no_edition")
        names = {"kind_zh": KIND_ZH[kind], "kind_en": KIND_EN[kind], "code": code, "date": on}
        raise Decline(reason, **names, from_system=source, to_system=target)
