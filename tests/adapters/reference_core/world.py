"""The core of Fushun, its people, and the hospitals that call it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import pytest

from adapters.reference_core import sql
from adapters.reference_core.core import ReferenceCore
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.statement import Tx
from yidi.v1 import eligibility_pb2, settlement_pb2
from yidi.v1.encounter_pb2 import Admission, AdmissionCancellation, AdmitRequest, CancelAdmissionRequest
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.settlement_types_pb2 import SettlementLine, TreatPlaceFacts

FUSHUN = "210400"
ZHENJIANG = "321100"
HOSPITAL = "H32110000001"

PEOPLE = """
[[person]]
psn_no = "P-EMP"
psn_name = "职工甲"
certno = "CERT-EMP"
brdy = "1980-06-15"
psn_type = "1101"
acct_balc_fen = 100_000

[[person]]
psn_no = "P-RES"
psn_name = "居民乙"
certno = "CERT-RES"
psn_type = "1501"

[[person]]
psn_no = "P-STU"
psn_name = "学生丙"
certno = "CERT-STU"
psn_type = "1404"

[[person]]
psn_no = "P-CVL"
psn_name = "公务员丁"
certno = "CERT-CVL"
psn_type = "1102"

[[credential]]
mdtrt_cert_type = "03"
mdtrt_cert_no = "CARD-EMP"
psn_no = "P-EMP"

[[enrolment]]
psn_no = "P-EMP"
insutype = "310"
insuplc_admdvs = "210402"
begndate = "2010-01-01"

[[enrolment]]
psn_no = "P-RES"
insutype = "390"
insuplc_admdvs = "210400"
begndate = "2010-01-01"

[[enrolment]]
psn_no = "P-STU"
insutype = "390"
insuplc_admdvs = "210400"
begndate = "2010-01-01"

