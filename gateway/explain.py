"""Which hubs an exchange passes, and why: what ``yidi route explain`` prints."""

from typing import NamedTuple

from codemaps import divisions
from gateway.config import Config
from gateway.errors import Decline
from gateway.hub import make_routes


class ExplainedHop(NamedTuple):
    """One hub on the way."""

    division: str
    known: str
    """``configured`` when its configuration was given, else ``expected`` from the order of divisions."""
    why: str


def explain(configs: list[Config], treat: str, insured: str) -> list[ExplainedHop]:
    """Every hop from a treat place to an insured place.

    Hubs whose configuration is given decide as they would; the others are expected to follow the order of
    divisions: up to the first hub whose territory holds the insured place, then down. Raises ValueError for
    divisions that do not exist.
    """
    for division in (treat, insured):
        if not divisions.is_known(division):
            raise ValueError(f"{division} is no division")
        if not divisions.has_insurance(division):
            raise ValueError(f"{division} has no basic medical insurance")
    configured = {config.hub.division: config for config in configs}
    at = _start(configured, treat)
    hops: list[ExplainedHop] = []
    while True:
        if any(hop.division == at for hop in hops):
            raise ValueError(f"the way loops at {at}")
        config = configured.get(at)
        next_hub, why = _decide(config, insured) if config else _expect(at, insured)
        hops.append(ExplainedHop(at, "configured" if config else "expected", why))
        if next_hub == at:
            return hops
        at = next_hub


def _start(configured: dict[str, Config], treat: str) -> str:
    """The treat place's own hub: the configured one that serves it, else where the division pools."""
    serving = [config for config in configured.values() if make_routes(config).prefix and treat.startswith(
        make_routes(config).prefix)]  # fmt: skip
    if serving:
        return max(serving, key=lambda config: len(make_routes(config).prefix)).hub.division
    return divisions.pool(treat)


def _decide(config: Config, insured: str) -> tuple[str, str]:
    try:
        hop = make_routes(config).find(insured)
    except Decline as decline:
        raise ValueError(f"{config.file}: {decline.text_en}") from None
    return hop.division, hop.why


def _expect(at: str, insured: str) -> tuple[str, str]:
    path = divisions.path(insured)
    if path[-1] == at:
        return at, f"{at} is the insured place's own hub: its core answers"
    if at in path:
        below = path[path.index(at) + 1]
        return below, f"{insured} lies below {at}: down to {below}"
    above = divisions.path(at)[-2]
    return above, f"{insured} is outside {at}: up to {above}"
