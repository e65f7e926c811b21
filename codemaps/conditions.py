"""For which cases a row holds: one reading of its conditions, for the check before publication and for the look-up.

Also whether the cells that carry rules, its conditions and its payment, can be read at all.

A condition that a row does not state holds always. Several values of one column are alternatives; all columns that
state something must hold together.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from codemaps.editions import COLUMNS, CONDITIONS, EditionRow
from codemaps.port import Given

assert COLUMNS[8:13] == CONDITIONS
_NONE = ("", "", "", "", "")
_SHAPES = tuple(re.compile(shape, re.ASCII) for shape in (r"\w{1,6}(\|\w{1,6})*", r"\d{1,6}(\|\d{1,6})*"))
_RATIO = re.compile(r"0(\.\d{1,4})?|1(\.0{1,4})?", re.ASCII)
_PRICE = re.compile(r"(?!0+(\.0*)?$)\d{1,12}(\.\d{1,6})?", re.ASCII)
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
    return of_cells(row[8:13])


def of_cells(cells: tuple[str, str, str, str, str]) -> Conditions | None:
    """The same for its five cells alone, in the order of ``CONDITIONS``."""
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


def clashing(rows: Iterable[tuple[str, Conditions | None]]) -> set[str]:
    """Of rows that start at one code, the other codes that compete: some case leads to two of them.

    A row without conditions is what holds where no special one does; the two never compete.
    """
    codes: dict[Conditions | None, set[str]] = defaultdict(set)
    for code, conditions in rows:
        codes[conditions].add(code)
    found = set().union(*(same for same in codes.values() if len(same) > 1))
    for a, b in _near(conditions for conditions in codes if conditions is not None):
        if len(either := codes[a] | codes[b]) > 1 and overlap(a, b):
            found |= either
    return found


class Homeward(NamedTuple):
    """How the local codes of one target find home again."""

    alone: set[str]
    """No other code competes."""
    preferred: set[str]
    """Others compete, and this one is preferred."""
    replaced: set[str]
    """Another one is preferred, so the exchange must remember or the person be entitled."""
    shared: set[str]
    """None is preferred: only the exchange's memory or the entitlement tells."""
    doubly: set[str]
    """Preferred codes that compete with each other."""


def homeward(rows: Sequence[tuple[str, Conditions | None, bool]]) -> Homeward:
    """The ways home from one target; each row has a local code, its conditions, and whether it is preferred."""
    codes = {code for code, _, _ in rows}
    if len(codes) == 1:  # nearly always
        return Homeward(codes, set(), set(), set(), set())
    competing = clashing((code, when) for code, when, _ in rows)
    favoured = {code for code, _, preferred in rows if preferred} & competing
    doubly = clashing((code, when) for code, when, preferred in rows if preferred) if len(favoured) > 1 else set()
    decided = {when for code, when, preferred in rows if preferred and code in favoured}
    open_ = {code for code, when, _ in rows if code in competing - favoured and not _decided(when, decided)}
    return Homeward(codes - competing, favoured, competing - favoured - open_, open_, doubly)


def _decided(when: Conditions | None, preferred: set[Conditions | None]) -> bool:
    """Whether a preferred row competes with a row that holds in these cases."""
    if when is None or when in preferred:
        return when in preferred
    return any(overlap(when, other) for other in preferred if other is not None)


@lru_cache(maxsize=4096)  # few conditions, on many rows
def fault(cells: tuple[str, str, str, str, str]) -> str:
    """The column among ``CONDITIONS`` whose cell cannot be read; empty where all can."""
    insutype, admdvs, med_type, *days = cells
    types, divisions = _SHAPES
    for column, cell, shape in zip(CONDITIONS, (insutype, admdvs, med_type), (types, divisions, types), strict=False):
        if cell and not shape.fullmatch(cell):
            return column
    for column, day in zip(CONDITIONS[3:], days, strict=True):
        if day and not _is_day(day):
            return column
    return "valid_to" if days[1] and days[0] > days[1] else ""


@lru_cache(maxsize=4096)  # few combinations but for prices
def payment_fault(cells: tuple[str, str, str, str]) -> str:
    """The column whose payment attribute is wrong; empty where all are right or not stated."""
    level, ratio, price, limited = cells
    if level not in {"", "01", "02", "03", "04"}:
        return "chrgitm_lv"
    fixed = {"01": 0, "03": 1}.get(level)  # class A has no first pay, class C nothing else
    if ratio and (not _RATIO.fullmatch(ratio) or (fixed is not None and float(ratio) != fixed)):
        return "selfpay_prop"
    if price and not _PRICE.fullmatch(price):
        return "pric_uplmt_amt"
    return "" if limited in {"", "0", "1"} else "lmt_used_flag"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _near(several: Iterable[Conditions]) -> Iterator[tuple[Conditions, Conditions]]:
    """Every pair that the divisions alone do not separate, so that a row for each city costs no comparison of all."""
    at: dict[str, list[Conditions]] = defaultdict(list)
    below: dict[str, list[Conditions]] = defaultdict(list)
    for conditions in several:
        prefixes = conditions.admdvs or ("",)
        others: dict[Conditions, None] = {}
        for prefix in prefixes:
            others.update(dict.fromkeys(below.get(prefix, ())))
            for length in range(len(prefix) + 1):
                others.update(dict.fromkeys(at.get(prefix[:length], ())))
        yield from ((other, conditions) for other in others)
        for prefix in prefixes:
            at[prefix].append(conditions)
            for length in range(len(prefix)):
                below[prefix[:length]].append(conditions)


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
