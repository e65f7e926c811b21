"""Money is integer fen; the rounding rule and the sums are written down here and nowhere else.

Scaled integers carry their scale in their name: ``_fen`` is 1/100 yuan, ``_e4`` and ``_e6`` are ten-thousandths
and millionths of the unit.
"""

from yidi.v1.settlement_types_pb2 import SettlementInfo

RATIO_ONE_E4 = 10_000
NO_CEILING_E6 = 999_999 * 1_000_000
"""A price ceiling of 999999 yuan means no ceiling (handbook, national-interface.md section 3.1)."""

FUNDS = ("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "hifdm_pay", "oth_pay")
"""The funds whose sum is fund_pay_sumamt (handbook, national-interface.md section 3.1)."""

_SPLIT = ("fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen")


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, as cash registers do (四舍五入); the sign of the result is symmetric."""
    quotient, rest = divmod(abs(numerator), denominator)
    if 2 * rest >= denominator:
        quotient += 1
    return quotient if numerator >= 0 else -quotient


def line_amount_fen(cnt_e4: int, pric_e6: int) -> int:
    """Amount of a fee line: quantity times unit price, rounded to the fen."""
    return divide_half_up(cnt_e4 * pric_e6, 10**8)


def share_fen(amount_fen: int, ratio_e4: int) -> int:
    """A ratio of an amount, rounded to the fen."""
    return divide_half_up(amount_fen * ratio_e4, RATIO_ONE_E4)


def yuan(amount_fen: int) -> str:
    """Show fen as yuan with two decimals, for texts that people read."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def broken_identities(info: SettlementInfo) -> list[str]:
    """Name the amount identities a settlement breaks; empty when all hold.

    Source: handbook, national-interface.md section 3.1. Reversals hold them with negative amounts.
    """
    broken = []
    if info.medfee_sumamt_fen != sum(getattr(info, name) for name in _SPLIT):
        broken.append("medfee_sumamt = fulamt_ownpay_amt + overlmt_selfpay + preselfpay_amt + inscp_scp_amt")
    if info.medfee_sumamt_fen != info.fund_pay_sumamt_fen + info.psn_part_amt_fen + info.hosp_part_amt_fen:
        broken.append("medfee_sumamt = fund_pay_sumamt + psn_part_amt + hosp_part_amt")
    if info.psn_part_amt_fen != info.acct_pay_fen + info.psn_cash_pay_fen + info.acct_mulaid_pay_fen:
        broken.append("psn_part_amt = acct_pay + psn_cash_pay + acct_mulaid_pay")
    if info.fund_pay_sumamt_fen != sum(getattr(info, fund + "_fen") for fund in FUNDS):
        broken.append("fund_pay_sumamt = the sum of the funds")
    return broken
