"""Settlements as messages: setlinfo and setldetail of an answer, and the record 5203 shows."""

from datetime import date

from adapters.reference_core.benefit import Amounts
from adapters.reference_core.divisions import pay_loc
from adapters.reference_core.eligibility import Visit
from adapters.reference_core.facts import Charge
from adapters.reference_core.policy import Account, Insurance
from adapters.reference_core.tables import AMOUNTS
from gateway.money import yuan
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.settlement_types_pb2 import SettlementDetail, SettlementInfo, SettlementRecord

UNCONFIRMED = "含未经确认的示例标准"
CLEARING_WAY = "01"
PHARMACY = "41"

_SAME = (
    "setl_id", "mdtrt_id", "psn_no", "psn_name", "psn_cert_type", "certno", "gend", "naty", "brdy", "age_e1",
    "insutype", "psn_type", "cvlserv_flag", "setl_time", "mdtrt_cert_type", "med_type", "clr_type", "clr_way",
    "clr_optins", "pool_prop_selfpay_e4", "balc_fen", "acct_mulaid_pay_fen", "medins_setl_id", "dise_codg",
    *(name for name in AMOUNTS if name not in {"psn_part_amt_fen", "psn_cash_pay_fen", "hosp_part_amt_fen"}),
)  # fmt: skip
"""Fields that a settlement and its record share by name."""


def setlinfo(
    charge: Charge, visit: Visit, med_type: str, amounts: Amounts, header: RequestHeader, on: date
) -> SettlementInfo:
    """The amounts and who pays them; id and time stay empty, as in a quote (handbook section 3.1)."""
    person = visit.person
    info = SettlementInfo(
        mdtrt_id=charge.mdtrt_id,
        psn_no=person.psn_no,
        psn_name=person.psn_name,
        psn_cert_type=person.psn_cert_type,
        certno=person.certno,
        gend=person.gend,
        brdy=person.brdy,
        age_e1=person.age_e1(on),
        insutype=charge.insutype,
        psn_type=visit.psn_type,
        cvlserv_flag=visit.enrolment.cvlserv_flag,
        mdtrt_cert_type=charge.mdtrt_cert_type,
        med_type=med_type,
        medfee_sumamt_fen=amounts.split.medfee,
        fulamt_ownpay_amt_fen=amounts.split.fulamt,
        overlmt_selfpay_fen=amounts.split.overlmt,
        preselfpay_amt_fen=amounts.split.preselfpay,
        inscp_scp_amt_fen=amounts.split.inscp,
        act_pay_dedc_fen=amounts.pooled.dedc,
        hifp_pay_fen=amounts.pooled.paid,
        pool_prop_selfpay_e4=amounts.pooled.ratio_e4,
        fund_pay_sumamt_fen=amounts.fund,
        psn_part_amt_fen=amounts.person,
        acct_pay_fen=amounts.acct,
        psn_cash_pay_fen=amounts.cash,
        balc_fen=person.acct_balc_fen - amounts.acct,
        medins_setl_id=header.msgid,
        clr_optins=header.mdtrtarea_admvs,
        clr_way=CLEARING_WAY,
        clr_type=_clr_type(charge, med_type),
        psn_setlway=charge.psn_setlway,
        dise_codg=charge.dise_codg,
    )
    for share in amounts.supplements:
        setattr(info, share.field + "_fen", getattr(info, share.field + "_fen") + share.paid)
    return info


def _clr_type(charge: Charge, med_type: str) -> str:
    """Clearing category: 11 out-patient, 21 in-patient, 41 pharmacy (handbook, dictionaries.csv: clr_type)."""
    if charge.setting == "inpatient":
        return "21"
    return PHARMACY if med_type == PHARMACY else "11"


