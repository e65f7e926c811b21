"""All SQL of the core, each statement with the reason it exists."""

from sqlalchemy import bindparam, func, or_, select

from adapters.reference_core import tables as t
from gateway.store.statement import Statement

_person = select(t.person)

PERSON = Statement(_person.where(t.person.c.psn_no == bindparam("psn_no")))
"""A person by number."""
PERSON_LOCKED = Statement(_person.where(t.person.c.psn_no == bindparam("psn_no")).with_for_update())
"""The same, holding the row: two settlements of one person must not spend one cap or one balance twice."""
PERSON_BY_CREDENTIAL = Statement(
    _person.join(t.credential, t.credential.c.psn_no == t.person.c.psn_no).where(
        t.credential.c.mdtrt_cert_type == bindparam("mdtrt_cert_type"),
        t.credential.c.mdtrt_cert_no == bindparam("mdtrt_cert_no"),
    )
)
"""The person behind a card, a voucher or an identity card."""
PERSON_BY_CERTNO = Statement(_person.where(t.person.c.certno == bindparam("certno")).limit(2))
"""Persons with an identity number; two of them are no answer."""
ENROLMENTS = Statement(
    select(t.enrolment)
    .where(t.enrolment.c.psn_no == bindparam("psn_no"))
    .order_by(t.enrolment.c.begndate, t.enrolment.c.insutype, t.enrolment.c.insuplc_admdvs)
)
"""All enrolments of a person, here and elsewhere."""
FILINGS = Statement(
    select(t.filing.c.kind, t.filing.c.admdvs)
    .where(
        t.filing.c.psn_no == bindparam("psn_no"),
        t.filing.c.state == "valid",
        t.filing.c.begndate <= bindparam("until"),
        or_(t.filing.c.enddate == "", t.filing.c.enddate >= bindparam("since")),
    )
    .order_by(t.filing.c.kind, t.filing.c.admdvs)
)
"""Filings in force at some time between two dates."""
ENTITLED = Statement(
    select(t.entitlement.c.dise_codg).where(
        t.entitlement.c.psn_no == bindparam("psn_no"),
        t.entitlement.c.dise_codg == bindparam("dise_codg"),
        t.entitlement.c.begndate <= bindparam("on"),
        or_(t.entitlement.c.enddate == "", t.entitlement.c.enddate >= bindparam("on")),
    )
)
"""Whether a chronic disease was granted to a person on a date."""
ENTITLEMENTS = Statement(
    select(t.entitlement.c.dise_codg, t.entitlement.c.begndate, t.entitlement.c.enddate)
    .where(t.entitlement.c.psn_no == bindparam("psn_no"))
    .order_by(t.entitlement.c.dise_codg, t.entitlement.c.begndate)
)
"""All chronic diseases ever granted to a person, those that ended included."""

STAY = Statement(
    select(t.stay).where(
        t.stay.c.mdtrtarea_admvs == bindparam("mdtrtarea_admvs"), t.stay.c.mdtrt_id == bindparam("mdtrt_id")
    )
)
"""A stay by its encounter id; encounter ids are unique inside one treat place only."""
STAY_BY_MSGID = Statement(
    select(t.stay).where(
        t.stay.c.mdtrtarea_admvs == bindparam("mdtrtarea_admvs"),
        t.stay.c.fixmedins_code == bindparam("fixmedins_code"),
        t.stay.c.msgid == bindparam("msgid"),
    )
)
"""The stay an admission request made, to undo it by request id."""
OTHER_OPEN_STAY = Statement(
    select(t.stay)
    .where(
        t.stay.c.psn_no == bindparam("psn_no"),
        t.stay.c.state == "open",
        or_(t.stay.c.mdtrtarea_admvs != bindparam("mdtrtarea_admvs"), t.stay.c.mdtrt_id != bindparam("mdtrt_id")),
        t.stay.c.begntime <= bindparam("before"),
    )
    .order_by(t.stay.c.begntime, t.stay.c.mdtrtarea_admvs, t.stay.c.mdtrt_id)
    .limit(1)
)
"""The oldest open stay of a person other than the encounter at hand."""
ADD_STAY = Statement(t.stay.insert())
SET_STAY = Statement(
    t.stay.update()
    .where(
        t.stay.c.mdtrtarea_admvs == bindparam("area"),
        t.stay.c.mdtrt_id == bindparam("encounter"),
        t.stay.c.state == bindparam("was"),
    )
    .values(state=bindparam("becomes"))
)
"""Moves a stay from one state to another, and tells whether it was in that state."""

