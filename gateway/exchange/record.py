"""Stage 8: what came of a request, in one commit: the journal, the book of settlements, the treat place's books."""

from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message

from gateway.exchange.admit import Key
from gateway.store.statement import Statement, Tx
from gateway.store.tables import State, book, journal
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.settlement_types_pb2 import SettlementInfo

_KEY = (journal.c.sender == sa.bindparam("key_sender")) & (journal.c.msgid == sa.bindparam("key_msgid"))
_OPEN = (journal.c.state == int(State.RUNNING)) | (journal.c.state == int(State.UNKNOWN))
_FINISH = Statement(
    sa.update(journal)
    .where(_KEY & _OPEN)
    .values(
        state=sa.bindparam("new_state"),
        answered_ms=sa.bindparam("at"),
        answer=sa.bindparam("new_answer"),
        fault=sa.bindparam("new_fault"),
    )
)
_ENTER = Statement(sa.insert(book).values({c: sa.bindparam(c.name) for c in book.c if c.name != "entry"}))
_ABANDONED = Statement(
    sa.update(journal)
    .where((journal.c.state == int(State.RUNNING)) & (journal.c.owner != sa.bindparam("me")))
    .values(state=int(State.UNKNOWN))
)


def finish(
    tx: Tx, key: Key, state: State, now_ms: int, answer: bytes | None = None, fault: bytes | None = None
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


def settlement_in(response: Message) -> SettlementInfo | None:
    """The settlement or mirror entry an answer made, if it made one."""
    if "setlinfo" not in response.DESCRIPTOR.fields_by_name or not response.HasField("setlinfo"):
        return None
    found: Any = response
    info = found.setlinfo
    return info if isinstance(info, SettlementInfo) and info.setl_id else None


def enter_book(tx: Tx, key: Key, method: str, header: RequestHeader, info: SettlementInfo) -> None:
    """Add a settlement, or the mirror entry of one, to the book of this hub. The book only grows."""
    tx.run(
        _ENTER,
        sender=key.sender,
        msgid=key.msgid,
        method=method,
        institution=header.fixmedins_code,
        mdtrtarea=header.mdtrtarea_admvs,
        insuplc=header.insuplc_admdvs,
        mdtrt_id=info.mdtrt_id,
        setl_id=info.setl_id,
        setl_time=info.setl_time,
        medfee_fen=info.medfee_sumamt_fen,
        fund_fen=info.fund_pay_sumamt_fen,
        account_fen=info.acct_pay_fen + info.acct_mulaid_pay_fen,
        cash_fen=info.psn_cash_pay_fen,
        hospital_fen=info.hosp_part_amt_fen,
    )


def abandon_earlier_runs(tx: Tx, owner: str) -> int:
    """At start: what an earlier process of this hub left running has an unknown outcome."""
    return tx.run(_ABANDONED, me=owner)