def setldetail(
    amounts: Amounts, insurance: Insurance, account: Account | None, *, pooled: bool, scale: str
) -> list[SettlementDetail]:
    """What each fund pays, with how it was computed and whether an unconfirmed figure was used."""
    rows = []
    inscp = amounts.split.inscp
    if pooled:
        part = amounts.pooled
        told = f"{scale}，起付标准支付{yuan(part.dedc)}元，统筹支付比例{_percent(part.ratio_e4)}"
        rows.append(
            SettlementDetail(
                fund_pay_type=insurance.pool_fund,
                fund_pay_type_name=insurance.pool_name,
                inscp_scp_amt_fen=inscp,
                crt_payb_lmt_amt_fen=part.room,
                fund_payamt_fen=part.paid,
                setl_proc_info=_remark(told, confirmed=amounts.confirmed),
            )
        )
    rows.extend(
        SettlementDetail(
            fund_pay_type=share.fund_pay_type,
            fund_pay_type_name=share.name,
            inscp_scp_amt_fen=inscp,
            crt_payb_lmt_amt_fen=share.room,
            fund_payamt_fen=share.paid,
            setl_proc_info=_remark(
                f"基数{yuan(share.basis)}元，支付比例{_percent(share.ratio_e4)}", confirmed=share.confirmed
            ),
        )
        for share in amounts.supplements
        if share.paid
    )
    if account is not None and amounts.acct:
        told = "个人账户支付" if pooled else "无统筹待遇，仅个人账户支付"
        rows.append(
            SettlementDetail(
                fund_pay_type=account.fund_pay_type,
                fund_pay_type_name=account.name,
                inscp_scp_amt_fen=inscp,
                fund_payamt_fen=amounts.acct,
                setl_proc_info=_remark(told, confirmed=account.confirmed),
            )
        )
    return rows


def _percent(ratio_e4: int) -> str:
    return f"{ratio_e4 // 100}.{ratio_e4 % 100:02d}%"


def _remark(told: str, *, confirmed: bool) -> str:
    return told if confirmed else f"{told}；{UNCONFIRMED}"


def record(
    info: SettlementInfo, charge: Charge, visit: Visit, header: RequestHeader, division: str, year: str
) -> SettlementRecord:
    """The stored form of a settlement."""
    kept = SettlementRecord(
        insu_optins=visit.enrolment.insuplc_admdvs,
        emp_name=visit.enrolment.emp_name,
        pay_loc=pay_loc(header.mdtrtarea_admvs, division),
        fixmedins_code=header.fixmedins_code,
        fixmedins_name=header.fixmedins_name,
        hosp_lv=charge.hosp_lv,
        dedc_hosp_lv=charge.hosp_lv,
        fixmedins_poolarea=header.mdtrtarea_admvs,
        begndate=visit.since,
        enddate=(charge.endtime or info.setl_time)[:10],
        refd_setl_flag="0",
        year=year,
        invono=charge.invono,
    )
    return as_recorded(kept, info, header)


def as_recorded(kept: SettlementRecord, info: SettlementInfo, header: RequestHeader) -> SettlementRecord:
    """Bring a record in line with an answer, and with who asked for it."""
    for name in _SAME:
        setattr(kept, name, getattr(info, name))
    kept.psn_pay_fen = info.psn_part_amt_fen
    kept.cash_payamt_fen = info.psn_cash_pay_fen
    kept.opter_id = header.opter[:20]
    kept.opter_name = header.opter_name
    kept.opt_time = info.setl_time
    return kept


def negate(info: SettlementInfo, details: list[SettlementDetail]) -> None:
    """Turn an answer into its mirror; what a fund could have paid has no opposite and is left out."""
    for name in (*AMOUNTS, "acct_mulaid_pay_fen"):
        setattr(info, name, -getattr(info, name))
    for row in details:
        row.fund_payamt_fen = -row.fund_payamt_fen
        row.inscp_scp_amt_fen = -row.inscp_scp_amt_fen
        row.crt_payb_lmt_amt_fen = 0
