"""Reversals, undoing by request id, and what 5203 shows of them."""

import pytest

from adapters.reference_core import ledger
from adapters.reference_core.tables import AMOUNTS
from gateway.money import broken_identities
from tests.adapters.reference_core.world import World, declined
from yidi.v1.settlement_pb2 import UNDO_RESULT_NOTHING_TO_UNDO, UNDO_RESULT_REVERSED


def year(world: World, psn_no: str = "P-EMP"):
    """What the person has used of the year."""
    return ledger.year_so_far(world.tx, psn_no, "2026", "310", "ordinary", world.core.place.policy.supplement)


@pytest.fixture
def filed(world: World):
    """A world with the employee filed to Zhenjiang."""
    world.file("P-EMP")
    return world


def test_reversal_is_the_negative_mirror(filed: World):
    """A reversal has every amount negative, an id of its own, and gives the account its money back."""
    settled = filed.visit("P-EMP", 50_000, acct="1", fulamt=2_000)
    assert filed.balance() == 60_000
    mirror = filed.reverse(settled)
    for name in AMOUNTS:
        assert getattr(mirror.setlinfo, name) == -getattr(settled.setlinfo, name)
    assert broken_identities(mirror.setlinfo) == []
    assert mirror.setlinfo.setl_id == "A2104002606200000002"
    assert mirror.setlinfo.medins_setl_id == filed.msgid
    assert mirror.setlinfo.balc_fen == filed.balance() == 100_000
    assert [row.fund_payamt_fen for row in mirror.setldetail] == [-row.fund_payamt_fen for row in settled.setldetail]


def test_reversals_return_the_year_to_its_start(filed: World):
    """Reversed in another order than they were made, settlements leave the year as they found it."""
    start = year(filed)
    made = [filed.visit("P-EMP", 50_000, acct="1", batch=f"B{number}") for number in range(3)]
    assert year(filed) != start
    for settled in (made[1], made[0], made[2]):
        filed.reverse(settled)
    assert year(filed) == start
    assert filed.balance() == 100_000


def test_later_settlement_does_not_prevent_reversal(filed: World):
    """The first of two settlements can be reversed; the deductible it bore is open again."""
    first = filed.visit("P-EMP", 50_000)
    filed.visit("P-EMP", 50_000, batch="B2")
    filed.reverse(first)
    assert filed.visit("P-EMP", 50_000, batch="B3").setlinfo.act_pay_dedc_fen == 30_000


def test_reversal_counts_in_the_year_of_the_settlement(filed: World):
    """A reversal in the new year gives back the old year."""
    settled = filed.visit("P-EMP", 50_000)
    filed.at = filed.at.replace(year=2027)
    filed.reverse(settled)
    assert year(filed).pool == 0


def test_batch_can_be_settled_again_after_reversal(filed: World):
    """A reversed batch is open for a new settlement with a new id."""
    first = filed.visit("P-EMP", 50_000)
    filed.reverse(first)
    again = filed.visit("P-EMP", 50_000)
    assert again.setlinfo.setl_id not in {"", first.setlinfo.setl_id}
    assert declined(filed.visit, "P-EMP", 50_000).params == {"setl_id": again.setlinfo.setl_id}


def test_second_reversal_is_refused(filed: World):
    """A reversed settlement is not reversed again; its reversal is named."""
    settled = filed.visit("P-EMP", 50_000)
    mirror = filed.reverse(settled)
    refused = declined(filed.reverse, settled)
    assert refused.reason == "SETTLEMENT_ALREADY_REVERSED"
    assert refused.params == {"setl_id": settled.setlinfo.setl_id, "reversal": mirror.setlinfo.setl_id}


