"""Tables in CSV, as they really come: several encodings, several delimiters, line breaks inside cells."""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal

from codemaps.intake import textfile
from codemaps.intake.headers import Header, Names
from codemaps.intake.limits import HEADER_ROWS, MAX_COLUMNS
from codemaps.intake.problems import FileRefused
from codemaps.intake.table import Progress

DELIMITERS = (",", ";", "\t", "|")
_EVERY = 8192
"""Rows between two words on progress."""


class CsvTable:
    """One CSV file (implements Table)."""

    format: Literal["csv", "xlsx"] = "csv"
    sheet = ""

    def __init__(self, file: Path, encoding: str, delimiter: str) -> None:
        self._file = file
        self.encoding = encoding
        self.delimiter = delimiter

    @classmethod
    def open(cls, file: Path, encoding: str, names: Names) -> "CsvTable":
        """Find out encoding and delimiter; the delimiter is the one by which the header makes most sense."""
        found = textfile.find_encoding(file, encoding)
        tables = [cls(file, found, delimiter) for delimiter in DELIMITERS]
        return max(tables, key=lambda table: table.sense(names))

    def sense(self, names: Names) -> int:
        """How many columns of the best header are known, by this delimiter."""
        most = 0
        with suppress(FileRefused):  # which is told when the rows are read
            for row, cells in islice(self.rows(), HEADER_ROWS):
                most = max(most, len(set(Header(row, cells[: MAX_COLUMNS + 1], names).found)))
        return most

    def rows(self, progress: Progress | None = None) -> Iterator[tuple[int, list[str]]]:
        """The rows by the line on which they begin."""
        try:
            with self._file.open("rb") as raw:
                text = io.TextIOWrapper(raw, encoding=self.encoding, errors="strict", newline="")
                total = self._file.stat().st_size if progress is not None else 0
                yield from self._read(text, raw, progress, total)
        except OSError as error:
            raise FileRefused("unreadable", why=error.strerror or str(error)) from None

    def _read(
        self, text: io.TextIOWrapper, raw: io.BufferedReader, progress: Progress | None, total: int
    ) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        line = 1
        try:
            for count, cells in enumerate(reader):
                yield line, cells
                line = reader.line_num + 1
                if progress is not None and not count % _EVERY:
                    progress(raw.tell(), total)
        except csv.Error as error:
            open_end = "unexpected end" in str(error) or "field larger" in str(error)
            raise FileRefused("open_quote" if open_end else "bad_quoting", line) from None
        except UnicodeError:
            raise FileRefused("file_changed", line) from None

    def refuse_body(self, header_row: int) -> None:
        """Nothing is hidden in a CSV file."""

    def close(self) -> None:
        """Nothing is held open between two readings."""
