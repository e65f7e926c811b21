"""The kinds of codes that are mapped, each with its name, its field on the wire and the shape of its national codes.

Source: handbook, codes/catalogue-formats.md sections 1 to 5. Its trap: M and digits may be a chronic disease, a
tumour morphology or an ICD-10 chapter M code, so the kind always comes from the field or the operator, never from
the look of a code.
"""

import re
from typing import NamedTuple

from codemaps.port import CATALOGUE, CHRONIC, DIAGNOSIS, OPERATION

_WESTERN = r"X[A-Z]\d{2}[A-Z]{2}[A-Z]\d{3}[A-Z]\d{3}\d{2}\d{2}\d{5}"
_PATENT = r"Z[A-Z]\d{2}[A-Z]{2}[A-Z]\d{4}\d{2}\d{2}\d{5}"
_OPEN = r"[A-Z0-9.\-]{4,50}"
"""Own preparations, ethnic drugs and granules have no published structure (section 2.4)."""

LIST_TYPES: dict[str, "re.Pattern[str]"] = {
    number: re.compile(shape, re.ASCII)
    for number, shape in {
        "101": f"{_WESTERN}|{_PATENT}",
        "102": r"T\d{9}",
        "103": _OPEN,
        "104": _OPEN,
        "105": _OPEN,
        "106": _OPEN,
        "201": r"\d{15}(-[0-9A-Za-z.]{1,30})?",
        "301": r"C\d{9}[0-9A-Z]{5}\d{5}(\d{7})?",
        "501": _OPEN,
    }.items()
}
"""Shape of a national code by kind of catalogue: 101 western and patent drug, 102 herbal piece, 103 own preparation,
104 ethnic drug, 105 other, 106 granules, 201 service, 301 consumable, 501 long-term care (dictionaries.csv)."""


class Kind(NamedTuple):
    """One kind of code."""

    name: str
    """As operators say it, such as ``drug``."""
    wire: int
    """As the contract says it (CodeKind): a fee line knows only that its code is of the catalogue."""
    zh: str
    national: "re.Pattern[str] | None"
    """Shape of a national code; None where the list type of each row tells."""
    list_types: tuple[str, ...]
    """Kinds of catalogue it holds; the first is meant where a row names none."""


_ICD10 = re.compile(r"[A-Z]\d{2}\.[0-9x]\d{2}(x\d{3})?(\+[A-Z]\d{2}\.\d{1,3}\*)?", re.ASCII)
_ICD9 = re.compile(r"\d{2}\.\d{2}(\d{2})?(x\d{3})?", re.ASCII)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("chronic", CHRONIC, "门诊慢特病病种", re.compile(r"M\d{5}", re.ASCII), ()),
        Kind("drug", CATALOGUE, "西药中成药", LIST_TYPES["101"], ("101",)),
        Kind("herb", CATALOGUE, "中药饮片", LIST_TYPES["102"], ("102",)),
        Kind("preparation", CATALOGUE, "自制剂", LIST_TYPES["103"], ("103",)),
        Kind("service", CATALOGUE, "医疗服务项目", LIST_TYPES["201"], ("201",)),
        Kind("consumable", CATALOGUE, "医用耗材", LIST_TYPES["301"], ("301",)),
        Kind("catalogue", CATALOGUE, "医疗目录", None, tuple(LIST_TYPES)),
        Kind("diagnosis", DIAGNOSIS, "疾病诊断", _ICD10, ()),
        Kind("operation", OPERATION, "手术操作", _ICD9, ()),
    )
}
"""By name. ``catalogue`` is the mixed kind: every row says of which list type it is."""

_LOCAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/+*\-]{0,49}", re.ASCII)
"""A province shapes its own codes; what is left to hold is the contract's length and that nothing invisible, no
full-width character and no space hides in them."""


def is_national(kind: Kind, code: str, list_type: str = "") -> bool:
    """Whether a code has the national shape of its kind; in a mixed catalogue without a list type any will do."""
    if kind.national is not None:
        return kind.national.fullmatch(code) is not None
    if list_type:
        return list_type in LIST_TYPES and LIST_TYPES[list_type].fullmatch(code) is not None
    return any(shape.fullmatch(code) for shape in LIST_TYPES.values())


def is_local(code: str) -> bool:
    """Whether a code may be a province's or a city's own code."""
    return _LOCAL.fullmatch(code) is not None


def kind_of_list_type(list_type: str) -> str:
    """The kind that holds a list type alone; ``catalogue`` for those without one of their own."""
    return next((kind.name for kind in KINDS.values() if kind.list_types == (list_type,)), "catalogue")
