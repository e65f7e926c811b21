"""Reverse a settlement, undo a request by its id, and show a settlement."""

from dataclasses import replace

from adapters.reference_core import answers, ledger, people, sql, stays
from adapters.reference_core.ledger import Entry
from adapters.reference_core.place import InsuredPlace
from gateway import clock
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.statement import Tx
from yidi.v1.settlement_pb2 import (
    UNDO_RESULT_NOTHING_TO_UNDO,
    UNDO_RESULT_REVERSED,
    GetSettlementRequest,
    GetSettlementResponse,
    ReverseInpatientRequest,
    ReverseInpatientResponse,
    ReverseOutpatientRequest,
    ReverseOutpatientResponse,
    SettleOutpatientResponse,
    UndoRequest,
    UndoResponse,
)
from yidi.v1.settlement_types_pb2 import SettlementRecord

UNDO = "Undo"


def reverse_outpatient(tx: Tx, place: InsuredPlace, call: Call) -> ReverseOutpatientResponse:
    """2208: reverse a charge batch."""
    assert isinstance(call.request, ReverseOutpatientRequest)
    data = call.request.data
    answer = _reverse(tx, place, call, data.psn_no, data.mdtrt_id, data.setl_id, "outpatient")
    return ReverseOutpatientResponse(setlinfo=answer.setlinfo, setldetail=answer.setldetail)


def reverse_inpatient(tx: Tx, place: InsuredPlace, call: Call) -> ReverseInpatientResponse:
    """2305: reverse the settlement of a stay, which is open again."""
    assert isinstance(call.request, ReverseInpatientRequest)
    data = call.request.data
    answer = _reverse(tx, place, call, data.psn_no, data.mdtrt_id, data.setl_id, "inpatient")
    return ReverseInpatientResponse(setlinfo=answer.setlinfo, setldetail=answer.setldetail)


def _own_entry(tx: Tx, call: Call, psn_no: str, mdtrt_id: str, setl_id: str) -> Entry:
    """An entry of the asking institution; another's looks exactly like one that does not exist."""
    entry = ledger.find(tx, setl_id)
    header = call.header
    asked = (header.mdtrtarea_admvs, header.fixmedins_code, psn_no, mdtrt_id)
    if entry is None or asked != (entry.mdtrtarea_admvs, entry.fixmedins_code, entry.psn_no, entry.mdtrt_id):
        raise Decline("SETTLEMENT_NOT_FOUND", setl_id=setl_id)
    return entry


def _reverse(
    tx: Tx, place: InsuredPlace, call: Call, psn_no: str, mdtrt_id: str, setl_id: str, care: str
) -> SettleOutpatientResponse:
    """Reverse the settlement in force, which after a reinstatement is no longer the entry the hospital knows."""
    if tx.one(sql.PERSON_LOCKED, psn_no=psn_no) is None:
        raise Decline("SETTLEMENT_NOT_FOUND", setl_id=setl_id)
    entry = _own_entry(tx, call, psn_no, mdtrt_id, setl_id)
    if entry.care != care or entry.sign < 0:
        raise Decline("SETTLEMENT_NOT_FOUND", setl_id=setl_id)
    head = ledger.head(tx, entry)
    if head.sign < 0:
        raise Decline("SETTLEMENT_ALREADY_REVERSED", setl_id=setl_id, reversal=head.setl_id)
    return _mirror(tx, place, call, head)


def _mirror(tx: Tx, place: InsuredPlace, call: Call, entry: Entry) -> SettleOutpatientResponse:
    """Post the opposite of the newest entry of a chain: a reversal, or of a reversal the reinstatement.

    The mirror counts in the year of what it mirrors, so that the year returns to where it was.
    """
    number, setl_id = ledger.next_number(tx, place.division, call.at)
    answer = SettleOutpatientResponse.FromString(entry.answer)
    info = answer.setlinfo
    answers.negate(info, list(answer.setldetail))
    # acct_pay is negative in a reversal, so the account gets it back.
    if tx.run(sql.MOVE_BALANCE, who=entry.psn_no, by_fen=-info.acct_pay_fen) != 1:
        raise Decline("REVERSAL_CANNOT_BE_UNDONE", setl_id=entry.root_setl_id)
    info.setl_id = setl_id
    info.setl_time = clock.text(call.at)
    info.medins_setl_id = call.header.msgid
    info.balc_fen = people.find(tx, entry.psn_no).acct_balc_fen
    kept = answers.as_recorded(SettlementRecord.FromString(entry.record), info, call.header)
    posted = replace(
        entry,
        entry_id=number,
        setl_id=setl_id,
        kind=ledger.REVERSE if entry.sign > 0 else ledger.SETTLE,
        sign=-entry.sign,
        reverses_setl_id=entry.setl_id,
        made_by=call.method,
        batch_seq=ledger.last_of_batch(tx, entry.mdtrtarea_admvs, entry.mdtrt_id, entry.chrg_bchno)[0] + 1,
        msgid=call.header.msgid,
        setl_time=info.setl_time,
        answer=answer.SerializeToString(),
        record=kept.SerializeToString(),
    )
    ledger.post(tx, posted, info)
    if entry.care == "inpatient":
        _move_stay(tx, entry)
    return answer


