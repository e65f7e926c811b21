"""The calculation itself, on random splits, ratios, caps and balances with the caps tight."""

from collections import Counter
from random import Random
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from adapters.reference_core.benefit import Amounts, Split, Terms, YearSoFar, compute
from adapters.reference_core.policy import Account, Money, Ratio, Supplement
from gateway.money import broken_identities
from yidi.v1.settlement_types_pb2 import SettlementInfo

FIELDS: tuple[Literal["hifob_pay", "hifmi_pay", "cvlserv_pay"], ...] = ("hifob_pay", "hifmi_pay", "cvlserv_pay")
BASES: tuple[Literal["over_cap", "own_share", "remaining"], ...] = ("over_cap", "own_share", "remaining")


def money(most: int):
    """A figure of up to so many fen, often at the edges."""
    return st.integers(0, most).map(lambda fen: Money(fen=fen, confirmed=True, source="drawn"))


ratios = st.sampled_from([0, 1, 3_333, 5_000, 6_000, 9_999, 10_000]).map(
    lambda e4: Ratio(e4=e4, confirmed=True, source="drawn")
)
fen = st.integers(0, 3_000)
splits = st.builds(Split, fulamt=fen, overlmt=fen, preselfpay=fen, inscp=fen)
PARTS: tuple[Literal["inscp", "preselfpay", "overlmt", "fulamt"], ...] = ("inscp", "preselfpay", "overlmt", "fulamt")
accounts = st.none() | st.lists(st.sampled_from(PARTS), unique=True).map(
    lambda covers: Account(fund_pay_type="310200", name="账户", covers=tuple(covers), confirmed=True, source="drawn")
)


@st.composite
def supplements(draw: st.DrawFn):
    """Up to three funds after the pool, each field once."""
    rows = []
    for field in draw(st.lists(st.sampled_from(FIELDS), unique=True, max_size=3)):
        basis = draw(st.sampled_from(BASES))
        none = Money(fen=0, confirmed=True, source="none")
        rows.append(
            Supplement(
                field=field,
                fund_pay_type="330100",
                name=field,
                insutype="310",
                basis=basis,
                applies_to=("inpatient",),
                threshold=draw(money(4_000)) if basis == "own_share" else none,
                ratio=draw(ratios),
                limit=draw(money(2_000)),
            )
        )
    return tuple(rows)


terms = st.builds(
    Terms,
    deductible=money(1_500),
    yearly=st.booleans(),
    ratio=ratios,
    annual_cap=money(3_000),
    limit=st.none() | money(2_000),
    supplements=supplements(),
)


class Year:
    """The sums a ledger would give, kept by adding and taking away whole settlements."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()

    def so_far(self):
        """As the calculation sees it."""
        return YearSoFar(
            dedc=self.used["dedc"],
            pool=self.used["pool"],
            limit=self.used["pool"],
            own_share=dict.fromkeys(FIELDS, self.used["own"]),
            supplement={field: self.used[field] for field in FIELDS},
        )

    def add(self, amounts: Amounts, sign: int):
        """Count a settlement, or take it back."""
        self.used["dedc"] += sign * amounts.pooled.dedc
        self.used["pool"] += sign * amounts.pooled.paid
        self.used["own"] += sign * (amounts.split.inscp - amounts.pooled.paid)
        for share in amounts.supplements:
            self.used[share.field] += sign * share.paid


def info_of(amounts: Amounts):
    """The amounts as a message."""
    info = SettlementInfo(
        medfee_sumamt_fen=amounts.split.medfee,
        fulamt_ownpay_amt_fen=amounts.split.fulamt,
        overlmt_selfpay_fen=amounts.split.overlmt,
        preselfpay_amt_fen=amounts.split.preselfpay,
        inscp_scp_amt_fen=amounts.split.inscp,
        hifp_pay_fen=amounts.pooled.paid,
        fund_pay_sumamt_fen=amounts.fund,
        psn_part_amt_fen=amounts.person,
        acct_pay_fen=amounts.acct,
        psn_cash_pay_fen=amounts.cash,
    )
    for share in amounts.supplements:
        setattr(info, share.field + "_fen", share.paid)
    return info


def check(amounts: Amounts, granted: Terms | None, before: YearSoFar, balance: int):
    """What holds of every settlement."""
    assert broken_identities(info_of(amounts)) == []
    assert min(amounts.pooled.paid, amounts.acct, amounts.cash, amounts.person, amounts.fund) >= 0
    assert all(share.paid >= 0 for share in amounts.supplements)
    assert amounts.fund <= amounts.split.inscp
    assert amounts.acct <= balance
    if granted is None:
        assert amounts.fund == 0
        return
    assert amounts.pooled.paid + amounts.pooled.dedc <= amounts.split.inscp
    assert before.pool + amounts.pooled.paid <= max(granted.annual_cap.fen, before.pool)
    if granted.limit is not None:
        assert before.limit + amounts.pooled.paid <= max(granted.limit.fen, before.limit)
    for row, share in zip(granted.supplements, amounts.supplements, strict=True):
        spent = before.supplement.get(row.field, 0)
        assert spent + share.paid <= max(row.limit.fen, spent)


@given(st.none() | terms, splits, accounts, fen)
def test_every_settlement_adds_up(granted: Terms | None, split: Split, account: Account | None, balance: int):
    """Identities hold, no share is negative, and no fund pays outside the scope or above its room."""
    amounts = compute(granted, split, YearSoFar(), account, balance)
    check(amounts, granted, YearSoFar(), balance)


@given(terms, st.lists(splits, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_year_stays_within_its_caps_and_returns_to_its_start(granted: Terms, batches: list[Split], random: Random):
    """Settlements share the caps of a year; reversed in any order they leave the year as it was."""
    year = Year()
    made = []
    for split in batches:
        before = year.so_far()
        amounts = compute(granted, split, before, None, 0)
        check(amounts, granted, before, 0)
        year.add(amounts, 1)
        made.append(amounts)
        if made and random.random() < 0.3:
            year.add(made.pop(random.randrange(len(made))), -1)
    assert year.used["pool"] <= granted.annual_cap.fen
    if granted.yearly:
        assert all(amounts.pooled.dedc <= granted.deductible.fen for amounts in made)
    random.shuffle(made)
    for amounts in made:
        year.add(amounts, -1)
    assert not any(year.used.values())


@given(terms, splits, fen)
def test_higher_fee_never_pays_the_person_less_scope(granted: Terms, split: Split, more: int):
    """A larger amount in scope never lowers what the pool pays."""
    larger = Split(split.fulamt, split.overlmt, split.preselfpay, split.inscp + more)
    less = compute(granted, split, YearSoFar(), None, 0).pooled.paid
    assert compute(granted, larger, YearSoFar(), None, 0).pooled.paid >= less


@given(splits, fen)
def test_account_pays_what_it_can(split: Split, balance: int):
    """An account that covers everything leaves cash only when it is empty."""
    account = Account(
        fund_pay_type="310200",
        name="账户",
        covers=PARTS,
        confirmed=True,
        source="drawn",
    )
    amounts = compute(None, split, YearSoFar(), account, balance)
    assert amounts.acct == min(split.medfee, balance)