def test_foreign_settlement_looks_like_a_missing_one(filed: World):
    """Another institution's settlement, another person's, and one that never was are refused in the same words."""
    settled = filed.visit("P-EMP", 50_000)
    missing = declined(filed.reverse, settled, setl_id="A0")
    filed.hospital = "H32110000002"
    foreign = declined(filed.reverse, settled)
    assert foreign.reason == missing.reason == "SETTLEMENT_NOT_FOUND"
    assert foreign.text_zh == missing.text_zh.replace("A0", settled.setlinfo.setl_id)
    assert declined(filed.get, settled).text_zh == foreign.text_zh
    filed.hospital = "H32110000001"
    assert declined(filed.reverse, settled, psn_no="P-RES").text_zh == foreign.text_zh
    assert declined(filed.reverse, settled, psn_no="P-NONE").text_zh == foreign.text_zh
    assert declined(filed.reverse, settled, mdtrt_id="V9").text_zh == foreign.text_zh
    assert declined(filed.reverse, settled, method="ReverseInpatient").text_zh == foreign.text_zh


def test_reversal_is_not_reversible_by_its_own_id(filed: World):
    """The id of a reversal is no settlement."""
    mirror = filed.reverse(filed.visit("P-EMP", 50_000))
    assert declined(filed.reverse, mirror).reason == "SETTLEMENT_NOT_FOUND"


def test_reversed_stay_is_open_again(world: World):
    """A reversed stay can be settled anew."""
    world.admit("P-EMP")
    settled = world.stay("P-EMP", 1_000_000, acct="1")
    world.reverse(settled, method="ReverseInpatient")
    assert world.balance() == 100_000
    assert world.stay("P-EMP", 900_000).setlinfo.hifp_pay_fen == 360_000


def test_record_tells_whether_it_stands(filed: World):
    """5203 shows the settlement, and by refd_setl_flag whether it was reversed."""
    settled = filed.visit("P-EMP", 50_000)
    shown = filed.get(settled)
    assert shown.setlinfo.refd_setl_flag == "0"
    assert shown.setlinfo.hifp_pay_fen == 12_000
    assert (shown.setlinfo.pay_loc, shown.setlinfo.year, shown.setlinfo.fixmedins_code) == ("4", "2026", filed.hospital)
    assert shown.setlinfo.psn_pay_fen == settled.setlinfo.psn_part_amt_fen
    assert list(shown.setldetail) == list(settled.setldetail)
    mirror = filed.reverse(settled)
    assert filed.get(settled).setlinfo.refd_setl_flag == "1"
    reversed_record = filed.get(mirror).setlinfo
    assert (reversed_record.refd_setl_flag, reversed_record.hifp_pay_fen) == ("1", -12_000)


def test_undo_reverses_a_settlement(filed: World):
    """A settlement found by its request id is reversed, and undoing again finds nothing."""
    filed.visit("P-EMP", 50_000, acct="1")
    omsgid = filed.msgid
    answer = filed.undo("P-EMP", omsgid)
    assert answer.result == UNDO_RESULT_REVERSED
    assert answer.setlinfo.hifp_pay_fen == -12_000
    assert (year(filed).pool, filed.balance()) == (0, 100_000)
    assert filed.undo("P-EMP", omsgid).result == UNDO_RESULT_NOTHING_TO_UNDO


def test_undo_of_an_unknown_request(filed: World):
    """A request the core never saw leaves nothing to undo, and so does another institution's."""
    assert filed.undo("P-EMP", "never").result == UNDO_RESULT_NOTHING_TO_UNDO
    filed.visit("P-EMP", 50_000)
    omsgid = filed.msgid
    filed.hospital = "H32110000002"
    assert filed.undo("P-EMP", omsgid).result == UNDO_RESULT_NOTHING_TO_UNDO
    assert year(filed).pool == 12_000


def test_undo_with_the_wrong_person(filed: World):
    """A request of another person is refused rather than undone or denied."""
    filed.visit("P-EMP", 50_000)
    assert declined(filed.undo, "P-RES", filed.msgid).reason == "UNDO_OF_ANOTHER_PERSON"
    filed.admit("P-EMP")
    assert declined(filed.undo, "P-RES", filed.msgid).reason == "UNDO_OF_ANOTHER_PERSON"


