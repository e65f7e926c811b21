"""What a table is to the rest of the import, be it CSV or a sheet: rows with the numbers the operator sees."""

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

Progress = Callable[[int, int], None]
"""How much is done, of how much."""


class Number(str):
    """A cell that holds a number where a text was meant: its digits, which may have lost leading zeros."""

    __slots__ = ()


class Damaged(str):
    """A cell whose text a spreadsheet has turned into a date or a rounded number."""

    __slots__ = ()


class CellError(str):
    """A cell that holds an error of the spreadsheet, such as #N/A."""

    __slots__ = ()


class Formula(str):
    """A cell that holds a formula; what it last came to is not what it says."""

    __slots__ = ()


class Table(Protocol):
    """A file that can be read from its beginning as often as needed."""

    format: Literal["csv", "xlsx"]
    encoding: str
    delimiter: str
    sheet: str

    def rows(self, progress: Progress | None = None) -> Iterator[tuple[int, list[str]]]:
        """The rows, blank ones too; raises FileRefused where reading cannot go on."""

    def refuse_body(self, header_row: int) -> None:
        """Raise FileRefused for what the rows do not show, such as merged cells from the header on."""

    def close(self) -> None:
        """Let go of the file."""
