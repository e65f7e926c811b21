"""Money: the rounding of cash registers, and sums that hold or are named."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money import FUNDS, broken_identities, divide_half_up, line_amount_fen, share_fen, yuan
from yidi.v1.settlement_types_pb2 import SettlementInfo

amounts = st.integers(-(10**16), 10**16)


def settlement() -> SettlementInfo:
    """A settlement of 100 yuan whose sums hold."""
    return SettlementInfo(
        medfee_sumamt_fen=10_000,
        fulamt_ownpay_amt_fen=1_000,
        overlmt_selfpay_fen=500,
        preselfpay_amt_fen=500,
        inscp_scp_amt_fen=8_000,
        hifp_pay_fen=6_000,
        hifob_pay_fen=200,
        fund_pay_sumamt_fen=6_200,
        psn_part_amt_fen=3_700,
        acct_pay_fen=1_700,
        psn_cash_pay_fen=2_000,
        hosp_part_amt_fen=100,
    )


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_division_rounds_half_away_from_zero(numerator: int, denominator: int):
    """Division rounds as decimal arithmetic with ROUND_HALF_UP does, for any sign and size."""
    exact = 2 * abs(numerator) // denominator
    expected = (exact + 1) // 2
    assert divide_half_up(numerator, denominator) == (expected if numerator >= 0 else -expected)


@given(st.integers(-(10**10), 10**10), st.integers(0, 10**12))
def test_a_line_is_quantity_times_price(cnt_e4: int, pric_e6: int):
    """The amount of a line is the exact product rounded to the fen once."""
    product = Decimal(cnt_e4).scaleb(-4) * Decimal(pric_e6).scaleb(-6)
    expected = product.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert line_amount_fen(cnt_e4, pric_e6) == int(expected.scaleb(2))


@pytest.mark.parametrize(
    ("cnt_e4", "pric_e6", "fen"),
    [(1_0000, 5_000, 1), (1_0000, 4_999, 0), (-1_0000, 5_000, -1), (12_5000, 1_333300, 1667), (3, 33_333333, 1)],
)
def test_half_a_fen_is_rounded_up(cnt_e4: int, pric_e6: int, fen: int):
    """Half a fen counts as a fen, for refunds too."""
    assert line_amount_fen(cnt_e4, pric_e6) == fen


@given(amounts, st.integers(0, 10_000))
def test_a_share_and_its_rest_make_the_whole(amount_fen: int, ratio_e4: int):
    """A share never exceeds the whole, and has its sign."""
    share = share_fen(amount_fen, ratio_e4)
    assert abs(share) <= abs(amount_fen)
    assert share * amount_fen >= 0
    assert share_fen(-amount_fen, ratio_e4) == -share


@given(amounts)
def test_yuan_shows_every_fen(amount_fen: int):
    """Shown amounts can be read back exactly."""
    assert Decimal(yuan(amount_fen)) == Decimal(amount_fen).scaleb(-2)
    assert len(yuan(amount_fen).split(".")[1]) == 2


def test_sums_that_hold_are_not_named():
    """A settlement that adds up, its mirror and an empty one break nothing."""
    info = settlement()
    assert broken_identities(info) == []
    for field, value in info.ListFields():
        setattr(info, field.name, -value)
    assert broken_identities(info) == []
    assert broken_identities(SettlementInfo()) == []


@pytest.mark.parametrize("off", [1, -1, 10**15])
@pytest.mark.parametrize(
    "field", [field.name for field, _ in settlement().ListFields()] + [fund + "_fen" for fund in FUNDS]
)
def test_one_fen_off_is_found(field: str, off: int):
    """Changing any amount of a settlement breaks an identity, and that is named."""
    info = settlement()
    setattr(info, field, getattr(info, field) + off)
    assert broken_identities(info)


def test_every_broken_identity_is_named():
    """Each identity is reported by itself."""
    info = settlement()
    info.medfee_sumamt_fen += 1
    assert [name.split(" = ")[0] for name in broken_identities(info)] == ["medfee_sumamt", "medfee_sumamt"]
    info = settlement()
    info.acct_pay_fen += 1
    assert broken_identities(info) == ["psn_part_amt = acct_pay + psn_cash_pay + acct_mulaid_pay"]
