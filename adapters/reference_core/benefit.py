"""The benefit calculation: pure functions from terms, split totals and the year so far to amounts, in whole fen.

Order: deductible, basic pool up to its room, the supplements in the order of the policy, then the person with the
personal account first (Fushun 2022, articles 18-21, 23; amount identities: handbook, national-interface.md 3.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.reference_core.policy import Account, Money, Ratio, Supplement
from gateway.money import RATIO_ONE_E4, divide_half_up, share_fen


@dataclass(frozen=True, slots=True)
class Split:
    """A fee total, split by the treat place (Fushun 2022, art. 18: the treat place's scope)."""

    fulamt: int
    overlmt: int
    preselfpay: int
    inscp: int

    @property
    def medfee(self) -> int:
        """Total medical fee."""
        return self.fulamt + self.overlmt + self.preselfpay + self.inscp


@dataclass(frozen=True, slots=True)
class Terms:
    """What the insured place grants for one settlement; no pool means the personal account only."""

    deductible: Money
    yearly: bool
    """The deductible is for the year; otherwise for each settlement."""
    ratio: Ratio
    annual_cap: Money
    """Of the pool, over all care of the year."""
    limit: Money | None
    """Of the pool, for this kind of care or this disease in the year."""
    supplements: tuple[Supplement, ...] = ()
    confirmed: bool = True
    """Whether the rule that chose these terms is confirmed."""


@dataclass(frozen=True, slots=True)
class YearSoFar:
    """What the person has used of the year before this settlement."""

    dedc: int = 0
    """Deductible borne in this kind of care or disease."""
    pool: int = 0
    """Pool, over all care."""
    limit: int = 0
    """Pool, for this kind of care or disease."""
    own_share: Mapping[str, int] = field(default_factory=dict)
    """In scope and not paid by the pool, by supplement field, over the care the supplement applies to."""
    supplement: Mapping[str, int] = field(default_factory=dict)
    """Paid by each supplement."""


@dataclass(frozen=True, slots=True)
class FundShare:
    """What one fund pays, and of how much room."""

    field: str
    fund_pay_type: str
    name: str
    room: int
    paid: int
    basis: int
    ratio_e4: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Pooled:
    """The pool's part of a settlement."""

    dedc: int
    ratio_e4: int
    room: int
    paid: int
    over_cap: int
    """In scope, above the deductible, and left by the pool because of its annual cap."""
    confirmed: bool


NOTHING_POOLED = Pooled(dedc=0, ratio_e4=0, room=0, paid=0, over_cap=0, confirmed=True)


def pool(terms: Terms, inscp: int, so_far: YearSoFar) -> Pooled:
    """The deductible and the basic pool.

    The limit of a disease or a kind of care ends the benefit; only what the annual cap cuts off is left to the
    supplements.
    """
    due = terms.deductible.fen - (so_far.dedc if terms.yearly else 0)
    dedc = min(max(due, 0), inscp)
    base = inscp - dedc
    cap_room = max(terms.annual_cap.fen - so_far.pool, 0)
    wanted = share_fen(base, terms.ratio.e4)
    granted_base = base
    room = cap_room
    figures = [terms.deductible, terms.ratio, terms.annual_cap]
    if terms.limit is not None:
        figures.append(terms.limit)
        limit_room = max(terms.limit.fen - so_far.limit, 0)
        room = min(room, limit_room)
        if wanted > limit_room:
            wanted = limit_room
            granted_base = _base_of(limit_room, terms.ratio.e4, base)
    paid = min(wanted, cap_room)
    over_cap = granted_base - _base_of(paid, terms.ratio.e4, granted_base) if paid < wanted else 0
    return Pooled(
        dedc, terms.ratio.e4, room, paid, over_cap, terms.confirmed and all(figure.confirmed for figure in figures)
    )


def _base_of(paid: int, ratio_e4: int, at_most: int) -> int:
    """The amount of which a ratio makes the sum paid."""
    return min(divide_half_up(paid * RATIO_ONE_E4, ratio_e4), at_most) if ratio_e4 else at_most


def supplements(terms: Terms, inscp: int, pooled: Pooled, so_far: YearSoFar) -> list[FundShare]:
    """The funds after the pool, each on its own basis and never beyond what is left in scope."""
    left = inscp - pooled.paid
    shares = []
    for row in terms.supplements:
        match row.basis:
            case "over_cap":
                basis = pooled.over_cap
            case "own_share":
                borne = so_far.own_share.get(row.field, 0)
                threshold = row.threshold.fen
                basis = max(borne + inscp - pooled.paid - threshold, 0) - max(borne - threshold, 0)
            case "remaining":
                basis = left
        basis = min(basis, left)
        room = max(row.limit.fen - so_far.supplement.get(row.field, 0), 0)
        paid = min(share_fen(basis, row.ratio.e4), room)
        # A threshold that was not reached decided the result as much as one that was.
        asked = basis > 0 or (row.basis == "own_share" and inscp > pooled.paid)
        confirmed = not asked or (row.threshold.confirmed and row.ratio.confirmed and row.limit.confirmed)
        shares.append(FundShare(row.field, row.fund_pay_type, row.name, room, paid, basis, row.ratio.e4, confirmed))
        left -= paid
    return shares


@dataclass(frozen=True, slots=True)
class Amounts:
    """Who pays what of one settlement."""

    split: Split
    pooled: Pooled
    supplements: tuple[FundShare, ...]
    acct: int

    @property
    def fund(self) -> int:
        """All funds."""
        return self.pooled.paid + sum(share.paid for share in self.supplements)

    @property
    def person(self) -> int:
        """The person's share."""
        return self.split.medfee - self.fund

    @property
    def cash(self) -> int:
        """What the person pays in cash."""
        return self.person - self.acct

    @property
    def confirmed(self) -> bool:
        """Whether every figure that was used is confirmed."""
        return self.pooled.confirmed and all(share.confirmed for share in self.supplements)


def compute(terms: Terms | None, split: Split, so_far: YearSoFar, account: Account | None, balance_fen: int) -> Amounts:
    """The whole calculation; without terms no fund pays, without an account the person pays in cash."""
    pooled, shares = NOTHING_POOLED, []
    if terms is not None:
        pooled = pool(terms, split.inscp, so_far)
        shares = supplements(terms, split.inscp, pooled, so_far)
    acct = 0
    if account is not None:
        paid = pooled.paid + sum(share.paid for share in shares)
        parts = {
            "inscp": split.inscp - paid,
            "preselfpay": split.preselfpay,
            "overlmt": split.overlmt,
            "fulamt": split.fulamt,
        }
        acct = max(min(sum(parts[part] for part in set(account.covers)), balance_fen), 0)
    return Amounts(split, pooled, tuple(shares), acct)
