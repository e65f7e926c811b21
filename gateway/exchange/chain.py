"""One exchange through one hub, in the order in which it happens.

identify → check → admit → split → route → translate → forward → record. Admitting, the treat place's preparation and
the translation share one commit, made before anything is sent; the answer and all that follows from it share
another. What a desk answers needs only one. Nothing here knows gRPC: the server calls ``answer`` and turns what it
raises into a status.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from google.protobuf.message import DecodeError, Message

from codemaps.port import CodeMaps
from gateway import clock as clocks
from gateway.clock import Clock
from gateway.contract import Method
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, Refusal, retry_of, status_of
from gateway.exchange import admit, check, identify, record, translate
from gateway.exchange.admit import Earlier, Key
from gateway.exchange.forward import forward, refuse_too_late
from gateway.exchange.identify import Identity, Neighbours
from gateway.exchange.link import Call, Desk, RemoteLink
from gateway.exchange.route import Hop, Routes
from gateway.money import broken_identities
from gateway.store.sqlite import SqliteStore, StoreUnavailable
from gateway.store.statement import Tx
from gateway.store.tables import State
from gateway.treatplace.desk import TreatPlace
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.options_pb2 import DESTINATION_JOURNAL, DESTINATION_TREAT_PLACE, EFFECT_COMMAND


class Observer(Protocol):
    """What the chain tells of itself; observe.metrics listens."""

    def stage(self, name: str, seconds: float) -> None: ...
    def link(self, peer: str, seconds: float) -> None: ...
    def repeat(self, kind: str) -> None: ...
    def translated(self, map_id: str, result: str) -> None: ...


@dataclass(slots=True)
class Hub:
    """What the chain works with; ``gateway.hub`` puts it together from the configuration."""

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
    running: set[Key] = field(default_factory=set)
    serial: int = 0

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.clock.time() * 1000)


@dataclass(slots=True)
class Exchange:
    """One exchange while it is in this hub."""

    method: Method
    identity: Identity
    request: Any
    header: RequestHeader
    key: Key
    digest: bytes
    deadline: float
    trace: str
    began: float
    received: str
    hop: Hop | None = None
    translator: translate.Translator | None = None
    held: Any = None
    peer: str = ""

    @property
    def from_institution(self) -> bool:
        """Whether this hub is the treat place of the exchange."""
        return self.identity.kind == "institution"


async def answer(hub: Hub, method: Method, raw: bytes, certificate: bytes, deadline: float, trace: str) -> bytes:
    """Answer one request with the bytes of its response; raises Decline or PeerDecline."""
    began = perf_counter()
    identity = identify.identity_of(certificate)
    request = check.read(method, raw)
    header = check.check(method, request, identity.kind == "hub", hub.clock.china())
    identify.authorize(identity, header, hub.neighbours)
    hub.observer.stage("check", perf_counter() - began)
    exchange = Exchange(
        method=method,
        identity=identity,
        request=request,
        header=header,
        key=Key(identify.sender_key(identity, header), header.msgid),
        digest=admit.digest_of(header, raw),
        deadline=deadline,
        trace=trace,
        began=began,
        received=clocks.text17(hub.clock.china()),
    )
    try:
        return await _dispatch(hub, exchange)
    except StoreUnavailable as error:
        raise Decline("STORE_UNAVAILABLE", detail=str(error)) from error


async def _dispatch(hub: Hub, exchange: Exchange) -> bytes:
    from gateway.exchange import outcome

    hub.routes.refuse_loop(list(exchange.header.hops))
    if exchange.method.destination == DESTINATION_JOURNAL:
        return await outcome.answer(hub, exchange)
    if exchange.method.destination == DESTINATION_TREAT_PLACE:
        if not exchange.from_institution or hub.treat_place is None:
            raise Decline("ROUTE_NOT_TREAT_PLACE", division=exchange.header.mdtrtarea_admvs)
        return await _at_desk(hub, exchange, hub.treat_place)
    exchange.hop = hub.routes.find(exchange.header.insuplc_admdvs)
    if exchange.hop.kind == "core" and hub.core is not None:
        return await _at_desk(hub, exchange, hub.core)
    return await _through_link(hub, exchange, exchange.hop)


# --- answered here: one commit ----------------------------------------------------------------------------------


async def _at_desk(hub: Hub, exchange: Exchange, desk: Desk) -> bytes:
    """A desk answers inside our transaction: journal, effect, answer and books are one commit."""
    refuse_too_late(hub.clock, exchange.deadline)
    if exchange.method.effect == EFFECT_COMMAND:
        result = await hub.store.submit(lambda tx: _command_at_desk(hub, exchange, desk, tx))
        hub.observer.stage("answer", perf_counter() - exchange.began)
        return _give(result)
    reply, held = await hub.store.read(lambda tx: _query_at_desk(hub, exchange, desk, tx))
    if held is not None:
        await hub.store.submit(lambda tx: _conclude(hub, exchange, tx, reply, held))
    hub.observer.stage("answer", perf_counter() - exchange.began)
    return _finished(hub, exchange, reply)


def _query_at_desk(hub: Hub, exchange: Exchange, desk: Desk, tx: Tx) -> tuple[Message, Any]:
    call = _call(hub, exchange)
    held = _prepare(hub, exchange, tx, call)
    return desk.answer(tx, call), held


def _command_at_desk(hub: Hub, exchange: Exchange, desk: Desk, tx: Tx) -> Earlier:
    refuse_too_late(hub.clock, exchange.deadline)
    earlier = _admit(hub, exchange, tx)
    if earlier is not None:
        return earlier
    call = _call(hub, exchange)
    _seal(hub, exchange, tx)
    held = _prepare(hub, exchange, tx, call)
    try:
        with tx.nested():
            reply = desk.answer(tx, call)
    except Decline as decline:
        if desk is hub.treat_place:
            raise  # decided here and now; nothing is kept, and the same request may be sent again corrected
        _note_refusal(hub, exchange, tx, decline)
        return Earlier(None, status_of(decline).SerializeToString())
    return Earlier(_note_answer(hub, exchange, tx, reply, held), None)


# --- answered elsewhere: one commit before it is sent, one after the answer -----------------------------------------


async def _through_link(hub: Hub, exchange: Exchange, hop: Hop) -> bytes:
    """Another hub answers."""
    exchange.peer = hop.division
    refuse_too_late(hub.clock, exchange.deadline)
    exchange.translator = translate.Translator(
        hub.maps, hub.division, _side(hub, exchange.identity), hub.code_systems[hop.division]
    )
    if exchange.method.effect == EFFECT_COMMAND:
        return await _command_through_link(hub, exchange, hop)
    if exchange.from_institution and hub.treat_place is not None:
        exchange.held = await hub.store.read(lambda tx: _prepare(hub, exchange, tx, _call(hub, exchange)))
    outgoing = _outgoing(hub, exchange)
    reply = _readable(exchange, await _send(hub, exchange, hop, outgoing))
    if exchange.held is not None:
        await hub.store.submit(lambda tx: _conclude(hub, exchange, tx, reply, exchange.held))
    return _finished(hub, exchange, reply)


async def _command_through_link(hub: Hub, exchange: Exchange, hop: Hop) -> bytes:
    admitted = perf_counter()
    outgoing = await hub.store.submit(lambda tx: _before_sending(hub, exchange, tx))
    hub.observer.stage("admit", perf_counter() - admitted)
    if isinstance(outgoing, Earlier):
        return _give(outgoing)
    hub.running.add(exchange.key)
    try:
        reply = _readable(exchange, await _send(hub, exchange, hop, outgoing))
    except (Decline, PeerDecline) as refusal:
        await hub.store.submit(lambda tx: _note_refusal(hub, exchange, tx, refusal))
        raise
    except (Exception, asyncio.CancelledError):
        await hub.store.submit(lambda tx: record.finish(tx, exchange.key, State.UNKNOWN, hub.now_ms()))
        raise
    else:
        recorded = perf_counter()
        result = await hub.store.submit(lambda tx: _note_answer(hub, exchange, tx, reply, exchange.held))
        hub.observer.stage("record", perf_counter() - recorded)
        return result
    finally:
        hub.running.discard(exchange.key)


def _before_sending(hub: Hub, exchange: Exchange, tx: Tx) -> bytes | Earlier:
    refuse_too_late(hub.clock, exchange.deadline)
    earlier = _admit(hub, exchange, tx)
    if earlier is not None:
        return earlier
    _seal(hub, exchange, tx)
    exchange.held = _prepare(hub, exchange, tx, _call(hub, exchange))
    return _outgoing(hub, exchange)


def _outgoing(hub: Hub, exchange: Exchange) -> bytes:
    """The request as the next hub gets it: translated, with our hop and our translations in its header."""
    translator, header = exchange.translator, exchange.header
    assert translator is not None
    began = perf_counter()
    header.translations.extend(translator.outward(exchange.request, header.inf_time[:10]))
    for row in translator.rows:
        hub.observer.translated(row.map, row.relationship)
    header.hops.append(hub.division)
    hub.observer.stage("translate", perf_counter() - began)
    outgoing: bytes = exchange.request.SerializeToString()
    return outgoing


async def _send(hub: Hub, exchange: Exchange, hop: Hop, outgoing: bytes) -> bytes:
    began = perf_counter()
    try:
        return await forward(
            hub.links[hop.division],
            hop.division,
            exchange.method.path,
            outgoing,
            exchange.deadline,
            exchange.trace,
            hub.clock,
        )
    finally:
        hub.observer.link(hop.division, perf_counter() - began)


def _readable(exchange: Exchange, raw: bytes) -> Message:
    """The answer of the next hub, if it can be read and its sums hold."""
    try:
        reply = exchange.method.response.FromString(raw)
    except DecodeError:
        raise Decline("ANSWER_UNREADABLE", peer=exchange.peer) from None
    info = record.settlement_in(reply)
    broken = broken_identities(info) if info is not None else []
    if broken:
        raise Decline("ANSWER_DOES_NOT_ADD_UP", peer=exchange.peer, identity=broken[0])
    return reply


# --- parts of a commit ------------------------------------------------------------------------------------------


def _admit(hub: Hub, exchange: Exchange, tx: Tx) -> Earlier | None:
    running = exchange.key in hub.running
    earlier = admit.admit(
        tx, exchange.key, exchange.method, exchange.header, exchange.digest, hub.owner, hub.now_ms(), running
    )
    if earlier is not None:
        hub.observer.repeat("answered")
    return earlier


def _seal(hub: Hub, exchange: Exchange, tx: Tx) -> None:
    from gateway.exchange import outcome

    if exchange.method.name == "Undo":
        outcome.before_undo(hub, exchange, tx)


def _prepare(hub: Hub, exchange: Exchange, tx: Tx, call: Call) -> Any:
    if not exchange.from_institution or hub.treat_place is None:
        return None
    return hub.treat_place.prepare(tx, call)


def _note_answer(hub: Hub, exchange: Exchange, tx: Tx, reply: Any, held: Any) -> bytes:
    """Record an answer and all that follows from it; the bytes that go to the caller."""
    from gateway.exchange import outcome

    finished = _finished(hub, exchange, reply)
    record.finish(tx, exchange.key, State.DONE, hub.now_ms(), answer=finished)
    info = record.settlement_in(reply)
    if info is not None:
        record.enter_book(tx, exchange.key, exchange.method.path, exchange.header, info)
    _conclude(hub, exchange, tx, reply, held)
    if exchange.method.name == "Undo":
        outcome.after_undo(hub, exchange, tx, reply)
    return finished


def _note_refusal(hub: Hub, exchange: Exchange, tx: Tx, refusal: Refusal) -> None:
    """Record a refusal: final, or certainly not carried out, or unknown."""
    retry = retry_of(refusal)
    state = {"never": State.DECLINED, "same_id": State.RELEASED}.get(retry, State.UNKNOWN)
    fault = status_of(refusal).SerializeToString() if state == State.DECLINED else None
    record.finish(tx, exchange.key, state, hub.now_ms(), fault=fault)
    if state != State.UNKNOWN and exchange.from_institution and hub.treat_place is not None:
        hub.treat_place.conclude(tx, exchange.method.name, exchange.key.msgid, None)


def _conclude(hub: Hub, exchange: Exchange, tx: Tx, reply: Any, held: Any) -> None:
    if exchange.from_institution and hub.treat_place is not None:
        hub.treat_place.conclude(tx, exchange.method.name, exchange.key.msgid, reply, held)


def _finished(hub: Hub, exchange: Exchange, reply: Any) -> bytes:
    """The answer as the caller gets it: in the caller's own codes, with our hop in its header."""
    header = reply.header
    now = clocks.text17(hub.clock.china())
    if exchange.translator is not None:
        warning = exchange.translator.homeward(reply, exchange.header.inf_time[:10])
        if warning:
            header.warn_msg = f"{header.warn_msg}{warning}"
    else:
        hub.serial += 1
        header.inf_refmsgid = f"{hub.division}{exchange.received[:14]}{hub.serial % 10**10:010d}"
        header.refmsg_time = exchange.received
        header.translations.extend(exchange.header.translations)
    header.respond_time = now
    header.hops.add(admdvs=hub.division, elapsed_us=int((perf_counter() - exchange.began) * 1e6))
    finished: bytes = reply.SerializeToString()
    return finished


def _call(hub: Hub, exchange: Exchange) -> Call:
    return Call(exchange.method.name, exchange.request, exchange.header, hub.clock.china())


def _side(hub: Hub, identity: Identity) -> str:
    """The code system the caller speaks."""
    return hub.code_systems[identity.code if identity.kind == "hub" else hub.division]


def _give(result: Earlier) -> bytes:
    """An answer of the journal: the response, or the refusal raised anew."""
    from google.rpc.status_pb2 import Status

    if result.answer is not None:
        return result.answer
    raise PeerDecline(Status.FromString(result.fault or b""))
