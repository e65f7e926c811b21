"""What the operator says of a file that is taken in."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple


def _not_listed(_: str) -> str | None:
    return None


class Order(NamedTuple):
    """What the operator says."""

    kind: str
    """A name in KINDS."""
    from_system: str
    to_system: str
    """Empty for a list: codes of one system with names and payment attributes; only ``local_*`` columns."""
    effective_from: date
    """Rows that ended before it are expired."""
    source: str = ""
    """Of the table as a whole, which vouches for rows that name none of their own."""
    confirmed: bool = False
    """Default of the column ``confirmed``; a row cannot be confirmed when this is False."""
    accept: frozenset[str] = frozenset()
    """Codes of problems that the operator accepts."""
    encoding: str = ""
    """Of a CSV file; empty: find out."""
    sheet: str = ""
    """Of a workbook; empty: the only one that is not empty."""
    name_of: Callable[[str], str | None] = _not_listed
    """The name of an upper code in the lists that are known; None where it is not listed."""
