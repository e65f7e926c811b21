"""What the stages work on: the parts of a hub, and one exchange while it is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from codemaps.port import NOTHING_GIVEN, CodeMaps, Given
from gateway.clock import Clock
from gateway.codemap.uses import Uses
from gateway.contract import Method
from gateway.exchange.identify import Identity, Neighbours
from gateway.exchange.link import Call, Desk, RemoteLink
from gateway.exchange.route import Routes
from gateway.exchange.translate import Translator
from gateway.store.journal import Key
from gateway.store.sqlite import SqliteStore
from gateway.treatplace.desk import TreatPlace
from yidi.v1.eligibility_pb2 import ChronicEntitlement
from yidi.v1.header_pb2 import RequestHeader, Translation


class Observer(Protocol):
    """What the stages tell of themselves; observe.metrics listens."""

    def stage(self, name: str, seconds: float) -> None:
        """A stage took this long."""

    def link(self, peer: str, seconds: float) -> None:
        """A neighbour answered, or did not, after this long."""

    def repeat(self, kind: str) -> None:
        """A request came again: answered, running, resumed or in conflict."""

    def translated(self, map_id: str, result: str, count: int) -> None:
        """So many codes of a request were translated, or could not be."""

    def missing(self, kind: str, amount_fen: int) -> None:
        """A code of a request was refused or held, with the money that hangs on it."""


@dataclass(slots=True)
class Hub:
    """The parts of a hub; ``gateway.hub`` puts them together from the configuration."""

    division: str
    owner: str
    """This process; requests it runs are told apart from those an earlier process left."""
    clock: Clock
    store: SqliteStore
    neighbours: Neighbours
    routes: Routes
    links: Mapping[str, RemoteLink]
    core: Desk | None
    treat_place: TreatPlace | None
    maps: CodeMaps
    code_systems: Mapping[str, str]
    """Code system on the side of each neighbouring hub; our own side is under our division."""
    observer: Observer
    uses: Uses = field(default_factory=Uses)
    """How codes were used."""
    running: set[Key] = field(default_factory=set)
    """Requests this process is carrying out at this moment."""
    serial: int = 0

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.clock.time() * 1000)

    def side(self, identity: Identity) -> str:
        """The code system a caller speaks."""
        return self.code_systems[identity.code if identity.kind == "hub" else self.division]

    def translator(
        self,
        identity: Identity,
        peer: str,
        given: Given = NOTHING_GIVEN,
        entitlements: Sequence[ChronicEntitlement] | None = (),
    ) -> Translator:
        """What translates between a caller and a neighbouring hub."""
        ours, theirs = self.side(identity), self.code_systems[peer]
        return Translator(self.maps, self.division, ours, theirs, given, entitlements)


@dataclass(slots=True)
class Exchange:
    """One exchange while it is in this hub."""

    method: Method
    identity: Identity
    raw: bytes
    """The request as it came."""
    request: Any
    header: RequestHeader
    key: Key
    digest: bytes
    deadline: float
    """On the clock's monotonic scale."""
    trace: str
    began: float
    received: str
    """When, as yyyyMMddHHmmssSSS."""
    taken: bool = False
    """Whether this exchange, and not an earlier sending, carries the request out."""
    resumed: bool = False
    """Whether an earlier sending of the request may have been carried out."""
    again: bool = False
    """Whether the journal had the request before, so that the next hub may have had it too, with other codes."""
    entitlements: Sequence[ChronicEntitlement] | None = None
    """The person's chronic diseases at the insured place, in the link's codes; None when nobody has asked."""
    translator: Translator | None = None
    undone: Sequence[Translation] = ()
    """What was translated for the request that this one undoes."""
    medfee_fen: int = 0
    """All that the request charges, once it is on its way."""
    held: Any = None
    """What the treat place prepared it from."""

    def begin_again(self, hub: Hub) -> None:
        """Back to the request as it came: what was rolled back had filled in and translated parts of it."""
        self.let_go(hub)
        self.request = self.method.request.FromString(self.raw)
        self.header = self.request.header
        self.held = None

    def let_go(self, hub: Hub) -> None:
        """This process no longer runs the request."""
        if self.taken:
            hub.running.discard(self.key)
            self.taken = False

    def treat_place(self, hub: Hub) -> TreatPlace | None:
        """The treat place's books, when the request comes from one of our own institutions."""
        return hub.treat_place if self.identity.kind == "institution" else None

    def call(self, hub: Hub) -> Call:
        """The exchange as a desk sees it."""
        return Call(self.method.name, self.request, self.header, hub.clock.china())
