"""Divisions: facts, pools and names."""

import csv
from pathlib import Path

import pytest

from codemaps import divisions

TABLE = Path(divisions.__file__).parent / "tables" / "admdvs.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def test_every_row_is_shipped() -> None:
    """The table carries all 3,490 rows of the handbook with their sources."""
    assert len(ROWS) == 3490
    assert all(row["source"] for row in ROWS)


def test_pattern_rows_are_not_facts() -> None:
    """A code that was written from a pattern and never seen is not known."""
    pattern = [row["code"] for row in ROWS if row["source"] == "pattern"]
    assert "329900" in pattern
    assert not any(divisions.is_known(code) or divisions.has_insurance(code) for code in pattern)
    assert divisions.get("329900") is None


def test_pool_agrees_with_every_filing_target() -> None:
    """Where the table states a filing target, it is the division that pools the code."""
    stated = [row for row in ROWS if row["filing_target"]]
    assert len(stated) > 3000
    assert [row["code"] for row in stated if divisions.pool(row["code"]) != row["filing_target"]] == []


@pytest.mark.parametrize(
    ("code", "pool"),
    [
        ("321102", "321100"),
        ("321100", "321100"),
        ("110105", "110000"),
        ("500101", "500000"),
        ("460105", "460000"),
        ("469001", "460000"),
        ("540102", "540000"),
        ("660100", "660000"),
        ("659001", "659001"),
        ("429004", "429004"),
        ("419001", "419001"),
        ("139900", "139900"),
        ("430199", "430100"),
        ("100000", "100000"),
    ],
)
def test_pool(code: str, pool: str) -> None:
    """Insurance pools at the prefecture, at the province, or at the county a province administers directly."""
    assert divisions.pool(code) == pool


def test_corps_city_is_not_guessed() -> None:
    """The filing target of a city of the Corps is not known and stays so."""
    assert divisions.is_known("659001")
    assert divisions.filing_target("659001") is None


def test_filing_target() -> None:
    """A person is filed to the prefecture or province, and nowhere for an unknown code."""
    assert divisions.filing_target("321181") == "321100"
    assert divisions.filing_target("310115") == "310000"
    assert divisions.filing_target("999999") is None


@pytest.mark.parametrize("code", ["710000", "810000", "820000"])
def test_areas_without_insurance(code: str) -> None:
    """Taiwan, Hong Kong and Macau are known and have no basic medical insurance."""
    assert divisions.is_known(code)
    assert not divisions.has_insurance(code)


def test_abolished_codes_are_accepted() -> None:
    """A code that was abolished is known, because old records carry it, and can be told apart."""
    assert divisions.is_known("460321")
    assert divisions.is_abolished("460321")
    assert not divisions.is_abolished("460400")


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("321102", ("100000", "320000", "321100")),
        ("110105", ("100000", "110000")),
        ("429004", ("100000", "420000", "429004")),
        ("659001", ("100000", "650000", "659001")),
        ("320000", ("100000", "320000")),
        ("100000", ("100000",)),
    ],
)
def test_path(code: str, path: tuple[str, ...]) -> None:
    """The path leads from the nation to the pool without repeats."""
    assert divisions.path(code) == path


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("321100", "江苏省镇江市"),
        ("321181", "江苏省镇江市丹阳市"),
        ("110105", "北京市朝阳区"),
        ("110100", "北京市"),
        ("139900", "河北省省本级"),
        ("430199", "湖南省长沙市本级"),
        ("429004", "湖北省仙桃市"),
        ("999999", "999999"),
    ],
)
def test_full_name(code: str, name: str) -> None:
    """A full name holds the names above it once."""
    assert divisions.full_name(code) == name


@pytest.mark.parametrize("code", ["", "3211", "32110a", "３２１１００", "3211000"])
def test_malformed_code_is_refused(code: str) -> None:
    """Only six ASCII digits have a province and a pool."""
    assert not divisions.is_known(code)
    with pytest.raises(ValueError, match="six digits"):
        divisions.pool(code)
    with pytest.raises(ValueError, match="six digits"):
        divisions.province(code)
