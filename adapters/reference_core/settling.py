"""Quote and settle: one computation, with or without its effect."""

from dataclasses import dataclass
from typing import Literal, assert_never

from adapters.reference_core import answers, benefit, facts, ledger, people, sql, stays
from adapters.reference_core.benefit import Amounts, Terms
from adapters.reference_core.eligibility import Visit, held, ordinary_is_pooled, require_chronic, stay_standing
from adapters.reference_core.facts import Charge
from adapters.reference_core.place import InsuredPlace
from adapters.reference_core.policy import Account, Care, Insurance, Supplement
from gateway import clock
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.money import broken_identities
from gateway.store.statement import Tx
from yidi.v1.settlement_pb2 import (
    QuoteInpatientResponse,
    QuoteOutpatientResponse,
    SettleInpatientResponse,
    SettleOutpatientResponse,
)
from yidi.v1.settlement_types_pb2 import SettlementDetail, SettlementInfo

OutpatientCare = Literal["chronic", "ordinary"]

ACCOUNT_ONLY = "account"
"""The bucket of settlements that no pool takes part in."""

_SCALE_ZH = {"local": "按参保地本地标准", "temporary": "临时外出就医待遇"}


@dataclass(frozen=True, slots=True)
class Grounds:
    """On what a charge is computed: the visit, its terms, and the bucket of the year it counts in."""

    visit: Visit
    insurance: Insurance
    med_type: str
    bucket: str
    terms: Terms | None
    scale_zh: str
    account: Account | None
    year: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A charge, computed."""

    charge: Charge
    grounds: Grounds
    amounts: Amounts
    info: SettlementInfo
    details: list[SettlementDetail]
    batch_seq: int


def quote_outpatient(tx: Tx, place: InsuredPlace, call: Call) -> QuoteOutpatientResponse:
    """2206: what a settlement would give, without effect."""
    done = _compute(tx, place, call, facts.read_outpatient(call), hold=False)
    return QuoteOutpatientResponse(setlinfo=done.info, setldetail=done.details)


def settle_outpatient(tx: Tx, place: InsuredPlace, call: Call) -> SettleOutpatientResponse:
    """2207: settle a charge batch."""
    done = _compute(tx, place, call, facts.read_outpatient(call), hold=True)
    return _post(tx, place, call, done)


def quote_inpatient(tx: Tx, place: InsuredPlace, call: Call) -> QuoteInpatientResponse:
    """2303: what the settlement of a stay would give, without effect."""
    done = _compute(tx, place, call, facts.read_inpatient(call), hold=False)
    return QuoteInpatientResponse(setlinfo=done.info, setldetail=done.details)


def settle_inpatient(tx: Tx, place: InsuredPlace, call: Call) -> SettleInpatientResponse:
    """2304: settle a stay."""
    done = _compute(tx, place, call, facts.read_inpatient(call), hold=True)
    answer = _post(tx, place, call, done)
    if not stays.move(tx, call.header.mdtrtarea_admvs, done.charge.mdtrt_id, stays.OPEN, stays.SETTLED):
        raise Decline("ADMISSION_ALREADY_CANCELLED", mdtrt_id=done.charge.mdtrt_id)
    return SettleInpatientResponse(setlinfo=answer.setlinfo, setldetail=answer.setldetail)


def _compute(tx: Tx, place: InsuredPlace, call: Call, charge: Charge, *, hold: bool) -> Computed:
    header = call.header
    person = people.find(tx, charge.psn_no, hold=hold)
    batch_seq, in_force = ledger.last_of_batch(tx, header.mdtrtarea_admvs, charge.mdtrt_id, charge.chrg_bchno)
    if in_force:
        raise Decline("ALREADY_SETTLED", setl_id=in_force)
    if charge.setting == "inpatient":
        grounds = _stay_grounds(tx, place, call, charge, person)
    else:
        grounds = _visit_grounds(tx, place, call, charge, person)
    rows = place.policy.supplement if grounds.terms else ()
    so_far = ledger.year_so_far(tx, person.psn_no, grounds.year, charge.insutype, grounds.bucket, rows)
    amounts = benefit.compute(grounds.terms, charge.split, so_far, grounds.account, person.acct_balc_fen)
    info = answers.setlinfo(charge, grounds.visit, grounds.med_type, amounts, header, call.at.date())
    broken = broken_identities(info)
    assert not broken, broken
    details = answers.setldetail(
        amounts, grounds.insurance, grounds.account, pooled=grounds.terms is not None, scale=grounds.scale_zh
    )
    return Computed(charge, grounds, amounts, info, details, batch_seq + 1)


def _stay_grounds(tx: Tx, place: InsuredPlace, call: Call, charge: Charge, person: people.Person) -> Grounds:
    """Terms of a stay, by its admission (Fushun 2022, articles 8-11, 16, 20, 21)."""
    stay = stays.own_stay(tx, call, charge.mdtrt_id, charge.psn_no)
    if stay.state == stays.CANCELLED:
        raise Decline("ADMISSION_ALREADY_CANCELLED", mdtrt_id=stay.mdtrt_id)
    since, today = stay.begntime[:10], call.at.date().isoformat()
    enrolment = held(tx, place, person.psn_no, charge.insutype, since)
    stays.refuse_other_stay(tx, person.psn_no, stay.mdtrtarea_admvs, stay.mdtrt_id, stay.begntime)
    visit = Visit(person, enrolment, call.header.mdtrtarea_admvs, since, max(since, today))
    rule = place.policy.scale_of(stay_standing(tx, place, visit, stay.med_type))
    insurance = _insurance(place, charge.insutype)
    row = place.policy.stay_terms(rule.scale, charge.insutype, charge.hosp_lv)
    terms = Terms(
        deductible=row.deductible,
        yearly=False,
        ratio=row.ratio,
        annual_cap=insurance.annual_cap,
        limit=None,
        supplements=_supplements(place, visit, "inpatient"),
        confirmed=rule.confirmed,
    )
    # A stay over the turn of the year counts in the year of discharge (handbook, cross-region.md section 3).
    year = (charge.endtime or today)[:4]
    account = _account(place, insurance, charge)
    return Grounds(visit, insurance, stay.med_type, "inpatient", terms, _SCALE_ZH[rule.scale], account, year)


def _visit_grounds(tx: Tx, place: InsuredPlace, call: Call, charge: Charge, person: people.Person) -> Grounds:
    """Terms of an out-patient charge batch (Fushun 2022, articles 12, 23, 25)."""
    policy = place.policy
    on = charge.begntime[:10] or call.at.date().isoformat()
    care = _care(place, charge.med_type)
    enrolment = held(tx, place, person.psn_no, charge.insutype, on)
    stays.refuse_other_stay(tx, person.psn_no, call.header.mdtrtarea_admvs, charge.mdtrt_id, stays.ANY_TIME)
    visit = Visit(person, enrolment, call.header.mdtrtarea_admvs, on, on)
    insurance = _insurance(place, charge.insutype)
    account = _account(place, insurance, charge)
    bucket, row = ACCOUNT_ONLY, None
    match care:
        case "chronic":
            require_chronic(tx, place, visit, charge.dise_codg)
            # Each disease is computed by itself (Fushun 2022, art. 23).
            bucket = f"chronic:{charge.dise_codg}"
            row = policy.chronic_terms(charge.insutype, charge.dise_codg)
        case "ordinary":
            if ordinary_is_pooled(tx, place, visit, account_pays=account is not None):
                bucket, row = "ordinary", policy.ordinary_terms(charge.insutype)
        case None:
            if account is None:
                raise Decline("MEDICAL_CATEGORY_NOT_COVERED", med_type=charge.med_type)
        case never:
            assert_never(never)
    terms = None
    if row is not None and care is not None:
        terms = Terms(
            deductible=row.deductible,
            yearly=True,
            ratio=row.ratio,
            annual_cap=insurance.annual_cap,
            limit=row.limit,
            supplements=_supplements(place, visit, care),
        )
    return Grounds(visit, insurance, charge.med_type, bucket, terms, _SCALE_ZH["local"], account, on[:4])


def _care(place: InsuredPlace, med_type: str) -> OutpatientCare | None:
    """The kind of out-patient care; None where only the personal account pays."""
    policy = place.policy
    if med_type.startswith(policy.chronic.category_prefix):
        return "chronic"
    if med_type in policy.ordinary.categories:
        return "ordinary"
    if med_type in policy.ordinary.account_only:
        return None
    raise Decline("MEDICAL_CATEGORY_NOT_COVERED", med_type=med_type)


def _insurance(place: InsuredPlace, insutype: str) -> Insurance:
    insurance = place.policy.insurance_of(insutype)
    assert insurance is not None, "an enrolment is held only in an insurance of the policy"
    return insurance


def _supplements(place: InsuredPlace, visit: Visit, care: Care) -> tuple[Supplement, ...]:
    enrolment = visit.enrolment
    return tuple(
        row
        for row in place.policy.supplement
        if row.insutype == enrolment.insutype
        and care in row.applies_to
        and (not row.cvlserv_only or enrolment.cvlserv_flag == "1")
    )


def _account(place: InsuredPlace, insurance: Insurance, charge: Charge) -> Account | None:
    return place.policy.account if insurance.account and charge.use_account else None


def _post(tx: Tx, place: InsuredPlace, call: Call, done: Computed) -> SettleOutpatientResponse:
    charge, grounds, header = done.charge, done.grounds, call.header
    number, setl_id = ledger.next_number(tx, place.division, call.at)
    info = done.info
    info.setl_id = setl_id
    info.setl_time = clock.text(call.at)
    answer = SettleOutpatientResponse(setlinfo=info, setldetail=done.details)
    kept = answers.record(info, charge, grounds.visit, header, place.division, grounds.year)
    entry = ledger.Entry(
        entry_id=number,
        setl_id=setl_id,
        kind=ledger.SETTLE,
        sign=1,
        root_setl_id=setl_id,
        reverses_setl_id=None,
        made_by=call.method,
        care=charge.setting,
        psn_no=charge.psn_no,
        fixmedins_code=header.fixmedins_code,
        mdtrtarea_admvs=header.mdtrtarea_admvs,
        mdtrt_id=charge.mdtrt_id,
        chrg_bchno=charge.chrg_bchno,
        batch_seq=done.batch_seq,
        msgid=header.msgid,
        med_type=grounds.med_type,
        insutype=charge.insutype,
        dise_codg=charge.dise_codg,
        bucket=grounds.bucket,
        year=grounds.year,
        setl_time=info.setl_time,
        answer=answer.SerializeToString(),
        record=kept.SerializeToString(),
    )
    ledger.post(tx, entry, info)
    moved = tx.run(sql.MOVE_BALANCE, who=charge.psn_no, by_fen=-info.acct_pay_fen)
    assert moved == 1, "the balance was read under the same lock"
    return answer
