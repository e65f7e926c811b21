"""Charge batches: what is settled at once, and where its settlement stands.

An out-patient batch is named by chrg_bchno; a stay has one batch with an empty name. The version grows with every
change of the lines, so a quote tells for which lines it was made. A request id belongs to its institution, so a
batch is found by both.
"""

from typing import NamedTuple

import sqlalchemy as sa

from gateway.errors import Decline
from gateway.store.journal import Key
from gateway.store.statement import Statement, Tx
from gateway.store.tables import Batch, batch

_KEY = (batch.c.mdtrt_id == sa.bindparam("key")) & (batch.c.chrg_bchno == sa.bindparam("name"))
_OWN = batch.c.institution == sa.bindparam("sender")
_FIND = Statement(sa.select(batch).where(_KEY))
_FIND_SETTLEMENT = Statement(
    sa.select(batch).where((batch.c.mdtrt_id == sa.bindparam("key")) & (batch.c.setl_id == sa.bindparam("setl")))
)
_FIND_REVERSED = Statement(
    sa.select(batch.c.chrg_bchno).where(
        (batch.c.mdtrt_id == sa.bindparam("key")) & (batch.c.reversed_setl_id == sa.bindparam("setl"))
    )
)
_INSERT = Statement(sa.insert(batch))
_CHANGED = Statement(sa.update(batch).where(_KEY).values(version=batch.c.version + 1))
_FORGET = Statement(sa.delete(batch).where(_KEY))
_QUOTED = Statement(
    sa.update(batch)
    .where(_KEY & (batch.c.version == sa.bindparam("at_version")))
    .values(quoted_version=batch.c.version)
)
_PEND = Statement(sa.update(batch).where(_KEY).values(state=sa.bindparam("new_state"), pending=sa.bindparam("request")))
_SETTLED = Statement(
    sa.update(batch)
    .where(_OWN & (batch.c.pending == sa.bindparam("request")))
    .values(
        state=int(Batch.SETTLED), pending="", setl_msgid=sa.bindparam("settled_by"), setl_id=sa.bindparam("new_setl_id")
    )
)
_REVERSED = Statement(
    sa.update(batch)
    .where(_OWN & (batch.c.pending == sa.bindparam("request")))
    .values(
        state=int(Batch.OPEN),
        pending="",
        setl_msgid="",
        setl_id="",
        reversed_setl_id=batch.c.setl_id,
        quoted_version=0,
        reversal_msgid=sa.bindparam("reversed_by"),
    )
)
_BACK = Statement(
    sa.update(batch)
    .where(_OWN & (batch.c.pending == sa.bindparam("request")))
    .values(state=sa.bindparam("new_state"), pending="")
)
_UNDO_SETTLED = Statement(
    sa.update(batch)
    .where(_OWN)
    .where((batch.c.setl_msgid == sa.bindparam("request")) | (batch.c.pending == sa.bindparam("request")))
    .where((batch.c.state == int(Batch.SETTLED)) | (batch.c.state == int(Batch.SETTLING)))
    .values(
        state=int(Batch.OPEN),
        pending="",
        setl_msgid="",
        setl_id="",
        reversed_setl_id=batch.c.setl_id,
        quoted_version=0,
    )
)
_REINSTATE = Statement(
    sa.update(batch)
    .where(_OWN)
    .where((batch.c.reversal_msgid == sa.bindparam("request")) | (batch.c.pending == sa.bindparam("request")))
    .where((batch.c.state == int(Batch.OPEN)) | (batch.c.state == int(Batch.REVERSING)))
    .values(state=int(Batch.SETTLED), pending="", reversal_msgid="", setl_id=sa.bindparam("new_setl_id"))
)


class ChargeBatch(NamedTuple):
    """One row of the table, in its order."""

    mdtrt_id: str
    chrg_bchno: str
    institution: str
    dise_codg: str
    version: int
    quoted_version: int
    state: int
    pending: str
    setl_msgid: str
    setl_id: str
    reversal_msgid: str
    reversed_setl_id: str


