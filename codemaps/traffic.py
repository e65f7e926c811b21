"""What recent traffic asked of the code maps: how often a code was used, and for how much money."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from codemaps.csvfile import TableError


class Use(NamedTuple):
    """One code on one way between two systems, and what came of it, over some days."""

    kind: str
    """Kind on the wire: chronic, catalogue, diagnosis or operation."""
    from_system: str
    to_system: str
    code: str
    result: str
    """translated, unmapped, held, ambiguous or no_edition."""
    cases: int
    """Exchanges."""
    lines: int
    amount_fen: int


_COLUMNS = ("code", "cases", "amount")


def read_uses(file: Path, kind: str, from_system: str, to_system: str) -> Iterator[Use]:
    """Uses from a CSV with the columns code, cases, amount (in yuan), for a hub that keeps its own statistics.

    Raises TableError, which names row and column.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        for column in _COLUMNS:
            if column not in (reader.fieldnames or ()):
                raise TableError(file.name, 1, column, "the column is missing")
        for cells in reader:
            row = reader.line_num
            cases = _count(file.name, row, "cases", cells["cases"], 0)
            amount = _count(file.name, row, "amount", cells["amount"], 2)
            yield Use(kind, from_system, to_system, cells["code"].strip(), "translated", cases, cases, amount)


def _count(name: str, row: int, column: str, text: str, places: int) -> int:
    whole, _, fraction = (text or "").strip().partition(".")
    if not whole.isdecimal() or len(fraction) > places or (fraction and not fraction.isdecimal()):
        expected = f"a number of yuan with up to {places} decimals" if places else "a whole number"
        raise TableError(name, row, column, f"expected {expected}, found {text!r}")
    return int(whole + fraction.ljust(places, "0"))
