"""The tables of the core: who is insured, what was filed and granted, which stays are open, and the ledger.

Columns hold only integers, text and bytes, because rows go straight to the driver (gateway/store/statement.py).
Dates and times are text in the shape of the national interface, so they sort as they read. An open end is ''.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

AMOUNTS = (
    "medfee_sumamt_fen", "fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen",
    "act_pay_dedc_fen", "hifp_pay_fen", "cvlserv_pay_fen", "hifes_pay_fen", "hifmi_pay_fen", "hifob_pay_fen",
    "maf_pay_fen", "hifdm_pay_fen", "oth_pay_fen", "fund_pay_sumamt_fen", "psn_part_amt_fen", "acct_pay_fen",
    "psn_cash_pay_fen", "hosp_part_amt_fen",
)  # fmt: skip
"""Amounts of a ledger entry, named as in SettlementInfo; a reversal holds them with the opposite sign."""


def _text(name: str) -> Column[str]:
    return Column(name, String, nullable=False)


person = Table(
    "core_person",
    metadata,
    Column("psn_no", String, primary_key=True),
    _text("psn_name"),
    _text("psn_cert_type"),
    _text("certno"),
    _text("gend"),
    _text("brdy"),
    _text("psn_type"),
    Column("acct_balc_fen", BigInteger, nullable=False),
    Index("core_person_certno", "certno"),
)

credential = Table(
    "core_credential",
    metadata,
    Column("mdtrt_cert_type", String, primary_key=True),
    Column("mdtrt_cert_no", String, primary_key=True),
    _text("psn_no"),
)

enrolment = Table(
    "core_enrolment",
    metadata,
    Column("psn_no", String, primary_key=True),
    Column("insutype", String, primary_key=True),
    Column("insuplc_admdvs", String, primary_key=True),
    Column("begndate", String, primary_key=True),
    _text("enddate"),
    _text("psn_insu_stas"),
    _text("cvlserv_flag"),
    _text("psn_type"),
    _text("emp_name"),
)
"""Enrolments here, and those in other places as the national duplicate check reports them."""

filing = Table(
    "core_filing",
    metadata,
    Column("psn_no", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("admdvs", String, primary_key=True),
    Column("begndate", String, primary_key=True),
    _text("enddate"),
    _text("state"),
)

entitlement = Table(
    "core_entitlement",
    metadata,
    Column("psn_no", String, primary_key=True),
    Column("dise_codg", String, primary_key=True),
    Column("begndate", String, primary_key=True),
    _text("enddate"),
)
"""Chronic diseases granted to a person, in the code system of the insured province."""

credit = Table(
    "core_credit",
    metadata,
    Column("credit_id", String, primary_key=True),
    _text("psn_no"),
    Column("amount_fen", BigInteger, nullable=False),
)
"""Sums paid into personal accounts after a person was first loaded; each credit id counts once."""

stay = Table(
    "core_stay",
    metadata,
    Column("mdtrtarea_admvs", String, primary_key=True),
    Column("mdtrt_id", String, primary_key=True),
    _text("psn_no"),
    _text("fixmedins_code"),
    _text("fixmedins_name"),
    _text("insutype"),
    _text("med_type"),
    _text("begntime"),
    _text("state"),
    _text("msgid"),
    Index("core_stay_person", "psn_no", "state"),
    Index("core_stay_msgid", "mdtrtarea_admvs", "fixmedins_code", "msgid"),
)
"""Stays reported by treat places: open, settled or cancelled."""

settlement = Table(
    "core_settlement",
    metadata,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    _text("setl_id"),
    _text("kind"),
    Column("sign", Integer, nullable=False),
    _text("root_setl_id"),
    Column("reverses_setl_id", String, nullable=True),
    _text("made_by"),
    _text("care"),
    _text("psn_no"),
    _text("fixmedins_code"),
    _text("mdtrtarea_admvs"),
    _text("mdtrt_id"),
    _text("chrg_bchno"),
    Column("batch_seq", Integer, nullable=False),
    _text("msgid"),
    _text("med_type"),
    _text("insutype"),
    _text("dise_codg"),
    _text("bucket"),
    _text("year"),
    _text("setl_time"),
    *(Column(name, BigInteger, nullable=False) for name in AMOUNTS),
    Column("answer", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index("core_settlement_setl_id", "setl_id", unique=True),
    Index("core_settlement_root", "root_setl_id", "entry_id"),
    # One entry is reversed at most once, whichever process tries.
    Index("core_settlement_reverses", "reverses_setl_id", unique=True),
    # Two units that settle one batch at the same time compute the same number, and one of them fails.
    Index("core_settlement_batch", "mdtrtarea_admvs", "mdtrt_id", "chrg_bchno", "batch_seq", unique=True),
    Index("core_settlement_msgid", "mdtrtarea_admvs", "fixmedins_code", "msgid", unique=True),
    Index("core_settlement_year", "psn_no", "year", "insutype"),
)
"""The ledger; rows are added, never changed."""

counter = Table(
    "core_counter",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
