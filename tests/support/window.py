"""A hospital's window: builds requests as an integrator would and hands their bytes to Zhenjiang's hub."""

import itertools
from datetime import timedelta
from typing import Any

from gateway.clock import text
from gateway.demo.hospital import Line
from gateway.demo.network import HOSPITAL
from gateway.demo.scenes import CHRONIC_LINES, HYPERTENSION, STAY_LINES
from gateway.money import line_amount_fen
from tests.support.world import FUSHUN, PATIENCE_S, ZHENJIANG, World, build, parse
from yidi.v1.header_pb2 import RequestHeader

CHRONIC_PERSON = "FUSHUN-DEMO-0001"
STAY_PERSON = "FUSHUN-DEMO-0002"
LINES = CHRONIC_LINES[:3]
WARD_LINES = STAY_LINES[:3]


class Window:
    """One window of a hospital in Zhenjiang."""

    def __init__(self, world: World, code: str = HOSPITAL, insured: str = FUSHUN) -> None:
        self.world = world
        self.code = code
        self.insured = insured
        self._serial = itertools.count(1)

    def msgid(self) -> str:
        """A fresh request id: institution, time, serial."""
        return f"{self.code}{self.world.clock.china():%Y%m%d%H%M%S}{next(self._serial):04d}"

    def header(self, msgid: str = "", insured: str = "") -> RequestHeader:
        """A request header."""
        return RequestHeader(
            msgid=msgid or self.msgid(),
            mdtrtarea_admvs=ZHENJIANG,
            insuplc_admdvs=insured or self.insured,
            fixmedins_code=self.code,
            fixmedins_name="示范医院",
            opter_type="1",
            opter="001",
            opter_name="示范经办",
            inf_time=text(self.world.clock.china()),
            infver="V1.0",
        )

    def request(self, name: str, msgid: str = "") -> Any:
        """A request with its header."""
        request = build(name)
        request.header.CopyFrom(self.header(msgid))
        return request

    async def send(self, name: str, request: Any, left: float = PATIENCE_S) -> bytes:
        """The bytes of the answer."""
        return await self.world.answer(name, request.SerializeToString(), self.code, left)

    async def call(self, name: str, request: Any, left: float = PATIENCE_S) -> Any:
        """The answer."""
        return parse(name, await self.send(name, request, left))

    # --- out-patients -----------------------------------------------------------------------------------------

    async def person(self, certno: str = "DEMO-0001") -> Any:
        """1101, by identity card."""
        request = self.request("GetPerson")
        request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", certno
        return await self.call("GetPerson", request)

    async def entitlements(self, psn_no: str = CHRONIC_PERSON) -> Any:
        """5301."""
        request = self.request("ListChronicEntitlements")
        request.data.psn_no = psn_no
        return await self.call("ListChronicEntitlements", request)

    def registration(self, psn_no: str = CHRONIC_PERSON) -> Any:
        """A 2201 request."""
        request = self.request("RegisterOutpatient")
        data = request.data
        data.psn_no, data.insutype = psn_no, "310"
        data.begntime = text(self.world.clock.china() - timedelta(minutes=5))
        data.ipt_otp_no = "MZ1"
        return request

    async def register(self, psn_no: str = CHRONIC_PERSON) -> str:
        """2201; the encounter id."""
        reply = await self.call("RegisterOutpatient", self.registration(psn_no))
        mdtrt_id: str = reply.data.mdtrt_id
        return mdtrt_id

    def lines(
        self,
        mdtrt_id: str,
        lines: list[Line] = LINES,
        batch: str = "B1",
        psn_no: str = CHRONIC_PERSON,
        dise: str = HYPERTENSION,
    ) -> Any:
        """A 2204 request."""
        request = self.request("UploadOutpatientFees")
        for number, (code, _, cnt_e4, pric_e6) in enumerate(lines, 1):
            request.feedetail.add(
                feedetl_sn=f"{batch}-{number:04d}",
                mdtrt_id=mdtrt_id,
                psn_no=psn_no,
                chrg_bchno=batch,
                dise_codg=dise,
                fee_ocur_time=text(self.world.clock.china()),
                med_list_codg=code,
                medins_list_codg=f"HIS-{number}",
                det_item_fee_sumamt_fen=line_amount_fen(cnt_e4, pric_e6),
                cnt_e4=cnt_e4,
                pric_e6=pric_e6,
                bilg_dr_name="示范医师",
            )
        return request

    def quotation(
        self, mdtrt_id: str, total_fen: int, batch: str = "B1", psn_no: str = CHRONIC_PERSON, med_type: str = "14"
    ) -> Any:
        """A 2206 request."""
        request = self.request("QuoteOutpatient")
        _fill(request.data, psn_no, mdtrt_id, total_fen, med_type)
        request.data.chrg_bchno = batch
        return request

    def settlement(self, quote: Any, batch: str = "B1", msgid: str = "") -> Any:
        """A 2207 request that echoes a quote."""
        info = quote.setlinfo
        request = self.request("SettleOutpatient", msgid)
        _fill(request.data, info.psn_no, info.mdtrt_id, info.medfee_sumamt_fen, info.med_type)
        request.data.chrg_bchno = batch
        _echo(request.data, info)
        return request

    async def quoted(
        self, lines: list[Line] = LINES, batch: str = "B1", psn_no: str = CHRONIC_PERSON, med_type: str = "14"
    ) -> Any:
        """Register, upload and quote; the quote."""
        mdtrt_id = await self.register(psn_no)
        dise = HYPERTENSION if med_type == "14" else ""
        uploaded = await self.call("UploadOutpatientFees", self.lines(mdtrt_id, lines, batch, psn_no, dise))
        assert not uploaded.rejected, uploaded.rejected
        total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
        return await self.call("QuoteOutpatient", self.quotation(mdtrt_id, total_fen, batch, psn_no, med_type))

    async def to_settle(self, lines: list[Line] = LINES) -> Any:
        """A settlement request with everything before it done."""
        return self.settlement(await self.quoted(lines))

    def reversal(self, info: Any) -> Any:
        """A 2208 request."""
        request = self.request("ReverseOutpatient")
        data = request.data
        data.psn_no, data.mdtrt_id, data.setl_id = info.psn_no, info.mdtrt_id, info.setl_id
        return request

    # --- what became of it --------------------------------------------------------------------------------------

    def undoing(self, omsgid: str, oinfno: str = "2207", psn_no: str = CHRONIC_PERSON) -> Any:
        """A 2601 request."""
        request = self.request("Undo")
        request.data.psn_no, request.data.omsgid, request.data.oinfno = psn_no, omsgid, oinfno
        return request

    async def undo(self, omsgid: str, oinfno: str = "2207", psn_no: str = CHRONIC_PERSON) -> Any:
        """2601."""
        return await self.call("Undo", self.undoing(omsgid, oinfno, psn_no))

    async def outcome(self, omsgid: str) -> Any:
        """What became of an earlier request."""
        request = self.request("GetOutcome")
        request.omsgid = omsgid
        return await self.call("GetOutcome", request)

    # --- in-patients ----------------------------------------------------------------------------------------------

    def admission(self, psn_no: str = STAY_PERSON, days: int = 6) -> Any:
        """A 2401 request."""
        request = self.request("Admit")
        info = request.mdtrtinfo
        info.psn_no, info.insutype = psn_no, "310"
        info.begntime = text(self.world.clock.china() - timedelta(days=days))
        info.med_type, info.ipt_no = "21", f"ZY-{psn_no}"[:30]
        request.diseinfo.add(diag_type="1", maindiag_flag="1", diag_srt_no=1, diag_code="I63.900", diag_name="脑梗死")
        return request

    async def admit(self, psn_no: str = STAY_PERSON, days: int = 6) -> str:
        """2401; the encounter id."""
        reply = await self.call("Admit", self.admission(psn_no, days))
        mdtrt_id: str = reply.result.mdtrt_id
        return mdtrt_id

    def ward_lines(self, mdtrt_id: str, lines: list[Line] = WARD_LINES, psn_no: str = STAY_PERSON, at: int = 1) -> Any:
        """A 2301 request; serials count from ``at``."""
        request = self.request("UploadInpatientFees")
        for number, (code, _, cnt_e4, pric_e6) in enumerate(lines, at):
            request.feedetail.add(
                feedetl_sn=f"ZY-{number:04d}",
                mdtrt_id=mdtrt_id,
                psn_no=psn_no,
                med_type="21",
                fee_ocur_time=text(self.world.clock.china()),
                med_list_codg=code,
                det_item_fee_sumamt_fen=line_amount_fen(cnt_e4, pric_e6),
                cnt_e4=cnt_e4,
                pric_e6=pric_e6,
            )
        return request

    def discharge(self, mdtrt_id: str, psn_no: str = STAY_PERSON) -> Any:
        """A 2402 request."""
        request = self.request("Discharge")
        info = request.dscginfo
        info.mdtrt_id, info.psn_no, info.insutype = mdtrt_id, psn_no, "310"
        info.endtime, info.dscg_way = text(self.world.clock.china()), "1"
        request.diseinfo.add(diag_type="1", maindiag_flag="1", diag_srt_no=1, diag_code="I63.900", diag_name="脑梗死")
        return request

    def stay(self, name: str, mdtrt_id: str, total_fen: int, psn_no: str = STAY_PERSON) -> Any:
        """A request about a stay by encounter and person: 2303, 2304, 2305, 2404, 2405."""
        request = self.request(name)
        data = request.data
        data.psn_no, data.mdtrt_id = psn_no, mdtrt_id
        if "medfee_sumamt_fen" in data.DESCRIPTOR.fields_by_name:
            data.insutype, data.mdtrt_cert_type, data.mdtrt_cert_no = "310", "02", "SHOWN-AT-WINDOW"
            data.psn_setlway, data.acct_used_flag, data.mid_setl_flag = "01", "1", "0"
            data.medfee_sumamt_fen = total_fen
        return request


def _fill(data: Any, psn_no: str, mdtrt_id: str, total_fen: int, med_type: str) -> None:
    data.psn_no, data.mdtrt_id, data.medfee_sumamt_fen = psn_no, mdtrt_id, total_fen
    data.med_type, data.insutype, data.psn_setlway, data.acct_used_flag = med_type, "310", "01", "1"
    data.mdtrt_cert_type, data.mdtrt_cert_no = "02", "SHOWN-AT-WINDOW"


def _echo(data: Any, info: Any) -> None:
    for name in ("fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen"):
        setattr(data, name, getattr(info, name))
