"""A policy is data: every figure with the document it comes from and whether that document confirms it."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

SHIPPED = resources.files("adapters.reference_core").joinpath("policies")
"""The policies that come with the core."""

Count = Annotated[int, msgspec.Meta(ge=0)]
Scale = Literal["local", "temporary"]
Standing = Literal["local", "long_term", "student", "emergency", "temporary"]
"""Where a person stands towards the treat place: at home, filed as a long-term resident, a student, an emergency, or
away for a time."""
Care = Literal["inpatient", "ordinary", "chronic"]


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Common to all policy data: unknown keys are refused with their path."""


class Rule(_Data, frozen=True, kw_only=True):
    """Where a rule is written, and whether that source confirms it for this place."""

    confirmed: bool
    source: Annotated[str, msgspec.Meta(min_length=1)]


class Money(Rule, frozen=True, kw_only=True):
    """A sum in fen."""

    fen: Count


class Ratio(Rule, frozen=True, kw_only=True):
    """A ratio in ten-thousandths."""

    e4: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class Insurance(_Data, frozen=True, kw_only=True):
    """A kind of basic insurance and its pool."""

    insutype: str
    pool_fund: str
    pool_name: str
    account: bool
    annual_cap: Money


class StandingRule(Rule, frozen=True, kw_only=True):
    """Which in-patient scale a standing gets."""

    standing: Standing
    scale: Scale
    insutypes: tuple[str, ...] = ()
    psn_types: tuple[str, ...] = ()


class StayTerms(_Data, frozen=True, kw_only=True):
    """In-patient terms of one scale, insurance and hospital level; no level means every other level."""

    scale: Scale
    insutype: str
    hosp_lv: tuple[str, ...] = ()
    deductible: Money
    ratio: Ratio


class Inpatient(_Data, frozen=True, kw_only=True):
    """In-patient care."""

    categories: tuple[str, ...]
    emergency: tuple[str, ...]
    automatic_filing: bool
    automatic_filing_source: str
    standings: tuple[StandingRule, ...]
    terms: tuple[StayTerms, ...]


class YearTerms(_Data, frozen=True, kw_only=True):
    """Out-patient terms with a deductible and a limit for the year; no disease means every other disease."""

    insutype: str
    dise_codg: tuple[str, ...] = ()
    deductible: Money
    ratio: Ratio
    limit: Money


class Ordinary(_Data, frozen=True, kw_only=True):
    """Ordinary out-patient care."""

    categories: tuple[str, ...]
    account_only: tuple[str, ...]
    pooled_for: tuple[Standing, ...]
    pooled_for_source: str
    terms: tuple[YearTerms, ...]


class Chronic(_Data, frozen=True, kw_only=True):
    """Out-patient care of chronic diseases, each disease by itself."""

    category_prefix: str
    needs_filing: bool
    source: str
    terms: tuple[YearTerms, ...]


class Supplement(_Data, frozen=True, kw_only=True):
    """A fund that pays after the pool, in the order of the file.

    ``basis`` says of what: ``over_cap`` the part in scope that the pool left because its annual cap was reached,
    ``own_share`` what the person bore in scope this year (with a threshold), ``remaining`` what is still left in scope.
    """

    field: Literal["hifob_pay", "hifmi_pay", "cvlserv_pay", "hifes_pay", "maf_pay", "hifdm_pay", "oth_pay"]
    fund_pay_type: str
    name: str
    insutype: str
    cvlserv_only: bool = False
    basis: Literal["over_cap", "own_share", "remaining"]
    applies_to: tuple[Care, ...]
    threshold: Money
    ratio: Ratio
    limit: Money


class Account(Rule, frozen=True, kw_only=True):
    """What the personal account may pay of the person's share."""

    fund_pay_type: str
    name: str
    covers: tuple[Literal["inscp", "preselfpay", "overlmt", "fulamt"], ...]


class Filing(Rule, frozen=True, kw_only=True):
    """Which division a filing must name."""

    filing_to: Literal["target", "target_or_province"]


class Policy(_Data, frozen=True, kw_only=True):
    """The benefits of one insured place."""

    name: str
    title: str
    document: str
    effective: str
    insurance: tuple[Insurance, ...]
    filing: Filing
    inpatient: Inpatient
    ordinary: Ordinary
    chronic: Chronic
    supplement: tuple[Supplement, ...]
    account: Account

    def insurance_of(self, insutype: str) -> Insurance | None:
        """The basic insurance of a type, or None when this place has none such."""
        return next((row for row in self.insurance if row.insutype == insutype), None)

    def scale_of(self, standing: Standing) -> StandingRule:
        """The in-patient scale of a standing."""
        return next(row for row in self.inpatient.standings if row.standing == standing)

    def stay_terms(self, scale: Scale, insutype: str, hosp_lv: str) -> StayTerms:
        """In-patient terms; the row without levels answers for a level that is not listed or not told."""
        rows = [row for row in self.inpatient.terms if row.scale == scale and row.insutype == insutype]
        return next((row for row in rows if hosp_lv in row.hosp_lv), rows[-1])

    def ordinary_terms(self, insutype: str) -> YearTerms:
        """Ordinary out-patient terms."""
        return next(row for row in self.ordinary.terms if row.insutype == insutype)

    def chronic_terms(self, insutype: str, dise_codg: str) -> YearTerms:
        """Terms of one chronic disease."""
        rows = [row for row in self.chronic.terms if row.insutype == insutype]
        return next((row for row in rows if dise_codg in row.dise_codg), rows[-1])


def _gaps(policy: Policy) -> list[str]:
    """What a policy leaves open; a settlement must never meet a missing row."""
    told = {row.standing for row in policy.inpatient.standings}
    gaps = [f"inpatient.standings: no row for {standing}" for standing in get_args(Standing) if standing not in told]
    scales = {row.scale for row in policy.inpatient.standings}
    for insutype in [row.insutype for row in policy.insurance]:
        for scale in sorted(scales):
            stays = [row for row in policy.inpatient.terms if (row.scale, row.insutype) == (scale, insutype)]
            if not stays or stays[-1].hosp_lv:
                gaps.append(f"inpatient.terms: {scale} {insutype} must end with a row without hosp_lv")
        if not any(row.insutype == insutype for row in policy.ordinary.terms):
            gaps.append(f"ordinary.terms: no row for {insutype}")
        diseases = [row for row in policy.chronic.terms if row.insutype == insutype]
        if not diseases or diseases[-1].dise_codg:
            gaps.append(f"chronic.terms: {insutype} must end with a row without dise_codg")
    gaps += [
        f"supplement: {row.field} has a threshold, which only own_share counts"
        for row in policy.supplement
        if row.basis != "own_share" and row.threshold.fen
    ]
    return gaps


def decode(data: bytes) -> Policy:
    """Read a policy; unknown keys and gaps are refused with their place in the file."""
    policy = msgspec.toml.decode(data, type=Policy)
    gaps = _gaps(policy)
    if gaps:
        raise ValueError("; ".join(gaps))
    return policy


def read(name: str) -> Policy:
    """Read a policy that ships with the core by its name, or any other by its path."""
    path = Path(name)
    if path.suffix == ".toml":
        return decode(path.read_bytes())
    names = sorted(file.name.removesuffix(".toml") for file in SHIPPED.iterdir() if file.name.endswith(".toml"))
    if name not in names:
        raise ValueError(f"policy: expected one of {', '.join(names)} or the path of a .toml file, got `{name}`")
    return decode(SHIPPED.joinpath(f"{name}.toml").read_bytes())
