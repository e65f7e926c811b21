"""Encounters: out-patient visits and in-patient stays (handbook, transactions 2201, 2202, 2401, 2402, 2404, 2405)."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from google.protobuf.message import Message

from gateway import clock
from gateway.errors import Decline
from gateway.exchange.check import CLOCK_SKEW
from gateway.exchange.link import Call
from gateway.store.journal import Key
from gateway.store.statement import Statement, Tx
from gateway.store.tables import Visit, batch, encounter, fee_line
from gateway.treatplace import batches
from gateway.treatplace.ids import encounter_id
from yidi.v1.encounter_pb2 import (
    CancelDischargeResponse,
    CancelOutpatientRegistrationResponse,
    DischargeResponse,
    RegisterOutpatientResponse,
)
from yidi.v1.header_pb2 import RequestHeader

_INSERT = Statement(sa.insert(encounter))
_FIND = Statement(sa.select(encounter).where(encounter.c.mdtrt_id == sa.bindparam("key")))
_SET = Statement(
    sa.update(encounter)
    .where(encounter.c.mdtrt_id == sa.bindparam("key"))
    .values(state=sa.bindparam("new_state"), pending=sa.bindparam("new_pending"))
)
_END = Statement(
    sa.update(encounter)
    .where(encounter.c.mdtrt_id == sa.bindparam("key"))
    .values(state=sa.bindparam("new_state"), endtime=sa.bindparam("new_end"), dise_codg=sa.bindparam("new_dise"))
)
_OWN = encounter.c.institution == sa.bindparam("sender")
_PENDING = Statement(sa.select(encounter.c.mdtrt_id).where(_OWN & (encounter.c.pending == sa.bindparam("request"))))
_OPENED_BY = Statement(sa.select(encounter.c.mdtrt_id).where(_OWN & (encounter.c.msgid == sa.bindparam("request"))))
_HAS_LINES = Statement(sa.select(fee_line.c.feedetl_sn).where(fee_line.c.mdtrt_id == sa.bindparam("key")).limit(1))
_HAS_BATCH_BUSY = Statement(
    sa.select(batch.c.pending).where((batch.c.mdtrt_id == sa.bindparam("key")) & (batch.c.pending != "")).limit(1)
)


class Encounter(NamedTuple):
    """One row of the table, in its order."""

    mdtrt_id: str
    institution: str
    psn_no: str
    insuplc: str
    insutype: str
    inpatient: int
    med_type: str
    dise_codg: str
    begntime: str
    endtime: str
    state: int
    msgid: str
    pending: str


def find(tx: Tx, header: RequestHeader, mdtrt_id: str, psn_no: str, inpatient: bool | None = None) -> Encounter:
    """An encounter of this institution and person; anybody else's looks exactly like a missing one."""
    row = tx.one(_FIND, key=mdtrt_id)
    if row is None:
        raise Decline("ENCOUNTER_NOT_FOUND", mdtrt_id=mdtrt_id)
    found = Encounter(*row)
    if found.institution != header.fixmedins_code or found.psn_no != psn_no:
        raise Decline("ENCOUNTER_NOT_FOUND", mdtrt_id=mdtrt_id)
    if found.insuplc != header.insuplc_admdvs:
        raise Decline("INSURED_PLACE_DIFFERS", mdtrt_id=mdtrt_id)
    if inpatient is not None and bool(found.inpatient) != inpatient:
        raise Decline("ENCOUNTER_KIND", mdtrt_id=mdtrt_id)
    return found


def find_open(tx: Tx, header: RequestHeader, mdtrt_id: str, psn_no: str, inpatient: bool | None = None) -> Encounter:
    """The same, refusing one that is cancelled or waits for the insured place."""
    found = find(tx, header, mdtrt_id, psn_no, inpatient)
    if found.state == Visit.CANCELLED:
        raise Decline("ENCOUNTER_CLOSED", mdtrt_id=mdtrt_id)
    if found.pending and found.pending != header.msgid:
        raise Decline("ENCOUNTER_BUSY", msgid=found.pending)
    return found


def register(tx: Tx, call: Call) -> Message:
    """2201: open an out-patient visit."""
    request: Any = call.request
    data = request.data
    _refuse_future(call, "data.begntime", data.begntime)
    mdtrt_id = encounter_id(tx, call)
    _insert(tx, call, mdtrt_id, data, inpatient=False, state=Visit.OPEN)
    response = RegisterOutpatientResponse()
    response.data.mdtrt_id = mdtrt_id
    response.data.psn_no = data.psn_no
    response.data.ipt_otp_no = data.ipt_otp_no
    return response


def cancel_registration(tx: Tx, call: Call) -> Message:
    """2202: cancel a visit without fees."""
    request: Any = call.request
    found = find_open(tx, call.header, request.data.mdtrt_id, request.data.psn_no, inpatient=False)
    _refuse_with_fees(tx, found)
    tx.run(_SET, key=found.mdtrt_id, new_state=int(Visit.CANCELLED), new_pending="")
    return CancelOutpatientRegistrationResponse()