def find(tx: Tx, mdtrt_id: str, name: str) -> ChargeBatch | None:
    """A charge batch, or None."""
    row = tx.one(_FIND, key=mdtrt_id, name=name)
    return None if row is None else ChargeBatch(*row)


def find_settlement(tx: Tx, mdtrt_id: str, setl_id: str) -> ChargeBatch | None:
    """The batch that a settlement settled, or None."""
    row = tx.one(_FIND_SETTLEMENT, key=mdtrt_id, setl=setl_id) if setl_id else None
    return None if row is None else ChargeBatch(*row)


def was_reversed(tx: Tx, mdtrt_id: str, setl_id: str) -> bool:
    """Whether a settlement is the one of its batch that was reversed last."""
    return tx.one(_FIND_REVERSED, key=mdtrt_id, setl=setl_id) is not None


def refuse_unless_open(found: ChargeBatch | None, msgid: str = "") -> None:
    """Refuse to change or settle what is settled, or what another request is settling.

    This is where a settlement sent again under a fresh request id ends: it is told the settlement that exists.
    """
    if found is None or found.state == Batch.OPEN:
        return
    if found.state == Batch.SETTLED:
        raise Decline("BATCH_SETTLED", setl_id=found.setl_id)
    if found.pending != msgid:
        raise Decline("BATCH_BUSY", msgid=found.pending)


def changed(tx: Tx, found: ChargeBatch | None, mdtrt_id: str, name: str, institution: str, dise_codg: str) -> None:
    """Lines of a batch were added or revoked: an earlier quote no longer holds."""
    if found is not None:
        tx.run(_CHANGED, key=mdtrt_id, name=name)
        return
    tx.run(
        _INSERT,
        mdtrt_id=mdtrt_id,
        chrg_bchno=name,
        institution=institution,
        dise_codg=dise_codg,
        version=1,
        quoted_version=0,
        state=int(Batch.OPEN),
        pending="",
        setl_msgid="",
        setl_id="",
        reversal_msgid="",
        reversed_setl_id="",
    )


def forget(tx: Tx, found: ChargeBatch) -> None:
    """All lines of the batch were revoked: its name is free again."""
    tx.run(_FORGET, key=found.mdtrt_id, name=found.chrg_bchno)


def quoted(tx: Tx, mdtrt_id: str, name: str, version: int) -> None:
    """The insured place quoted these lines; nothing is noted when they changed meanwhile."""
    tx.run(_QUOTED, key=mdtrt_id, name=name, at_version=version)


def begin(tx: Tx, found: ChargeBatch, state: Batch, msgid: str) -> None:
    """A request starts to settle or to reverse the batch."""
    tx.run(_PEND, key=found.mdtrt_id, name=found.chrg_bchno, new_state=int(state), request=msgid)


def settled(tx: Tx, key: Key, setl_id: str) -> None:
    """The settlement under way came through."""
    tx.run(_SETTLED, sender=key.sender, request=key.msgid, settled_by=key.msgid, new_setl_id=setl_id)


def reversed_by(tx: Tx, key: Key) -> None:
    """The reversal under way came through: the batch can be settled anew."""
    tx.run(_REVERSED, sender=key.sender, request=key.msgid, reversed_by=key.msgid)


def back_to(tx: Tx, key: Key, state: Batch) -> None:
    """The request under way was refused: the batch is where it was."""
    tx.run(_BACK, sender=key.sender, request=key.msgid, new_state=int(state))


def undo_settlement(tx: Tx, original: Key) -> None:
    """The settlement was undone by its request id."""
    tx.run(_UNDO_SETTLED, sender=original.sender, request=original.msgid)


def undo_reversal(tx: Tx, original: Key, setl_id: str) -> None:
    """The reversal was undone by its request id: a new entry reinstates the settlement.

    Without an entry the reversal never happened, and the settlement stands as it was.
    """
    if setl_id:
        tx.run(_REINSTATE, sender=original.sender, request=original.msgid, new_setl_id=setl_id)
    else:
        back_to(tx, original, Batch.SETTLED)
