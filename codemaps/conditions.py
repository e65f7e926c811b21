"""For which cases a row holds: one reading of its conditions, for the check before publication and for the look-up.

A condition that a row does not state holds always. Several values of one column are alternatives; all columns that
state something must hold together.
"""

from typing import NamedTuple

from codemaps.editions import COLUMNS, CONDITIONS, EditionRow
from codemaps.port import Given

assert COLUMNS[8:13] == CONDITIONS
_NONE = ("", "", "", "", "")
_ENDLESS = "9999-12-31"
"""Days are compared as text: yyyy-MM-dd sorts as the days do."""


class Conditions(NamedTuple):
    """The conditions of a row, plain enough to be stored as they are; empty where the row does not ask."""

    insutype: tuple[str, ...] = ()
    admdvs: tuple[str, ...] = ()
    """Leading digits of the division where the person is insured."""
    med_type: tuple[str, ...] = ()
    valid_from: str = ""
    """First day of service, inclusive."""
    valid_to: str = ""
    """Last day of service, inclusive."""


def parse(row: EditionRow) -> Conditions | None:
    """The conditions of a row; None for a row that holds in every case."""
    cells = row[8:13]
    if cells == _NONE:
        return None
    insutype, admdvs, med_type, valid_from, valid_to = cells
    return Conditions(_values(insutype), _values(admdvs), _values(med_type), valid_from, valid_to)


def overlap(a: Conditions, b: Conditions) -> bool:
    """Whether some case fulfils both, which means that no column separates them."""
    return (
        _meet(a.insutype, b.insutype)
        and _meet(a.med_type, b.med_type)
        and _prefixes_meet(a.admdvs, b.admdvs)
        and max(a.valid_from, b.valid_from) <= min(a.valid_to or _ENDLESS, b.valid_to or _ENDLESS)
    )


def matches(conditions: Conditions, on: str, given: Given) -> bool | None:
    """Whether a row holds in a case, ``on`` being the day of service as yyyy-MM-dd.

    None: it may hold, but something it asks for is not given. What is given may rule it out all the same.
    """
    if on < conditions.valid_from or on > (conditions.valid_to or _ENDLESS):
        return False
    known = (
        _holds(conditions.insutype, given.insutype, given.insutype in conditions.insutype),
        _holds(conditions.med_type, given.med_type, given.med_type in conditions.med_type),
        _holds(conditions.admdvs, given.insuplc_admdvs, given.insuplc_admdvs.startswith(conditions.admdvs)),
    )
    if False in known:
        return False
    return None if None in known else True


def _holds(wanted: tuple[str, ...], given: str, found: bool) -> bool | None:
    if not wanted:
        return True
    return found if given else None


def _values(cell: str) -> tuple[str, ...]:
    return tuple(value for value in cell.split("|") if value) if cell else ()


def _meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    return not a or not b or not set(a).isdisjoint(b)


def _prefixes_meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    return not a or not b or any(one.startswith(other) or other.startswith(one) for one in a for other in b)
