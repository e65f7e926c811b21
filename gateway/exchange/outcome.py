"""What became of an earlier request, and how it is undone: both by its request id.

``GetOutcome`` tells what the journal knows. Where the journal itself does not know, it asks the next hub, and what
comes back is evidence: it is recorded as if it had been the answer. ``Undo`` seals the id on every hub it passes, so
that a request which arrives late never runs, and lets the insured place reverse what had been carried out.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from google.rpc.status_pb2 import Status

from gateway.contract import METHODS, Method
from gateway.errors import Decline
from gateway.errors.status import fault_of, from_fault
from gateway.exchange import record, translate
from gateway.exchange.admit import Key
from gateway.exchange.forward import forward
from gateway.store.statement import Statement, Tx
from gateway.store.tables import State, journal
from yidi.v1.settlement_pb2 import (
    OUTCOME_DECLINED,
    OUTCOME_DONE,
    OUTCOME_NOT_RECEIVED,
    OUTCOME_RUNNING,
    OUTCOME_UNDONE,
    OUTCOME_UNKNOWN,
    GetOutcomeResponse,
)

if TYPE_CHECKING:
    from gateway.exchange.chain import Exchange, Hub

_KEY = (journal.c.sender == sa.bindparam("sender")) & (journal.c.msgid == sa.bindparam("msgid"))
_FIND = Statement(
    sa.select(journal.c.method, journal.c.state, journal.c.insuplc, journal.c.answer, journal.c.fault).where(_KEY)
)
_SEAL_NEW = Statement(sa.insert(journal))
_SEAL = Statement(
    sa.update(journal)
    .where((journal.c.sender == sa.bindparam("key_sender")) & (journal.c.msgid == sa.bindparam("key_msgid")))
    .values(state=int(State.SEALED), answered_ms=sa.bindparam("at"))
)


class Entry(NamedTuple):
    """A request as the journal has it."""

    path: str
    state: int
    insuplc: str
    answer: bytes | None
    fault: bytes | None

    @property
    def method(self) -> Method | None:
        """Its method; None for an id that was sealed before any request came."""
        return METHODS.get(self.path)


def find(tx: Tx, key: Key) -> Entry | None:
    """What the journal has under a request id."""
    row = tx.one(_FIND, sender=key.sender, msgid=key.msgid)
    return None if row is None else Entry(*row)


# --- GetOutcome -------------------------------------------------------------------------------------------------


async def answer(hub: "Hub", exchange: "Exchange") -> bytes:
    """Tell what became of a request, asking the hubs behind where our journal does not know."""
    from gateway.exchange.chain import _finished

    key = Key(exchange.key.sender, exchange.request.omsgid)
    entry = await hub.store.read(lambda tx: find(tx, key))
    if entry is not None and entry.state in (State.RUNNING, State.UNKNOWN) and key not in hub.running:
        await _ask_behind(hub, exchange, key, entry)
        entry = await hub.store.read(lambda tx: find(tx, key))
    return _finished(hub, exchange, _told(entry, running=key in hub.running))


def _told(entry: Entry | None, *, running: bool) -> GetOutcomeResponse:
    if entry is None:
        return GetOutcomeResponse(outcome=OUTCOME_NOT_RECEIVED)
    method = entry.method
    told = GetOutcomeResponse(method=entry.path, infno=method.infno if method is not None else "")
    if entry.state == State.DONE:
        told.outcome, told.answer = OUTCOME_DONE, entry.answer or b""
        assert method is not None
        info = record.settlement_in(method.response.FromString(told.answer))
        told.setl_id = info.setl_id if info is not None else ""
    elif entry.state == State.DECLINED:
        told.outcome = OUTCOME_DECLINED
        told.fault.CopyFrom(fault_of(Status.FromString(entry.fault or b"")))
    elif entry.state == State.SEALED:
        told.outcome = OUTCOME_UNDONE
    elif entry.state == State.RELEASED:
        told.outcome = OUTCOME_NOT_RECEIVED
    else:
        told.outcome = OUTCOME_RUNNING if running else OUTCOME_UNKNOWN
    return told


async def _ask_behind(hub: "Hub", exchange: "Exchange", key: Key, entry: Entry) -> None:
    """Ask the next hub on the way of the original request, and record what it says as evidence."""
    hop = hub.routes.find(entry.insuplc)
    if hop.kind == "core":
        # What a desk answers is one commit: a request that is not there as done was never carried out.
        await hub.store.submit(lambda tx: _released(hub, exchange, key, entry, tx))
        return
    request = type(exchange.request)()
    request.CopyFrom(exchange.request)
    request.header.hops.append(hub.division)
    try:
        raw = await forward(
            hub.links[hop.division],
            hop.division,
            exchange.method.path,
            request.SerializeToString(),
            exchange.deadline,
            exchange.trace,
            hub.clock,
        )
    except Exception:  # noqa: BLE001  # an enquiry without an answer changes nothing: the outcome stays unknown
        return
    told = GetOutcomeResponse.FromString(raw)
    await hub.store.submit(lambda tx: _learn(hub, exchange, key, entry, told, tx))


def _learn(hub: "Hub", exchange: "Exchange", key: Key, entry: Entry, told: GetOutcomeResponse, tx: Tx) -> None:
    method = entry.method
    if method is None:
        return
    if told.outcome == OUTCOME_DONE:
        _learn_answer(hub, exchange, key, method, told.answer, tx)
    elif told.outcome == OUTCOME_DECLINED:
        if record.finish(
            tx, key, State.DECLINED, hub.now_ms(), fault=from_fault(told.fault).SerializeToString()
        ):
            _conclude(hub, exchange, method.name, key, None, tx)
    elif told.outcome == OUTCOME_NOT_RECEIVED:
        _released(hub, exchange, key, entry, tx)


def _learn_answer(hub: "Hub", exchange: "Exchange", key: Key, method: Method, raw: bytes, tx: Tx) -> None:
    """The answer that got lost, as it would have been given then."""
    from gateway.exchange.chain import _side

    reply: Any = method.response.FromString(raw)
    hop = hub.routes.find(exchange.header.insuplc_admdvs)
    translator = translate.Translator(
        hub.maps, hub.division, _side(hub, exchange.identity), hub.code_systems[hop.division]
    )
    translator.remember(reply.header.translations)
    reply.header.warn_msg += translator.homeward(reply, exchange.header.inf_time[:10])
    reply.header.hops.add(admdvs=hub.division)
    if not record.finish(tx, key, State.DONE, hub.now_ms(), answer=reply.SerializeToString()):
        return
    info = record.settlement_in(reply)
    if info is not None:
        record.enter_book(tx, key, method.path, exchange.header, info)
    if not method.name.startswith("Quote"):
        _conclude(hub, exchange, method.name, key, reply, tx)


def _released(hub: "Hub", exchange: "Exchange", key: Key, entry: Entry, tx: Tx) -> None:
    if record.finish(tx, key, State.RELEASED, hub.now_ms()) and entry.method is not None:
        _conclude(hub, exchange, entry.method.name, key, None, tx)


def _conclude(hub: "Hub", exchange: "Exchange", method: str, key: Key, reply: Any, tx: Tx) -> None:
    if exchange.from_institution and hub.treat_place is not None:
        hub.treat_place.conclude(tx, method, key.msgid, reply)


# --- Undo -------------------------------------------------------------------------------------------------------


def before_undo(hub: "Hub", exchange: "Exchange", tx: Tx) -> str:
    """Seal an id that never arrived; refuse while the request still runs here. The name of its method, or empty."""
    data = exchange.request.data
    key = Key(exchange.key.sender, data.omsgid)
    if key in hub.running:
        raise Decline("STILL_RUNNING")
    entry = find(tx, key)
    if entry is None:
        tx.run(
            _SEAL_NEW,
            sender=key.sender,
            msgid=key.msgid,
            method="",
            digest=b"",
            state=int(State.SEALED),
            owner=hub.owner,
            mdtrtarea=exchange.header.mdtrtarea_admvs,
            insuplc=exchange.header.insuplc_admdvs,
            institution=exchange.header.fixmedins_code,
            received_ms=hub.now_ms(),
            answered_ms=hub.now_ms(),
            answer=None,
            fault=None,
        )
        return ""
    method = entry.method
    if method is not None and not data.oinfno.startswith(method.infno):
        raise Decline("UNDO_METHOD_DIFFERS", omsgid=data.omsgid, oinfno=data.oinfno)
    return method.name if method is not None else ""


def after_undo(hub: "Hub", exchange: "Exchange", tx: Tx, reply: Any) -> None:
    """The insured place has answered: the original is sealed for good, and the treat place's books follow."""
    key = Key(exchange.key.sender, exchange.request.data.omsgid)
    entry = find(tx, key)
    tx.run(_SEAL, key_sender=key.sender, key_msgid=key.msgid, at=hub.now_ms())
    if exchange.from_institution and hub.treat_place is not None and entry is not None and entry.method is not None:
        hub.treat_place.conclude_undo(tx, entry.method.name, key.msgid, reply)