_entry = select(*(column for column in t.settlement.c if column.name not in t.AMOUNTS))

ADD_ENTRY = Statement(t.settlement.insert())
LAST_OF_BATCH = Statement(
    select(t.settlement.c.batch_seq, t.settlement.c.sign, t.settlement.c.setl_id)
    .where(
        t.settlement.c.mdtrtarea_admvs == bindparam("mdtrtarea_admvs"),
        t.settlement.c.mdtrt_id == bindparam("mdtrt_id"),
        t.settlement.c.chrg_bchno == bindparam("chrg_bchno"),
    )
    .order_by(t.settlement.c.batch_seq.desc())
    .limit(1)
)
"""The newest entry of a charge batch; entries of a batch alternate, so its sign says whether the batch is settled."""
ENTRY = Statement(_entry.where(t.settlement.c.setl_id == bindparam("setl_id")))
"""An entry by settlement id."""
ENTRY_BY_MSGID = Statement(
    _entry.where(
        t.settlement.c.mdtrtarea_admvs == bindparam("mdtrtarea_admvs"),
        t.settlement.c.fixmedins_code == bindparam("fixmedins_code"),
        t.settlement.c.msgid == bindparam("msgid"),
    )
)
"""The entry a request made, to undo it by request id."""
HEAD = Statement(
    _entry.where(t.settlement.c.root_setl_id == bindparam("root_setl_id"))
    .order_by(t.settlement.c.entry_id.desc())
    .limit(1)
)
"""The newest entry of a settlement with its reversals and reinstatements."""
LATER_ENTRY = Statement(
    select(t.settlement.c.setl_id)
    .where(
        t.settlement.c.psn_no == bindparam("psn_no"),
        t.settlement.c.year == bindparam("year"),
        t.settlement.c.insutype == bindparam("insutype"),
        t.settlement.c.entry_id > bindparam("entry_id"),
    )
    .limit(1)
)
"""Whether anything of the person's year was computed after an entry."""

SUMMED = (
    "act_pay_dedc_fen", "inscp_scp_amt_fen", "hifp_pay_fen", "hifob_pay_fen", "hifmi_pay_fen", "cvlserv_pay_fen",
    "hifes_pay_fen", "maf_pay_fen", "hifdm_pay_fen", "oth_pay_fen",
)  # fmt: skip
YEAR_SO_FAR = Statement(
    select(t.settlement.c.bucket, *(func.sum(t.settlement.c[name]) for name in SUMMED))
    .where(
        t.settlement.c.psn_no == bindparam("psn_no"),
        t.settlement.c.year == bindparam("year"),
        t.settlement.c.insutype == bindparam("insutype"),
    )
    .group_by(t.settlement.c.bucket)
)
"""What a person has used of the year, from the ledger itself: reversals are negative and cancel out."""

NEXT_NUMBER = Statement(
    t.counter.update().where(t.counter.c.name == bindparam("key")).values(value=t.counter.c.value + 1)
)
ADD_COUNTER = Statement(t.counter.insert())
NUMBER = Statement(select(t.counter.c.value).where(t.counter.c.name == bindparam("key")))

MOVE_BALANCE = Statement(
    t.person.update()
    .where(t.person.c.psn_no == bindparam("who"), t.person.c.acct_balc_fen + bindparam("by_fen") >= 0)
    .values(acct_balc_fen=t.person.c.acct_balc_fen + bindparam("by_fen"))
)
"""Adds to or takes from a personal account, never below zero."""
