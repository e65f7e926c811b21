"""Who is refused, and why: enrolment, filing, chronic entitlement."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.reference_core.divisions import pay_loc, territory
from tests.adapters.reference_core.world import World, declined


def enrol(world: World, psn_no: str, **row: str):
    """Write an enrolment."""
    fields = {"psn_no": psn_no, "insutype": "390", "insuplc_admdvs": "210400", "begndate": "2010-01-01", **row}
    world.load("[[enrolment]]\n" + "\n".join(f'{name} = "{value}"' for name, value in fields.items()))


def test_unknown_person_number(world: World):
    """A person number nobody holds is refused."""
    assert declined(world.visit, "P-NONE", 1_000).reason == "PERSON_NOT_FOUND"


def test_enrolled_in_two_places(world: World):
    """Who is insured elsewhere too is refused, with the other division, until one is suspended (Zhenjiang 2018)."""
    enrol(world, "P-RES", insuplc_admdvs="310000")
    refused = declined(world.admit, "P-RES", insutype="390")
    assert refused.reason == "ENROLLED_IN_TWO_PLACES"
    assert "310000" in refused.text_zh
    enrol(world, "P-RES", insuplc_admdvs="310000", psn_insu_stas="2", enddate="2026-05-31")
    assert world.admit("P-RES", insutype="390").result.mdtrt_id == "M1"


def test_another_district_is_the_same_place(world: World):
    """Enrolments in two districts of one city are not two places."""
    enrol(world, "P-EMP", insutype="310", insuplc_admdvs="210403", begndate="2015-01-01")
    assert world.visit("P-EMP", 1_000, acct="1").setlinfo.setl_id


def test_not_enrolled_here(world: World):
    """A person known here whose only enrolment is elsewhere is not enrolled."""
    world.load('[[person]]\npsn_no = "P-OUT"\npsn_name = "外地戊"\ncertno = "CERT-OUT"')
    enrol(world, "P-OUT", insuplc_admdvs="310000")
    assert declined(world.visit, "P-OUT", 1_000, insutype="390").reason == "NOT_ENROLLED"


@pytest.mark.parametrize(
    "row",
    [
        {"psn_insu_stas": "2"},
        {"psn_insu_stas": "2", "enddate": "2026-05-31"},
        {"psn_insu_stas": "4", "enddate": "2026-05-31"},
        {"enddate": "2026-05-31"},
    ],
)
def test_suspended_enrolment(world: World, row: dict[str, str]):
    """An enrolment that is suspended or over is refused, telling the day asked for."""
    enrol(world, "P-RES", **row)
    refused = declined(world.admit, "P-RES", insutype="390")
    assert (refused.reason, refused.params["date"]) == ("ENROLMENT_SUSPENDED", "2026-06-10")


def test_suspended_after_admission_still_covers_the_stay(world: World):
    """A stay that began while the enrolment was in force is settled."""
    world.admit("P-RES", insutype="390")
    enrol(world, "P-RES", psn_insu_stas="2", enddate="2026-06-15")
    assert world.stay("P-RES", 1_000_000, insutype="390").setlinfo.hifp_pay_fen == 350_000


def test_insurance_type_not_held(world: World):
    """Who is insured as a resident cannot be settled as an employee."""
    assert declined(world.visit, "P-RES", 1_000, insutype="310").reason == "INSURANCE_TYPE_NOT_HELD"


def test_filed_to_the_province_only(world: World):
    """A filing that names only the province is refused, telling what is filed and what is needed (Zhenjiang 2018)."""
    world.file("P-EMP", admdvs="320000")
    for refused in (declined(world.admit, "P-EMP"), declined(world.visit, "P-EMP", 1_000)):
        assert refused.reason == "FILED_TO_PROVINCE_NOT_CITY"
        assert refused.params == {"filed": "320000", "needed": "321100"}


def test_filing_corrected_before_discharge_counts(world: World):
    """A filing made up during the stay brings its terms (art. 11)."""
    world.admit("P-EMP")
    world.file("P-EMP", begndate="2026-06-15")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 80_000


def test_province_filing_suffices_where_the_province_is_one_pool(world: World):
    """Shanghai is filed as a whole."""
    world.file("P-EMP", admdvs="310000")
    world.area = "310115"
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 80_000


def test_policy_may_accept_province_filings(new_world: Callable[..., World]):
    """``target_or_province`` widens what a filing may name."""
    world = new_world(lambda text: text.replace('filing_to = "target"', 'filing_to = "target_or_province"'))
    world.file("P-EMP", admdvs="320000")
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 80_000


def test_filing_to_another_city_leaves_temporary_terms(world: World):
    """A filing elsewhere is no filing here, and a temporary stay needs none (art. 9)."""
    world.file("P-EMP", admdvs="320100")
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 300_000


@pytest.mark.parametrize("row", [{"enddate": "2026-06-09"}, {"state": "cancelled"}])
def test_filing_out_of_force_is_no_filing(world: World, row: dict[str, str]):
    """A filing that ended before admission, or was cancelled, does not count."""
    world.file("P-EMP", **row)
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 300_000


def test_admission_within_the_filing_counts(world: World):
    """A filing that runs out during the stay holds for all of it (art. 16)."""
    world.file("P-EMP", enddate="2026-06-10")
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 80_000


def test_emergency_counts_as_filed_at_temporary_terms(world: World):
    """Emergency rescue is settled at temporary terms even under a filing to the province alone (art. 8)."""
    world.file("P-EMP", admdvs="320000")
    world.admit("P-EMP", med_type="24")
    info = world.stay("P-EMP", 1_000_000).setlinfo
    assert (info.med_type, info.act_pay_dedc_fen, info.hifp_pay_fen) == ("24", 300_000, 420_000)


def test_place_that_asks_temporary_patients_to_file(new_world: Callable[..., World]):
    """Where filing is not automatic, a stay without one is refused and a temporary filing opens it."""
    world = new_world(lambda text: text.replace("automatic_filing = true", "automatic_filing = false"))
    refused = declined(world.admit, "P-EMP")
    assert (refused.reason, refused.params) == ("NOT_FILED", {"needed": "321100"})
    world.file("P-EMP", "temporary", "320000")
    assert declined(world.admit, "P-EMP").reason == "FILED_TO_PROVINCE_NOT_CITY"
    world.file("P-EMP", "temporary")
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 300_000


@pytest.mark.parametrize(("psn_no", "insutype", "acct"), [("P-EMP", "310", "0"), ("P-RES", "390", "1")])
def test_ordinary_outpatient_without_filing(world: World, psn_no: str, insutype: str, acct: str):
    """Without a filing and without an account there is nobody to pay (art. 12)."""
    refused = declined(world.visit, psn_no, 1_000, insutype=insutype, acct=acct)
    assert (refused.reason, refused.params) == ("NOT_FILED", {"needed": "321100"})


def test_account_pays_also_under_a_province_filing(world: World):
    """The account needs no filing, so a wrong one does not stop it (art. 12)."""
    world.file("P-EMP", admdvs="320000")
    answer = world.visit("P-EMP", 1_000, acct="1")
    assert answer.setlinfo.acct_pay_fen == 1_000
    assert "无统筹待遇" in answer.setldetail[0].setl_proc_info


def test_chronic_needs_disease_entitlement_and_filing(world: World):
    """Chronic care asks for the disease, then the entitlement, then a filing of its own (art. 12)."""
    world.file("P-EMP")
    chronic: dict[str, Any] = {"med_type": "14"}
    assert declined(world.visit, "P-EMP", 1_000, **chronic).reason == "CHRONIC_DISEASE_MISSING"
    chronic["dise"] = "M01600"
    refused = declined(world.visit, "P-EMP", 1_000, **chronic)
    assert (refused.reason, refused.params) == ("CHRONIC_NOT_ENTITLED", {"dise_codg": "M01600"})
    world.entitle("P-EMP", "M01600")
    assert declined(world.visit, "P-EMP", 1_000, **chronic).reason == "CHRONIC_NOT_FILED"
    world.file("P-EMP", "chronic", "320000")
    assert declined(world.visit, "P-EMP", 1_000, **chronic).reason == "FILED_TO_PROVINCE_NOT_CITY"
    world.file("P-EMP", "chronic")
    assert world.visit("P-EMP", 130_000, **chronic).setlinfo.hifp_pay_fen == 80_000


def test_chronic_at_home_needs_no_filing(world: World):
    """In the insured place the entitlement is enough."""
    world.area = "210402"
    world.entitle("P-EMP", "M01600")
    assert world.visit("P-EMP", 130_000, med_type="14", dise="M01600").setlinfo.hifp_pay_fen == 80_000


def test_entitlements_are_listed_by_code_and_date(world: World):
    """5301 lists the person's own diseases by code, then by first day, those that ended and those to come included."""
    world.entitle("P-EMP", "M03900", "2025-01-01", "2025-12-31")
    world.entitle("P-EMP", "M03900", "2026-07-01")
    world.entitle("P-EMP", "M01600", "2026-03-01")
    world.entitle("P-RES", "M07801")
    assert world.entitlements("P-EMP") == [
        ("M01600", "糖尿病", "2026-03-01", ""),
        ("M03900", "高血压", "2025-01-01", "2025-12-31"),
        ("M03900", "高血压", "2026-07-01", ""),
    ]


def test_person_without_entitlements(world: World):
    """A known person with no chronic disease gets an empty list and no refusal."""
    assert world.entitlements("P-RES") == []


@pytest.mark.parametrize("dise_codg", ["LN-MB-39", "M99999", "M00101"])
def test_no_name_is_made_up(world: World, dise_codg: str):
    """A local code, an unknown one, and one whose name was never found are listed without a name."""
    world.entitle("P-EMP", dise_codg)
    assert world.entitlements("P-EMP") == [(dise_codg, "", "2026-01-01", "")]


def test_entitlements_of_nobody(world: World):
    """A person number nobody holds is refused as everywhere else."""
    assert declined(world.entitlements, "P-NONE").reason == "PERSON_NOT_FOUND"


def test_territory_and_place_of_payment():
    """A city covers its districts, a district itself; provinces are told by two digits."""
    assert [territory(code) for code in ("310000", "210400", "210402")] == ["31", "2104", "210402"]
    assert [pay_loc(code, "210400") for code in ("210402", "210100", "321100")] == ["2", "3", "4"]
