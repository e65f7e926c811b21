"""Five hubs in one process: Zhenjiang, Jiangsu, the nation, Liaoning, Fushun, each with a store of its own.

The links between them call the neighbour's exchange directly, with the right certificate and with refusals as the
bytes that gRPC would carry. A link can be told to lose, to hold back or to delay what passes. Time is the world's.
"""

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pysqlite3
import pytest
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from adapters import reference_core
from codemaps import shipped
from codemaps.catalogue import Catalogue
from gateway import demo
from gateway.certificates import Authority
from gateway.clock import Clock
from gateway.contract import BY_NAME, METHODS
from gateway.demo.network import HOSPITAL, OTHER_HOSPITAL, PLANS, HubPlan
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, Refusal, fault_of, info_of, status_of
from gateway.exchange import chain
from gateway.exchange.identify import Neighbours
from gateway.exchange.link import NotSent, OutcomeUnknown
from gateway.exchange.route import Routes, prefix_of
from gateway.exchange.state import Hub
from gateway.hub import EXAMPLE_CATALOGUES
from gateway.observe.metrics import Metrics
from gateway.store import journal, tables
from gateway.store.sqlite import SqliteStore, StoreUnavailable
from gateway.store.tables import State
from gateway.treatplace.desk import TreatPlace
from yidi.v1.header_pb2 import Fault

ZHENJIANG, JIANGSU, NATION, LIAONING, FUSHUN = (plan.division for plan in PLANS)
WAY = (ZHENJIANG, JIANGSU, NATION, LIAONING, FUSHUN)
"""The hubs from the hospital to the insured place, in order."""
LINKS = tuple(pairwise(WAY))
"""The four links of that way."""
START = datetime(2026, 6, 20, 10, 0, 0, tzinfo=timezone(timedelta(hours=8)))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PATIENCE_S = 20.0
INSTITUTIONS = {HOSPITAL: ZHENJIANG, OTHER_HOSPITAL: ZHENJIANG}
PERSONS = Path(demo.__file__).with_name("persons.toml")


