"""Finding the header below the title rows, and what is wrong where there is none."""

from collections.abc import Iterable
from typing import Any

from codemaps.intake.headers import WORDS, Header, Names
from codemaps.intake.limits import HEADER_ROWS, MAX_COLUMNS
from codemaps.intake.problems import FileRefused, shown


def find_header(rows: Iterable[tuple[int, list[str]]], names: Names) -> Header:
    """The header among the first rows of a table; raises FileRefused."""
    best, below = _best(rows, names)
    if len(set(best.found)) < 2:
        raise _nothing(names)
    if best.missing:
        _refuse_missing(best, below)
    if best.twice is not None:
        ours, one, two = best.twice
        raise FileRefused("same_column_twice", best.row, two, ours=ours, one=shown(one), two=shown(two))
    if below is not None and len(set(below.found)) >= 2:
        raise FileRefused("header_of_two_rows", below.row, "、".join(below.cells))
    if len(best.cells) > MAX_COLUMNS:
        raise FileRefused("too_many_columns", best.row)
    return best


def _best(rows: Iterable[tuple[int, list[str]]], names: Names) -> tuple[Header, Header | None]:
    """The first row with all that is needed, else the one with most; and the row below it."""
    best, below = Header(0, [], names), None
    for number, cells in rows:
        candidate = Header(number, cells[: MAX_COLUMNS + 1], names)
        if below is None and best.row:
            below = candidate
        if best.row and not best.missing:
            break
        if len(set(candidate.found)) > len(set(best.found)):
            best, below = candidate, None
    return best, below


def _nothing(names: Names) -> FileRefused:
    return FileRefused("no_header", rows=HEADER_ROWS, **_expected(names.needed))


def _refuse_missing(best: Header, below: Header | None) -> None:
    if below is not None and len(set(below.found)) >= 2:
        raise FileRefused("header_of_two_rows", below.row, "、".join(below.cells))
    found = "、".join(shown(cell) for cell in best.cells if cell)
    raise FileRefused("missing_columns", best.row, found=found, **_expected(best.missing))


def _expected(columns: tuple[str, ...]) -> dict[str, Any]:
    return {"expected": "、".join(WORDS[column] for column in columns), "expected_en": ", ".join(columns)}