def _move_stay(tx: Tx, entry: Entry) -> None:
    """A reversed stay is open again, so that it can be settled anew; a reinstated one is settled."""
    was, becomes = (stays.SETTLED, stays.OPEN) if entry.sign > 0 else (stays.OPEN, stays.SETTLED)
    if not stays.move(tx, entry.mdtrtarea_admvs, entry.mdtrt_id, was, becomes):
        raise Decline("ADMISSION_ALREADY_CANCELLED", mdtrt_id=entry.mdtrt_id)


def undo(tx: Tx, place: InsuredPlace, call: Call) -> UndoResponse:
    """2601: undo what a request did, if it did anything and that still stands (handbook section 3.2)."""
    assert isinstance(call.request, UndoRequest)
    data, header = call.request.data, call.header
    tx.one(sql.PERSON_LOCKED, psn_no=data.psn_no)
    entry = ledger.find_by_msgid(tx, header.mdtrtarea_admvs, header.fixmedins_code, data.omsgid)
    if entry is None:
        return _undo_admission(tx, call, data.psn_no, data.omsgid)
    if entry.psn_no != data.psn_no:
        raise Decline("UNDO_OF_ANOTHER_PERSON", omsgid=data.omsgid)
    head = ledger.head(tx, entry)
    # A settlement stands while its chain is positive; a reversal only while nothing came after it. An undo is final.
    stands = head.sign > 0 if entry.sign > 0 else head.setl_id == entry.setl_id
    if not stands or entry.made_by == UNDO:
        return UndoResponse(result=UNDO_RESULT_NOTHING_TO_UNDO)
    if head.sign < 0:
        _require_reinstatable(tx, head)
    original = SettleOutpatientResponse.FromString(entry.answer).setlinfo
    mirror = _mirror(tx, place, call, head).setlinfo
    return UndoResponse(result=UNDO_RESULT_REVERSED, setlinfo=mirror, undone=original)


def _require_reinstatable(tx: Tx, head: Entry) -> None:
    """Refuse to reinstate when later settlements may have used what the reversal set free.

    Deductibles and caps were computed without the reversed settlement; both together could exceed a cap.
    """
    _, in_force = ledger.last_of_batch(tx, head.mdtrtarea_admvs, head.mdtrt_id, head.chrg_bchno)
    if in_force or ledger.used_since(tx, head):
        raise Decline("REVERSAL_CANNOT_BE_UNDONE", setl_id=head.root_setl_id)


def _undo_admission(tx: Tx, call: Call, psn_no: str, omsgid: str) -> UndoResponse:
    header = call.header
    row = tx.one(
        sql.STAY_BY_MSGID,
        mdtrtarea_admvs=header.mdtrtarea_admvs,
        fixmedins_code=header.fixmedins_code,
        msgid=omsgid,
    )
    stay = stays.Stay(*row) if row is not None else None
    if stay is None or stay.state == stays.CANCELLED:
        return UndoResponse(result=UNDO_RESULT_NOTHING_TO_UNDO)
    if stay.psn_no != psn_no:
        raise Decline("UNDO_OF_ANOTHER_PERSON", omsgid=omsgid)
    stays.cancel(tx, stay)
    return UndoResponse(result=UNDO_RESULT_REVERSED)


def get_settlement(tx: Tx, place: InsuredPlace, call: Call) -> GetSettlementResponse:
    """5203: a settlement of the asking institution; the refund flag says whether it still stands."""
    del place
    assert isinstance(call.request, GetSettlementRequest)
    data = call.request.data
    entry = _own_entry(tx, call, data.psn_no, data.mdtrt_id, data.setl_id)
    kept = SettlementRecord.FromString(entry.record)
    kept.refd_setl_flag = "0" if entry.sign > 0 and ledger.head(tx, entry).sign > 0 else "1"
    details = SettleOutpatientResponse.FromString(entry.answer).setldetail
    return GetSettlementResponse(setlinfo=kept, setldetail=details)
