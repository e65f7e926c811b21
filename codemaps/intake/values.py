"""Cells with few values: each reader gives the one spelling of the fixed form, or None where the cell cannot be read.

What a spreadsheet writes in several ways and cannot be misunderstood is read; nothing is rounded and nothing guessed.
"""

import re
from collections.abc import Callable
from datetime import date

from codemaps.catalogue import CLASSES
from codemaps.editions import RELATIONSHIPS

_TRUE = frozenset({"true", "1", "是", "y", "yes", "t", "有效", "启用", "√"})
_FALSE = frozenset({"false", "0", "否", "n", "no", "f", "无效", "停用", "×", ""})
APPROVED = frozenset({
    "approved", "pass", "passed", "审核通过", "已审核", "审批通过", "已审批", "通过", "已通过", "同意", "复核通过",
})  # fmt: skip
"""States of approval that let a row pass. 4 does not: it is mapped and not submitted (handbook, section 9)."""
_RELATIONSHIPS = {name: name for name in RELATIONSHIPS} | {
    "等同": "equal", "相等": "equal", "等价": "equal", "一致": "equal", "相同": "equal", "完全匹配": "equal",
    "上级更宽": "wider", "上级编码更宽": "wider", "上级更窄": "narrower", "上级编码更窄": "narrower",
    "近似": "inexact", "不完全一致": "inexact", "部分一致": "inexact", "相近": "inexact",
}  # fmt: skip
"""大于 and 小于 are missing on purpose: nobody can say which side they mean."""
_LIST_TYPES = {
    "西药中成药": "101", "西药": "101", "中成药": "101", "中药饮片": "102", "草药": "102", "中草药": "102",
    "自制剂": "103",
    "民族药": "104", "中药配方颗粒": "106", "配方颗粒": "106", "医疗服务项目": "201", "诊疗项目": "201", "诊疗": "201",
    "服务项目": "201", "医用耗材": "301", "耗材": "301", "医用材料": "301", "长期照护项目": "501",
}  # fmt: skip
_LEVELS = CLASSES | {
    "甲": "01", "甲类": "01", "a": "01", "乙": "02", "乙类": "02", "b": "02", "丙": "03", "丙类": "03", "c": "03",
    "自费": "03",
}  # fmt: skip
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d\d)(\d\d))"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?",
    re.ASCII,
)
_DECIMAL = re.compile(r"(\d{1,10})(?:\.(\d{1,12}))?", re.ASCII)
_VALUES = re.compile(r"[|,，、;；]")
_CODE = re.compile(r"[0-9A-Za-z]{1,10}", re.ASCII)
_DIVISION = re.compile(r"\d{2,6}", re.ASCII)

Reader = Callable[[str], str | None]


def flag(text: str) -> str | None:
    """``true`` or ``false``; an empty cell says no."""
    low = text.lower()
    return "true" if low in _TRUE else "false" if low in _FALSE else None


def digit_flag(text: str) -> str | None:
    """``1``, ``0`` or nothing."""
    if not text:
        return ""
    said = flag(text)
    return None if said is None else "1" if said == "true" else "0"


def day(text: str) -> str | None:
    """A date as yyyy-MM-dd; a time behind it is ignored, as the last day counts as a whole."""
    if not text:
        return ""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, number = (int(part) for part in match.groups() if part is not None)
    try:
        return date(year, month, number).isoformat()
    except ValueError:
        return None


def relationship(text: str) -> str | None:
    """One of the four relationships, or nothing."""
    return _RELATIONSHIPS.get(text.lower()) if text else ""


def list_type(text: str) -> str | None:
    """The number of a list type, or nothing; a number that does not exist is told by its kind."""
    return _LIST_TYPES.get(text, text)


def level(text: str) -> str | None:
    """A class of payment, or nothing."""
    return _LEVELS.get(text.lower()) if text else ""


def ratio(text: str) -> str | None:
    """A share from 0 to 1 with at most four decimals, or nothing."""
    percent = text.endswith("%")
    plain = _plain(text.removesuffix("%").rstrip(" "), 12)
    if not plain:
        return plain if not percent else None
    whole, _, fraction = plain.partition(".")
    if percent:
        digits = whole.zfill(3)
        whole, fraction = digits[:-2], digits[-2:] + fraction
    return _share(whole, fraction.rstrip("0"))


def _share(whole: str, fraction: str) -> str | None:
    number = int(whole)
    if len(fraction) > 4 or number > 1 or (number == 1 and fraction):
        return None
    return f"{number}.{fraction}" if fraction else str(number)


def ceiling(text: str) -> str | None:
    """A price above 0 in yuan with at most six decimals, or nothing."""
    plain = _plain(text, 6)
    return None if plain == "0" else plain


def _plain(text: str, places: int) -> str | None:
    """A decimal without leading and trailing zeros; digits that do not fit are never rounded away."""
    if not text:
        return ""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    whole, fraction = str(int(match[1])), (match[2] or "").rstrip("0")
    if len(fraction) > places:
        return None
    return f"{whole}.{fraction}" if fraction else whole


def codes(text: str) -> str | None:
    """Codes of a dictionary, separated by ``|``."""
    return _several(text, _CODE)


def divisions(text: str) -> str | None:
    """Leading digits of divisions, separated by ``|``."""
    return _several(text, _DIVISION)


def _several(text: str, shape: "re.Pattern[str]") -> str | None:
    if not text:
        return ""
    found = {value.strip() for value in _VALUES.split(text)}
    if not all(shape.fullmatch(value) for value in found):
        return None
    return "|".join(sorted(found))
