"""The treat place's own catalogue, by which each fee line is split: class, first-pay ratio, ceiling, restriction.

Source: handbook, codes/catalogue-formats.md section 7; the catalogue's scope is the treat place's (Fushun
2022, art. 18). The file is CSV with the columns below; lines that begin with ``#`` before the header are remarks,
and one of them may name the edition: ``# edition: <name>``. Amounts are yuan, written as decimals and read exactly.
"""

import hashlib
import re
from datetime import date
from typing import NamedTuple

from codemaps import kinds
from codemaps.csvfile import Source, TableError, read_rows

COLUMNS = (
    "med_list_codg", "name", "list_type", "med_chrgitm_type", "chrgitm_lv", "selfpay_prop", "pric_uplmt_amt",
    "lmt_used_flag", "begndate", "enddate",
)  # fmt: skip

CLASSES = {"01": "01", "1": "01", "02": "02", "2": "02", "03": "03", "3": "03", "04": "04", "4": "04"}
"""Class of an item, in both spellings seen (handbook, dictionaries.csv chrgitm_lv): A, B, C, and C payable locally."""

NO_END = "9999-12-31"

_CATEGORIES = frozenset(f"{number:02d}" for number in range(1, 15))
_DECIMAL = re.compile(r"(\d{1,10})(?:\.(\d{1,6}))?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Item(NamedTuple):
    """What the treat place pays for one code, and how, between two dates."""

    med_list_codg: str
    name: str
    list_type: str
    med_chrgitm_type: str
    """National charge category, 01 to 14."""
    chrgitm_lv: str
    """Class: 01 A, 02 B, 03 C (self-paid), 04 C payable locally."""
    selfpay_prop_e4: int
    pric_uplmt_e6: int
    """Ceiling of the unit price; 999999 yuan means none."""
    lmt_used_flag: str
    """1 when the item is paid only for a stated indication."""
    begndate: str
    enddate: str
    """Last day; 9999-12-31 when open."""


class Catalogue:
    """One edition of the catalogue of one treat place, immutable."""

    def __init__(self, edition: str, digest: str, items: dict[str, tuple[Item, ...]]) -> None:
        self.edition = edition
        self.digest = digest
        """SHA-256 of the file, so that a split can be traced to the content that made it."""
        self._items = items

    @classmethod
    def load(cls, file: Source) -> "Catalogue":
        """Read and check a file; raises TableError, which names file, row, column and what was expected there."""
        content = file.read_bytes()
        remarks = _remarks(content)
        items: dict[str, tuple[Item, ...]] = {}
        for row, cells in read_rows(file, COLUMNS, first_line=len(remarks) + 1):
            item = _item(file.name, row, cells)
            earlier = items.get(item.med_list_codg, ())
            if any(item.begndate <= other.enddate and other.begndate <= item.enddate for other in earlier):
                raise TableError(file.name, row, "begndate", f"{item.med_list_codg} has a row for these dates already")
            items[item.med_list_codg] = (*earlier, item)
        named = (line.removeprefix("# edition:").strip() for line in remarks if line.startswith("# edition:"))
        edition = next(named, file.name.removesuffix(".csv"))
        return cls(edition, "sha256:" + hashlib.sha256(content).hexdigest(), items)

    def find(self, code: str, on: str) -> Item | None:
        """The item of a code on a day (yyyy-MM-dd, a time after it is ignored), or None."""
        day = on[:10]
        for item in self._items.get(code, ()):
            if item.begndate <= day <= item.enddate:
                return item
        return None

    def knows(self, code: str) -> bool:
        """Whether the code has a row at any date: tells an expired row from a code that is not in the catalogue."""
        return code in self._items

    def __len__(self) -> int:
        """How many codes the catalogue has."""
        return len(self._items)


def _remarks(content: bytes) -> list[str]:
    lines = content.decode("utf-8-sig", errors="replace").split("\n")
    end = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line.rstrip("\r") for line in lines[:end]]


def _item(name: str, row: int, cells: dict[str, str]) -> Item:
    def require(column: str, good: object, expected: str) -> None:
        if not good:
            raise TableError(name, row, column, f"expected {expected}, found {cells[column]!r}")

    code, list_type = cells["med_list_codg"], cells["list_type"]
    require("med_list_codg", kinds.is_local(code), "a code of 1 to 50 letters, digits, dots and dashes")
    require("name", cells["name"].strip(), "a name")
    require("list_type", list_type in kinds.LIST_TYPES, "a kind of catalogue such as 101, 102, 201 or 301")
    require("med_chrgitm_type", cells["med_chrgitm_type"] in _CATEGORIES, "a charge category, 01 to 14")
    require("chrgitm_lv", cells["chrgitm_lv"] in CLASSES, "a class, 01 to 04")
    level = CLASSES[cells["chrgitm_lv"]]
    ratio = _scaled(cells["selfpay_prop"], 4)
    require("selfpay_prop", ratio is not None and ratio <= 10_000, "a ratio from 0 to 1 with up to 4 decimals")
    # Class A is paid in full within its ceiling and class C not at all (section 7, inferred there).
    require("selfpay_prop", level != "01" or ratio == 0, "0 for class A")
    require("selfpay_prop", level != "03" or ratio == 10_000, "1 for class C")
    ceiling = _scaled(cells["pric_uplmt_amt"], 6)
    require("pric_uplmt_amt", ceiling, "a price above 0 in yuan with up to 6 decimals, 999999 for none")
    require("lmt_used_flag", cells["lmt_used_flag"] in ("0", "1"), "0 or 1")
    begin, end = cells["begndate"], cells["enddate"] or NO_END
    require("begndate", _is_date(begin), "a date yyyy-MM-dd")
    require("enddate", _is_date(end) and begin <= end, "a date yyyy-MM-dd not before begndate, or nothing")
    return Item(
        code,
        cells["name"],
        list_type,
        cells["med_chrgitm_type"],
        level,
        ratio or 0,
        ceiling or 0,
        cells["lmt_used_flag"],
        begin,
        end,
    )


def _scaled(text: str, places: int) -> int | None:
    """A plain decimal as a scaled integer, or None; digits that do not fit are never rounded away."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    whole: str = match[1]
    fraction: str = match[2] or ""
    if len(fraction) > places:
        return None
    return int(whole + fraction.ljust(places, "0"))


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
