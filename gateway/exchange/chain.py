"""One exchange through one hub, in the order in which it happens.

identify → check → admit → split → route → translate → forward → record. Admitting, the treat place's preparation and
the translation share one commit, made before anything is sent; the answer and all that follows from it share
another. Where the translation needs to know the person's entitlement, that first part is undone, the insured place
is asked, and it begins again. What a desk answers needs only one commit. Nothing here knows gRPC: the server calls
``answer`` and turns what it raises into a status.
"""

from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

from gateway import clock as clocks
from gateway.contract import Method
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, Refusal
from gateway.exchange import admit, check, entitlement, identify, outcome, outgoing, record, undo
from gateway.exchange.admit import Earlier
from gateway.exchange.forward import TranslatedOtherwise, forward, refuse_too_late
from gateway.exchange.link import Desk
from gateway.exchange.state import Exchange, Hub
from gateway.money import broken_identities
from gateway.store.journal import Key
from gateway.store.sqlite import StoreUnavailable
from gateway.store.statement import Tx
from yidi.v1.options_pb2 import DESTINATION_JOURNAL, DESTINATION_TREAT_PLACE, EFFECT_COMMAND


async def answer(
    hub: Hub,
    method: Method,
    raw: bytes,
    certificate: bytes,
    deadline: float,
    trace: str,
    seen: dict[str, object] | None = None,
) -> bytes:
    """Answer one request with the bytes of its response; raises Decline or PeerDecline.

    ``seen`` is given the request id and the number of hops once the request can be read, for the log.
    """
    began = perf_counter()
    identity = identify.identity_of(certificate)
    request: Any = check.read(method, raw)
    if seen is not None:
        seen.update(msgid=request.header.msgid[:30], hop=len(request.header.hops))
    header = check.check(method, request, identity.kind == "hub", hub.clock.china())
    identify.authorize(identity, header, hub.neighbours)
    exchange = Exchange(
        method=method,
        identity=identity,
        raw=raw,
        request=request,
        header=header,
        key=Key(identify.sender_key(identity, header), header.msgid),
        digest=admit.digest_of(header, raw),
        deadline=deadline,
        trace=trace,
        began=began,
        received=clocks.text17(hub.clock.china()),
    )
    hub.observer.stage("check", perf_counter() - began)
    try:
        return await _dispatch(hub, exchange)
    except StoreUnavailable as error:
        raise Decline("STORE_UNAVAILABLE", detail=str(error)) from error


async def _dispatch(hub: Hub, exchange: Exchange) -> bytes:
    """To the desk or the link that answers."""
    refuse_too_late(hub.clock, exchange.deadline)
    hub.routes.refuse_loop(list(exchange.header.hops))
    if exchange.method.destination == DESTINATION_JOURNAL:
        return await outcome.answer(hub, exchange)
    if exchange.method.name == "Undo":
        await outcome.learn(hub, exchange, undo.original(exchange))
    if exchange.method.destination == DESTINATION_TREAT_PLACE:
        desk = exchange.treat_place(hub)
        if desk is None:
            raise Decline("ROUTE_NOT_TREAT_PLACE", division=exchange.header.mdtrtarea_admvs)
        return await _at_desk(hub, exchange, desk)
    hop = hub.routes.find(exchange.header.insuplc_admdvs)
    if hop.kind == "core" and hub.core is not None:
        return await _at_desk(hub, exchange, hub.core)
    if exchange.method.effect == EFFECT_COMMAND:
        return await _command_through_link(hub, exchange, hop.division)
    return await _query_through_link(hub, exchange, hop.division)


# --- answered here: one commit ----------------------------------------------------------------------------------


