"""Quotes and settlements against figures worked out by hand from Fushun 2022."""

from collections.abc import Callable

import pytest

from gateway.money import broken_identities
from tests.adapters.reference_core.world import World, declined

UNCONFIRMED = "含未经确认的示例标准"


@pytest.mark.parametrize(
    ("psn_no", "insutype", "paid", "fund"),
    [("P-EMP", "310", 420_000, "310100"), ("P-RES", "390", 350_000, "390100")],
)
def test_temporary_stay(world: World, psn_no: str, insutype: str, paid: int, fund: str):
    """Away for a time: 3,000 yuan deductible, then 60 % for employees and 50 % for residents (art. 21)."""
    world.admit(psn_no, insutype=insutype)
    answer = world.stay(psn_no, 1_000_000, insutype=insutype, fulamt=50_000, overlmt=700, preselfpay=3_000)
    info = answer.setlinfo
    assert info.act_pay_dedc_fen == 300_000
    assert info.hifp_pay_fen == info.fund_pay_sumamt_fen == paid
    assert info.psn_part_amt_fen == info.psn_cash_pay_fen == 1_053_700 - paid
    assert (answer.setldetail[0].fund_pay_type, answer.setldetail[0].fund_payamt_fen) == (fund, paid)
    assert broken_identities(info) == []
    assert (info.clr_type, info.clr_way, info.clr_optins, info.med_type) == ("21", "01", "321100", "21")


def test_small_stay_is_all_deductible(world: World):
    """A stay below the deductible leaves nothing to the pool."""
    world.admit("P-EMP")
    info = world.stay("P-EMP", 299_999).setlinfo
    assert (info.act_pay_dedc_fen, info.fund_pay_sumamt_fen) == (299_999, 0)


def test_long_term_stay_gets_local_terms(world: World):
    """A long-term filing to the city of treatment brings the local terms by hospital level (art. 20)."""
    world.file("P-EMP")
    world.admit("P-EMP")
    info = world.stay("P-EMP", 1_000_000, hosp_lv="05").setlinfo
    assert (info.act_pay_dedc_fen, info.pool_prop_selfpay_e4, info.hifp_pay_fen) == (50_000, 9_000, 855_000)


def test_unknown_hospital_level_gets_the_tertiary_terms(world: World):
    """A level that is not told is computed as the highest."""
    world.file("P-EMP")
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000, hosp_lv="").setlinfo.act_pay_dedc_fen == 80_000


def test_student_gets_local_terms_without_filing(world: World):
    """A university student insured as a resident needs no filing (art. 10 and 21)."""
    world.admit("P-STU", insutype="390")
    assert world.stay("P-STU", 1_000_000, insutype="390").setlinfo.act_pay_dedc_fen == 80_000


def test_treatment_at_home_gets_local_terms(world: World):
    """In the insured place itself no filing is asked for, and the local terms apply (art. 20)."""
    world.area = "210402"
    world.admit("P-EMP")
    answer = world.stay("P-EMP", 1_000_000)
    assert answer.setlinfo.act_pay_dedc_fen == 80_000
    assert world.get(answer).setlinfo.pay_loc == "2"


def test_employee_pays_the_person_share_from_the_account(world: World):
    """With acct_used_flag the account pays first, and the balance after it is told."""
    world.admit("P-EMP")
    answer = world.stay("P-EMP", 1_000_000, acct="1")
    info = answer.setlinfo
    assert (info.acct_pay_fen, info.psn_cash_pay_fen, info.balc_fen) == (100_000, 480_000, 0)
    assert answer.setldetail[-1].fund_pay_type == "310200"
    assert world.balance() == 0


def test_account_rests_without_the_flag(world: World):
    """Without acct_used_flag the account is not touched."""
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.balc_fen == 100_000 == world.balance()


def test_annual_cap_then_large_sum_supplement(world: World):
    """What the annual cap cuts off the pool goes to the employees' large-sum supplement."""
    world.admit("P-EMP")
    answer = world.stay("P-EMP", 20_300_000)
    info = answer.setlinfo
    # 60 % of 200,000.00 is 120,000.00; the cap of 100,000.00 stands for 166,666.67, so 33,333.33 are above it.
    assert (info.hifp_pay_fen, info.hifob_pay_fen) == (10_000_000, 3_000_000)
    assert [row.fund_pay_type for row in answer.setldetail] == ["310100", "330100"]
    assert broken_identities(info) == []


