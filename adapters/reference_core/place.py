"""The insured place a core answers for: its division, its policy, and where filings must point."""

from dataclasses import dataclass

from adapters.reference_core.divisions import FilingTarget, inside
from adapters.reference_core.policy import Policy


@dataclass(frozen=True, slots=True)
class InsuredPlace:
    """What every part of the core needs to know about its own place."""

    division: str
    policy: Policy
    filing_target: FilingTarget

    def covers(self, division: str) -> bool:
        """Whether a division belongs to this place."""
        return inside(division, self.division)

    def filing_needed(self, treat_place: str) -> str:
        """The division a filing must name for a treat place; the treat place itself where the table names none."""
        return self.filing_target(treat_place) or treat_place
