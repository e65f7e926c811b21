"""Cells with few values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.intake import values
from codemaps.intake.cells import READERS


@given(st.sampled_from(sorted(READERS)), st.text(max_size=30))
def test_what_was_read_reads_as_itself(column: str, text: str) -> None:
    """The one spelling of the fixed form is its own reading, and no text makes a reader fail."""
    reader = READERS[column][0]
    read = reader(text)
    if read is not None:
        assert reader(read) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-01-31", "2026-01-31"),
        ("2026/1/5", "2026-01-05"),
        ("2026.1.5", "2026-01-05"),
        ("20260105", "2026-01-05"),
        ("2026年1月5日", "2026-01-05"),
        ("2026-01-05 23:59:59", "2026-01-05"),
        ("2026-02-30", None),
        ("45292", None),
        ("01/05/2026", None),
        ("2026-1/5", None),
    ],
)
def test_dates(text: str, read: str | None) -> None:
    """Dates that can be read one way only are read; a serial number or an American date is not."""
    assert values.day(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0.1", "0.1"), ("0.10", "0.1"), ("0", "0"), ("1.0000", "1"), ("10%", "0.1"), ("5%", "0.05"),
        ("100%", "1"), ("0.00%", "0"), ("", ""), ("10", None), ("1.01", None), ("0.12345", None), ("-0.1", None),
        ("12.5%", "0.125"), ("%", None), ("0.333333333333", None), ("101%", None),
    ],
)  # fmt: skip
def test_ratios(text: str, read: str | None) -> None:
    """A share is from 0 to 1 with four decimals at most; percent are told by their sign and never guessed."""
    assert values.ratio(text) == read


@pytest.mark.parametrize(
    ("text", "read"), [("12.50", "12.5"), ("999999", "999999"), ("0", None), ("1.1234567", None), ("¥12", None)]
)
def test_ceilings(text: str, read: str | None) -> None:
    """A ceiling is a price above zero."""
    assert values.ceiling(text) == read


def test_several_values_are_put_in_order() -> None:
    """The order in which conditions were written makes no other row."""
    assert values.codes("390、310,310") == "310|390"
    assert values.divisions("3201|32") == "32|3201"
    assert values.codes("310||390") is None


def test_levels_and_relationships() -> None:
    """Classes are read in both spellings, relationships only where the side is certain."""
    assert [values.level(text) for text in ("1", "02", "丙类", "5")] == ["01", "02", "03", None]
    assert [values.relationship(text) for text in ("Equal", "近似", "大于")] == ["equal", "inexact", None]
