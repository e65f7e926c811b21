"""Stays that treat places report: admission, its cancellation, and the rule that a person has one at a time."""

from dataclasses import dataclass

from adapters.reference_core import people, sql
from adapters.reference_core.eligibility import Visit, held, stay_standing
from adapters.reference_core.place import InsuredPlace
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.statement import Tx
from yidi.v1.encounter_pb2 import (
    AdmissionResult,
    AdmitRequest,
    AdmitResponse,
    CancelAdmissionRequest,
    CancelAdmissionResponse,
)

OPEN = "open"
SETTLED = "settled"
CANCELLED = "cancelled"
ANY_TIME = "9999-12-31 23:59:59"


@dataclass(frozen=True, slots=True)
class Stay:
    """A row of core_stay."""

    mdtrtarea_admvs: str
    mdtrt_id: str
    psn_no: str
    fixmedins_code: str
    fixmedins_name: str
    insutype: str
    med_type: str
    begntime: str
    state: str
    msgid: str


def admit(tx: Tx, place: InsuredPlace, call: Call) -> AdmitResponse:
    """2401: record a stay, so that no other place admits or settles the person until it is settled or cancelled."""
    assert isinstance(call.request, AdmitRequest)
    header, info, mdtrt_id = call.header, call.request.mdtrtinfo, call.request.mdtrt_id
    if not mdtrt_id:
        raise Decline("ENCOUNTER_ID_MISSING")
    if info.med_type not in place.policy.inpatient.categories:
        raise Decline("MEDICAL_CATEGORY_NOT_COVERED", med_type=info.med_type)
    person = people.find(tx, info.psn_no, hold=True)
    since = info.begntime[:10]
    enrolment = held(tx, place, person.psn_no, info.insutype, since)
    if tx.one(sql.STAY, mdtrtarea_admvs=header.mdtrtarea_admvs, mdtrt_id=mdtrt_id) is not None:
        raise Decline("ADMISSION_ALREADY_RECORDED", mdtrt_id=mdtrt_id)
    refuse_other_stay(tx, person.psn_no, header.mdtrtarea_admvs, mdtrt_id, ANY_TIME)
    visit = Visit(person, enrolment, header.mdtrtarea_admvs, since, max(since, call.at.date().isoformat()))
    stay_standing(tx, place, visit, info.med_type)
    tx.run(
        sql.ADD_STAY,
        mdtrtarea_admvs=header.mdtrtarea_admvs,
        mdtrt_id=mdtrt_id,
        psn_no=person.psn_no,
        fixmedins_code=header.fixmedins_code,
        fixmedins_name=header.fixmedins_name,
        insutype=info.insutype,
        med_type=info.med_type,
        begntime=info.begntime,
        state=OPEN,
        msgid=header.msgid,
    )
    return AdmitResponse(result=AdmissionResult(mdtrt_id=mdtrt_id))


def refuse_other_stay(tx: Tx, psn_no: str, treat_place: str, mdtrt_id: str, before: str) -> None:
    """Refuse while another stay of the person is open (Zhenjiang 2018, second case).

    ``before`` limits the refusal to stays that began earlier, so that of two open stays the first can be settled.
    """
    row = tx.one(sql.OTHER_OPEN_STAY, psn_no=psn_no, mdtrtarea_admvs=treat_place, mdtrt_id=mdtrt_id, before=before)
    if row is not None:
        stay = Stay(*row)
        raise Decline(
            "ADMISSION_ELSEWHERE_NOT_CANCELLED",
            institution=stay.fixmedins_code,
            division=stay.mdtrtarea_admvs,
            date=stay.begntime[:10],
        )


def own_stay(tx: Tx, call: Call, mdtrt_id: str, psn_no: str) -> Stay:
    """A stay of the asking institution; another's looks like one that does not exist."""
    row = tx.one(sql.STAY, mdtrtarea_admvs=call.header.mdtrtarea_admvs, mdtrt_id=mdtrt_id)
    stay = Stay(*row) if row is not None else None
    if stay is None or (stay.fixmedins_code, stay.psn_no) != (call.header.fixmedins_code, psn_no):
        raise Decline("ADMISSION_NOT_FOUND", mdtrt_id=mdtrt_id)
    return stay


def cancel_admission(tx: Tx, place: InsuredPlace, call: Call) -> CancelAdmissionResponse:
    """2404: release a stay that has no settlement."""
    del place
    assert isinstance(call.request, CancelAdmissionRequest)
    data = call.request.data
    people.find(tx, data.psn_no, hold=True)
    stay = own_stay(tx, call, data.mdtrt_id, data.psn_no)
    if stay.state == CANCELLED:
        raise Decline("ADMISSION_ALREADY_CANCELLED", mdtrt_id=stay.mdtrt_id)
    cancel(tx, stay)
    return CancelAdmissionResponse()


def cancel(tx: Tx, stay: Stay) -> None:
    """Cancel an open stay; a settled one is refused."""
    if not move(tx, stay.mdtrtarea_admvs, stay.mdtrt_id, OPEN, CANCELLED):
        raise Decline("ADMISSION_HAS_SETTLEMENT", mdtrt_id=stay.mdtrt_id)


def move(tx: Tx, treat_place: str, mdtrt_id: str, was: str, becomes: str) -> bool:
    """Move a stay from one state to another; False when it was not in the first."""
    return tx.run(sql.SET_STAY, area=treat_place, encounter=mdtrt_id, was=was, becomes=becomes) == 1
