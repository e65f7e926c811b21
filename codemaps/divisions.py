"""The divisions of medical insurance (医保区划) and where a person of a division is insured.

Facts: ``tables/admdvs.csv``, whose ``source`` column says where each row was seen (handbook, codes/admdvs.notes.md).
Rows written only from the pattern xx9900 stay in the table and are not accepted as facts.
"""

from functools import cache
from importlib import resources
from typing import NamedTuple

from codemaps.csvfile import read_rows

NATION = "100000"
"""The nation: parent of the provinces, where nobody is insured."""

POOLED_BY_PROVINCE = frozenset({"11", "12", "31", "50", "46", "54", "66"})
"""Beijing, Tianjin, Shanghai, Chongqing, Hainan, Tibet and the Xinjiang Corps pool at province level.

Source: handbook, codes/admdvs.notes.md (Jilin 2018, art. 2, names the first six; the Corps is unconfirmed).
"""


class Division(NamedTuple):
    """One row of the table."""

    code: str
    name: str
    parent: str
    level: str
    kind: str
    filing_target: str
    """Where a person from another province is filed when treated in this area; empty when not known."""
    source: str


def get(code: str) -> Division | None:
    """The division of a code, or None; rows that were never seen (source ``pattern``) are None."""
    return _table().get(code)


def is_known(code: str) -> bool:
    """Whether a division of this code has been seen; abolished ones count, because old records carry them."""
    return code in _table()


def is_abolished(code: str) -> bool:
    """Whether the code is accepted only for old records."""
    found = get(code)
    return found is not None and found.kind == "abolished"


def has_insurance(code: str) -> bool:
    """Whether basic medical insurance reaches the area: not Taiwan, Hong Kong and Macau, and nothing unknown."""
    found = get(code)
    return found is not None and found.kind != "no-basic-medical-insurance"


def filing_target(code: str) -> str | None:
    """Where a person must be filed to be treated in this area; None when that is not known."""
    found = get(code)
    return (found.filing_target or None) if found else None


def province(code: str) -> str:
    """The province of a code."""
    return _digits(code)[:2] + "0000"


def pool(code: str) -> str:
    """The division that pools the insurance of a code.

    The province where it pools (see POOLED_BY_PROVINCE); the county itself where the province administers it
    directly (xx90yy); otherwise the prefecture, which also holds for provincial-level persons (xx9900). The cities
    of the Corps (659xxx) pool at themselves here: whether they or 660000 are the insured place is not known, and
    nothing is guessed.
    """
    _digits(code)
    if code[:2] in POOLED_BY_PROVINCE:
        return code[:2] + "0000"
    if code[2:4] == "90":
        return code
    return code[:4] + "00"


def path(code: str) -> tuple[str, ...]:
    """From the nation down to the division that pools the code, without repeats."""
    return tuple(dict.fromkeys((NATION, province(code), pool(code))))


def full_name(code: str) -> str:
    """The name with those above it, such as 江苏省镇江市; the code itself when it is not known."""
    if code == NATION:
        return "国家"
    found = get(code)
    if found is None:
        return code
    above = get(found.parent)
    if above is None:
        return found.name
    # Names such as 长沙市本级 or 河北省省本级 hold their parent's name already.
    if found.name.startswith(above.name):
        higher = get(above.parent)
        return (full_name(higher.code) if higher else "") + found.name
    return full_name(above.code) + found.name


def _digits(code: str) -> str:
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        raise ValueError(f"a division is six digits, not {code!r}")
    return code


@cache
def _table() -> dict[str, Division]:
    file = resources.files("codemaps").joinpath("tables", "admdvs.csv")
    rows = (Division(**row) for _, row in read_rows(file, Division._fields))
    return {row.code: row for row in rows if row.source != "pattern"}
