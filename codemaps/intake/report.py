"""What an import says of a file: the report, and the book in which it is gathered."""

from collections import Counter
from typing import Literal

import msgspec

from codemaps.intake.limits import FIRST_ROWS, MAX_PROBLEMS, MAX_REJECTED
from codemaps.intake.problems import PROBLEMS, Fault, FileRefused, Severity

_ORDER: tuple[Severity, ...] = ("refused", "rejected", "left_out", "repaired", "noticed")
"""What a person must see first stands first."""


class Entry(msgspec.Struct, frozen=True):
    """One problem at one place."""

    row: int
    column: str
    code: str
    severity: Severity
    value: str
    text_zh: str
    text_en: str


class Line(msgspec.Struct, frozen=True):
    """All problems of one kind in one column."""

    code: str
    column: str
    severity: Severity
    count: int
    first_rows: tuple[int, ...]
    text_zh: str
    text_en: str
    todo_zh: str
    todo_en: str
    may_accept: str


class Report(msgspec.Struct, kw_only=True):
    """What was read, what was found, and what became of it."""

    file: str
    ok: bool = False
    format: Literal["", "csv", "xlsx"] = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int = 0
    columns: dict[str, str] = {}
    """Our columns, and what the file calls them."""
    ignored: list[str] = []
    read: int = 0
    kept: int = 0
    rejected: int = 0
    left_out: int = 0
    repaired: int = 0
    """Rows in which something was repaired."""
    rows_sha256: str = ""
    rejects: str = ""
    """The file of rejected rows; empty where none was written."""
    corrected: str = ""
    summary: list[Line] = []
    problems: list[Entry] = []
    truncated: int = 0
    """Problems that the list does not hold; the summary counts them."""


class Book:
    """Gathers what is found, with bounds: counts of everything, words for the first ones, a place for each reject."""

    def __init__(self, accept: frozenset[str]) -> None:
        self._accept = accept
        self.rejected: dict[int, list[Fault]] = {}
        """The faults of each rejected row."""
        self.accepted: set[int] = set()
        """Rows that would be rejected but for what the operator accepts."""
        self.left_out: set[int] = set()
        self.repaired: set[int] = set()
        self._counts: Counter[tuple[str, str, Severity]] = Counter()
        self._first: dict[tuple[str, str, Severity], list[Fault]] = {}
        self._told: dict[Severity, list[Fault]] = {severity: [] for severity in _ORDER}

    def add(self, fault: Fault) -> Severity:
        """Note a problem; what becomes of the row because of it, after what the operator accepts."""
        problem = PROBLEMS[fault.code]
        severity: Severity = problem.severity
        if severity == "rejected" and problem.may_accept and fault.code in self._accept:
            severity = "noticed" if problem.may_accept == "keep" else "left_out"
            self.accepted.add(fault.row)
        if severity == "rejected":
            self._reject(fault)
        elif severity == "left_out":
            self.left_out.add(fault.row)
        elif severity == "repaired":
            self.repaired.add(fault.row)
        self._tell(fault, severity)
        return severity

    def forget_rejected(self) -> dict[int, list[Fault]]:
        """The rejected rows, whose corrections are read next; they are no longer rejected."""
        rejected, self.rejected = self.rejected, {}
        for key in [key for key in self._counts if key[2] == "rejected"]:
            del self._counts[key], self._first[key]
        self._told["rejected"].clear()
        return rejected

    def _reject(self, fault: Fault) -> None:
        self.rejected.setdefault(fault.row, []).append(fault)
        if len(self.rejected) > MAX_REJECTED:
            raise FileRefused("too_many_rejected", fault.row)

    def _tell(self, fault: Fault, severity: Severity) -> None:
        key = fault.code, fault.column, severity
        self._counts[key] += 1
        first = self._first.setdefault(key, [])
        if len(first) < FIRST_ROWS:
            first.append(fault)
        told = self._told[severity]
        if len(told) < MAX_PROBLEMS:
            told.append(fault)

    def close(self, report: Report) -> None:
        """Write everything into the report."""
        report.rejected = len(self.rejected)
        report.left_out = len(self.left_out - self.rejected.keys())
        report.repaired = len(self.repaired)
        keys = sorted(self._counts, key=lambda key: (_ORDER.index(key[2]), -self._counts[key], key))
        report.summary = [self._line(key) for key in keys]
        told = [_entry(fault, severity) for severity in _ORDER for fault in sorted(self._told[severity])]
        report.problems = told[:MAX_PROBLEMS]
        report.truncated = sum(self._counts.values()) - len(report.problems)

    def _line(self, key: tuple[str, str, Severity]) -> Line:
        code, column, severity = key
        problem, first = PROBLEMS[code], self._first[key]
        alone = self._counts[key] == 1
        return Line(
            code=code,
            column=column,
            severity=severity,
            count=self._counts[key],
            first_rows=tuple(fault.row for fault in first),
            text_zh=first[0].zh if alone else problem.title_zh,
            text_en=first[0].en if alone else problem.title_en,
            todo_zh=problem.todo_zh,
            todo_en=problem.todo_en,
            may_accept=problem.may_accept,
        )


def _entry(fault: Fault, severity: Severity) -> Entry:
    return Entry(fault.row, fault.column, fault.code, severity, fault.value, fault.zh, fault.en)
