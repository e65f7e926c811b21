"""The journal: every request that changes something, by (sender, request id). All its SQL is here."""

from typing import NamedTuple

import sqlalchemy as sa

from gateway.store.statement import Statement, Tx
from gateway.store.tables import UNFINISHED, State, journal
from yidi.v1.header_pb2 import RequestHeader

_KEY = (journal.c.sender == sa.bindparam("key_sender")) & (journal.c.msgid == sa.bindparam("key_msgid"))
_FIND = Statement(
    sa.select(
        journal.c.method,
        journal.c.state,
        journal.c.digest,
        journal.c.insuplc,
        journal.c.answer,
        journal.c.fault,
        journal.c.undoes,
    ).where(_KEY)
)
_INSERT = Statement(sa.insert(journal))
_AGAIN = Statement(
    sa.update(journal)
    .where(_KEY)
    .values(state=int(State.RUNNING), owner=sa.bindparam("new_owner"), digest=sa.bindparam("new_digest"))
)
# A terminal state absorbs what comes late: only what runs or is unknown can still be finished.
_FINISH = Statement(
    sa.update(journal)
    .where(_KEY & ((journal.c.state == int(State.RUNNING)) | (journal.c.state == int(State.UNKNOWN))))
    .values(
        state=sa.bindparam("new_state"),
        answered_ms=sa.bindparam("at"),
        answer=sa.bindparam("new_answer"),
        fault=sa.bindparam("new_fault"),
    )
)
_SEAL = Statement(sa.update(journal).where(_KEY).values(state=int(State.SEALED), answered_ms=sa.bindparam("at")))
_ABANDONED = Statement(
    sa.update(journal)
    .where(sa.and_(UNFINISHED, journal.c.state == int(State.RUNNING), journal.c.owner != sa.bindparam("me")))
    .values(state=int(State.UNKNOWN))
)
_UNKNOWN = Statement(
    sa.select(sa.func.count()).select_from(journal).where(sa.and_(UNFINISHED, journal.c.state == int(State.UNKNOWN)))
)


class Key(NamedTuple):
    """What the journal knows a request by."""

    sender: str
    """Institution, or ``hub/institution`` behind a hub."""
    msgid: str


class Entry(NamedTuple):
    """A request as the journal has it."""

    path: str
    """``/yidi.v1.Service/Method``; empty for an id that was sealed before any request came."""
    state: int
    digest: bytes
    insuplc: str
    answer: bytes | None
    fault: bytes | None
    undoes: str


def find(tx: Tx, key: Key) -> Entry | None:
    """What the journal has under a request id."""
    row = tx.one(_FIND, key_sender=key.sender, key_msgid=key.msgid)
    return None if row is None else Entry(*row)


def enter(
    tx: Tx,
    key: Key,
    path: str,
    header: RequestHeader,
    digest: bytes,
    state: State,
    owner: str,
    now_ms: int,
    undoes: str = "",
) -> None:
    """Write down a request that was not there."""
    tx.run(
        _INSERT,
        sender=key.sender,
        msgid=key.msgid,
        method=path,
        digest=digest,
        state=int(state),
        owner=owner,
        mdtrtarea=header.mdtrtarea_admvs,
        insuplc=header.insuplc_admdvs,
        institution=header.fixmedins_code,
        received_ms=now_ms,
        answered_ms=None,
        answer=None,
        fault=None,
        undoes=undoes,
    )


def run_again(tx: Tx, key: Key, owner: str, digest: bytes) -> None:
    """A request that was never carried out, or whose outcome is unknown, runs again under its id."""
    tx.run(_AGAIN, key_sender=key.sender, key_msgid=key.msgid, new_owner=owner, new_digest=digest)


def finish(
    tx: Tx, key: Key, state: State, now_ms: int, *, answer: bytes | None = None, fault: bytes | None = None
) -> bool:
    """Write down where a request ended up; False when it had reached a terminal state before."""
    return bool(
        tx.run(
            _FINISH,
            key_sender=key.sender,
            key_msgid=key.msgid,
            new_state=int(state),
            at=now_ms,
            new_answer=answer,
            new_fault=fault,
        )
    )


def seal(tx: Tx, key: Key, now_ms: int) -> None:
    """The request was undone by its id and will never run; its answer stays on record."""
    tx.run(_SEAL, key_sender=key.sender, key_msgid=key.msgid, at=now_ms)


def abandon_earlier_runs(tx: Tx, owner: str) -> int:
    """At start: what an earlier process of this hub left running has an unknown outcome; how many."""
    return tx.run(_ABANDONED, me=owner)


def unknown_outcomes(tx: Tx) -> int:
    """How many requests wait for evidence of their outcome."""
    row = tx.one(_UNKNOWN)
    return int(row[0]) if row is not None else 0
