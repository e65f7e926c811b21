"""The reference core: an insured place's eligibility, benefits and ledger, with policies as data.

The hub finds it through the entry-point group ``yidi.cores`` under the name ``reference``.
"""

from collections.abc import Mapping

from adapters.reference_core import policy
from adapters.reference_core.core import ReferenceCore

__all__ = ["ReferenceCore", "create"]


def create(division: str, settings: Mapping[str, object]) -> ReferenceCore:
    """Make the core of a division; ``settings["policy"]`` names a shipped policy or the path of another."""
    # The divisions table is large, and a core made by hand brings its own look-up.
    from codemaps.divisions import filing_target  # noqa: PLC0415  # see above

    unknown = set(settings) - {"policy"}
    if unknown:
        raise ValueError(f"core.{min(unknown)}: unknown setting")
    return ReferenceCore(division, policy.read(str(settings.get("policy", "fushun_2022"))), filing_target)
