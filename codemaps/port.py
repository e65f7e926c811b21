"""What the gateway asks of code maps, and what it gets back: one row, traceable to map, edition and line."""

from datetime import date
from typing import Literal, NamedTuple, Protocol

from yidi.v1 import header_pb2, options_pb2

NATIONAL = "CN"
"""The national code system; a province's or city's own is ``CN-`` and its division, such as ``CN-320000``."""

CHRONIC: int = options_pb2.CODE_KIND_CHRONIC_DISEASE
CATALOGUE: int = options_pb2.CODE_KIND_CATALOGUE

DIAGNOSIS: int = options_pb2.CODE_KIND_DIAGNOSIS
OPERATION: int = options_pb2.CODE_KIND_OPERATION

Relationship = Literal["equal", "wider", "narrower", "inexact", "passed"]
"""How the code after stands to the code before: equal, wider or narrower in meaning, or overlapping only (inexact).

``passed`` says that no row exists and the edition lets such codes through unchanged.
"""


class Given(NamedTuple):
    """What is known where a code is used; it chooses among rows that hold for some cases only."""

    as_of_ms: int | None = None
    """When the encounter was registered, in milliseconds since the epoch: editions published later do not reach back
    into it. None for the editions as they stand now."""
    insutype: str = ""
    insuplc_admdvs: str = ""
    med_type: str = ""
    entitled: frozenset[str] = frozenset()
    """Codes the person is entitled for, in the system translated to; they decide where several codes share one."""


NOTHING_GIVEN = Given()


class Row(Protocol):
    """One translated code and the row that translated it."""

    from_code: str
    to_code: str

    @property
    def kind(self) -> int:
        """Kind of the code on the wire, as in ``CodeKind``."""

    @property
    def from_system(self) -> str:
        """Code system before."""

    @property
    def to_system(self) -> str:
        """Code system after."""

    @property
    def map(self) -> str:
        """Code map, such as CN-320000.chronic."""

    @property
    def edition(self) -> str:
        """Edition of the map; ``override`` and its number for an emergency override."""

    @property
    def row(self) -> int:
        """Line in the edition's file, the header being line 1; 0 for a code that passed without a row."""

    @property
    def relationship(self) -> Relationship:
        """How the code after stands to the code before."""

    @property
    def confirmed(self) -> bool:
        """Whether the source of the row is confirmed; an unconfirmed row must not be used silently."""

    def as_translation(self, admdvs: str) -> header_pb2.Translation:
        """The trace as a message, as translated by the hub of this division; append or copy it, never change it."""


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
        self,
        kind: int,
        code: str,
        from_system: str,
        to_system: str,
        map: str = "",
        edition: str = "",
        rule: Literal["reject", "hold", "pass"] = "reject",
    ) -> None:
        self.map = map
        self.edition = edition
        self.rule = rule
        """What the edition says of such a code: refuse it for good, or hold it until the map is completed."""
        super().__init__(kind, code, from_system, to_system, f"no row in {map} {edition}".rstrip())


class Ambiguous(NotTranslated):
    """Occurs when several targets remain and nothing known decides; one is never picked by chance."""

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
    """Translates codes between systems. A set of maps is immutable; a new one takes its place as a whole."""

    def translate(
        self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given = NOTHING_GIVEN
    ) -> Row:
        """Translate one code by the edition in force on the date of service.

        Raises Unmapped, Ambiguous or MapMissing; it never guesses.
        """
        ...

    def candidates(
        self, kind: int, code: str, from_system: str, to_system: str, on: date, given: Given = NOTHING_GIVEN
    ) -> tuple[str, ...]:
        """All codes that come into question for one, preferences aside: none without a row.

        Raises MapMissing, or Unmapped where an override refuses the code.
        """
        ...

    def connects(self, kind: int, from_system: str, to_system: str) -> bool:
        """Whether there is any map of this kind between two systems, whatever its dates."""
        ...

    def shares(self, kind: int, from_system: str, to_system: str) -> bool:
        """Whether some code on this way has several targets, so that what is known of the person may decide."""
        ...

    def published_after(self, kind: int, from_system: str, to_system: str, as_of_ms: int) -> tuple[int, ...]:
        """When editions of the maps on this way were published after an instant, the earliest first."""
        ...

    def vouches(self, trace: header_pb2.Translation) -> bool:
        """Whether the row that an earlier trace names still stands and is confirmed."""
        ...