[[enrolment]]
psn_no = "P-CVL"
insutype = "310"
insuplc_admdvs = "210400"
begndate = "2010-01-01"
cvlserv_flag = "1"
"""


def filing_target(admdvs: str) -> str:
    """The prefecture, or the province where it is one pool."""
    return admdvs[:2] + "0000" if admdvs[:2] in {"11", "31"} else admdvs[:4] + "00"


class World:
    """Calls the core as a hospital in Zhenjiang would, through the hubs between."""

    def __init__(self, tx: Tx, core: ReferenceCore) -> None:
        self.tx = tx
        self.core = core
        self.at = datetime(2026, 6, 20, 10, 0, 0)  # noqa: DTZ001  # the national interface has no zones
        self.area = ZHENJIANG
        self.hospital = HOSPITAL
        self.serial = 0
        self.msgid = ""

    def load(self, text: str) -> dict[str, int]:
        """Load more rows."""
        return self.core.load(self.tx, text.encode())

    def file(self, psn_no: str, kind: str = "long_term", admdvs: str = ZHENJIANG, **more: str) -> None:
        """Make a filing."""
        row = {"psn_no": psn_no, "kind": kind, "admdvs": admdvs, "begndate": "2026-01-01", **more}
        self.load("[[filing]]\n" + "\n".join(f'{name} = "{value}"' for name, value in row.items()))

    def entitle(self, psn_no: str, dise_codg: str, begndate: str = "2026-01-01", enddate: str = "") -> None:
        """Grant a chronic disease."""
        row = {"psn_no": psn_no, "dise_codg": dise_codg, "begndate": begndate, "enddate": enddate}
        self.load("[[entitlement]]\n" + "\n".join(f'{name} = "{value}"' for name, value in row.items()))

    def call(self, method: str, request: Any) -> Any:
        """One exchange; its request id is kept for undoing it."""
        self.serial += 1
        self.msgid = f"{self.hospital}{self.at:%Y%m%d%H%M%S}{self.serial:04d}"
        header = RequestHeader(
            msgid=self.msgid,
            mdtrtarea_admvs=self.area,
            insuplc_admdvs=FUSHUN,
            fixmedins_code=self.hospital,
            fixmedins_name="示例医院",
            opter="op",
        )
        request.header.CopyFrom(header)
        return self.core.answer(self.tx, Call(method, request, header, self.at))

    def person(self, **query: str) -> eligibility_pb2.GetPersonResponse:
        """1101."""
        return cast(
            "eligibility_pb2.GetPersonResponse",
            self.call("GetPerson", eligibility_pb2.GetPersonRequest(data=eligibility_pb2.PersonQuery(**query))),
        )

    def entitlements(self, psn_no: str) -> list[tuple[str, str, str, str]]:
        """5301; code, name, first and last day of each disease."""
        query = eligibility_pb2.ChronicEntitlementQuery(psn_no=psn_no)
        answer = self.call("ListChronicEntitlements", eligibility_pb2.ListChronicEntitlementsRequest(data=query))
        return [(row.opsp_dise_code, row.opsp_dise_name, row.begndate, row.enddate) for row in answer.feedetail]

    def admit(
        self,
        psn_no: str,
        mdtrt_id: str = "M1",
        med_type: str = "21",
        begntime: str = "2026-06-10 08:00:00",
        insutype: str = "310",
    ) -> Any:
        """2401."""
        info = Admission(psn_no=psn_no, insutype=insutype, begntime=begntime, med_type=med_type, ipt_no="1")
        return self.call("Admit", AdmitRequest(mdtrtinfo=info, mdtrt_id=mdtrt_id))

    def cancel_admission(self, psn_no: str, mdtrt_id: str = "M1") -> Any:
        """2404."""
        return self.call(
            "CancelAdmission", CancelAdmissionRequest(data=AdmissionCancellation(psn_no=psn_no, mdtrt_id=mdtrt_id))
        )

    def stay(
        self,
        psn_no: str,
        inscp: int,
        *,
        mdtrt_id: str = "M1",
        insutype: str = "310",
        acct: str = "0",
        hosp_lv: str = "02",
        quote: bool = False,
        **parts: int,
    ) -> Any:
        """2303 or 2304 with facts that add up; further parts as fulamt, overlmt, preselfpay."""
        facts = facts_of(inscp, **parts)
        facts.hosp_lv = hosp_lv
        facts.endtime = f"{self.at:%Y-%m-%d} 09:00:00"
        total = inscp + sum(parts.values())
        facts.categories.add(med_chrgitm="09", amt_fen=total)
        make: Any = settlement_pb2.InpatientQuote if quote else settlement_pb2.InpatientSettlement
        data = make(psn_no=psn_no, mdtrt_id=mdtrt_id, insutype=insutype, medfee_sumamt_fen=total, acct_used_flag=acct)
        if quote:
            return self.call("QuoteInpatient", settlement_pb2.QuoteInpatientRequest(data=data, facts=facts))
        return self.call("SettleInpatient", settlement_pb2.SettleInpatientRequest(data=data, facts=facts))

    def visit(
        self,
        psn_no: str,
        inscp: int,
        *,
        mdtrt_id: str = "V1",
        batch: str = "B1",
        med_type: str = "11",
        insutype: str = "310",
        acct: str = "0",
        dise: str = "",
        quote: bool = False,
        **parts: int,
    ) -> Any:
        """2206 or 2207 with facts that add up."""
        facts = facts_of(inscp, **parts)
        facts.dise_codg = dise
        facts.begntime = f"{self.at:%Y-%m-%d} 08:00:00"
        total = inscp + sum(parts.values())
        facts.lines.append(line_of(facts, total))
        make: Any = settlement_pb2.OutpatientQuote if quote else settlement_pb2.OutpatientSettlement
        data = make(
            psn_no=psn_no,
            mdtrt_id=mdtrt_id,
            chrg_bchno=batch,
            med_type=med_type,
            insutype=insutype,
            medfee_sumamt_fen=total,
            acct_used_flag=acct,
        )
        if quote:
            return self.call("QuoteOutpatient", settlement_pb2.QuoteOutpatientRequest(data=data, facts=facts))
        return self.call("SettleOutpatient", settlement_pb2.SettleOutpatientRequest(data=data, facts=facts))

    def reverse(self, answer: Any, *, method: str = "ReverseOutpatient", **changed: str) -> Any:
        """2208 or 2305 of an answer."""
        info = answer.setlinfo
        fields = {"setl_id": info.setl_id, "psn_no": info.psn_no, "mdtrt_id": info.mdtrt_id, **changed}
        if method == "ReverseInpatient":
            inpatient = settlement_pb2.InpatientReversal(**fields)
            return self.call(method, settlement_pb2.ReverseInpatientRequest(data=inpatient))
        outpatient = settlement_pb2.OutpatientReversal(**fields)
        return self.call(method, settlement_pb2.ReverseOutpatientRequest(data=outpatient))

    def undo(self, psn_no: str, omsgid: str) -> Any:
        """2601."""
        data = settlement_pb2.UndoInfo(psn_no=psn_no, omsgid=omsgid, oinfno="2207")
        return self.call("Undo", settlement_pb2.UndoRequest(data=data))

    def get(self, answer: Any) -> Any:
        """5203 of an answer."""
        info = answer.setlinfo
        query = settlement_pb2.SettlementQuery(setl_id=info.setl_id, psn_no=info.psn_no, mdtrt_id=info.mdtrt_id)
        return self.call("GetSettlement", settlement_pb2.GetSettlementRequest(data=query))

    def balance(self, psn_no: str = "P-EMP") -> int:
        """The personal account."""
        row = self.tx.all(sql.PERSON, psn_no=psn_no)[0]
        return int(row[-1])


def facts_of(inscp: int, fulamt: int = 0, overlmt: int = 0, preselfpay: int = 0) -> TreatPlaceFacts:
    """Split totals."""
    return TreatPlaceFacts(
        inscp_scp_amt_fen=inscp,
        fulamt_ownpay_amt_fen=fulamt,
        overlmt_selfpay_fen=overlmt,
        preselfpay_amt_fen=preselfpay,
    )


def line_of(facts: TreatPlaceFacts, total: int) -> SettlementLine:
    """One line that carries the whole split."""
    return SettlementLine(
        feedetl_sn="1",
        det_item_fee_sumamt_fen=total,
        fulamt_ownpay_amt_fen=facts.fulamt_ownpay_amt_fen,
        overlmt_amt_fen=facts.overlmt_selfpay_fen,
        preselfpay_amt_fen=facts.preselfpay_amt_fen,
        inscp_scp_amt_fen=facts.inscp_scp_amt_fen,
    )


def declined(action: Callable[..., Any], *args: Any, **kwargs: Any) -> Decline:
    """The refusal an action must raise."""
    with pytest.raises(Decline) as refused:
        action(*args, **kwargs)
    return refused.value
