"""The national out-patient chronic diseases (门诊慢特病病种) that have been seen, and the ten open across provinces.

Facts: ``tables/chronic_national.csv`` (handbook, codes/chronic-national.csv). The list is not complete: a code that
is missing here is unknown to Yidi, not invalid.
"""

from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from codemaps.csvfile import read_rows

Mark = Literal["confirmed", "name_unconfirmed", "code_unconfirmed", "seen", "name_not_found"]
"""How far a row is confirmed: code and name; the code only; the name only; read in the named source; code only,
its name was not found."""


class ChronicDisease(NamedTuple):
    """One national disease."""

    code: str
    name_zh: str
    cross_province: bool
    """Whether it is settled directly across provinces."""
    mark: str
    source: str


def get(code: str) -> ChronicDisease | None:
    """The disease of a national code, or None."""
    return _table().get(code)


def open_across_provinces() -> tuple[ChronicDisease, ...]:
    """The diseases settled directly across provinces, in the order of their codes."""
    return tuple(disease for disease in _table().values() if disease.cross_province)


@cache
def _table() -> dict[str, ChronicDisease]:
    file = resources.files("codemaps").joinpath("tables", "chronic_national.csv")
    rows = read_rows(file, ("code", "name_zh", "cross_province", "mark", "source"))
    return {
        cells["code"]: ChronicDisease(
            cells["code"], cells["name_zh"], cells["cross_province"] == "Y", cells["mark"], cells["source"]
        )
        for _, cells in rows
    }
