"""The quick way: whether the wide cells of a row are exactly as they should be, without finding words where not.

It may refuse a row that is in order, which then takes the careful way; it never passes one that is not.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from codemaps.intake import codes
from codemaps.intake.cleaning import HIDDEN
from codemaps.intake.limits import MAX_CELL, MAX_NAME
from codemaps.intake.order import Order
from codemaps.kinds import KINDS, LIST_TYPES, is_local
from codemaps.port import NATIONAL

WIDE = ("local_code", "local_name", "national_code", "national_name", "remark")
"""Columns whose cells hardly repeat; the others are looked up together."""
Check = Callable[[str, str, str, str, str], bool]

_NAME = f"(?! )[^{HIDDEN}]{{1,{MAX_NAME}}}(?<! )"
_REMARK = f"(?:(?! )[^{HIDDEN}]{{1,{MAX_CELL}}}(?<! ))?"
_NAMED = re.compile(f"{_NAME}\0{_NAME}\0{_REMARK}").fullmatch
_EITHER = re.compile(f"{_NAME}\0(?:{_NAME})?\0{_REMARK}").fullmatch
_UNNAMED = re.compile(f"{_NAME}\0\0{_REMARK}").fullmatch


def quick_check(order: Order, list_type: str, *, named: bool) -> Check:
    """What tests the wide cells of rows of a list type; ``named`` where an upper name must not be missing."""
    return _check(order.kind, order.from_system, order.to_system, list_type, named=named)


@lru_cache(maxsize=256)
def _check(kind: str, from_system: str, to_system: str, list_type: str, *, named: bool) -> Check:
    local = _shape(kind, from_system, list_type)
    damaged = codes.DAMAGED.fullmatch
    if not to_system:

        def alone(code: str, name: str, upper: str, upper_name: str, remark: str) -> bool:
            return bool(
                not upper and not upper_name and local(code) and not damaged(code) and _UNNAMED(f"{name}\0\0{remark}")
            )

        return alone
    above = _shape(kind, to_system, list_type)
    clean = _NAMED if named else _EITHER

    def both(code: str, name: str, upper: str, upper_name: str, remark: str) -> bool:
        return bool(
            local(code)
            and above(upper)
            and clean(f"{name}\0{upper_name}\0{remark}")
            and not damaged(code)
            and not damaged(upper)
        )

    return both


def _shape(kind: str, system: str, list_type: str) -> Callable[[str], object]:
    if system != NATIONAL:
        return is_local
    return (KINDS[kind].national or LIST_TYPES[list_type]).fullmatch
