"""Codes: brought into the case of their system where that is certain, and what is wrong with them where not."""

import re

from codemaps.kinds import KINDS, LIST_TYPES, Kind, is_local, is_national
from codemaps.port import NATIONAL

DAMAGED = re.compile(r"\d+(\.\d+)?[eE][+\-]\d+|\d+\.\d+[eE]\d+|\d{5,}\.0+", re.ASCII)
"""What a spreadsheet makes of a long number; with .0 from five digits on, as a local code such as 12.0 may be meant."""
_SHORT_SERVICE = re.compile(r"\d{11,14}", re.ASCII)
_SHORT_OPERATION = re.compile(r"\d{1,2}(\.\d{1,3})?", re.ASCII)
_OPEN_LISTS = frozenset(number for number, shape in LIST_TYPES.items() if shape.fullmatch("A.-1"))
"""List types whose shape says nothing, because almost any code has it."""
_SPELT_WITH_X = ("diagnosis", "operation")

LIST_NAMES = {
    "101": "西药中成药",
    "102": "中药饮片",
    "103": "自制剂",
    "104": "民族药",
    "105": "其他",
    "106": "中药配方颗粒",
    "201": "医疗服务项目",
    "301": "医用耗材",
    "501": "长期照护项目",
}
"""Handbook, dictionaries.csv list_type."""

Verdict = tuple[str, tuple[tuple[str, object], ...]]
"""Code of a problem and its facts; the code is empty where nothing is wrong."""
GOOD: Verdict = ("", ())


def fits(kind: Kind, system: str, code: str, list_type: str) -> bool:
    """Whether a code has the shape of its system."""
    return is_national(kind, code, list_type) if system == NATIONAL else is_local(code)


def in_case(kind: Kind, system: str, code: str, list_type: str) -> str:
    """The code in the case of the national lists, if that makes it one; a province's own codes keep theirs."""
    if system != NATIONAL or is_national(kind, code, list_type):
        return code
    raised = code.upper()
    if kind.name in _SPELT_WITH_X:
        raised = raised[:1] + raised[1:].replace("X", "x")
    return raised if is_national(kind, raised, list_type) else code


def judge(kind: Kind, system: str, code: str, list_type: str) -> Verdict:
    """What is wrong with a code."""
    if DAMAGED.fullmatch(code):
        return "spreadsheet_number", ()
    if fits(kind, system, code, list_type):
        return GOOD
    if system == NATIONAL:
        if _lost_zeros(kind, code, list_type):
            return "spreadsheet_number", ()
        zh, en = _other_kind(kind, code, list_type)
        if zh:
            return "wrong_kind", (*_expected(kind, system, list_type), ("kind_zh", zh), ("kind", en))
    return "bad_shape", _expected(kind, system, list_type)


def _lost_zeros(kind: Kind, code: str, list_type: str) -> bool:
    if list_type == "201" and _SHORT_SERVICE.fullmatch(code):
        return is_national(kind, code.zfill(15), list_type)
    if kind.name == "operation" and _SHORT_OPERATION.fullmatch(code):
        whole, _, fraction = code.partition(".")
        padded = fraction.ljust(2 if len(fraction) <= 2 else 4, "0")
        return is_national(kind, f"{whole.zfill(2)}.{padded}")
    return False


def _other_kind(kind: Kind, code: str, list_type: str) -> tuple[str, str]:
    """Which lists or kinds a code has the shape of, in Chinese and in English; empty where none is certain."""
    found = [
        (LIST_NAMES[number], f"list type {number}")
        for number, shape in LIST_TYPES.items()
        if number not in _OPEN_LISTS and number != list_type and shape.fullmatch(code)
    ]
    found += [
        (other.zh, other.name)
        for other in KINDS.values()
        if other is not kind and not other.list_types and is_national(other, code)
    ]
    return "、".join(zh for zh, _ in found), " or ".join(en for _, en in found)


def _expected(kind: Kind, system: str, list_type: str) -> tuple[tuple[str, object], ...]:
    if system != NATIONAL:
        return ("expected_zh", "1至50位字母、数字和 . _ / + * -"), ("expected", f"system {system}")
    if list_type and kind.national is None:
        return ("expected_zh", f"{LIST_NAMES.get(list_type, '')} {list_type}"), ("expected", f"list type {list_type}")
    return ("expected_zh", kind.zh), ("expected", kind.name)
