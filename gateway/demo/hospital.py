"""A hospital's program, as an integrator would write it with the generated stubs."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.rpc.status_pb2 import Status

from gateway.clock import Clock, text
from gateway.delivery.grpc_link import STATUS_TRAILER
from gateway.errors.status import info_of
from gateway.money import line_amount_fen
from gateway.tls import TlsFiles, channel_credentials, server_name
from yidi.v1 import (
    eligibility_pb2,
    eligibility_pb2_grpc,
    encounter_pb2,
    encounter_pb2_grpc,
    fee_pb2,
    fee_pb2_grpc,
    settlement_pb2,
    settlement_pb2_grpc,
)
from yidi.v1.header_pb2 import RequestHeader

Line = tuple[str, str, int, int]
"""Catalogue code, name, quantity (e4), price (e6)."""


_SERIALS = itertools.count(1)
"""One serial for all windows of this program, so that no request id is given twice."""


class Hospital:
    """One institution at one window, with a blocking channel to its city's hub."""

    def __init__(self, code: str, division: str, address: str, tls: TlsFiles, clock: Clock | None = None) -> None:
        self.code = code
        self.division = division
        self.clock = clock or Clock()
        self.channel = grpc.secure_channel(
            address,
            channel_credentials(tls),
            options=(("grpc.ssl_target_name_override", server_name(division)), ("grpc.enable_retries", 0)),
        )
        self.eligibility = eligibility_pb2_grpc.EligibilityServiceStub(self.channel)
        self.encounters = encounter_pb2_grpc.EncounterServiceStub(self.channel)
        self.fees = fee_pb2_grpc.FeeServiceStub(self.channel)
        self.settlements = settlement_pb2_grpc.SettlementServiceStub(self.channel)

    def now(self) -> datetime:
        """China time."""
        return self.clock.china()

    def header(self, insured: str, msgid: str = "") -> RequestHeader:
        """A request header with a fresh request id: institution, time, serial."""
        now = self.now()
        return RequestHeader(
            msgid=msgid or f"{self.code}{now:%Y%m%d%H%M%S}{next(_SERIALS) % 10_000:04d}",
            mdtrtarea_admvs=self.division,
            insuplc_admdvs=insured,
            fixmedins_code=self.code,
            fixmedins_name="示范医院",
            opter_type="1",
            opter="001",
            opter_name="示范经办",
            inf_time=text(now),
            infver="V1.0",
        )

    def person(self, insured: str, certno: str) -> eligibility_pb2.GetPersonResponse:
        """1101, by identity card."""
        request = eligibility_pb2.GetPersonRequest(header=self.header(insured))
        request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", certno
        reply: eligibility_pb2.GetPersonResponse = self.eligibility.GetPerson(request, timeout=20)
        return reply

    def register(self, insured: str, psn_no: str, insutype: str = "310") -> str:
        """2201; the encounter id."""
        request = encounter_pb2.RegisterOutpatientRequest(header=self.header(insured))
        data = request.data
        data.psn_no, data.insutype, data.begntime = psn_no, insutype, text(self.now() - timedelta(minutes=5))
        data.mdtrt_cert_type, data.mdtrt_cert_no = "02", "SHOWN-AT-WINDOW"
        data.ipt_otp_no = f"MZ{next(_SERIALS)}"
        data.atddr_no, data.dr_name, data.dept_code, data.dept_name, data.caty = "D1", "示范医师", "01", "内科", "03"
        reply: encounter_pb2.RegisterOutpatientResponse = self.encounters.RegisterOutpatient(request, timeout=20)
        return reply.data.mdtrt_id

    def upload(
        self, insured: str, psn_no: str, mdtrt_id: str, lines: list[Line], batch: str = "B1", dise_codg: str = ""
    ) -> fee_pb2.UploadOutpatientFeesResponse:
        """2204."""
        request = fee_pb2.UploadOutpatientFeesRequest(header=self.header(insured))
        for number, (code, _, cnt_e4, pric_e6) in enumerate(lines, 1):
            request.feedetail.add(
                feedetl_sn=f"{batch}-{number:04d}",
                mdtrt_id=mdtrt_id,
                psn_no=psn_no,
                chrg_bchno=batch,
                dise_codg=dise_codg,
                rx_circ_flag="0",
                fee_ocur_time=text(self.now()),
                med_list_codg=code,
                medins_list_codg=f"HIS-{number}",
                det_item_fee_sumamt_fen=line_amount_fen(cnt_e4, pric_e6),
                cnt_e4=cnt_e4,
                pric_e6=pric_e6,
                bilg_dept_codg="01",
                bilg_dept_name="内科",
                bilg_dr_codg="D1",
                bilg_dr_name="示范医师",
                hosp_appr_flag="0",
            )
        reply: fee_pb2.UploadOutpatientFeesResponse = self.fees.UploadOutpatientFees(request, timeout=20)
        return reply

    def quote(
        self, insured: str, psn_no: str, mdtrt_id: str, total_fen: int, batch: str = "B1", med_type: str = "14",
        insutype: str = "310",
    ) -> settlement_pb2.QuoteOutpatientResponse:  # fmt: skip
        """2206."""
        request = settlement_pb2.QuoteOutpatientRequest(header=self.header(insured))
        _fill(request.data, psn_no, mdtrt_id, total_fen, med_type, insutype)
        request.data.chrg_bchno = batch
        reply: settlement_pb2.QuoteOutpatientResponse = self.settlements.QuoteOutpatient(request, timeout=20)
        return reply

    def settlement_request(
        self, insured: str, psn_no: str, mdtrt_id: str, quote: settlement_pb2.QuoteOutpatientResponse,
        batch: str = "B1", msgid: str = "",
    ) -> settlement_pb2.SettleOutpatientRequest:  # fmt: skip
        """A 2207 request that echoes a quote."""
        info = quote.setlinfo
        request = settlement_pb2.SettleOutpatientRequest(header=self.header(insured, msgid))
        _fill(request.data, psn_no, mdtrt_id, info.medfee_sumamt_fen, info.med_type, info.insutype)
        request.data.chrg_bchno = batch
        request.data.fulamt_ownpay_amt_fen = info.fulamt_ownpay_amt_fen
        request.data.overlmt_selfpay_fen = info.overlmt_selfpay_fen
        request.data.preselfpay_amt_fen = info.preselfpay_amt_fen
        request.data.inscp_scp_amt_fen = info.inscp_scp_amt_fen
        return request

    def settle(self, request: settlement_pb2.SettleOutpatientRequest) -> settlement_pb2.SettleOutpatientResponse:
        """2207."""
        reply: settlement_pb2.SettleOutpatientResponse = self.settlements.SettleOutpatient(request, timeout=20)
        return reply

    def reverse(
        self, insured: str, psn_no: str, mdtrt_id: str, setl_id: str
    ) -> settlement_pb2.ReverseOutpatientResponse:
        """2208."""
        request = settlement_pb2.ReverseOutpatientRequest(header=self.header(insured))
        request.data.psn_no, request.data.mdtrt_id, request.data.setl_id = psn_no, mdtrt_id, setl_id
        reply: settlement_pb2.ReverseOutpatientResponse = self.settlements.ReverseOutpatient(request, timeout=20)
        return reply

    def close(self) -> None:
        """Hang up."""
        self.channel.close()


def _fill(data: Any, psn_no: str, mdtrt_id: str, total_fen: int, med_type: str, insutype: str) -> None:
    data.psn_no, data.mdtrt_id, data.medfee_sumamt_fen = psn_no, mdtrt_id, total_fen
    data.med_type, data.insutype, data.psn_setlway, data.acct_used_flag = med_type, insutype, "01", "1"
    data.mdtrt_cert_type, data.mdtrt_cert_no = "02", "SHOWN-AT-WINDOW"


def status_in(error: grpc.RpcError) -> Status:
    """The google.rpc.Status of a refused call; empty when the refusal came from gRPC itself."""
    call: Any = error
    for key, value in call.trailing_metadata() or ():
        if key == STATUS_TRAILER:
            return Status.FromString(value)
    return Status()


def reason_in(error: grpc.RpcError) -> str:
    """The reason in the error catalogue, or the gRPC code."""
    call: Any = error
    return info_of(status_in(error)).reason or str(call.code().name)