async def _at_desk(hub: Hub, exchange: Exchange, desk: Desk) -> bytes:
    """A desk answers inside our transaction: journal, effect, answer and books are one commit."""
    try:
        if exchange.method.effect == EFFECT_COMMAND:
            return _give(await hub.store.submit(lambda tx: _command_at_desk(hub, exchange, desk, tx)))
        reply = await hub.store.read(lambda tx: _query_at_desk(hub, exchange, desk, tx))
        await _note_quote(hub, exchange, reply)
        return record.finish(hub, exchange, reply)
    finally:
        exchange.let_go(hub)
        hub.observer.stage("answer", perf_counter() - exchange.began)


def _query_at_desk(hub: Hub, exchange: Exchange, desk: Desk, tx: Tx) -> Message:
    _prepare(hub, exchange, tx)
    return desk.answer(tx, exchange.call(hub))


def _command_at_desk(hub: Hub, exchange: Exchange, desk: Desk, tx: Tx) -> Earlier:
    earlier = _begin(hub, exchange, tx)
    if earlier is not None:
        return earlier
    try:
        with tx.nested():
            reply = desk.answer(tx, exchange.call(hub))
    except Decline as decline:
        if desk is hub.treat_place:
            raise  # decided here and now: nothing is kept, and the request may be sent again corrected
        return Earlier(None, record.refusal(hub, exchange, decline, tx).status.SerializeToString())
    return Earlier(record.answer(hub, exchange, tx, reply), None)


def _give(result: Earlier) -> bytes:
    """What the journal has: the response, or the refusal raised anew."""
    if result.answer is not None:
        return result.answer
    raise PeerDecline(Status.FromString(result.fault or b""))


# --- answered by another hub: one commit before it is sent, one after the answer --------------------------------------


async def _query_through_link(hub: Hub, exchange: Exchange, peer: str) -> bytes:
    async def first() -> bytes:
        if exchange.treat_place(hub) is not None:
            await hub.store.read(lambda tx: _prepare(hub, exchange, tx))
        return outgoing.made(hub, exchange, peer)

    sent = await entitlement.decided(hub, exchange, peer, first)
    reply = _read_reply(exchange, peer, await _send(hub, exchange, peer, sent))
    await _note_quote(hub, exchange, reply)
    return record.finish(hub, exchange, reply)


async def _command_through_link(hub: Hub, exchange: Exchange, peer: str) -> bytes:
    try:
        try:
            return await _command(hub, exchange, peer)
        except _CannotResume as error:
            # Its first sending was another one, by the code maps or the books of then: what it did is asked for.
            exchange.begin_again(hub)
            if not await outcome.learn(hub, exchange, exchange.key):
                raise Decline("OUTCOME_UNKNOWN", peer=peer) from error
        exchange.resumed = False
        try:
            return await _command(hub, exchange, peer)
        except _CannotResume as error:
            raise Decline("OUTCOME_UNKNOWN", peer=peer) from error
    finally:
        exchange.let_go(hub)


class _CannotResume(Exception):
    """Occurs when a request that may have been carried out cannot be sent again as it was sent then."""


async def _command(hub: Hub, exchange: Exchange, peer: str) -> bytes:
    began = perf_counter()
    sent = await _admitted(hub, exchange, peer)
    hub.observer.stage("admit", perf_counter() - began)
    if isinstance(sent, Earlier):
        return _give(sent)
    return await _carry_through(hub, exchange, peer, sent)


async def _admitted(hub: Hub, exchange: Exchange, peer: str) -> bytes | Earlier:
    """The first commit. A resumed request that is refused here is not refused: what its first sending did counts."""

    async def first() -> bytes | Earlier:
        return await hub.store.submit(lambda tx: _before_sending(hub, exchange, peer, tx))

    try:
        return await entitlement.decided(hub, exchange, peer, first)
    except (Decline, PeerDecline) as refused:
        if exchange.resumed:
            raise _CannotResume from refused
        raise


def _before_sending(hub: Hub, exchange: Exchange, peer: str, tx: Tx) -> bytes | Earlier:
    """Everything that must be on disk before the request leaves; what is refused here leaves nothing behind."""
    return _begin(hub, exchange, tx) or outgoing.made(hub, exchange, peer)


