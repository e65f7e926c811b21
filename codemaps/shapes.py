"""What codes look like, by the field they stand in and never by their first letter alone.

Source: handbook, codes/catalogue-formats.md sections 2 to 5. Its trap: M and digits may be a chronic disease, a
tumour morphology or an ICD-10 chapter M code, so the kind is always given by the caller.
"""

import re

from codemaps.port import CATALOGUE, CHRONIC

_WESTERN = r"X[A-Z]\d{2}[A-Z]{2}[A-Z]\d{3}[A-Z]\d{3}\d{2}\d{2}\d{5}"
_PATENT = r"Z[A-Z]\d{2}[A-Z]{2}[A-Z]\d{4}\d{2}\d{2}\d{5}"
_OPEN = re.compile(r"[A-Z0-9.\-]{4,50}", re.ASCII)

_CATALOGUE = {
    "101": re.compile(f"{_WESTERN}|{_PATENT}", re.ASCII),
    "102": re.compile(r"T\d{9}", re.ASCII),
    "103": _OPEN,
    "104": _OPEN,
    "105": _OPEN,
    "106": _OPEN,
    "201": re.compile(r"\d{15}(-[0-9A-Za-z.]{1,30})?", re.ASCII),
    "301": re.compile(r"C\d{9}[0-9A-Z]{5}\d{5}(\d{7})?", re.ASCII),
    "501": _OPEN,
}
"""By list_type; own preparations, ethnic drugs and granules have no published structure (section 2.4)."""

LIST_TYPES = frozenset(_CATALOGUE)
"""Kinds of catalogue: 101 western and patent drug, 102 herbal piece, 103 own preparation, 104 ethnic drug, 105 other,
106 granules, 201 service, 301 consumable, 501 long-term care (handbook, dictionaries.csv list_type)."""

_CHRONIC = re.compile(r"M\d{5}", re.ASCII)
_LOCAL = {
    CHRONIC: re.compile(r"[0-9A-Za-z][0-9A-Za-z._\-]{0,29}", re.ASCII),
    CATALOGUE: re.compile(r"[0-9A-Za-z][0-9A-Za-z._\-]{0,49}", re.ASCII),
}
"""A province shapes its own codes; what is left to hold is the contract's length and that nothing invisible, no
full-width character and no space hides in them."""


def is_chronic(code: str) -> bool:
    """Whether a national chronic disease code has its shape."""
    return _CHRONIC.fullmatch(code) is not None


def is_national(kind: int, code: str, list_type: str = "") -> bool:
    """Whether a code has the national shape of its kind; without a list type any catalogue shape will do."""
    if kind == CHRONIC:
        return is_chronic(code)
    if list_type:
        return list_type in _CATALOGUE and _CATALOGUE[list_type].fullmatch(code) is not None
    return any(shape.fullmatch(code) for shape in _CATALOGUE.values())


def is_local(kind: int, code: str) -> bool:
    """Whether a code may be a province's or a city's own code."""
    return _LOCAL[kind].fullmatch(code) is not None
