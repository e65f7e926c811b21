"""What does not add up is refused, whichever sum it is."""

from collections.abc import Callable

import pytest

from gateway.errors import Decline
from tests.adapters.reference_core.world import World
from yidi.v1 import settlement_pb2
from yidi.v1.settlement_types_pb2 import CategoryTotal, SettlementLine, TreatPlaceFacts


def good():
    """A charge batch of two lines, one of them a refund."""
    facts = TreatPlaceFacts(inscp_scp_amt_fen=700, fulamt_ownpay_amt_fen=100, begntime="2026-06-20 08:00:00")
    facts.lines.add(feedetl_sn="1", det_item_fee_sumamt_fen=1_000, inscp_scp_amt_fen=900, fulamt_ownpay_amt_fen=100)
    facts.lines.add(feedetl_sn="2", det_item_fee_sumamt_fen=-200, inscp_scp_amt_fen=-200)
    data = settlement_pb2.OutpatientSettlement(
        psn_no="P-EMP", mdtrt_id="V1", chrg_bchno="B1", med_type="11", insutype="310", acct_used_flag="1"
    )
    data.medfee_sumamt_fen = 800
    return settlement_pb2.SettleOutpatientRequest(data=data, facts=facts)


def test_refund_lines_are_part_of_the_sum(world: World):
    """A negative line lowers the total."""
    assert world.call("SettleOutpatient", good()).setlinfo.medfee_sumamt_fen == 800


def set_medfee(request: settlement_pb2.SettleOutpatientRequest):
    """The total fee is another."""
    request.data.medfee_sumamt_fen = 801


def set_split(request: settlement_pb2.SettleOutpatientRequest):
    """A part moved from one total to another."""
    request.facts.inscp_scp_amt_fen = 699
    request.facts.preselfpay_amt_fen = 1


def set_line_part(request: settlement_pb2.SettleOutpatientRequest):
    """A line does not equal its parts."""
    request.facts.lines[0].inscp_scp_amt_fen = 899


def drop_line(request: settlement_pb2.SettleOutpatientRequest):
    """A line is missing."""
    del request.facts.lines[1]


def drop_facts(request: settlement_pb2.SettleOutpatientRequest):
    """The treat place sent nothing."""
    request.ClearField("facts")


def negative_part(request: settlement_pb2.SettleOutpatientRequest):
    """A total is negative."""
    request.facts.overlmt_selfpay_fen = -1
    request.facts.inscp_scp_amt_fen = 701


def other_echo(request: settlement_pb2.SettleOutpatientRequest):
    """The hospital carries other totals back."""
    request.data.inscp_scp_amt_fen = 600
    request.data.fulamt_ownpay_amt_fen = 200


@pytest.mark.parametrize(
    "spoil", [set_medfee, set_split, set_line_part, drop_line, drop_facts, negative_part, other_echo]
)
def test_outpatient_sums_are_checked(world: World, spoil: Callable[[settlement_pb2.SettleOutpatientRequest], None]):
    """Lines, split totals, total fee and the hospital's echo must agree."""
    request = good()
    spoil(request)
    with pytest.raises(Decline) as refused:
        world.call("SettleOutpatient", request)
    assert refused.value.reason == "FACTS_DO_NOT_ADD_UP"


def test_echo_that_agrees_is_accepted(world: World):
    """The hospital may carry the quoted totals back."""
    request = good()
    request.data.inscp_scp_amt_fen = 700
    request.data.fulamt_ownpay_amt_fen = 100
    assert world.call("SettleOutpatient", request).setlinfo.setl_id


def stay(*categories: int, mid: str = ""):
    """A stay with these category totals."""
    facts = TreatPlaceFacts(
        inscp_scp_amt_fen=1_000, categories=[CategoryTotal(amt_fen=amount) for amount in categories]
    )
    data = settlement_pb2.InpatientSettlement(psn_no="P-EMP", mdtrt_id="M1", insutype="310", mid_setl_flag=mid)
    data.medfee_sumamt_fen = 1_000
    return settlement_pb2.SettleInpatientRequest(data=data, facts=facts)


@pytest.mark.parametrize("categories", [(), (999,), (600, 401)])
def test_inpatient_categories_are_checked(world: World, categories: tuple[int, ...]):
    """The national charge categories must make up the total fee (art. 25)."""
    world.admit("P-EMP")
    with pytest.raises(Decline) as refused:
        world.call("SettleInpatient", stay(*categories))
    assert refused.value.reason == "FACTS_DO_NOT_ADD_UP"


def test_categories_that_add_up(world: World):
    """Several categories are one total."""
    world.admit("P-EMP")
    assert world.call("SettleInpatient", stay(600, 400)).setlinfo.medfee_sumamt_fen == 1_000


def test_interim_settlement_is_refused(world: World):
    """A stay is settled once, at discharge."""
    world.admit("P-EMP")
    with pytest.raises(Decline) as refused:
        world.call("SettleInpatient", stay(1_000, mid="1"))
    assert refused.value.reason == "INTERIM_SETTLEMENT_NOT_OFFERED"


def test_line_type_is_the_contract_s():
    """The parts a line is checked for are all parts the contract knows of a line."""
    names = {field.name for field in SettlementLine.DESCRIPTOR.fields if field.name.endswith("_fen")}
    assert names == {
        "det_item_fee_sumamt_fen",
        "fulamt_ownpay_amt_fen",
        "overlmt_amt_fen",
        "preselfpay_amt_fen",
        "inscp_scp_amt_fen",
    }
