"""Reads CSV files whose line numbers are quoted later: in an error message, or as the row of a translation.

A table that is wrong is refused as a whole, and the refusal names the file, the row, the column and what was
expected there, because the person who can repair it did not write this program.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import _csv  # the reader's type is public only in the stubs

Source = Path | Traversable
"""A file on disk, or one shipped inside the package."""


class TableError(ValueError):
    """A table file was refused."""

    def __init__(self, file: str, row: int, column: str, problem: str) -> None:
        self.file = file
        self.row = row
        """Line in the file, the header being line 1; 0 where the fault is not in one row."""
        self.column = column
        self.problem = problem
        place = file + (f", row {row}" if row else "") + (f", column {column}" if column else "")
        super().__init__(f"{place}: {problem}")

    def __reduce__(self) -> "tuple[type[TableError], tuple[str, int, str, str]]":
        """It crosses the border of a process as it is."""
        return TableError, (self.file, self.row, self.column, self.problem)


def read_rows(
    file: Source, required: Sequence[str], optional: Sequence[str] = (), first_line: int = 1
) -> Iterator[tuple[int, dict[str, str]]]:
    """Give each data row with its line number; refuse a wrong header, a ragged row and a line break inside a cell.

    ``first_line`` is the line of the header, for files that begin with remarks.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(file.name, 0, "", f"not UTF-8 at byte {error.start}") from None
    lines = io.StringIO(text, newline="")
    for _ in range(first_line - 1):
        lines.readline()
    reader = csv.reader(lines, strict=True)
    try:
        yield from _rows(reader, file.name, required, optional, first_line - 1)
    except csv.Error as error:
        raise TableError(file.name, reader.line_num + first_line - 1, "", f"not readable as CSV: {error}") from None


def _rows(
    reader: "_csv.Reader", name: str, required: Sequence[str], optional: Sequence[str], skipped: int
) -> Iterator[tuple[int, dict[str, str]]]:
    header = next(reader, None)
    if header is None:
        raise TableError(name, 1, "", "the header is missing")
    for column in required:
        if column not in header:
            raise TableError(name, 1, column, "the column is missing")
    for column in header:
        if column not in required and column not in optional:
            raise TableError(name, 1, column, "the column is not known")
    if len(set(header)) != len(header):
        raise TableError(name, 1, "", "a column occurs twice")
    line = reader.line_num
    for cells in reader:
        line += 1
        # A cell that spans lines would make every later row number disagree with the file.
        if reader.line_num != line:
            raise TableError(name, line + skipped, "", "a cell holds a line break")
        if len(cells) != len(header):
            raise TableError(name, line + skipped, "", f"expected {len(header)} cells, found {len(cells)}")
        yield line + skipped, dict(zip(header, cells, strict=True))


def flag(name: str, row: int, column: str, value: str) -> bool:
    """Read ``true`` or ``false``."""
    if value not in ("true", "false"):
        raise TableError(name, row, column, f"expected true or false, found {value!r}")
    return value == "true"
