"""What became of an earlier request (GetOutcome).

It tells what the journal knows. Where the journal itself does not know, it asks the next hub, and what comes back is
evidence: it is recorded as if it had been the answer.
"""

from typing import Any

from google.rpc.status_pb2 import Status

from gateway.contract import BY_NAME, METHODS, Method
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, fault_of, from_fault, put_on_record
from gateway.exchange import record, undo
from gateway.exchange.case import case_of, home_day
from gateway.exchange.forward import forward
from gateway.exchange.state import Exchange, Hub
from gateway.store import journal
from gateway.store.journal import Entry, Key
from gateway.store.statement import Tx
from gateway.store.tables import State
from gateway.treatplace import pinning
from yidi.v1.settlement_pb2 import (
    OUTCOME_DECLINED,
    OUTCOME_DONE,
    OUTCOME_NOT_RECEIVED,
    OUTCOME_RUNNING,
    OUTCOME_UNDONE,
    OUTCOME_UNKNOWN,
    GetOutcomeRequest,
    GetOutcomeResponse,
)


async def answer(hub: Hub, exchange: Exchange) -> bytes:
    """Tell what became of a request, asking the hubs behind where our journal does not know."""
    key = Key(exchange.key.sender, exchange.request.omsgid)
    await learn(hub, exchange, key)
    entry = await hub.store.read(lambda tx: journal.find(tx, key))
    return record.finish(hub, exchange, _told(entry, running=key in hub.running))


async def learn(hub: Hub, exchange: Exchange, key: Key) -> bool:
    """Where our journal does not know what became of a request, ask the next hub on its way; whether it knows now.

    What comes back is evidence and is recorded as if it had been the answer; no answer changes nothing.
    """
    entry = await hub.store.read(lambda tx: journal.find(tx, key))
    if _is_open(entry) and entry is not None and key not in hub.running:
        if exchange.treat_place(hub) is not None:
            await hub.store.read(lambda tx: pinning.pin(tx, exchange.call(hub)))
        await _ask_behind(hub, exchange, key, entry)
        entry = await hub.store.read(lambda tx: journal.find(tx, key))
    return not _is_open(entry)


def _is_open(entry: Entry | None) -> bool:
    return entry is not None and entry.state in (State.RUNNING, State.UNKNOWN)


def _told(entry: Entry | None, *, running: bool) -> GetOutcomeResponse:
    """The journal's knowledge as an answer."""
    if entry is None:
        return GetOutcomeResponse(outcome=OUTCOME_NOT_RECEIVED)
    method = METHODS.get(entry.path)
    told = GetOutcomeResponse(method=entry.path, infno=method.infno if method is not None else "")
    if entry.state == State.DONE and method is not None:
        told.outcome, told.answer = OUTCOME_DONE, entry.answer or b""
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


async def _ask_behind(hub: Hub, exchange: Exchange, key: Key, entry: Entry) -> None:
    method = METHODS.get(entry.path)
    hop = hub.routes.find(entry.insuplc)
    if method is None:
        return
    if hop.kind == "core":
        # What a desk answers is one commit: a request that is not there as done was never carried out.
        await hub.store.submit(lambda tx: _released(hub, exchange, key, method, tx))
        return
    request = GetOutcomeRequest(header=exchange.header, omsgid=key.msgid)
    request.header.insuplc_admdvs = entry.insuplc
    request.header.hops.append(hub.division)
    raw = request.SerializeToString()
    try:
        reply = await forward(hub, hop.division, BY_NAME["GetOutcome"], raw, exchange.deadline, exchange.trace)
    except (Decline, PeerDecline):
        return  # an enquiry without an answer is no evidence: the outcome stays unknown
    told = GetOutcomeResponse.FromString(reply)
    await hub.store.submit(lambda tx: _learn(hub, exchange, hop.division, key, method, told, tx))


def _learn(hub: Hub, exchange: Exchange, peer: str, key: Key, method: Method, told: GetOutcomeResponse, tx: Tx) -> None:
    if key in hub.running:
        return  # sent again meanwhile: its own answer will tell
    if told.outcome == OUTCOME_DONE:
        _learn_answer(hub, exchange, peer, key, method, told.answer, tx)
    elif told.outcome == OUTCOME_DECLINED:
        fault = put_on_record(from_fault(told.fault)).SerializeToString()
        if journal.finish(tx, key, State.DECLINED, hub.now_ms(), fault=fault):
            record.conclude(hub, exchange, tx, key, method, None)
    elif told.outcome == OUTCOME_NOT_RECEIVED:
        _released(hub, exchange, key, method, tx)


def _learn_answer(hub: Hub, exchange: Exchange, peer: str, key: Key, method: Method, raw: bytes, tx: Tx) -> None:
    """The answer that got lost, as it would have been given then."""
    reply: Any = method.response.FromString(raw)
    entry = journal.find(tx, key)
    undone = Key(key.sender, entry.undoes) if entry is not None and entry.undoes else None
    translator = hub.translator(exchange.identity, peer, case_of(exchange.request, exchange.header).given)
    translator.remember(reply.header.translations)
    if undone is not None:
        translator.undoing(undo.translated(journal.find(tx, undone)))
    translator.homeward(reply, home_day(exchange.header))
    reply.header.hops.add(admdvs=hub.division)
    if journal.finish(tx, key, State.DONE, hub.now_ms(), answer=reply.SerializeToString()):
        record.follow(hub, exchange, tx, key, method, reply, undone)


def _released(hub: Hub, exchange: Exchange, key: Key, method: Method, tx: Tx) -> None:
    if key not in hub.running and journal.finish(tx, key, State.RELEASED, hub.now_ms()):
        record.conclude(hub, exchange, tx, key, method, None)
