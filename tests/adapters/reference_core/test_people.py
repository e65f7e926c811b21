"""Who a credential leads to."""

import pytest

from gateway.errors import Decline
from tests.adapters.reference_core.world import World
from yidi.v1.encounter_pb2 import DischargeRequest


def test_card_leads_to_the_person(world: World):
    """A known card gives the person, the age, and every enrolment with its balance."""
    answer = world.person(mdtrt_cert_type="03", mdtrt_cert_no="CARD-EMP")
    assert answer.baseinfo.psn_no == "P-EMP"
    assert answer.baseinfo.age_e1 == 460
    assert [(row.insutype, row.insuplc_admdvs, row.balc_fen) for row in answer.insuinfo] == [("310", "210402", 100_000)]


def test_age_counts_whole_years_only(world: World):
    """The day before a birthday still has the year before."""
    world.at = world.at.replace(day=14)
    assert world.person(mdtrt_cert_type="03", mdtrt_cert_no="CARD-EMP").baseinfo.age_e1 == 450


def test_identity_card_needs_no_credential_row(world: World):
    """An identity card leads to the person by its number."""
    assert world.person(mdtrt_cert_type="02", mdtrt_cert_no="CERT-RES").baseinfo.psn_no == "P-RES"


@pytest.mark.parametrize(
    "query",
    [
        {"mdtrt_cert_type": "03", "mdtrt_cert_no": "CARD-NONE"},
        {"mdtrt_cert_type": "02", "mdtrt_cert_no": "CERT-NONE"},
        {"mdtrt_cert_type": "03", "mdtrt_cert_no": "CARD-EMP", "psn_name": "别人"},
        {"mdtrt_cert_type": "03", "mdtrt_cert_no": "CARD-EMP", "certno": "CERT-RES"},
    ],
)
def test_what_does_not_fit_looks_like_nobody(world: World, query: dict[str, str]):
    """An unknown credential and a known one with a wrong name are refused alike."""
    with pytest.raises(Decline) as refused:
        world.person(**query)
    assert refused.value.reason == "PERSON_NOT_FOUND"


def test_second_enrolment_is_shown(world: World):
    """1101 shows an enrolment elsewhere instead of refusing it."""
    world.load('[[enrolment]]\npsn_no = "P-RES"\ninsutype = "390"\ninsuplc_admdvs = "310000"\nbegndate = "2020-01-01"')
    answer = world.person(mdtrt_cert_type="02", mdtrt_cert_no="CERT-RES")
    assert [row.insuplc_admdvs for row in answer.insuinfo] == ["210400", "310000"]


def test_method_of_another_desk_is_refused(world: World):
    """A method the core does not answer is refused by name."""
    with pytest.raises(Decline) as refused:
        world.call("Discharge", DischargeRequest())
    assert refused.value.reason == "NOT_ANSWERED_BY_CORE"