async def _carry_through(hub: Hub, exchange: Exchange, peer: str, sent: bytes) -> bytes:
    """Send it, and record what came of it whatever that is. Unknown is a state, not a failure."""
    try:
        reply = _read_reply(exchange, peer, await _send(hub, exchange, peer, sent))
    except (Decline, PeerDecline) as refused:
        raise await _refused(hub, exchange, refused) from refused
    except TranslatedOtherwise as error:
        with suppress(StoreUnavailable):
            await hub.store.submit(partial(record.unknown, hub, exchange))
        raise _CannotResume from error
    except BaseException:
        with suppress(StoreUnavailable):
            await hub.store.submit(partial(record.unknown, hub, exchange))
        raise
    began = perf_counter()
    try:
        answered = await hub.store.submit(lambda tx: record.answer(hub, exchange, tx, reply))
    except StoreUnavailable as error:
        # It was carried out, and we cannot keep the answer: the caller asks again, and the next hub still has it.
        raise Decline("OUTCOME_UNKNOWN", peer=peer, detail=str(error)) from error
    finally:
        hub.observer.stage("record", perf_counter() - began)
    outgoing.count(hub, exchange)
    return answered


async def _refused(hub: Hub, exchange: Exchange, refused: Refusal) -> Refusal:
    """Record a refusal. One that cannot be recorded still stands: the request is then taken up as unknown."""
    try:
        return await hub.store.submit(partial(record.refusal, hub, exchange, refused))
    except StoreUnavailable:
        return refused


async def _send(hub: Hub, exchange: Exchange, peer: str, sent: bytes) -> bytes:
    began = perf_counter()
    try:
        return await forward(
            hub,
            peer,
            exchange.method,
            sent,
            exchange.deadline,
            exchange.trace,
            resumed=exchange.resumed,
            again=exchange.again,
        )
    finally:
        hub.observer.link(peer, perf_counter() - began)


def _read_reply(exchange: Exchange, peer: str, raw: bytes) -> Message:
    """The answer of the next hub, if it can be read, belongs to the request, and its sums hold."""
    try:
        reply = exchange.method.response.FromString(raw)
    except DecodeError:
        raise Decline("ANSWER_UNREADABLE", peer=peer) from None
    info = record.settlement_in(reply)
    if info is None:
        return reply
    broken = broken_identities(info)
    if broken and info.setl_id:
        raise Decline("ANSWER_DOES_NOT_ADD_UP", peer=peer, identity=broken[0])
    if broken:
        raise Decline("QUOTE_DOES_NOT_ADD_UP", peer=peer, identity=broken[0])
    data = getattr(exchange.request, "data", None)
    if getattr(data, "mdtrt_id", info.mdtrt_id) != info.mdtrt_id:
        raise Decline("ANSWER_FOREIGN", peer=peer)
    return reply


# --- parts of both ----------------------------------------------------------------------------------------------


def _begin(hub: Hub, exchange: Exchange, tx: Tx) -> Earlier | None:
    """The start of a command's first commit; the earlier answer of a repeat, which then goes no further."""
    refuse_too_late(hub.clock, exchange.deadline)  # again: the unit may have waited for its turn
    earlier = admit.admit(hub, exchange, tx)
    if earlier is not None:
        return earlier
    if exchange.method.name == "Undo":
        undo.before(hub, exchange, tx)
    _prepare(hub, exchange, tx)
    return None


def _prepare(hub: Hub, exchange: Exchange, tx: Tx) -> None:
    """The treat place checks the request against its books and adds what it vouches for."""
    books = exchange.treat_place(hub)
    if books is not None:
        exchange.held = books.prepare(tx, exchange.call(hub))


async def _note_quote(hub: Hub, exchange: Exchange, reply: Message) -> None:
    """A quote changes nothing but the treat place's note that there is one."""
    if exchange.held is not None:
        await hub.store.submit(
            lambda tx: record.conclude(hub, exchange, tx, exchange.key, exchange.method, reply, exchange.held)
        )
