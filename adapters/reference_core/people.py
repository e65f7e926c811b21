"""Persons: who they are, and how a credential leads to them."""

from dataclasses import dataclass
from datetime import date

from adapters.reference_core import sql
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.statement import Tx
from yidi.v1.eligibility_pb2 import GetPersonRequest, GetPersonResponse, InsuranceInfo, PersonInfo

IDENTITY_CARD = "02"
"""mdtrt_cert_type of a resident identity card, whose number is the certno itself."""


@dataclass(frozen=True, slots=True)
class Person:
    """A row of core_person."""

    psn_no: str
    psn_name: str
    psn_cert_type: str
    certno: str
    gend: str
    brdy: str
    psn_type: str
    acct_balc_fen: int

    def age_e1(self, on: date) -> int:
        """Age in years on a day, in tenths as the interface writes it; 0 when the birthday is not known."""
        if not self.brdy:
            return 0
        born = date.fromisoformat(self.brdy)
        return 10 * (on.year - born.year - ((on.month, on.day) < (born.month, born.day)))


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A row of core_enrolment."""

    psn_no: str
    insutype: str
    insuplc_admdvs: str
    begndate: str
    enddate: str
    psn_insu_stas: str
    cvlserv_flag: str
    psn_type: str
    emp_name: str

    def covers(self, on: str) -> bool:
        """Whether the enrolment is in force on a day; a suspended one counts up to its last day."""
        ended = self.enddate and on > self.enddate
        open_end = self.psn_insu_stas == "1" or self.enddate
        return bool(self.begndate <= on and not ended and open_end)


def find(tx: Tx, psn_no: str, *, hold: bool = False) -> Person:
    """A person by number; ``hold`` keeps others from settling for the same person until the commit."""
    row = tx.one(sql.PERSON_LOCKED if hold else sql.PERSON, psn_no=psn_no)
    if row is None:
        raise Decline("PERSON_NOT_FOUND")
    return Person(*row)


def enrolments(tx: Tx, psn_no: str) -> list[Enrolment]:
    """All enrolments of a person, here and elsewhere."""
    return [Enrolment(*row) for row in tx.all(sql.ENROLMENTS, psn_no=psn_no)]


def get_person(tx: Tx, call: Call) -> GetPersonResponse:
    """1101: the person behind a credential, with every enrolment the place knows of.

    A second enrolment elsewhere is shown and not refused here; it is refused where benefits are asked for.
    """
    assert isinstance(call.request, GetPersonRequest)
    query = call.request.data
    row = tx.one(
        sql.PERSON_BY_CREDENTIAL, mdtrt_cert_type=query.mdtrt_cert_type, mdtrt_cert_no=query.mdtrt_cert_no
    ) or (_by_identity_card(tx, query.mdtrt_cert_no) if query.mdtrt_cert_type == IDENTITY_CARD else None)
    if row is None:
        raise Decline("PERSON_NOT_FOUND")
    person = Person(*row)
    # A name or number that does not fit must look like a person who is not there.
    if query.psn_name not in {"", person.psn_name} or query.certno not in {"", person.certno}:
        raise Decline("PERSON_NOT_FOUND")
    return GetPersonResponse(
        baseinfo=PersonInfo(
            psn_no=person.psn_no,
            psn_cert_type=person.psn_cert_type,
            certno=person.certno,
            psn_name=person.psn_name,
            gend=person.gend,
            brdy=person.brdy,
            age_e1=person.age_e1(call.at.date()),
        ),
        insuinfo=[_insurance(person, enrolment) for enrolment in enrolments(tx, person.psn_no)],
    )


def _by_identity_card(tx: Tx, certno: str) -> tuple[object, ...] | None:
    rows = tx.all(sql.PERSON_BY_CERTNO, certno=certno)
    return rows[0] if len(rows) == 1 else None


def _insurance(person: Person, enrolment: Enrolment) -> InsuranceInfo:
    return InsuranceInfo(
        balc_fen=person.acct_balc_fen,
        insutype=enrolment.insutype,
        psn_type=enrolment.psn_type or person.psn_type,
        psn_insu_stas=enrolment.psn_insu_stas,
        psn_insu_date=enrolment.begndate,
        paus_insu_date=enrolment.enddate,
        cvlserv_flag=enrolment.cvlserv_flag,
        insuplc_admdvs=enrolment.insuplc_admdvs,
        emp_name=enrolment.emp_name,
    )
