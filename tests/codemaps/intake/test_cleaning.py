"""Cleaning of single cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.intake.cleaning import SUSPECT, folded, names_agree, narrow, tidy

ODD = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \t\n\xa0\u3000\u200b\ufeffＡ１（－")))


@given(ODD)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """What was cleaned has nothing left to clean."""
    assert tidy(tidy(text)) == tidy(text)
    assert narrow(narrow(text)) == narrow(text)


@given(ODD)
def test_what_is_not_suspect_is_clean(text: str) -> None:
    """The quick test never calls a cell clean that cleaning would change."""
    if SUSPECT.search(text) is None:
        assert tidy(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" A1 ", "A1"),
        ("A1\u3000", "A1"),
        ("\ufeffA1", "A1"),
        ("A\u200b1", "A1"),
        ("糖尿\r\n病", "糖尿 病"),
        ("a\xa0b", "a b"),
        ("a  b", "a  b"),
    ],
)
def test_spaces_and_invisible_characters_go(before: str, after: str) -> None:
    """Outer and odd spaces go, a plain space inside stays."""
    assert tidy(before) == after


def test_a_long_run_of_spaces_is_cleaned_at_once() -> None:
    """Cleaning takes time in proportion to the cell."""
    assert tidy("a" + " " * 200_000 + "\n") == "a"


def test_full_width_becomes_half_width() -> None:
    """Letters, digits, signs and dashes of Chinese keyboards become those of codes."""
    assert narrow("Ｍ０３９００－１—２") == "M03900-1-2"


@pytest.mark.parametrize(
    ("one", "other"),
    [("高血压（Ⅱ级）", "高血压(II级)"), ("糖 尿 病", "糖尿病"), ("Ａ型", "a型"), ("中/长链、脂肪乳", "中长链脂肪乳")],
)
def test_names_agree_however_they_are_written(one: str, other: str) -> None:
    """Width, case, spaces, brackets and punctuation do not make another name."""
    assert names_agree(one, other)


def test_names_of_different_things_disagree() -> None:
    """A letter more is another name, and a name of signs alone is not nothing."""
    assert not names_agree("糖尿病", "糖尿病足")
    assert folded("（）") != folded("、")