def prepare_admission(tx: Tx, call: Call) -> str:
    """2401, before it goes to the insured place: issue the encounter id and note the stay as opening."""
    request: Any = call.request
    again = tx.one(_OPENED_BY, sender=call.header.fixmedins_code, request=call.header.msgid)
    if again is not None:
        mdtrt_id: str = again[0]
        tx.run(_SET, key=mdtrt_id, new_state=int(Visit.OPENING), new_pending=call.header.msgid)
    else:
        _refuse_future(call, "mdtrtinfo.begntime", request.mdtrtinfo.begntime)
        mdtrt_id = encounter_id(tx, call)
        _insert(tx, call, mdtrt_id, request.mdtrtinfo, inpatient=True, state=Visit.OPENING)
    request.mdtrt_id = mdtrt_id
    return mdtrt_id


def prepare_admission_cancel(tx: Tx, call: Call) -> str:
    """2404, before it goes to the insured place: only a stay without fees and not discharged."""
    request: Any = call.request
    found = find_open(tx, call.header, request.data.mdtrt_id, request.data.psn_no, inpatient=True)
    if found.state == Visit.DISCHARGED:
        raise Decline("ENCOUNTER_DISCHARGED", mdtrt_id=found.mdtrt_id)
    _refuse_with_fees(tx, found)
    tx.run(_SET, key=found.mdtrt_id, new_state=int(Visit.CANCELLING), new_pending=call.header.msgid)
    return found.mdtrt_id


def conclude_pending(tx: Tx, key: Key, state: Visit) -> None:
    """The insured place has answered: the stay that waited for this request takes its state."""
    row = tx.one(_PENDING, sender=key.sender, request=key.msgid)
    if row is not None:
        tx.run(_SET, key=row[0], new_state=int(state), new_pending="")


def conclude_undo(tx: Tx, original: Key) -> None:
    """The admission was undone by its request id."""
    row = tx.one(_OPENED_BY, sender=original.sender, request=original.msgid)
    if row is not None:
        tx.run(_SET, key=row[0], new_state=int(Visit.CANCELLED), new_pending="")


def refuse_undo_with_fees(tx: Tx, original: Key) -> None:
    """An admission with fees on it is not undone by request id."""
    row = tx.one(_OPENED_BY, sender=original.sender, request=original.msgid)
    if row is not None and tx.one(_HAS_LINES, key=row[0]) is not None:
        raise Decline("ENCOUNTER_HAS_FEES", mdtrt_id=row[0])


def discharge(tx: Tx, call: Call) -> Message:
    """2402: the stay ends."""
    request: Any = call.request
    info = request.dscginfo
    found = find_open(tx, call.header, info.mdtrt_id, info.psn_no, inpatient=True)
    if found.state == Visit.DISCHARGED:
        raise Decline("ENCOUNTER_DISCHARGED", mdtrt_id=found.mdtrt_id)
    if info.endtime < found.begntime:
        raise Decline("ENCOUNTER_TIME", field="dscginfo.endtime")
    _refuse_future(call, "dscginfo.endtime", info.endtime)
    tx.run(
        _END,
        key=found.mdtrt_id,
        new_state=int(Visit.DISCHARGED),
        new_end=info.endtime,
        new_dise=info.dise_codg or found.dise_codg,
    )
    return DischargeResponse()


def cancel_discharge(tx: Tx, call: Call) -> Message:
    """2405: the stay goes on; a settled one must be reversed first."""
    request: Any = call.request
    found = find_open(tx, call.header, request.data.mdtrt_id, request.data.psn_no, inpatient=True)
    if found.state != Visit.DISCHARGED:
        raise Decline("ENCOUNTER_NOT_DISCHARGED", mdtrt_id=found.mdtrt_id)
    batches.refuse_unless_open(batches.find(tx, found.mdtrt_id, ""))
    tx.run(_END, key=found.mdtrt_id, new_state=int(Visit.OPEN), new_end="", new_dise=found.dise_codg)
    return CancelDischargeResponse()


def _insert(tx: Tx, call: Call, mdtrt_id: str, data: Any, inpatient: bool, state: Visit) -> None:
    tx.run(
        _INSERT,
        mdtrt_id=mdtrt_id,
        institution=call.header.fixmedins_code,
        psn_no=data.psn_no,
        insuplc=call.header.insuplc_admdvs,
        insutype=data.insutype,
        inpatient=int(inpatient),
        med_type=data.med_type if inpatient else "",
        dise_codg=data.dise_codg if inpatient else "",
        begntime=data.begntime,
        endtime="",
        state=int(state),
        msgid=call.header.msgid,
        pending=call.header.msgid if state == Visit.OPENING else "",
    )


def _refuse_future(call: Call, field: str, moment: str) -> None:
    if moment > clock.text(call.at + CLOCK_SKEW):
        raise Decline("REQUEST_TIME_IMPLAUSIBLE", field=field)


def _refuse_with_fees(tx: Tx, found: Encounter) -> None:
    busy = tx.one(_HAS_BATCH_BUSY, key=found.mdtrt_id)
    if busy is not None:
        raise Decline("ENCOUNTER_BUSY", msgid=busy[0])
    if tx.one(_HAS_LINES, key=found.mdtrt_id) is not None:
        raise Decline("ENCOUNTER_HAS_FEES", mdtrt_id=found.mdtrt_id)
