"""Divisions, as far as the insured place must tell them apart."""

from collections.abc import Callable
from typing import Literal

FilingTarget = Callable[[str], str | None]
"""From a treat place to the division a filing must name (handbook, codes/admdvs.notes.md:
filing_target); None or empty where the table does not know."""

PayLoc = Literal["2", "3", "4"]


def territory(division: str) -> str:
    """The leading digits all divisions of a place share: 210400 covers 2104xx, 210402 only itself."""
    return division.removesuffix("00").removesuffix("00")


def inside(division: str, place: str) -> bool:
    """Whether a division belongs to a place."""
    return division.startswith(territory(place))


def province(division: str) -> str:
    """The province of a division."""
    return division[:2] + "0000"


def pay_loc(treat_place: str, insured_place: str) -> PayLoc:
    """Place of payment: 2 local, 3 same province, 4 other province (handbook, dictionaries.csv: pay_loc)."""
    if inside(treat_place, insured_place):
        return "2"
    return "3" if province(treat_place) == province(insured_place) else "4"
