"""Stage 3: one request id, one effect, one answer.

The journal is keyed by (sender, request id). A request is *new*, or it *repeats* one that has been answered, or it
*conflicts* with one of other content, or the first one is *still running*. One whose outcome is unknown, or that was
never carried out, runs again under the same id; the hubs behind this one then do the same with theirs.
"""

import hashlib
from typing import NamedTuple

from gateway.errors import Decline
from gateway.exchange import undo
from gateway.exchange.state import Exchange, Hub
from gateway.exchange.wire import varint
from gateway.store import journal
from gateway.store.statement import Tx
from gateway.store.tables import State
from yidi.v1.header_pb2 import RequestHeader


class Earlier(NamedTuple):
    """An earlier answer to the same request: the response bytes, or the refusal as google.rpc.Status bytes."""

    answer: bytes | None
    fault: bytes | None


def digest_of(header: RequestHeader, raw: bytes) -> bytes:
    """The content of a request: who it is for, and everything but its header.

    The time, the operator and the hops in the header may differ between two sendings of the same request. The
    header is field 1, and every protobuf writer puts it first.
    """
    content = hashlib.sha256(f"{header.mdtrtarea_admvs}{header.insuplc_admdvs}{header.fixmedins_code}".encode())
    content.update(_body(raw))
    return content.digest()


def _body(raw: bytes) -> bytes:
    """What follows the header, when the header comes first."""
    if not raw or raw[0] != 0x0A:
        return raw
    size, at = varint(raw, 1)
    return raw[at + size :] if at >= 0 else raw


def admit(hub: Hub, exchange: Exchange, tx: Tx) -> Earlier | None:
    """Enter a request into the journal as running; None when it is to be carried out now.

    Returns the earlier answer of a repeat. Raises MSGID_CONFLICT, STILL_RUNNING or REQUEST_SEALED.
    """
    key = exchange.key
    entry = journal.find(tx, key)
    if entry is None:
        undoes = undo.original(exchange).msgid if exchange.method.name == "Undo" else ""
        path, header = exchange.method.path, exchange.header
        journal.enter(tx, key, path, header, exchange.digest, State.RUNNING, hub.owner, hub.now_ms(), undoes)
        _take(hub, exchange)
        return None
    if entry.state == State.SEALED:
        raise Decline("REQUEST_SEALED")
    # A hub vouches for the content of its hospitals; what nobody has carried out it may translate anew.
    retold = entry.state == State.RELEASED and exchange.identity.kind == "hub"
    if (entry.digest != exchange.digest and not retold) or entry.path != exchange.method.path:
        hub.observer.repeat("conflict")
        raise Decline("MSGID_CONFLICT", msgid=key.msgid)
    if entry.state in (State.DONE, State.DECLINED):
        hub.observer.repeat("answered")
        return Earlier(entry.answer, entry.fault)
    if key in hub.running:
        hub.observer.repeat("running")
        raise Decline("STILL_RUNNING")
    hub.observer.repeat("resumed")
    exchange.again = True
    exchange.resumed = entry.state != State.RELEASED
    journal.run_again(tx, key, hub.owner, exchange.digest)
    _take(hub, exchange)
    return None


def _take(hub: Hub, exchange: Exchange) -> None:
    """From here on this process runs the request; the chain lets go of it in every case."""
    hub.running.add(exchange.key)
    exchange.taken = True
