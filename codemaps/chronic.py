"""The national out-patient chronic diseases (门诊慢特病病种) that have been seen, and the ten open across provinces.

Facts: the shipped lists CN.chronic and CN.chronic-open (handbook, codes/chronic-national.csv). They are not complete:
a code that is missing here is unknown to Yidi, not invalid.
"""

from functools import cache
from typing import Literal, NamedTuple

from codemaps.editions import read_rows
from codemaps.shipped import DIRECTORY

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
    edition = "handbook.1.csv"
    opened = {row.local_code for row in read_rows(DIRECTORY / "CN.chronic-open" / edition)}
    return {
        row.local_code: ChronicDisease(row.local_code, row.local_name, row.local_code in opened, row.remark, row.source)
        for row in read_rows(DIRECTORY / "CN.chronic" / edition)
    }
