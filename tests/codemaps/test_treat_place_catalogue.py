"""The treat place's catalogue: exact decimals, dates, and refusals that say where."""

from pathlib import Path

import pytest

from codemaps.catalogue import COLUMNS, NO_END, Catalogue
from codemaps.csvfile import TableError

GOOD = {
    "med_list_codg": "JS-XY-0001",
    "name": "消旋卡多曲颗粒",
    "list_type": "101",
    "med_chrgitm_type": "09",
    "chrgitm_lv": "02",
    "selfpay_prop": "0.1",
    "pric_uplmt_amt": "12.345678",
    "lmt_used_flag": "0",
    "begndate": "2026-01-01",
    "enddate": "",
}


def load(tmp_path: Path, *rows: dict[str, str], remarks: str = "") -> Catalogue:
    """Write rows to a file and load it."""
    file = tmp_path / "city.csv"
    lines = [",".join(COLUMNS), *(",".join((GOOD | row)[column] for column in COLUMNS) for row in rows)]
    file.write_text(remarks + "\n".join(lines) + "\n", encoding="utf-8")
    return Catalogue.load(file)


def test_decimals_are_read_exactly(tmp_path: Path) -> None:
    """Ratio and ceiling become scaled integers without passing through floating point."""
    item = load(tmp_path, {}).find("JS-XY-0001", "2026-11-22")
    assert item is not None
    assert (item.selfpay_prop_e4, item.pric_uplmt_e6) == (1000, 12_345_678)
    assert item.enddate == NO_END


def test_the_class_is_stored_padded(tmp_path: Path) -> None:
    """1 and 01 are one class."""
    item = load(tmp_path, {"chrgitm_lv": "1", "selfpay_prop": "0"}).find("JS-XY-0001", "2026-11-22")
    assert item is not None
    assert item.chrgitm_lv == "01"


@pytest.mark.parametrize(
    ("on", "ratio"),
    [
        ("2025-12-31", None),
        ("2026-01-01", 1000),
        ("2026-06-30", 1000),
        ("2026-06-30 23:59:59", 1000),
        ("2026-07-01", None),
        ("2026-08-01", 2000),
    ],
)
def test_the_row_of_the_day_is_found(tmp_path: Path, on: str, ratio: int | None) -> None:
    """A row counts from its first to its last day, whole days included."""
    catalogue = load(tmp_path, {"enddate": "2026-06-30"}, {"begndate": "2026-08-01", "selfpay_prop": "0.2"})
    item = catalogue.find("JS-XY-0001", on)
    assert (item.selfpay_prop_e4 if item else None) == ratio
    assert catalogue.knows("JS-XY-0001")
    assert not catalogue.knows("JS-XY-0002")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("med_list_codg", "JS XY"),
        ("name", " "),
        ("list_type", "999"),
        ("med_chrgitm_type", "15"),
        ("chrgitm_lv", "05"),
        ("selfpay_prop", "1.5"),
        ("selfpay_prop", "-0.1"),
        ("selfpay_prop", "0.12345"),
        ("selfpay_prop", "1e-1"),
        ("selfpay_prop", ""),
        ("pric_uplmt_amt", "0"),
        ("pric_uplmt_amt", "1.2345678"),
        ("pric_uplmt_amt", "１２"),
        ("pric_uplmt_amt", "NaN"),
        ("lmt_used_flag", ""),
        ("begndate", "2026-02-30"),
        ("begndate", "20260101"),
        ("enddate", "2025-12-31"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, column: str, value: str) -> None:
    """A refusal names file, row, column and what was found; remarks count as lines."""
    with pytest.raises(TableError) as caught:
        load(tmp_path, {"med_list_codg": "JS-XY-0002"}, {column: value}, remarks="# example\n")
    assert (caught.value.file, caught.value.row, caught.value.column) == ("city.csv", 4, column)
    assert "expected" in caught.value.problem


@pytest.mark.parametrize(("level", "ratio"), [("01", "0.1"), ("03", "0.9"), ("03", "0")])
def test_class_and_ratio_agree(tmp_path: Path, level: str, ratio: str) -> None:
    """Class A has no first-pay share and class C nothing else."""
    with pytest.raises(TableError, match="selfpay_prop"):
        load(tmp_path, {"chrgitm_lv": level, "selfpay_prop": ratio})


def test_rows_of_one_code_do_not_overlap(tmp_path: Path) -> None:
    """A day has at most one row of a code."""
    with pytest.raises(TableError, match="row 3, column begndate"):
        load(tmp_path, {"enddate": "2026-06-30"}, {"begndate": "2026-06-30"})


def test_the_edition_is_named_by_a_remark_or_the_file(tmp_path: Path) -> None:
    """The edition and the digest of the content stand for what made a split."""
    plain = load(tmp_path, {})
    assert plain.edition == "city"
    named = load(tmp_path, {}, remarks="# edition: Zhenjiang 2026.1\n# remark\n")
    assert named.edition == "Zhenjiang 2026.1"
    assert plain.digest.startswith("sha256:")
    assert named.digest != plain.digest
