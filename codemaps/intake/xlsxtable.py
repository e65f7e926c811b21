"""Tables in XLSX: one sheet, its cells as the operator sees them, and never the last result of a formula."""

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

import openpyxl

from codemaps.intake import archive
from codemaps.intake.limits import SHEET_ROWS
from codemaps.intake.problems import FileRefused, shown
from codemaps.intake.table import CellError, Damaged, Formula, Number, Progress

_BATCH = 512
_EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number."""
_ZEROS = re.compile(r"0{2,50}")
_LOOKED_AT = 1000
"""Rows in which a sheet shows whether it is empty."""


class XlsxTable:
    """One sheet of a workbook (implements Table)."""

    format: Literal["csv", "xlsx"] = "xlsx"
    encoding = ""
    delimiter = ""

    def __init__(self, file: Path, opened: IO[bytes], sheet: Any, claimed: int) -> None:
        self._file, self._opened, self._sheet = file, opened, sheet
        self.sheet = str(sheet.title)
        self._claimed = min(claimed, SHEET_ROWS)

    @classmethod
    def open(cls, file: Path, sheet: str) -> "XlsxTable":
        """Look at the archive, then open it and choose the sheet; raises FileRefused."""
        archive.refuse_archive(file)
        with _translated():
            opened = file.open("rb")
        try:
            with _translated():
                book = openpyxl.load_workbook(opened, read_only=True, keep_links=False)
                claimed = {each.title: each.max_row or 0 for each in book.worksheets}
                for each in book.worksheets:
                    each.reset_dimensions()  # what a file says of its size is often wrong, and good for progress only
                chosen = _choose(book, sheet)
                return cls(file, opened, chosen, claimed[chosen.title])
        except BaseException:
            opened.close()
            raise

    def rows(self, progress: Progress | None = None) -> Iterator[tuple[int, list[str]]]:
        """The rows of the sheet, each as long as it is."""
        rows = self._sheet.iter_rows()
        number = 0
        while batch := _next(rows):
            if progress is not None:
                progress(number, max(self._claimed, number))
            for cells in batch:
                number += 1
                yield number, cells
            if number >= SHEET_ROWS:
                raise FileRefused("too_many_rows", number)

    def refuse_body(self, header_row: int) -> None:
        """Merged cells of the header or the data: nobody can say to which row their content belongs."""
        try:
            with zipfile.ZipFile(self._file) as opened:
                for cells, last in archive.merged_ranges(opened, self._sheet._worksheet_path):  # noqa: SLF001
                    if last >= header_row:
                        raise FileRefused("merged_cells", last, cell=cells)
        except archive.BROKEN:
            raise FileRefused("broken_workbook") from None
        except OSError as error:
            raise FileRefused("unreadable", why=error.strerror or str(error)) from None

    def close(self) -> None:
        """Let go of the file."""
        self._opened.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever a damaged workbook makes the library raise is one refusal, and its warnings concern nobody here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except FileRefused:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises whatever its parsing meets
        if isinstance(error, OSError) and error.errno is not None:
            raise FileRefused("unreadable", why=error.strerror or str(error)) from None
        raise FileRefused("broken_workbook", 0, str(error)) from None


def _choose(book: Any, named: str) -> Any:
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    titles = "、".join(shown(sheet.title) for sheet in visible)
    if named:
        found = next((sheet for sheet in visible if sheet.title == named), None)
        if found is None:
            raise FileRefused("no_such_sheet", sheet=shown(named), sheets=titles)
        return found
    filled = [sheet for sheet in visible if _is_filled(sheet)]
    if not filled:
        raise FileRefused("empty_file")
    if len(filled) > 1:
        raise FileRefused("several_sheets", sheets="、".join(shown(sheet.title) for sheet in filled))
    return filled[0]


def _is_filled(sheet: Any) -> bool:
    rows = sheet.iter_rows(max_row=_LOOKED_AT, values_only=True)
    return any(value not in (None, "") for row in islice(rows, _LOOKED_AT) for value in row)


def _next(rows: Iterator[Any]) -> list[list[str]]:
    with _translated():
        return [[_text(cell) for cell in row] for row in islice(rows, _BATCH)]


def _text(cell: Any) -> str:
    """A cell as text; what must not pass for a text is marked by its class."""
    value, kind = cell.value, cell.data_type
    if value is None:
        return ""
    if kind == "f":
        return Formula(value if isinstance(value, str) else getattr(value, "text", "") or "=")
    if kind == "e":
        return CellError(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value, cell)
    if isinstance(value, datetime):
        return Damaged(value.date().isoformat())
    return Damaged(value.isoformat() if isinstance(value, date | time) else str(value))


def _number(value: float, cell: Any) -> str:
    if isinstance(value, int) or value.is_integer():
        if abs(value) >= _EXACT:
            return Damaged(format(value, ".14E"))
        text = str(int(value))
        # A format of zeros is how leading zeros are shown: then the cell says what is seen.
        mask = cell.number_format or ""
        return text.zfill(len(mask)) if _ZEROS.fullmatch(mask) else Number(text)
    return Damaged(format(value, ".15g"))
