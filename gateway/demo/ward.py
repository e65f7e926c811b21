"""The in-patient side of a hospital's program: admission, fees, discharge, quote and settlement of a stay."""

from datetime import datetime, timedelta

from gateway.clock import text
from gateway.demo.hospital import Hospital, Line
from gateway.exchange.split import Totals, totals
from gateway.money import line_amount_fen
from yidi.v1.encounter_pb2 import AdmitRequest, AdmitResponse, DischargeRequest
from yidi.v1.fee_pb2 import UploadInpatientFeesRequest, UploadInpatientFeesResponse
from yidi.v1.settlement_pb2 import (
    InpatientQuote,
    InpatientSettlement,
    QuoteInpatientRequest,
    QuoteInpatientResponse,
    SettleInpatientRequest,
    SettleInpatientResponse,
)

ORDINARY_STAY = "21"
"""med_type of an ordinary stay (handbook, dictionaries.csv)."""
PATIENCE_S = 20


class Ward:
    """One patient's stay at a hospital."""

    def __init__(self, hospital: Hospital, insured: str, psn_no: str, insutype: str = "310") -> None:
        self.hospital = hospital
        self.insured = insured
        self.psn_no = psn_no
        self.insutype = insutype
        self.mdtrt_id = ""

    def admit(self, since: datetime) -> None:
        """2401; the insured place records the stay."""
        request = AdmitRequest(header=self.hospital.header(self.insured))
        info = request.mdtrtinfo
        info.psn_no, info.insutype, info.begntime = self.psn_no, self.insutype, text(since)
        info.med_type, info.ipt_no = ORDINARY_STAY, f"ZY-{self.psn_no}"
        info.mdtrt_cert_type, info.mdtrt_cert_no = "02", "SHOWN-AT-WINDOW"
        info.atddr_no, info.chfpdr_name = "D1", "示范医师"
        info.adm_dept_codg, info.adm_dept_name, info.adm_bed = "02", "内科病区", "1-01"
        info.dscg_maindiag_code, info.dscg_maindiag_name = "I63.900", "脑梗死"
        request.diseinfo.add(diag_type="1", maindiag_flag="1", diag_srt_no=1, diag_code="I63.900", diag_name="脑梗死")
        reply: AdmitResponse = self.hospital.encounters.Admit(request, timeout=PATIENCE_S)
        self.mdtrt_id = reply.result.mdtrt_id

    def upload(self, lines: list[Line], since: datetime) -> UploadInpatientFeesResponse:
        """2301: one line every few hours from the admission on."""
        request = UploadInpatientFeesRequest(header=self.hospital.header(self.insured))
        for number, (code, _, cnt_e4, pric_e6) in enumerate(lines, 1):
            request.feedetail.add(
                feedetl_sn=f"ZY-{number:04d}",
                mdtrt_id=self.mdtrt_id,
                psn_no=self.psn_no,
                med_type=ORDINARY_STAY,
                fee_ocur_time=text(since + timedelta(hours=3 * number)),
                med_list_codg=code,
                medins_list_codg=f"HIS-{number}",
                det_item_fee_sumamt_fen=line_amount_fen(cnt_e4, pric_e6),
                cnt_e4=cnt_e4,
                pric_e6=pric_e6,
                bilg_dept_codg="02",
                bilg_dept_name="内科病区",
                bilg_dr_codg="D1",
                bilg_dr_name="示范医师",
                hosp_appr_flag="0",
            )
        reply: UploadInpatientFeesResponse = self.hospital.fees.UploadInpatientFees(request, timeout=PATIENCE_S)
        return reply

    def discharge(self) -> None:
        """2402."""
        request = DischargeRequest(header=self.hospital.header(self.insured))
        info = request.dscginfo
        info.mdtrt_id, info.psn_no, info.insutype = self.mdtrt_id, self.psn_no, self.insutype
        info.endtime, info.dscg_way = text(self.hospital.now()), "1"
        info.dscg_dept_codg, info.dscg_dept_name = "02", "内科病区"
        request.diseinfo.add(diag_type="1", maindiag_flag="1", diag_srt_no=1, diag_code="I63.900", diag_name="脑梗死")
        self.hospital.encounters.Discharge(request, timeout=PATIENCE_S)

    def quote(self, uploaded: UploadInpatientFeesResponse) -> QuoteInpatientResponse:
        """2303."""
        request = QuoteInpatientRequest(header=self.hospital.header(self.insured))
        self._fill(request.data, totals(uploaded.result))
        reply: QuoteInpatientResponse = self.hospital.settlements.QuoteInpatient(request, timeout=PATIENCE_S)
        return reply

    def settle(self, uploaded: UploadInpatientFeesResponse) -> SettleInpatientResponse:
        """2304."""
        request = SettleInpatientRequest(header=self.hospital.header(self.insured))
        self._fill(request.data, totals(uploaded.result))
        reply: SettleInpatientResponse = self.hospital.settlements.SettleInpatient(request, timeout=PATIENCE_S)
        return reply

    def _fill(self, data: InpatientQuote | InpatientSettlement, sums: Totals) -> None:
        data.psn_no, data.mdtrt_id, data.insutype = self.psn_no, self.mdtrt_id, self.insutype
        data.mdtrt_cert_type, data.mdtrt_cert_no = "02", "SHOWN-AT-WINDOW"
        data.psn_setlway, data.acct_used_flag, data.mid_setl_flag = "01", "1", "0"
        data.medfee_sumamt_fen = sums.medfee_sumamt_fen
        data.fulamt_ownpay_amt_fen = sums.fulamt_ownpay_amt_fen
        data.overlmt_selfpay_fen = sums.overlmt_selfpay_fen
        data.preselfpay_amt_fen = sums.preselfpay_amt_fen
        data.inscp_scp_amt_fen = sums.inscp_scp_amt_fen
