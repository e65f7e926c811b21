"""The book: every settlement and every mirror entry that passed this hub. It only grows."""

import sqlalchemy as sa

from gateway.store.journal import Key
from gateway.store.statement import Statement, Tx
from gateway.store.tables import book
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.settlement_types_pb2 import SettlementInfo

_KNOWN = Statement(
    sa.select(book.c.entry).where((book.c.sender == sa.bindparam("sender")) & (book.c.msgid == sa.bindparam("msgid")))
)
_ENTER = Statement(sa.insert(book).values({c: sa.bindparam(c.name) for c in book.c if c.name != "entry"}))


def knows(tx: Tx, key: Key) -> bool:
    """Whether a request has an entry."""
    return tx.one(_KNOWN, sender=key.sender, msgid=key.msgid) is not None


def enter(tx: Tx, key: Key, path: str, header: RequestHeader, info: SettlementInfo) -> None:
    """Add an entry; a mirror entry carries negative amounts."""
    tx.run(
        _ENTER,
        sender=key.sender,
        msgid=key.msgid,
        method=path,
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
