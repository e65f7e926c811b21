"""What is to be settled, read from the four kinds of request, with the sums of the treat place checked again.

The treat place splits and adds (Fushun 2022, art. 25); the insured place pays, so it does not take sums on trust.
"""

from dataclasses import dataclass
from typing import Literal

from adapters.reference_core.benefit import Split
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.money import yuan
from yidi.v1.settlement_pb2 import (
    InpatientQuote,
    InpatientSettlement,
    OutpatientQuote,
    OutpatientSettlement,
    QuoteInpatientRequest,
    QuoteOutpatientRequest,
    SettleInpatientRequest,
    SettleOutpatientRequest,
)
from yidi.v1.settlement_types_pb2 import TreatPlaceFacts

Setting = Literal["outpatient", "inpatient"]

_PARTS = (
    ("fulamt_ownpay_amt_fen", "fulamt_ownpay_amt_fen"),
    ("overlmt_selfpay_fen", "overlmt_amt_fen"),
    ("preselfpay_amt_fen", "preselfpay_amt_fen"),
    ("inscp_scp_amt_fen", "inscp_scp_amt_fen"),
)
"""The split totals, and what the same part is called on a line."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge batch or one stay, the same whether it is quoted or settled."""

    setting: Setting
    psn_no: str
    mdtrt_id: str
    chrg_bchno: str
    """Empty for a stay, which is settled as a whole."""
    med_type: str
    """Empty for a stay, whose category was told at admission."""
    insutype: str
    use_account: bool
    split: Split
    dise_codg: str
    begntime: str
    endtime: str
    hosp_lv: str
    mdtrt_cert_type: str
    psn_setlway: str
    invono: str


def read_outpatient(call: Call) -> Charge:
    """A charge batch from 2206 or 2207."""
    request = call.request
    assert isinstance(request, QuoteOutpatientRequest | SettleOutpatientRequest)
    data, facts = request.data, request.facts
    split = _split(data.medfee_sumamt_fen, facts)
    _check_lines(facts, split)
    if isinstance(data, OutpatientSettlement):
        _check_echo(data, facts)
    return _charge("outpatient", data, facts, split, data.chrg_bchno, data.med_type)


def read_inpatient(call: Call) -> Charge:
    """A stay from 2303 or 2304."""
    request = call.request
    assert isinstance(request, QuoteInpatientRequest | SettleInpatientRequest)
    data, facts = request.data, request.facts
    if data.mid_setl_flag == "1":
        raise Decline("INTERIM_SETTLEMENT_NOT_OFFERED")
    split = _split(data.medfee_sumamt_fen, facts)
    _equal("medfee_sumamt = sum(iteminfo.amt)", split.medfee, sum(row.amt_fen for row in facts.categories))
    _check_echo(data, facts)
    return _charge("inpatient", data, facts, split, "", "")


def _charge(
    setting: Setting,
    data: OutpatientQuote | OutpatientSettlement | InpatientQuote | InpatientSettlement,
    facts: TreatPlaceFacts,
    split: Split,
    chrg_bchno: str,
    med_type: str,
) -> Charge:
    return Charge(
        setting=setting,
        psn_no=data.psn_no,
        mdtrt_id=data.mdtrt_id,
        chrg_bchno=chrg_bchno,
        med_type=med_type,
        insutype=data.insutype,
        use_account=data.acct_used_flag == "1",
        split=split,
        dise_codg=facts.dise_codg,
        begntime=facts.begntime,
        endtime=facts.endtime,
        hosp_lv=facts.hosp_lv,
        mdtrt_cert_type=data.mdtrt_cert_type,
        psn_setlway=data.psn_setlway,
        invono="" if isinstance(data, OutpatientQuote) else data.invono,
    )


def _equal(what: str, told: int, computed: int) -> None:
    if told != computed:
        raise Decline("FACTS_DO_NOT_ADD_UP", what=what, told=yuan(told), computed=yuan(computed))


def _split(medfee_fen: int, facts: TreatPlaceFacts) -> Split:
    for part, _ in _PARTS:
        if getattr(facts, part) < 0:
            raise Decline("FACTS_DO_NOT_ADD_UP", what=f"{part} >= 0", told=yuan(getattr(facts, part)), computed="0.00")
    split = Split(
        facts.fulamt_ownpay_amt_fen, facts.overlmt_selfpay_fen, facts.preselfpay_amt_fen, facts.inscp_scp_amt_fen
    )
    _equal(
        "medfee_sumamt = fulamt_ownpay_amt + overlmt_selfpay + preselfpay_amt + inscp_scp_amt", medfee_fen, split.medfee
    )
    return split


def _check_lines(facts: TreatPlaceFacts, split: Split) -> None:
    """Each line equals its parts, and the lines equal the totals; refund lines are negative."""
    for line in facts.lines:
        parts = sum(getattr(line, name) for _, name in _PARTS)
        _equal("det_item_fee_sumamt = the parts of the line", line.det_item_fee_sumamt_fen, parts)
    for total, name in _PARTS:
        _equal(f"{total} = the sum of the lines", getattr(facts, total), sum(getattr(row, name) for row in facts.lines))
    _equal(
        "medfee_sumamt = the sum of the lines", split.medfee, sum(row.det_item_fee_sumamt_fen for row in facts.lines)
    )


def _check_echo(data: OutpatientSettlement | InpatientQuote | InpatientSettlement, facts: TreatPlaceFacts) -> None:
    """The hospital carries the quoted totals back; totals that were left out are not compared."""
    told = [getattr(data, part) for part, _ in _PARTS]
    if any(told):
        for (part, _), amount in zip(_PARTS, told, strict=True):
            _equal(f"{part} of the hospital = of the treat place", amount, getattr(facts, part))
