"""May this person be settled for here, and on which terms: enrolment, filing, chronic entitlement."""

from dataclasses import dataclass

from adapters.reference_core import people, sql
from adapters.reference_core.divisions import province
from adapters.reference_core.people import Enrolment, Person, enrolments
from adapters.reference_core.place import InsuredPlace
from adapters.reference_core.policy import Standing, StandingRule
from codemaps import chronic
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.statement import Tx
from yidi.v1.eligibility_pb2 import (
    ChronicEntitlement,
    ListChronicEntitlementsRequest,
    ListChronicEntitlementsResponse,
)

LONG_TERM = "long_term"
TEMPORARY = "temporary"
CHRONIC = "chronic"


@dataclass(frozen=True, slots=True)
class Visit:
    """The encounter a benefit is asked for."""

    person: Person
    enrolment: Enrolment
    treat_place: str
    since: str
    """Day the visit or stay began."""
    until: str
    """Today, for a stay, whose filing may still be made up before it is settled (Fushun 2022, art. 11); otherwise the
    day of the visit."""

    @property
    def psn_type(self) -> str:
        """Person type, of the enrolment where it tells one."""
        return self.enrolment.psn_type or self.person.psn_type


def held(tx: Tx, place: InsuredPlace, psn_no: str, insutype: str, on: str) -> Enrolment:
    """The enrolment in force on a day, or the reason why there is none.

    Who is enrolled in two places cannot be settled until one of them is suspended (Zhenjiang 2018, first case).
    """
    rows = [row for row in enrolments(tx, psn_no) if place.policy.insurance_of(row.insutype)]
    here = [row for row in rows if place.covers(row.insuplc_admdvs)]
    if not here:
        raise Decline("NOT_ENROLLED", division=place.division)
    in_force = [row for row in here if row.covers(on)]
    if not in_force:
        raise Decline("ENROLMENT_SUSPENDED", division=place.division, date=on)
    for row in rows:
        if not place.covers(row.insuplc_admdvs) and row.covers(on):
            raise Decline("ENROLLED_IN_TWO_PLACES", division=place.division, other=row.insuplc_admdvs)
    found = next((row for row in in_force if row.insutype == insutype), None)
    if found is None:
        raise Decline("INSURANCE_TYPE_NOT_HELD", insutype=insutype)
    return found


def _filed(tx: Tx, visit: Visit) -> list[tuple[str, str]]:
    """Filings in force at some time of the visit.

    An admission inside the validity counts whenever the stay ends (Fushun 2022, art. 16).
    """
    return [
        (kind, admdvs)
        for kind, admdvs in tx.all(sql.FILINGS, psn_no=visit.person.psn_no, since=visit.since, until=visit.until)
    ]


def _names_place(place: InsuredPlace, visit: Visit, filed_to: str) -> bool:
    needed = place.filing_needed(visit.treat_place)
    if filed_to in {needed, visit.treat_place}:
        return True
    return place.policy.filing.filing_to == "target_or_province" and filed_to == province(visit.treat_place)


def _refuse_province_filing(place: InsuredPlace, visit: Visit, filed_to: list[str]) -> None:
    """Refuse when the filing names only the province of the treat place (Zhenjiang 2018, third case).

    The person meant to be filed, and silent settlement as unfiled would cost them money that a corrected filing,
    possible until the stay is settled (Fushun 2022, art. 11), saves.
    """
    if province(visit.treat_place) in filed_to:
        needed = place.filing_needed(visit.treat_place)
        raise Decline("FILED_TO_PROVINCE_NOT_CITY", filed=province(visit.treat_place), needed=needed)


def _matches(rule: StandingRule, visit: Visit) -> bool:
    return visit.enrolment.insutype in rule.insutypes and visit.psn_type in rule.psn_types


def stay_standing(tx: Tx, place: InsuredPlace, visit: Visit, med_type: str) -> Standing:
    """How a stay is treated (Fushun 2022, articles 8-12, 20, 21): the best standing that applies."""
    if place.covers(visit.treat_place):
        return "local"
    filed = _filed(tx, visit)
    long_term = [admdvs for kind, admdvs in filed if kind == LONG_TERM]
    if any(_names_place(place, visit, admdvs) for admdvs in long_term):
        return "long_term"
    if _matches(place.policy.scale_of("student"), visit):
        return "student"
    if med_type in place.policy.inpatient.emergency:
        return "emergency"
    temporary = [admdvs for kind, admdvs in filed if kind == TEMPORARY]
    if any(_names_place(place, visit, admdvs) for admdvs in temporary):
        return "temporary"
    _refuse_province_filing(
        place, visit, long_term if place.policy.inpatient.automatic_filing else long_term + temporary
    )
    if not place.policy.inpatient.automatic_filing:
        raise Decline("NOT_FILED", needed=place.filing_needed(visit.treat_place))
    return "temporary"


def ordinary_is_pooled(tx: Tx, place: InsuredPlace, visit: Visit, *, account_pays: bool) -> bool:
    """Whether the pool pays ordinary out-patient care, or only the account (Fushun 2022, articles 12 and 23).

    The account needs no filing, so a missing filing is no reason to refuse one who may use it.
    """
    pooled_for = place.policy.ordinary.pooled_for
    if place.covers(visit.treat_place):
        return "local" in pooled_for
    long_term = [admdvs for kind, admdvs in _filed(tx, visit) if kind == LONG_TERM]
    if "long_term" in pooled_for and any(_names_place(place, visit, admdvs) for admdvs in long_term):
        return True
    if account_pays:
        return False
    _refuse_province_filing(place, visit, long_term)
    raise Decline("NOT_FILED", needed=place.filing_needed(visit.treat_place))


def require_chronic(tx: Tx, place: InsuredPlace, visit: Visit, dise_codg: str) -> None:
    """Refuse chronic care without a disease, an entitlement and a filing of its own (Fushun 2022, art. 12 and 25)."""
    if not dise_codg:
        raise Decline("CHRONIC_DISEASE_MISSING")
    if tx.one(sql.ENTITLED, psn_no=visit.person.psn_no, dise_codg=dise_codg, on=visit.since) is None:
        raise Decline("CHRONIC_NOT_ENTITLED", dise_codg=dise_codg)
    if place.covers(visit.treat_place) or not place.policy.chronic.needs_filing:
        return
    filed = [admdvs for kind, admdvs in _filed(tx, visit) if kind == CHRONIC]
    if any(_names_place(place, visit, admdvs) for admdvs in filed):
        return
    _refuse_province_filing(place, visit, filed)
    raise Decline("CHRONIC_NOT_FILED", needed=place.filing_needed(visit.treat_place), dise_codg=dise_codg)


def list_chronic(tx: Tx, place: InsuredPlace, call: Call) -> ListChronicEntitlementsResponse:
    """5301: every chronic disease granted to the person, with its dates; what ended is shown too."""
    del place
    assert isinstance(call.request, ListChronicEntitlementsRequest)
    person = people.find(tx, call.request.data.psn_no)
    return ListChronicEntitlementsResponse(
        feedetail=[
            ChronicEntitlement(
                opsp_dise_code=dise_codg,
                opsp_dise_name=_disease_name(dise_codg),
                begndate=begndate,
                enddate=enddate,
            )
            for dise_codg, begndate, enddate in tx.all(sql.ENTITLEMENTS, psn_no=person.psn_no)
        ]
    )


def _disease_name(dise_codg: str) -> str:
    """The name of a national code; empty for any other, and where the list has a note in place of a name."""
    disease = chronic.get(dise_codg)
    return "" if disease is None or disease.mark == "name_not_found" else disease.name_zh
