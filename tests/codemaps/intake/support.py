"""Files made at run time, and what a test asks of a report."""

import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl

from codemaps.editions import EditionRow, read_rows
from codemaps.intake import Order, Report

HEADER = "地方编码,地方名称,国家编码,国家名称,对应关系"
ORDER = Order("chronic", "CN-320000", "CN", date(2026, 1, 1), source="test")


class Taken(NamedTuple):
    """A report, and the rows and rejects beside it."""

    report: Report
    rows_file: Path
    rejects: Path

    @property
    def rows(self) -> list[EditionRow]:
        """The rows in the fixed form."""
        return list(read_rows(self.rows_file))

    @property
    def found(self) -> list[tuple[int, str, str, str]]:
        """Row, column, code and severity of each problem."""
        return [(entry.row, entry.column, entry.code, entry.severity) for entry in self.report.problems]

    @property
    def codes(self) -> set[str]:
        """Codes of problems."""
        return {line.code for line in self.report.summary}


Take = Callable[..., Taken]
Make = Callable[..., str]
MakeBook = Callable[..., bytes]


def csv_text(*rows: str, header: str = HEADER) -> str:
    """A table in CSV."""
    return "\n".join((header, *rows)) + "\n"


def workbook(*rows: Sequence[Any], header: str = HEADER, **more: Sequence[Sequence[Any]]) -> bytes:
    """A workbook with one sheet, and more by their names."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (header.split(","), *rows):
        sheet.append(list(line))
    for name, lines in more.items():
        other = book.create_sheet(name)
        for line in lines:
            other.append(list(line))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
