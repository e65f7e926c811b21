"""Quotes, settlements and reversals as the treat place sees them: before they leave, and after the answer.

The insured place decides who pays; the treat place vouches for what was charged. It adds the split lines of an
out-patient batch, or the totals by national charge category of a stay (Fushun 2022, art. 25), and it holds the batch
while a settlement is under way, so that a second one under a fresh request id finds it held.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa

from gateway import money
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.exchange.split import categories
from gateway.store.statement import Statement, Tx
from gateway.store.tables import Batch, Visit, fee_line
from gateway.treatplace import batches, encounters
from gateway.treatplace.encounters import Encounter
from yidi.v1.settlement_types_pb2 import CategoryTotal, SettlementLine, TreatPlaceFacts

_LINES = Statement(
    sa.select(fee_line.c.line)
    .where((fee_line.c.mdtrt_id == sa.bindparam("key")) & (fee_line.c.chrg_bchno == sa.bindparam("name")))
    .order_by(fee_line.c.feedetl_sn)
)

_TOTALS = ("fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen")
_ECHOED = (("fulamt_ownpay_amt", 0), ("overlmt_selfpay", 1), ("preselfpay_amt", 2), ("inscp_scp_amt", 3))


class Held(NamedTuple):
    """What a quote or settlement was prepared from; the answer is noted against it."""

    mdtrt_id: str
    chrg_bchno: str
    version: int


def prepare_quote(tx: Tx, call: Call, levels: dict[str, str]) -> Held:
    """2206, 2303: add what the treat place vouches for."""
    visit, found = _unsettled(tx, call)
    _add_facts(tx, call, visit, found, levels, settling=False)
    return Held(found.mdtrt_id, found.chrg_bchno, found.version)


def prepare_settlement(tx: Tx, call: Call, levels: dict[str, str]) -> Held:
    """2207, 2304: only what was quoted, and only once."""
    visit, found = _unsettled(tx, call)
    if not found.quoted_version:
        raise Decline("QUOTE_MISSING")
    if found.quoted_version != found.version:
        raise Decline("QUOTE_OUTDATED")
    _add_facts(tx, call, visit, found, levels, settling=True)
    batches.begin(tx, found, Batch.SETTLING, call.header.msgid)
    return Held(found.mdtrt_id, found.chrg_bchno, found.version)


def prepare_reversal(tx: Tx, call: Call) -> None:
    """2208, 2305: only a settlement of this institution that still stands."""
    request: Any = call.request
    data = request.data
    inpatient = call.method == "ReverseInpatient"
    visit = encounters.find_open(tx, call.header, data.mdtrt_id, data.psn_no, inpatient)
    found = batches.find_settlement(tx, visit.mdtrt_id, data.setl_id)
    if found is None and batches.was_reversed(tx, visit.mdtrt_id, data.setl_id):
        raise Decline("SETTLEMENT_REVERSED_HERE", setl_id=data.setl_id)
    if found is None:
        raise Decline("SETTLEMENT_UNKNOWN_HERE", setl_id=data.setl_id)
    if found.state == Batch.REVERSING and found.pending != call.header.msgid:
        raise Decline("BATCH_BUSY", msgid=found.pending)
    batches.begin(tx, found, Batch.REVERSING, call.header.msgid)


def _unsettled(tx: Tx, call: Call) -> tuple[Encounter, batches.ChargeBatch]:
    request: Any = call.request
    data = request.data
    inpatient = call.method.endswith("Inpatient")
    visit = encounters.find_open(tx, call.header, data.mdtrt_id, data.psn_no, inpatient)
    name = "" if inpatient else data.chrg_bchno
    found = batches.find(tx, visit.mdtrt_id, name)
    if found is None:
        raise Decline("BATCH_NOT_FOUND", mdtrt_id=visit.mdtrt_id)
    batches.refuse_unless_open(found, call.header.msgid)
    if inpatient and data.mid_setl_flag == "1":
        raise Decline("INTERIM_NOT_OFFERED")
    if inpatient and visit.state != Visit.DISCHARGED:
        raise Decline("ENCOUNTER_NOT_DISCHARGED", mdtrt_id=visit.mdtrt_id)
    return visit, found


def _add_facts(
    tx: Tx, call: Call, visit: Encounter, found: batches.ChargeBatch, levels: dict[str, str], *, settling: bool
) -> None:
    request: Any = call.request
    facts: TreatPlaceFacts = request.facts
    facts.begntime = visit.begntime
    facts.endtime = visit.endtime
    facts.dise_codg = visit.dise_codg if visit.inpatient else found.dise_codg
    facts.hosp_lv = levels.get(call.header.fixmedins_code, "")
    lines = [SettlementLine.FromString(row[0]) for row in tx.all(_LINES, key=visit.mdtrt_id, name=found.chrg_bchno)]
    if not lines:
        raise Decline("BATCH_NOT_FOUND", mdtrt_id=visit.mdtrt_id)
    totals = [0, 0, 0, 0]
    for line in lines:
        totals[0] += line.fulamt_ownpay_amt_fen
        totals[1] += line.overlmt_amt_fen
        totals[2] += line.preselfpay_amt_fen
        totals[3] += line.inscp_scp_amt_fen
    _refuse_other_total("medfee_sumamt", request.data.medfee_sumamt_fen, sum(totals))
    _refuse_other_echo(request.data, totals, settling=settling and not visit.inpatient)
    for name, total in zip(_TOTALS, totals, strict=True):
        setattr(facts, name, total)
    if visit.inpatient:
        facts.categories.extend(CategoryTotal(**total._asdict()) for total in categories(lines))
    else:
        facts.lines.extend(lines)


def _refuse_other_echo(data: Any, totals: list[int], *, settling: bool) -> None:
    """2207 echoes the split totals of the quote; 2303 and 2304 may (handbook, transactions 2207, 2303, 2304)."""
    if not hasattr(data, "inscp_scp_amt_fen"):
        return
    given = [getattr(data, f"{name}_fen") for name, _ in _ECHOED]
    if settling or any(given):
        for name, index in _ECHOED:
            _refuse_other_total(name, given[index], totals[index])


def _refuse_other_total(field: str, given: int, stored: int) -> None:
    if given != stored:
        raise Decline("TOTAL_MISMATCH", field=field, given=money.yuan(given), stored=money.yuan(stored))
