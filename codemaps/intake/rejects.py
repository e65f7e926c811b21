"""The file of rejected rows: the cells as they were, and in front what is wrong with them and what to do.

The cells are never altered, so that a correction starts from what the operator knows. The three columns in front are
our own words and begin with a digit or a Chinese character: no spreadsheet takes them for a formula. In a workbook
every cell is text, so that leading zeros survive being opened.
"""

import csv
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from codemaps.intake.headers import REJECT_COLUMNS
from codemaps.intake.problems import PROBLEMS, Fault

_SHEET_CELL = 32_767
"""Most characters in a cell of a sheet."""
_KEEP = "（已改好，请保留此行）"


class Reject(NamedTuple):
    """One line of the file."""

    number: int
    faults: list[Fault]
    """Empty for a row that is in order and stays in the file, because the file is what will be imported."""
    cells: list[str]


@contextmanager
def placed(file: Path) -> Iterator[Path]:
    """A place beside a file that becomes it when everything was written, and nothing when not."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_rejects(file: Path, header: list[str], rejects: Iterable[Reject]) -> None:
    """Write the file at once or not at all; its suffix says the format."""
    lines = ([*_words(reject), *reject.cells] for reject in rejects)
    with placed(file) as part:
        if file.suffix.lower() == ".xlsx":
            _write_sheet(part, [*REJECT_COLUMNS, *header], lines)
        else:
            with part.open("w", encoding="utf-8-sig", newline="") as opened:
                writer = csv.writer(opened)
                writer.writerow([*REJECT_COLUMNS, *header])
                writer.writerows(lines)


def _words(reject: Reject) -> tuple[str, str, str]:
    problems = "；".join(_named(fault) for fault in reject.faults)
    todo = dict.fromkeys(PROBLEMS[fault.code].todo_zh for fault in reject.faults)
    return str(reject.number), problems or _KEEP, "".join(todo)


def _named(fault: Fault) -> str:
    return f"{fault.zh}（列：{fault.column}）" if fault.column else fault.zh


def _write_sheet(file: Path, header: list[str], lines: Iterable[list[str]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("被拒的行")
    for line in (header, *lines):
        cells = []
        for text in line:
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)[:_SHEET_CELL])
            cell.data_type = "s"  # also where it begins with an equals sign
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    with file.open("wb") as opened:
        book.save(opened)
