"""Fee lines: each is judged, split by the treat place's catalogue, and kept until it is settled or revoked.

Handbook, transactions 2204, 2205, 2301, 2302 and 5204; Fushun 2022, art. 25 (out-patient lines are split one by one).
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message

from codemaps.catalogue import Catalogue, Item
from gateway import clock, money
from gateway.contract import Violation, check_of
from gateway.errors import Decline
from gateway.errors.decline import FieldFault
from gateway.exchange.check import CLOCK_SKEW, BadRequest
from gateway.exchange.link import Call
from gateway.exchange.split import Split, split
from gateway.store.statement import Statement, Tx
from gateway.store.tables import Batch, Visit, fee_line
from gateway.treatplace import batches, encounters
from gateway.treatplace.encounters import Encounter
from yidi.v1.fee_pb2 import (
    FeeRecord,
    InpatientFeeLine,
    ListFeesResponse,
    OutpatientFeeLine,
    RevokeInpatientFeesResponse,
    RevokeOutpatientFeesResponse,
    SplitResult,
    UploadInpatientFeesResponse,
    UploadOutpatientFeesResponse,
)
from yidi.v1.settlement_types_pb2 import SettlementLine

ALL_UNSETTLED = "0000"
"""In 2205 and 2302: all unsettled lines of the encounter (handbook, national-interface.md section 3.2)."""
DEFAULT_PAGE = 1000

_KEY = (fee_line.c.mdtrt_id == sa.bindparam("key")) & (fee_line.c.feedetl_sn == sa.bindparam("serial"))
_EXISTS = Statement(sa.select(fee_line.c.cnt_e4).where(_KEY))
_SOURCE = Statement(sa.select(fee_line.c.source).where(_KEY))
_REFUNDED = Statement(
    sa.select(sa.func.coalesce(sa.func.sum(fee_line.c.cnt_e4), 0)).where(
        (fee_line.c.mdtrt_id == sa.bindparam("key")) & (fee_line.c.refunds == sa.bindparam("serial"))
    )
)
_INSERT = Statement(sa.insert(fee_line))
_DELETE_BATCH = Statement(
    sa.delete(fee_line).where(
        (fee_line.c.mdtrt_id == sa.bindparam("key")) & (fee_line.c.chrg_bchno == sa.bindparam("name"))
    )
)
_DELETE_LINE = Statement(sa.delete(fee_line).where(_KEY))
_BATCHES = Statement(sa.select(fee_line.c.chrg_bchno).where(fee_line.c.mdtrt_id == sa.bindparam("key")).distinct())
_PAGE = Statement(
    sa.select(fee_line.c.feedetl_sn, fee_line.c.line, fee_line.c.source, fee_line.c.chrg_bchno)
    .where((fee_line.c.mdtrt_id == sa.bindparam("key")) & (fee_line.c.feedetl_sn > sa.bindparam("after")))
    .order_by(fee_line.c.feedetl_sn)
    .limit(sa.bindparam("most"))
)

_COPIED = [f.name for f in SplitResult.DESCRIPTOR.fields if f.name in SettlementLine.DESCRIPTOR.fields_by_name]
_FROM_SOURCE = {
    kind: [
        f.name
        for f in FeeRecord.DESCRIPTOR.fields
        if f.name in kind.DESCRIPTOR.fields_by_name and f.name not in SettlementLine.DESCRIPTOR.fields_by_name
    ]
    for kind in (OutpatientFeeLine, InpatientFeeLine)
}
_FROM_LINE = [f.name for f in FeeRecord.DESCRIPTOR.fields if f.name in SettlementLine.DESCRIPTOR.fields_by_name]


class LinesRefused(Decline):
    """Occurs when a line is at fault and the sender asked for all or nothing."""

    def __init__(self, verdicts: list[tuple[int, Decline]]) -> None:
        super().__init__("BATCH_REFUSED", rejected=len(verdicts))
        self.fields = [FieldFault(f"feedetail[{index}]", str(decline)) for index, decline in verdicts]


class _Upload:
    """One upload while its lines are judged."""

    def __init__(self, tx: Tx, call: Call, visit: Encounter, catalogue: Catalogue) -> None:
        self.tx, self.visit, self.catalogue = tx, visit, catalogue
        self.latest = clock.text(call.at + CLOCK_SKEW)
        self.serials: set[str] = set()
        self.batches: dict[str, batches.ChargeBatch | None] = {}
        self.diseases: dict[str, str] = {}
        self.rows: list[dict[str, Any]] = []
        self.refunded: dict[str, int] = {}
        self.accepted: dict[str, Any] = {}

    def judge(self, line: Any) -> tuple[Split, Item]:
        """Refuse a line that may not be kept; otherwise its split."""
        self._refuse_foreign(line)
        serial: str = line.feedetl_sn
        if serial in self.serials or self.tx.one(_EXISTS, key=self.visit.mdtrt_id, serial=serial) is not None:
            raise Decline("SERIAL_REPEATED", feedetl_sn=serial)
        if line.cnt_e4 == 0:
            raise Decline("LINE_QUANTITY_ZERO", feedetl_sn=serial)
        expected = money.line_amount_fen(line.cnt_e4, line.pric_e6)
        if line.det_item_fee_sumamt_fen != expected:
            given = money.yuan(line.det_item_fee_sumamt_fen)
            raise Decline("LINE_AMOUNT_WRONG", feedetl_sn=serial, given=given, expected=money.yuan(expected))
        if line.fee_ocur_time < self.visit.begntime:
            raise Decline("LINE_DATE_BEFORE_VISIT", feedetl_sn=serial)
        if line.fee_ocur_time > self.latest:
            raise Decline("LINE_DATE_IN_FUTURE", feedetl_sn=serial)
        item = self._item(line)
        return split(line, item), item

    def _refuse_foreign(self, line: Any) -> None:
        violations: list[Violation] = []
        check_of(line.DESCRIPTOR)(line, "", False, violations)
        if violations:
            raise BadRequest(violations)
        if line.mdtrt_id != self.visit.mdtrt_id or line.psn_no != self.visit.psn_no:
            raise Decline("LINE_FOREIGN", feedetl_sn=line.feedetl_sn)

    def _item(self, line: Any) -> Item:
        day = line.fee_ocur_time[:10]
        item = self.catalogue.find(line.med_list_codg, day)
        if item is None and self.catalogue.knows(line.med_list_codg):
            raise Decline("CATALOGUE_ROW_EXPIRED", code=line.med_list_codg, date=day)
        if item is None:
            raise Decline("CATALOGUE_CODE_UNKNOWN", code=line.med_list_codg)
        return item

    def judge_batch(self, line: Any, name: str) -> None:
        """Refuse a line for a batch that is settled, being settled, or of another disease."""
        if name not in self.batches:
            self.batches[name] = batches.find(self.tx, self.visit.mdtrt_id, name)
        found = self.batches[name]
        batches.refuse_unless_open(found)
        disease = getattr(line, "dise_codg", "")
        kept = self.diseases.get(name, found.dise_codg if found is not None else disease)
        if disease != kept:
            raise Decline("LINE_DISEASE_DIFFERS", feedetl_sn=line.feedetl_sn, chrg_bchno=name)

    def judge_refund(self, line: Any) -> None:
        """A refund row takes back no more than what is left of the row it names (handbook, transaction 2301)."""
        if line.cnt_e4 > 0:
            return
        original: str = line.init_feedetl_sn
        charged = self._charged(original)
        stored = self.tx.one(_REFUNDED, key=self.visit.mdtrt_id, serial=original)
        taken = (stored[0] if stored else 0) + self.refunded.get(original, 0) + line.cnt_e4
        if charged is None or charged.cnt_e4 + taken < 0:
            raise Decline("REFUND_WITHOUT_ORIGINAL", feedetl_sn=line.feedetl_sn)
        # Of another item, or at another price, it would take back another sum than was charged.
        if (charged.med_list_codg, charged.pric_e6) != (line.med_list_codg, line.pric_e6):
            raise Decline("REFUND_WITHOUT_ORIGINAL", feedetl_sn=line.feedetl_sn)
        self.refunded[original] = self.refunded.get(original, 0) + line.cnt_e4

    def _charged(self, serial: str) -> Any:
        """The row that a refund row names, of this upload or an earlier one, or None."""
        if serial in self.accepted:
            return self.accepted[serial]
        row = self.tx.one(_SOURCE, key=self.visit.mdtrt_id, serial=serial) if serial else None
        return None if row is None else InpatientFeeLine.FromString(row[0])

    def keep(self, line: Any, name: str, parts: Split, item: Item) -> SplitResult:
        """Keep an accepted line; its split as it is answered."""
        serial = line.feedetl_sn
        self.serials.add(serial)
        self.accepted[serial] = line
        self.diseases.setdefault(name, getattr(line, "dise_codg", ""))
        travelling = SettlementLine(
            feedetl_sn=serial,
            fee_ocur_time=line.fee_ocur_time,
            med_list_codg=line.med_list_codg,
            medins_list_codg=line.medins_list_codg,
            cnt_e4=line.cnt_e4,
            pric_e6=line.pric_e6,
            list_type=item.list_type,
            **parts._asdict(),
        )
        self.rows.append(
            {
                "mdtrt_id": self.visit.mdtrt_id,
                "feedetl_sn": serial,
                "chrg_bchno": name,
                "refunds": getattr(line, "init_feedetl_sn", ""),
                "cnt_e4": line.cnt_e4,
                "amount_fen": line.det_item_fee_sumamt_fen,
                "line": travelling.SerializeToString(),
                "source": line.SerializeToString(),
            }
        )
        return SplitResult(**{field: getattr(travelling, field) for field in _COPIED})

    def store(self) -> None:
        """Write the accepted lines and note that their batches changed."""
        self.tx.run_many(_INSERT, self.rows)
        for name, disease in self.diseases.items():
            batches.changed(self.tx, self.batches[name], self.visit.mdtrt_id, name, self.visit.institution, disease)


def upload_outpatient(tx: Tx, call: Call, catalogue: Catalogue) -> Message:
    """2204: lines of one visit; each names its charge batch."""
    return _upload(tx, call, catalogue, False, UploadOutpatientFeesResponse(), lambda line: line.chrg_bchno)


def upload_inpatient(tx: Tx, call: Call, catalogue: Catalogue) -> Message:
    """2301: lines of one stay, refund rows among them."""
    return _upload(tx, call, catalogue, True, UploadInpatientFeesResponse(), _stay_batch)


def _stay_batch(_: Any) -> str:
    """All lines of a stay are one batch."""
    return ""


def _upload(
    tx: Tx, call: Call, catalogue: Catalogue, inpatient: bool, response: Any, name_of: Callable[[Any], str]
) -> Message:
    request: Any = call.request
    first = request.feedetail[0]
    visit = encounters.find_open(tx, call.header, first.mdtrt_id, first.psn_no, inpatient)
    if visit.state == Visit.DISCHARGED:
        raise Decline("ENCOUNTER_DISCHARGED", mdtrt_id=visit.mdtrt_id)
    upload = _Upload(tx, call, visit, catalogue)
    refused: list[tuple[int, Decline]] = []
    for index, line in enumerate(request.feedetail):
        try:
            parts, item = upload.judge(line)
            upload.judge_batch(line, name_of(line))
            if inpatient:
                upload.judge_refund(line)
        except Decline as decline:
            refused.append((index, decline))
        else:
            response.result.append(upload.keep(line, name_of(line), parts, item))
    if refused and request.all_or_nothing:
        raise LinesRefused(refused)
    for index, why in refused:
        response.rejected.add(feedetl_sn=request.feedetail[index].feedetl_sn, index=index, fault=why.fault())
    upload.store()
    return response  # type: ignore[no-any-return]  # built from one of the two response types above


def revoke_outpatient(tx: Tx, call: Call) -> Message:
    """2205: the unsettled lines of one charge batch, or with 0000 of all of them."""
    request: Any = call.request
    data = request.data
    visit = encounters.find_open(tx, call.header, data.mdtrt_id, data.psn_no, inpatient=False)
    if data.chrg_bchno != ALL_UNSETTLED:
        found = batches.find(tx, visit.mdtrt_id, data.chrg_bchno)
        if found is None:
            raise Decline("BATCH_NOT_FOUND", mdtrt_id=visit.mdtrt_id)
        batches.refuse_unless_open(found)
        return RevokeOutpatientFeesResponse(revoked=_revoke_batch(tx, found))
    revoked = 0
    for (name,) in tx.all(_BATCHES, key=visit.mdtrt_id):
        found = batches.find(tx, visit.mdtrt_id, name)
        if found is not None and found.state == Batch.OPEN:
            revoked += _revoke_batch(tx, found)
    return RevokeOutpatientFeesResponse(revoked=revoked)


def _revoke_batch(tx: Tx, found: batches.ChargeBatch) -> int:
    batches.forget(tx, found)
    return tx.run(_DELETE_BATCH, key=found.mdtrt_id, name=found.chrg_bchno)


def revoke_inpatient(tx: Tx, call: Call) -> Message:
    """2302: single unsettled lines of a stay, or with 0000 all of them."""
    request: Any = call.request
    first = request.data[0]
    visit = encounters.find_open(tx, call.header, first.mdtrt_id, first.psn_no, inpatient=True)
    found = batches.find(tx, visit.mdtrt_id, "")
    if found is None:
        raise Decline("BATCH_NOT_FOUND", mdtrt_id=visit.mdtrt_id)
    batches.refuse_unless_open(found)
    revoked = 0
    for item in request.data:
        if item.mdtrt_id != visit.mdtrt_id or item.psn_no != visit.psn_no:
            raise Decline("LINE_FOREIGN", feedetl_sn=item.feedetl_sn)
        if item.feedetl_sn == ALL_UNSETTLED:
            revoked += tx.run(_DELETE_BATCH, key=visit.mdtrt_id, name="")
            continue
        gone = tx.run(_DELETE_LINE, key=visit.mdtrt_id, serial=item.feedetl_sn)
        refunds = tx.one(_REFUNDED, key=visit.mdtrt_id, serial=item.feedetl_sn)
        if not gone or (refunds is not None and refunds[0]):
            raise Decline("LINE_NOT_REVOCABLE", feedetl_sn=item.feedetl_sn)
        revoked += gone
    batches.changed(tx, found, visit.mdtrt_id, "", visit.institution, "")
    return RevokeInpatientFeesResponse(revoked=revoked)


def list_fees(tx: Tx, call: Call) -> Message:
    """5204: the lines of an encounter in the order of their serials, page by page."""
    request: Any = call.request
    visit = encounters.find(tx, call.header, request.data.mdtrt_id, request.data.psn_no)
    size = request.page_size or DEFAULT_PAGE
    rows = tx.all(_PAGE, key=visit.mdtrt_id, after=request.page_token, most=size + 1)
    response = ListFeesResponse(next_page_token=rows[size - 1][0] if len(rows) > size else "")
    kind = InpatientFeeLine if visit.inpatient else OutpatientFeeLine
    settlements: dict[str, str] = {}
    for _, line_bytes, source_bytes, name in rows[:size]:
        if name not in settlements:
            found = batches.find(tx, visit.mdtrt_id, name)
            settlements[name] = found.setl_id if found is not None else ""
        if request.data.setl_id and settlements[name] != request.data.setl_id:
            continue
        record = response.output.add(mdtrt_id=visit.mdtrt_id, setl_id=settlements[name])
        line, source = SettlementLine.FromString(line_bytes), kind.FromString(source_bytes)
        for field in _FROM_LINE:
            setattr(record, field, getattr(line, field))
        for field in _FROM_SOURCE[kind]:
            if field not in ("mdtrt_id", "setl_id"):
                setattr(record, field, getattr(source, field))
        record.rx_drord_no = getattr(source, "rxno", "") or getattr(source, "drord_no", "")
    return response