class ManualClock(Clock):
    """Stands still until it is moved; waiting moves it."""

    def __init__(self) -> None:
        self._wall = START.timestamp()
        self._steady = 1000.0

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._steady

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self._wall += seconds
        self._steady += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and the others run."""
        self.forward(seconds)
        await asyncio.sleep(0)


class Fate(Enum):
    """What a link does with one sending."""

    DELIVER = "deliver"
    REFUSE = "refuse"
    """It certainly does not leave."""
    LOSE_REQUEST = "lose the request"
    LOSE_ANSWER = "deliver, and lose the answer"
    LATE = "deliver only later, when told"


@dataclass
class Sent:
    """One sending over a link."""

    path: str
    request: bytes
    deadline: float
    left: float


@dataclass
class LocalLink:
    """A link from one hub of the world to another."""

    world: "World"
    caller: str
    peer: str
    fates: deque[Fate] = field(default_factory=deque)
    """For the next sendings, one each; ``otherwise`` after them."""
    otherwise: Fate = Fate.DELIVER
    delay: float = 0.0
    """Seconds a sending takes before it arrives."""
    gate: asyncio.Event | None = None
    """When there is one, sendings wait for it before they arrive."""
    free: int = 0
    """So many sendings pass the gate before it holds any."""
    sent: list[Sent] = field(default_factory=list)
    late: list[Sent] = field(default_factory=list)

    async def call(self, path: str, request: bytes, deadline: float, trace: str) -> bytes:
        """Send a request; see RemoteLink."""
        clock = self.world.clock
        sending = Sent(path, request, deadline, deadline - clock.monotonic())
        self.sent.append(sending)
        fate = self.fates.popleft() if self.fates else self.otherwise
        if fate is Fate.REFUSE or sending.left <= 0:
            raise NotSent(self.peer)
        if self.gate is not None and self.free == 0:
            await self.gate.wait()
        self.free = max(0, self.free - 1)
        await asyncio.sleep(0)
        if self.delay:
            clock.forward(self.delay)
        if fate is Fate.LATE:
            self.late.append(sending)
        if fate in (Fate.LATE, Fate.LOSE_REQUEST) or clock.monotonic() >= deadline:
            raise OutcomeUnknown(self.peer)
        try:
            answer = await self.world.deliver(self.caller, self.peer, sending, trace)
        except PeerDecline:
            if fate is Fate.LOSE_ANSWER:
                raise OutcomeUnknown(self.peer) from None
            raise
        if fate is Fate.LOSE_ANSWER:
            raise OutcomeUnknown(self.peer)
        return answer

    def carries(self, name: str) -> bool:
        """Whether the last sending was a request of this method."""
        return bool(self.sent) and self.sent[-1].path.endswith("/" + name)

    async def deliver_late(self) -> None:
        """What was held back arrives now; nobody waits for the answers any more."""
        for sending in self.late:
            sending.deadline = self.world.clock.monotonic() + PATIENCE_S
            try:
                await self.world.deliver(self.caller, self.peer, sending, TRACE)
            except PeerDecline:
                continue
        self.late.clear()


@cache
def certificates() -> Mapping[str, bytes]:
    """PEM certificates by division or institution, made once."""
    authority = Authority()
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = {division: authority.hub(folder, division)[0].read_bytes() for division in (*WAY, "210100", "330000")}
        for code in (HOSPITAL, OTHER_HOSPITAL, "H32110000009"):
            made[code] = authority.institution(folder, code)[0].read_bytes()
    return made


@cache
def _maps() -> Any:
    return shipped.maps()


@cache
def catalogue() -> Catalogue:
    """The example catalogue of Zhenjiang."""
    return Catalogue.load(EXAMPLE_CATALOGUES / "zhenjiang_example.csv")


@dataclass
class Refused:
    """A refusal as a caller sees it."""

    reason: str
    params: dict[str, str]
    fault: Fault
    status: Status
    fields: list[str]
    """All fields at fault."""


def seen(refusal: Refusal) -> Refused:
    """A refusal as it looks on the other side of the wire."""
    status = Status.FromString(status_of(refusal).SerializeToString())
    info = info_of(status)
    params = {key.removeprefix("param_"): value for key, value in info.metadata.items() if key.startswith("param_")}
    fields = [fault.field for fault in refusal.fields] if isinstance(refusal, Decline) else []
    return Refused(info.reason, params, fault_of(status), status, fields)


async def refused(work: Coroutine[Any, Any, Any]) -> Refused:
    """The refusal that some work ends in; the test fails when it ends well."""
    try:
        answer = await work
    except (Decline, PeerDecline) as refusal:
        return seen(refusal)
    pytest.fail(f"not refused: {str(answer)[:300]}")


class World:
    """The hubs, the links between them, and the time."""

    def __init__(self, directory: Path, plans: tuple[HubPlan, ...] = PLANS) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.plans = {plan.division: plan for plan in plans}
        self.metrics = {division: Metrics() for division in self.plans}
        self.hubs: dict[str, Hub] = {}
        self.links: dict[tuple[str, str], LocalLink] = {}
        self._starts = 0
        self._background: set[asyncio.Task[Any]] = set()
        for plan in plans:
            if plan.parent:
                for caller, peer in ((plan.division, plan.parent), (plan.parent, plan.division)):
                    self.links[caller, peer] = LocalLink(self, caller, peer)
        for division in self.plans:
            self.hubs[division] = self._make(division)

    def _make(self, division: str) -> Hub:
        plan = self.plans[division]
        self._starts += 1
        children = {child.division: prefix_of(child.division) for child in self.plans.values()
                    if child.parent == division}  # fmt: skip
        core = reference_core.create(division, {"policy": "fushun_2022"}) if plan.core else None
        store = SqliteStore(str(self.file(division)), self.metrics[division])
        store.open([tables.metadata, *([core.metadata] if core is not None else [])])
        institutions = {code: at for code, at in INSTITUTIONS.items() if at == division}
        systems = {division: plan.code_system}
        for other in (*children, *([plan.parent] if plan.parent else [])):
            systems[other] = "CN" if NATION in (other, division) else plan.code_system
        return Hub(
            division=division,
            owner=f"{division}-{self._starts}",
            clock=self.clock,
            store=store,
            neighbours=Neighbours(prefix_of(division), institutions, children, plan.parent),
            routes=Routes(division, core is not None, children, plan.parent),
            links={peer: link for (caller, peer), link in self.links.items() if caller == division},
            core=core,
            treat_place=TreatPlace(catalogue(), dict.fromkeys(institutions, "02")) if institutions else None,
            maps=_maps(),
            code_systems=systems,
            observer=self.metrics[division],
        )

    def file(self, division: str) -> Path:
        """The database of a hub."""
        return self.directory / f"{division}.db"

    def link(self, number: int) -> LocalLink:
        """One of the four links on the way, from the hospital's side: 0 to 3."""
        return self.links[LINKS[number]]

    async def load(self, toml: str) -> None:
        """Load more into the core of Fushun."""
        core: Any = self.hubs[FUSHUN].core
        await self.hubs[FUSHUN].store.submit(lambda tx: core.load(tx, toml.encode()))

    async def close(self) -> None:
        """Finish what runs and close the stores."""
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for hub in self.hubs.values():
            await hub.store.close()

    # --- exchanges --------------------------------------------------------------------------------------------

    async def answer(self, name: str, raw: bytes, sender: str, left: float = PATIENCE_S, at: str = ZHENJIANG) -> bytes:
        """What a hub answers to the bytes of somebody's request."""
        deadline = self.clock.monotonic() + left
        return await chain.answer(self.hubs[at], BY_NAME[name], raw, certificates()[sender], deadline, TRACE)

    async def deliver(self, caller: str, peer: str, sending: Sent, trace: str) -> bytes:
        """Hand a request to the next hub as its server would; refusals come back as bytes."""
        work = chain.answer(
            self.hubs[peer], METHODS[sending.path], sending.request, certificates()[caller], sending.deadline, trace
        )
        try:
            return await work
        except (Decline, PeerDecline) as refusal:
            raise PeerDecline(Status.FromString(status_of(refusal).SerializeToString())) from None

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Let an exchange run beside the test."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the others run until something holds."""
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110  # what is waited for lies in a database or a list
                await asyncio.sleep(0.001)

    async def restart(self, division: str) -> int:
        """Kill a hub without warning and start it anew on its store; how many unknown outcomes it took up."""

        async def dead(_: object) -> Any:
            raise StoreUnavailable("killed")

        old = self.hubs[division].store
        await old.close()
        vars(old)["submit"] = vars(old)["read"] = dead
        hub = self.hubs[division] = self._make(division)
        return await hub.store.submit(lambda tx: journal.abandon_earlier_runs(tx, hub.owner))

    # --- what the stores hold ---------------------------------------------------------------------------------

    def rows(self, division: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a hub's database, read by another connection: only what is on disk."""
        connection = pysqlite3.connect(f"file:{self.file(division)}?mode=ro", uri=True)
        try:
            found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
            return found
        finally:
            connection.close()

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of every hub."""
        found = {}
        for division in self.hubs:
            for (table,) in self.rows(division, "SELECT name FROM sqlite_master WHERE type = 'table'"):
                found[f"{division}.{table}"] = self.rows(division, f"SELECT * FROM {table} ORDER BY 1, 2")
        return found

    def state(self, division: str, msgid: str) -> State | None:
        """Where a hub's journal has a request."""
        rows = self.rows(division, "SELECT state FROM journal WHERE msgid = ?", msgid)
        assert len(rows) <= 1
        return State(rows[0][0]) if rows else None

    def states(self, msgid: str) -> list[State | None]:
        """Where the journals along the way have a request."""
        return [self.state(division, msgid) for division in WAY]

    def book(self, division: str) -> list[tuple[Any, ...]]:
        """A hub's book, but for its own numbering and the sender that differs from hub to hub."""
        return self.rows(
            division,
            "SELECT msgid, method, institution, mdtrtarea, insuplc, mdtrt_id, setl_id, setl_time, medfee_fen,"
            " fund_fen, account_fen, cash_fen, hospital_fen FROM book ORDER BY entry",
        )

    def books(self) -> list[list[tuple[Any, ...]]]:
        """The books of all hubs along the way."""
        return [self.book(division) for division in WAY]

    def batch(self, mdtrt_id: str, name: str = "B1") -> tuple[int, str, str]:
        """State, pending request and settlement of a charge batch."""
        rows = self.rows(
            ZHENJIANG, "SELECT state, pending, setl_id FROM batch WHERE mdtrt_id = ? AND chrg_bchno = ?", mdtrt_id, name
        )
        assert len(rows) == 1
        return rows[0][0], rows[0][1], rows[0][2]


def parse(name: str, raw: bytes) -> Any:
    """An answer of a method."""
    return BY_NAME[name].response.FromString(raw)


def build(name: str) -> Any:
    """An empty request of a method."""
    return BY_NAME[name].request()


def copy_of(message: Message) -> Any:
    """A copy of a request, to change."""
    other = type(message)()
    other.CopyFrom(message)
    return other


class Template:
    """The databases of a fresh world with the persons of the demonstration loaded; made once and copied."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def make(self) -> None:
        """Make the databases."""
        world = World(self.directory)
        await world.load(PERSONS.read_text(encoding="utf-8"))
        await world.close()

    @asynccontextmanager
    async def world(self, directory: Path, plans: tuple[HubPlan, ...] = PLANS) -> AsyncIterator[World]:
        """A world of its own; pauses between attempts pass on its clock."""
        for file in self.directory.glob("*.db"):
            shutil.copy(file, directory)
        world = World(directory, plans)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.exchange.forward.asyncio", SimpleNamespace(sleep=world.clock.sleep))
            try:
                yield world
            finally:
                await world.close()
