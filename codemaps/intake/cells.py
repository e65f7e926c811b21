"""The cells of one row, each by itself: cleaned, read into the one spelling of the fixed form, or faulted."""

from codemaps.intake import values
from codemaps.intake.cleaning import CONTROL, narrow, tidy
from codemaps.intake.headers import AUDIT, DISABLED, REJECT_COLUMNS, VALID, Header
from codemaps.intake.limits import MAX_CELL, MAX_NAME
from codemaps.intake.problems import Fault, FileRefused, shown
from codemaps.intake.report import Book
from codemaps.intake.table import CellError, Damaged, Formula, Number

NAMES = ("local_name", "national_name")
TEXTS = (*NAMES, "source", "remark")
"""Written by people for people: they keep their full-width characters."""
CODES = ("local_code", "national_code")

READERS: dict[str, tuple[values.Reader, str]] = {
    "relationship": (values.relationship, "bad_relationship"),
    "preferred": (values.flag, "bad_flag"),
    "confirmed": (values.flag, "bad_flag"),
    "list_type": (values.list_type, "list_type"),
    "insutype": (values.codes, "bad_condition"),
    "admdvs": (values.divisions, "bad_condition"),
    "med_type": (values.codes, "bad_condition"),
    "valid_from": (values.day, "bad_date"),
    "valid_to": (values.day, "bad_date"),
    "chrgitm_lv": (values.level, "bad_class"),
    "selfpay_prop": (values.ratio, "bad_ratio"),
    "pric_uplmt_amt": (values.ceiling, "bad_ceiling"),
    "lmt_used_flag": (values.digit_flag, "bad_flag"),
    VALID: (values.flag, "bad_flag"),
    DISABLED: (values.flag, "bad_flag"),
}
"""How the cells with few values are read, and the problem where they cannot be."""


def column_letters(place: int) -> str:
    """The letters of a column of a sheet, the first being place 0."""
    letters, rest = "", place + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(65 + digit) + letters
    return letters


class Draft:
    """One row on its way: what it says, and what is wrong with it."""

    def __init__(self, number: int, header: Header, book: Book, line: int) -> None:
        self.number = number
        self.line = line
        """Where the row stands in the file that is read, which for a corrected row is another one."""
        self.header = header
        self.said: dict[str, str] = {}
        """By our columns, cleaned; a cell that was faulted is missing."""
        self.dropped = False
        self.left_out = False
        self.spotless = True
        self._book = book

    def fault(self, code: str, column: str = "", value: str = "", **facts: object) -> None:
        """Note a problem of this row."""
        theirs = self.header.theirs(column) if column else ""
        severity = self._book.add(Fault(self.number, code, theirs, shown(value), tuple(facts.items())))
        self.left_out |= severity == "left_out"
        self.dropped |= severity in ("rejected", "left_out")
        self.spotless = False

    def get(self, column: str) -> str:
        """What a column says; empty where it says nothing or nothing readable."""
        return self.said.get(column, "")

    def read_all(self, cells: list[str]) -> None:
        """Read every cell of a known column."""
        for column, place in self.header.places.items():
            if column not in REJECT_COLUMNS:
                self._read(column, cells[place], place)

    def _read(self, column: str, raw: str, place: int) -> None:
        text = self._clean(column, raw, place)
        if text is None:
            return
        if column in READERS:
            reader, problem = READERS[column]
            read = reader(text)
            if read is None:
                self.fault(problem, column, raw)
                return
            if column in (VALID, DISABLED) and not text:
                read = ""
            text = read
        self.said[column] = text

    def _clean(self, column: str, raw: str, place: int) -> str | None:
        if isinstance(raw, Formula):
            raise FileRefused("formula", self.line, raw, cell=f"{column_letters(place)}{self.line}")
        problem, facts = _unusable(column, raw)
        if problem:
            self.fault(problem, column, raw, **facts)
            if problem != "number_cell" or self.dropped:
                return None
        text = tidy(raw)
        if text != raw:
            self.fault("stray_space", column, raw)
        if column not in TEXTS and column != AUDIT:
            half = narrow(text)
            if half != text:
                self.fault("full_width", column, raw)
            text = half
        return text


def _unusable(column: str, raw: str) -> tuple[str, dict[str, object]]:
    """What is so wrong with a cell that nothing can be read from it."""
    most = MAX_NAME if column in NAMES else MAX_CELL
    if isinstance(raw, CellError):
        return "cell_error", {}
    if column in CODES and isinstance(raw, Damaged):
        return "spreadsheet_number", {}
    if len(raw) > most:
        return "too_long", {"length": len(raw), "most": most}
    if CONTROL.search(raw):
        return "control_character", {}
    return ("number_cell" if column in CODES and isinstance(raw, Number) else ""), {}
