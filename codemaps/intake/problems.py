"""What can be wrong with a spreadsheet, as data: ``problems.toml`` says each problem, in both languages."""

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from codemaps.intake.limits import SHOWN

Severity = Literal["refused", "rejected", "repaired", "left_out", "noticed"]


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of problem."""

    severity: Severity
    title_zh: str
    title_en: str
    zh: str = ""
    en: str = ""
    todo_zh: str = ""
    todo_en: str = ""
    may_accept: Literal["", "keep", "leave_out"] = ""


PROBLEMS = msgspec.toml.decode(Path(__file__).with_name("problems.toml").read_bytes(), type=dict[str, Problem])
"""By code."""


class Fault(NamedTuple):
    """One problem at one place."""

    row: int
    """As the operator sees it in the file; 0 where it is not in one row."""
    code: str
    column: str = ""
    """As the file calls it."""
    value: str = ""
    facts: tuple[tuple[str, object], ...] = ()

    @property
    def zh(self) -> str:
        """The problem in words."""
        problem = PROBLEMS[self.code]
        return (problem.zh or problem.title_zh).format(**dict(self.facts))

    @property
    def en(self) -> str:
        """The problem in words."""
        problem = PROBLEMS[self.code]
        return (problem.en or problem.title_en).format(**dict(self.facts))


class FileRefused(Exception):
    """Occurs when a file as a whole cannot be taken: nothing of it was read, or reading stopped."""

    def __init__(self, code: str, row: int = 0, value: str = "", column: str = "", **facts: object) -> None:
        told = tuple((name, shown(fact, 400) if isinstance(fact, str) else fact) for name, fact in facts.items())
        self.fault = Fault(row, code, column, shown(value), told)
        super().__init__(self.fault.en)


def shown(value: str, most: int = SHOWN) -> str:
    """A cell as it is quoted: on one line, visible, and no longer than a text bears."""
    if len(value) > most:
        value = value[: most - 1] + "…"
    if value.isprintable():
        return str(value)  # a cell may be more than its text (see table.Formula)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value)
