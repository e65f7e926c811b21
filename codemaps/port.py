"""What the gateway asks of code maps, and what it gets back: one row, traceable to map, edition and line."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

from yidi.v1 import header_pb2, options_pb2

NATIONAL = "CN"
"""The national code system; a province's or city's own is ``CN-`` and its division, such as ``CN-320000``."""

CHRONIC: int = options_pb2.CODE_KIND_CHRONIC_DISEASE
CATALOGUE: int = options_pb2.CODE_KIND_CATALOGUE

Relationship = Literal["equal", "wider", "narrower", "inexact", "passed"]
"""How the code after stands to the code before: equal, wider or narrower in meaning, or overlapping only (inexact).

``passed`` says that no row exists and the edition lets such codes through unchanged.
"""


@dataclass(slots=True, frozen=True, eq=False)
class Row:
    """One translated code and the row that translated it. Built when the edition is loaded, and shared."""

    kind: int
    from_system: str
    from_code: str
    to_system: str
    to_code: str
    map: str
    edition: str
    row: int
    """Line in the edition's file; 0 for a code that passed without a row."""
    relationship: Relationship
    confirmed: bool
    """Whether the source of the row is confirmed; an unconfirmed row must not be used silently."""
    _traces: dict[str, header_pb2.Translation] | None = field(default=None, init=False, repr=False)

    def as_translation(self, admdvs: str) -> header_pb2.Translation:
        """The trace as a message, as translated by the hub of this division.

        The message is shared: append or copy it, never change it.
        """
        traces = self._traces
        if traces is None:
            traces = {}
            # The rows of millions of codes never travel, so the cache is made for those that do.
            object.__setattr__(self, "_traces", traces)
        trace = traces.get(admdvs)
        if trace is None:
            trace = traces[admdvs] = header_pb2.Translation(
                kind=self.kind,  # type: ignore[arg-type]  # an enum value is an int to everyone but mypy-protobuf
                from_system=self.from_system,
                from_code=self.from_code,
                to_system=self.to_system,
                to_code=self.to_code,
                map=self.map,
                edition=self.edition,
                row=self.row,
                admdvs=admdvs,
            )
        return trace


class NotTranslated(Exception):
    """A code has no single translation; the classes below say why."""

    def __init__(self, kind: int, code: str, from_system: str, to_system: str, why: str) -> None:
        self.kind = kind
        self.code = code
        self.from_system = from_system
        self.to_system = to_system
        super().__init__(f"{code} from {from_system} to {to_system}: {why}")


class Unmapped(NotTranslated):
    """Occurs when the edition in force has no target for the code."""

    def __init__(
        self, kind: int, code: str, from_system: str, to_system: str, map: str = "", edition: str = ""
    ) -> None:
        self.map = map
        self.edition = edition
        super().__init__(kind, code, from_system, to_system, f"no row in {map} {edition}".rstrip())


class Ambiguous(NotTranslated):
    """Occurs when several targets exist and no row is preferred; one is never picked by chance."""

    def __init__(
        self,
        kind: int,
        code: str,
        from_system: str,
        to_system: str,
        candidates: tuple[str, ...],
        map: str = "",
        edition: str = "",
    ) -> None:
        self.candidates = candidates
        self.map = map
        self.edition = edition
        super().__init__(kind, code, from_system, to_system, f"{len(candidates)} targets, none preferred")


class MapMissing(NotTranslated):
    """Occurs when no edition between the two systems is in force on the date of service."""

    def __init__(self, kind: int, code: str, from_system: str, to_system: str, on: date) -> None:
        self.on = on
        super().__init__(kind, code, from_system, to_system, f"no edition in force on {on.isoformat()}")


class CodeMaps(Protocol):
    """Translates codes between systems."""

    def translate(self, kind: int, code: str, from_system: str, to_system: str, on: date) -> Row:
        """Translate one code by the edition in force on the date of service.

        Raises Unmapped, Ambiguous or MapMissing; it never guesses.
        """
        ...