def test_cap_holds_over_the_year(world: World):
    """Two stays share one annual cap, and a new year opens it again."""
    world.admit("P-EMP")
    world.stay("P-EMP", 16_966_667)
    world.admit("P-EMP", "M2", begntime="2026-06-18 08:00:00")
    assert world.stay("P-EMP", 1_000_000, mdtrt_id="M2").setlinfo.hifp_pay_fen == 0
    world.at = world.at.replace(year=2027)
    world.admit("P-EMP", "M3", begntime="2027-06-18 08:00:00")
    assert world.stay("P-EMP", 1_000_000, mdtrt_id="M3").setlinfo.hifp_pay_fen == 420_000


def test_serious_illness_pays_what_residents_bear_above_the_threshold(world: World):
    """Residents' serious illness insurance adds up what was borne in scope over the year."""
    world.admit("P-RES", insutype="390")
    first = world.stay("P-RES", 2_300_000, insutype="390").setlinfo
    # 1,300,000 borne, below the threshold of 1,500,000.
    assert (first.hifp_pay_fen, first.hifmi_pay_fen) == (1_000_000, 0)
    world.admit("P-RES", "M2", begntime="2026-06-18 08:00:00", insutype="390")
    second = world.stay("P-RES", 1_300_000, mdtrt_id="M2", insutype="390").setlinfo
    # 800,000 more; 600,000 of it above the threshold, 60 % of that.
    assert (second.hifp_pay_fen, second.hifmi_pay_fen) == (500_000, 360_000)


def test_civil_servant_supplement(world: World):
    """A civil servant's supplement pays of what is still left in scope."""
    world.admit("P-CVL")
    answer = world.stay("P-CVL", 1_000_000)
    assert answer.setlinfo.cvlserv_pay_fen == 290_000
    assert answer.setldetail[-1].fund_pay_type == "320100"


def test_unconfirmed_figures_are_told(world: World):
    """A settlement computed with an example figure says so in the row of the fund."""
    world.admit("P-EMP")
    assert UNCONFIRMED in world.stay("P-EMP", 1_000_000).setldetail[0].setl_proc_info


def test_confirmed_figures_are_not_doubted(new_world: Callable[..., World]):
    """When every figure is confirmed, nothing is said."""
    world = new_world(lambda text: text.replace("confirmed = false", "confirmed = true"))
    world.admit("P-EMP")
    assert UNCONFIRMED not in world.stay("P-EMP", 1_000_000).setldetail[0].setl_proc_info


@pytest.mark.parametrize("category", ["11", "13"])
def test_long_term_person_gets_ordinary_outpatient_pooling(world: World, category: str):
    """The long-term filing opens ordinary out-patient pooling, with a deductible for the year (art. 12)."""
    world.file("P-EMP")
    first = world.visit("P-EMP", 50_000, med_type=category).setlinfo
    second = world.visit("P-EMP", 50_000, med_type=category, batch="B2").setlinfo
    assert (first.act_pay_dedc_fen, first.hifp_pay_fen) == (30_000, 12_000)
    assert (second.act_pay_dedc_fen, second.hifp_pay_fen, second.clr_type) == (0, 30_000, "11")


def test_ordinary_outpatient_limit_of_the_year(world: World):
    """The limit of ordinary care ends the pool's part, and no large-sum supplement follows."""
    world.file("P-EMP")
    info = world.visit("P-EMP", 1_000_000).setlinfo
    assert (info.hifp_pay_fen, info.hifob_pay_fen) == (200_000, 0)


def test_employee_without_filing_pays_from_the_account(world: World):
    """The personal account needs no filing (art. 12 and 23); no pool row is shown."""
    answer = world.visit("P-EMP", 30_000, acct="1", fulamt=1_000)
    info = answer.setlinfo
    assert (info.fund_pay_sumamt_fen, info.acct_pay_fen, info.psn_cash_pay_fen) == (0, 31_000, 0)
    assert [row.fund_pay_type for row in answer.setldetail] == ["310200"]


def test_account_payment_does_not_use_up_the_year(world: World):
    """What only the account paid counts towards no deductible."""
    world.visit("P-EMP", 30_000, acct="1")
    world.file("P-EMP")
    assert world.visit("P-EMP", 50_000, batch="B2").setlinfo.act_pay_dedc_fen == 30_000


def test_pharmacy_is_paid_from_the_account(world: World):
    """Pharmacies take the account without a filing and clear in their own category (art. 12)."""
    info = world.visit("P-EMP", 30_000, med_type="41", acct="1").setlinfo
    assert (info.acct_pay_fen, info.clr_type) == (30_000, "41")


