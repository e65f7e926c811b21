"""Stage 8: what came of a request, in one commit: the journal, the book, the treat place's books."""

from time import perf_counter
from typing import Any

from google.protobuf.message import Message

from gateway import clock as clocks
from gateway.contract import Method
from gateway.errors.status import PeerDecline, Refusal, put_on_record, retry_of, status_of
from gateway.exchange import undo
from gateway.exchange.case import home_day
from gateway.exchange.state import Exchange, Hub
from gateway.store import book, journal
from gateway.store.journal import Key
from gateway.store.statement import Tx
from gateway.store.tables import State
from yidi.v1.settlement_types_pb2 import SettlementInfo

_STATES = {"never": State.DECLINED, "same_id": State.RELEASED, "enquire": State.UNKNOWN}


def settlement_in(response: Message) -> SettlementInfo | None:
    """The settlement, mirror entry or quote in an answer, if there is one."""
    if "setlinfo" not in response.DESCRIPTOR.fields_by_name or not response.HasField("setlinfo"):
        return None
    found: Any = response
    return found.setlinfo if isinstance(found.setlinfo, SettlementInfo) else None


def answer(hub: Hub, exchange: Exchange, tx: Tx, reply: Any) -> bytes:
    """Record an answer and all that follows from it; the bytes that go to the caller."""
    finished = finish(hub, exchange, reply)
    if not journal.finish(tx, exchange.key, State.DONE, hub.now_ms(), answer=finished):
        # An enquiry learned the answer meanwhile and recorded it: that one is the first answer.
        entry = journal.find(tx, exchange.key)
        return entry.answer if entry is not None and entry.answer is not None else finished
    undone = undo.original(exchange) if exchange.method.name == "Undo" else None
    follow(hub, exchange, tx, exchange.key, exchange.method, reply, undone, exchange.held)
    return finished


def follow(
    hub: Hub, exchange: Exchange, tx: Tx, key: Key, method: Method, reply: Any, undone: Key | None, held: Any = None
) -> None:
    """All that follows from an answer to the request ``key``, whether it came by itself or was learned by asking.

    An entry that was undone stands in the book before its mirror.
    """
    if undone is not None:
        undo.after(hub, exchange, tx, undone, reply)
    info = settlement_in(reply)
    if info is not None and info.setl_id:
        book.enter(tx, key, method.path, exchange.header, info)
    conclude(hub, exchange, tx, key, method, reply, held)


def refusal(hub: Hub, exchange: Exchange, refused: Refusal, tx: Tx) -> PeerDecline:
    """Record a refusal: final, or certainly not carried out, or unknown. What goes to the caller."""
    status = status_of(refused)
    state = _STATES.get(retry_of(refused), State.UNKNOWN)
    if state == State.DECLINED:
        put_on_record(status)
        journal.finish(tx, exchange.key, state, hub.now_ms(), fault=status.SerializeToString())
    else:
        journal.finish(tx, exchange.key, state, hub.now_ms())
    if state != State.UNKNOWN:
        conclude(hub, exchange, tx, exchange.key, exchange.method, None, exchange.held)
    return PeerDecline(status)


def unknown(hub: Hub, exchange: Exchange, tx: Tx) -> None:
    """Record that nobody knows what came of it."""
    journal.finish(tx, exchange.key, State.UNKNOWN, hub.now_ms())


def conclude(hub: Hub, exchange: Exchange, tx: Tx, key: Key, method: Method, reply: Any, held: Any = None) -> None:
    """Let the treat place note what came of a request; no reply means that it had no effect anywhere."""
    books = exchange.treat_place(hub)
    if books is not None:
        books.conclude(tx, method.name, key, reply, held)


def finish(hub: Hub, exchange: Exchange, reply: Any) -> bytes:
    """The answer as the caller gets it: in the caller's own codes, with our hop in its header."""
    header = reply.header
    if exchange.translator is not None:
        if exchange.again:  # the answer may be that of an earlier sending, translated by other rows
            exchange.translator.remember(header.translations)
        exchange.translator.homeward(reply, home_day(exchange.header))
    else:
        hub.serial += 1
        header.inf_refmsgid = f"{hub.division}{exchange.received[:14]}{hub.serial % 10**10:010d}"
        header.refmsg_time = exchange.received
        header.translations.extend(exchange.header.translations)
    header.respond_time = clocks.text17(hub.clock.china())
    header.hops.add(admdvs=hub.division, elapsed_us=int((perf_counter() - exchange.began) * 1e6))
    finished: bytes = reply.SerializeToString()
    return finished
