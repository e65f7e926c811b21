"""Stage 5: which link leads to the place that answers. Longest division prefix wins.

A hub's territory is the prefix of its division: 321100 has 3211, 320000 has 32, the nation has the empty one.
Municipalities, Hainan, Tibet and the Corps pool at province level, so their hub holds the core for all of
its prefix (handbook, codes/admdvs.notes.md). A call inside a province meets the province's own children before it
meets the parent, so it never passes the nation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.errors import Decline

HOP_LIMIT = 8
"""Two relays, two cities, two provinces and the nation, and one to spare."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Where an exchange goes next, and why."""

    kind: Literal["core", "child", "parent"]
    division: str
    prefix: str
    why: str


def prefix_of(division: str) -> str:
    """The part of a division that its whole territory shares."""
    if division == "100000":
        return ""
    if division.endswith("0000"):
        return division[:2]
    return division[:4] if division.endswith("00") else division


class Routes:
    """The routing table of one hub."""

    def __init__(self, division: str, has_core: bool, children: Mapping[str, str], parent: str) -> None:
        self.division = division
        self.prefix = prefix_of(division)
        self._parent = parent
        self._by_prefix: dict[str, Hop] = {}
        if has_core:
            self._by_prefix[self.prefix] = Hop(
                "core", division, self.prefix, f"{division} is the insured place's own hub: its core answers"
            )
        for child, prefix in children.items():
            self._by_prefix[prefix] = Hop("child", child, prefix, f"child {child} serves divisions {prefix}…")

    def find(self, insured: str) -> Hop:
        """The next hop towards an insured place."""
        for length in range(len(insured), -1, -1):
            hop = self._by_prefix.get(insured[:length])
            if hop is not None:
                return hop
        if self._parent and not insured.startswith(self.prefix):
            return Hop("parent", self._parent, "", f"{insured} is outside {self.prefix}…: the parent knows the way")
        raise Decline("ROUTE_MISSING", division=insured)

    def refuse_loop(self, hops: list[str]) -> None:
        """Stop an exchange that has been here before, or that wanders."""
        if self.division in hops or len(hops) >= HOP_LIMIT:
            # What stands in the hops is a neighbour's word: no more of it than a division is long.
            raise Decline("ROUTE_LOOP", hops=" → ".join([*(hop[:6] for hop in hops), self.division]))