def test_undo_of_a_reversal_reinstates(filed: World):
    """An undone reversal leaves the settlement standing; the hospital reverses it by the id it knows."""
    settled = filed.visit("P-EMP", 50_000, acct="1")
    filed.reverse(settled)
    omsgid = filed.msgid
    answer = filed.undo("P-EMP", omsgid)
    assert answer.result == UNDO_RESULT_REVERSED
    assert answer.setlinfo.hifp_pay_fen == 12_000
    assert (year(filed).pool, filed.balance()) == (12_000, 62_000)
    assert filed.get(settled).setlinfo.refd_setl_flag == "0"
    assert filed.undo("P-EMP", omsgid).result == UNDO_RESULT_NOTHING_TO_UNDO
    filed.reverse(settled)
    assert (year(filed).pool, filed.balance()) == (0, 100_000)


def test_undo_of_a_stays_reversal_settles_it_again(world: World):
    """Reinstating a stay settles it, so that it blocks nothing."""
    world.admit("P-EMP")
    settled = world.stay("P-EMP", 1_000_000)
    world.reverse(settled, method="ReverseInpatient")
    world.undo("P-EMP", world.msgid)
    assert declined(world.cancel_admission, "P-EMP").reason == "ADMISSION_HAS_SETTLEMENT"


def test_stay_cancelled_after_its_reversal_is_not_reinstated(world: World):
    """A reversal cannot be undone once the admission is cancelled."""
    world.admit("P-EMP")
    world.reverse(world.stay("P-EMP", 1_000_000), method="ReverseInpatient")
    omsgid = world.msgid
    world.cancel_admission("P-EMP")
    assert declined(world.undo, "P-EMP", omsgid).reason == "ADMISSION_ALREADY_CANCELLED"


def test_reversal_whose_benefits_were_used_stays(filed: World):
    """A reversal is not undone when a later settlement was computed without the reversed one."""
    filed.reverse(filed.visit("P-EMP", 50_000))
    omsgid = filed.msgid
    filed.visit("P-EMP", 50_000, batch="B2")
    assert declined(filed.undo, "P-EMP", omsgid).reason == "REVERSAL_CANNOT_BE_UNDONE"


def test_reversal_whose_money_was_spent_stays(filed: World):
    """A reversal is not undone when the account can no longer pay its part."""
    filed.reverse(filed.visit("P-EMP", 50_000, acct="1"))
    omsgid = filed.msgid
    filed.at = filed.at.replace(year=2025)
    filed.visit("P-EMP", 100_000, acct="1", batch="B2")
    filed.at = filed.at.replace(year=2026)
    assert filed.balance() == 0
    assert declined(filed.undo, "P-EMP", omsgid).reason == "REVERSAL_CANNOT_BE_UNDONE"


def test_undo_cancels_an_admission(world: World):
    """An admission found by its request id is cancelled; a settled one is refused."""
    world.admit("P-EMP")
    omsgid = world.msgid
    assert world.undo("P-EMP", omsgid).result == UNDO_RESULT_REVERSED
    assert world.undo("P-EMP", omsgid).result == UNDO_RESULT_NOTHING_TO_UNDO
    world.admit("P-EMP", "M2")
    omsgid = world.msgid
    world.stay("P-EMP", 1_000_000, mdtrt_id="M2")
    assert declined(world.undo, "P-EMP", omsgid).reason == "ADMISSION_HAS_SETTLEMENT"


def test_an_undo_is_final(filed: World):
    """The request id of an undo undoes nothing."""
    filed.visit("P-EMP", 50_000)
    filed.undo("P-EMP", filed.msgid)
    assert filed.undo("P-EMP", filed.msgid).result == UNDO_RESULT_NOTHING_TO_UNDO
    assert year(filed).pool == 0