def test_chronic_diseases_are_computed_separately(world: World):
    """Each chronic disease has its own deductible and limit (art. 23)."""
    for disease in ("M01600", "M03900"):
        world.entitle("P-EMP", disease)
    world.file("P-EMP", "chronic")
    first = world.visit("P-EMP", 630_000 + 25_000, med_type="140104", dise="M01600").setlinfo
    assert (first.act_pay_dedc_fen, first.hifp_pay_fen, first.dise_codg) == (30_000, 500_000, "M01600")
    spent = world.visit("P-EMP", 10_000, med_type="14", dise="M01600", batch="B2").setlinfo
    assert spent.hifp_pay_fen == 0
    other = world.visit("P-EMP", 130_000, med_type="14", dise="M03900", batch="B3").setlinfo
    assert (other.act_pay_dedc_fen, other.hifp_pay_fen) == (30_000, 80_000)


def test_quote_is_the_settlement_without_effect(world: World):
    """A quote gives the same numbers, no id and no time, and changes nothing."""
    world.file("P-EMP")
    quotes = [world.visit("P-EMP", 50_000, acct="1", quote=True) for _ in range(2)]
    settled = world.visit("P-EMP", 50_000, acct="1")
    for answer in (*quotes, settled):
        answer.setlinfo.ClearField("medins_setl_id")
    assert quotes[0].setlinfo == quotes[1].setlinfo
    assert (quotes[0].setlinfo.setl_id, quotes[0].setlinfo.setl_time) == ("", "")
    assert settled.setlinfo.setl_id == "A2104002606200000001"
    assert settled.setlinfo.setl_time == "2026-06-20 10:00:00"
    settled.setlinfo.ClearField("setl_id")
    settled.setlinfo.ClearField("setl_time")
    assert settled.setlinfo == quotes[0].setlinfo
    assert list(settled.setldetail) == list(quotes[0].setldetail)


def test_inpatient_quote_is_the_settlement_without_effect(world: World):
    """The same for a stay, which stays open after a quote."""
    world.admit("P-EMP")
    quote = world.stay("P-EMP", 1_000_000, acct="1", quote=True).setlinfo
    assert quote.setl_id == ""
    settled = world.stay("P-EMP", 1_000_000, acct="1").setlinfo
    assert settled.psn_cash_pay_fen == quote.psn_cash_pay_fen


def test_batch_settles_once(world: World):
    """A settled batch is refused, naming the settlement, under whatever request id it comes."""
    first = world.visit("P-EMP", 50_000, acct="1").setlinfo
    refused = declined(world.visit, "P-EMP", 50_000, acct="1")
    assert (refused.reason, refused.params) == ("ALREADY_SETTLED", {"setl_id": first.setl_id})
    assert declined(world.visit, "P-EMP", 50_000, acct="1", quote=True).reason == "ALREADY_SETTLED"
    assert world.balance() == 50_000


def test_stay_settles_once(world: World):
    """A settled stay is refused, naming the settlement."""
    world.admit("P-EMP")
    first = world.stay("P-EMP", 1_000_000).setlinfo
    assert declined(world.stay, "P-EMP", 1_000_000).params == {"setl_id": first.setl_id}


def test_same_encounter_number_of_another_place_is_another_batch(world: World):
    """Encounter ids are unique inside a treat place only."""
    world.visit("P-EMP", 10_000, acct="1")
    world.area = "310000"
    assert world.visit("P-EMP", 10_000, acct="1").setlinfo.setl_id


def test_category_the_place_does_not_settle(world: World):
    """A category outside the policy is refused, and so is the account's category without the account."""
    assert declined(world.visit, "P-EMP", 1_000, med_type="51").reason == "MEDICAL_CATEGORY_NOT_COVERED"
    assert declined(world.visit, "P-EMP", 1_000, med_type="41").reason == "MEDICAL_CATEGORY_NOT_COVERED"
    assert declined(world.admit, "P-EMP", med_type="52").reason == "MEDICAL_CATEGORY_NOT_COVERED"


def test_stay_must_be_admitted(world: World):
    """A stay nobody admitted, or another institution's, is not found."""
    assert declined(world.stay, "P-EMP", 1_000).reason == "ADMISSION_NOT_FOUND"
    world.admit("P-EMP")
    world.hospital = "H32110000002"
    assert declined(world.stay, "P-EMP", 1_000).reason == "ADMISSION_NOT_FOUND"


def test_year_of_a_stay_is_the_year_of_discharge(world: World):
    """A stay over the turn of the year counts whole in the year of discharge."""
    world.at = world.at.replace(year=2027, month=1, day=5)
    world.admit("P-EMP", begntime="2026-12-28 08:00:00")
    answer = world.stay("P-EMP", 1_000_000)
    assert world.get(answer).setlinfo.year == "2027"


def test_ids_go_on_over_days(world: World):
    """The serial in the id never starts again."""
    world.visit("P-EMP", 1_000, acct="1")
    world.at = world.at.replace(day=21)
    assert world.visit("P-EMP", 1_000, acct="1", batch="B2").setlinfo.setl_id == "A2104002606210000002"
