"""Stage 3: the journal. One request id, one effect, one answer.

The journal is keyed by (sender, request id). A request is *new*, or it *repeats* one that has been answered, or it
*conflicts* with one of other content, or the first one is *still running*. One whose outcome is unknown, or that was
never carried out, runs again under the same id; the hubs behind this one then do the same with theirs.
"""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.contract import Method
from gateway.errors import Decline
from gateway.store.statement import Statement, Tx
from gateway.store.tables import State, journal
from yidi.v1.header_pb2 import RequestHeader

_KEY = (journal.c.sender == sa.bindparam("sender")) & (journal.c.msgid == sa.bindparam("msgid"))
_FIND = Statement(
    sa.select(
        journal.c.state, journal.c.digest, journal.c.answer, journal.c.fault, journal.c.method
    ).where(_KEY)
)
_INSERT = Statement(sa.insert(journal))
_AGAIN = Statement(
    sa.update(journal).where(_KEY).values(state=int(State.RUNNING), owner=sa.bindparam("new_owner"))
)


@dataclass(frozen=True, slots=True)
class Key:
    """What the journal knows a request by."""

    sender: str
    msgid: str


@dataclass(frozen=True, slots=True)
class Earlier:
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
    if not raw or raw[0] != 0x0A:
        return raw
    size = shift = 0
    at = 1
    while at < len(raw):
        byte = raw[at]
        size |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return raw[at + size :]


def admit(
    tx: Tx, key: Key, method: Method, header: RequestHeader, digest: bytes, owner: str, now_ms: int, running: bool
) -> Earlier | None:
    """Enter a request into the journal as running; None when it is to be carried out now.

    ``running`` says whether this process is carrying it out at this moment. Returns the earlier answer of a repeat.
    Raises MSGID_CONFLICT, STILL_RUNNING or REQUEST_SEALED.
    """
    row = tx.one(_FIND, sender=key.sender, msgid=key.msgid)
    if row is None:
        tx.run(
            _INSERT,
            sender=key.sender,
            msgid=key.msgid,
            method=method.path,
            digest=digest,
            state=int(State.RUNNING),
            owner=owner,
            mdtrtarea=header.mdtrtarea_admvs,
            insuplc=header.insuplc_admdvs,
            institution=header.fixmedins_code,
            received_ms=now_ms,
            answered_ms=None,
            answer=None,
            fault=None,
        )
        return None
    state, stored, answer, fault, path = row
    if state == State.SEALED:
        raise Decline("REQUEST_SEALED")
    if stored != digest or path != method.path:
        raise Decline("MSGID_CONFLICT", msgid=key.msgid)
    if state in (State.DONE, State.DECLINED):
        return Earlier(answer, fault)
    if state == State.RUNNING and running:
        raise Decline("STILL_RUNNING")
    tx.run(_AGAIN, sender=key.sender, msgid=key.msgid, new_owner=owner)
    return None
