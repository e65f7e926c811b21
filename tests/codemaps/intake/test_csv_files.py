"""CSV files as they really come."""

from pathlib import Path

import pytest

from codemaps.intake import take_in
from tests.codemaps.intake.support import ORDER, Take

ROW = "A1,糖尿病,M01600,糖尿病,equal"
GOOD = f"地方编码,地方名称,国家编码,国家名称,对应关系\n{ROW}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_encodings_are_found_out(take: Take, encoding: str) -> None:
    """The encodings that Chinese systems write are told apart without being named."""
    taken = take(GOOD.encode(encoding))
    assert taken.report.ok
    assert taken.rows[0].local_name == "糖尿病"


def test_an_encoding_may_be_named(take: Take) -> None:
    """A named encoding is used, a wrong one refused with the row of its first wrong byte."""
    assert take(GOOD.encode("utf-16-le"), encoding="utf-16-le").report.ok
    taken = take(GOOD.encode("gbk"), encoding="utf-8")
    assert taken.codes == {"bad_encoding"}
    assert taken.report.problems[0].row == 1
    assert take(GOOD, encoding="no-such").codes == {"bad_encoding"}
    assert take(GOOD, encoding="hex").codes == {"bad_encoding"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_out(take: Take, delimiter: str) -> None:
    """The delimiter is the one by which the header makes sense."""
    taken = take(GOOD.replace(",", delimiter))
    assert taken.report.ok
    assert taken.report.delimiter == delimiter


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(take: Take, end: str) -> None:
    """All three line ends are read, and none is needed behind the last row."""
    assert take(GOOD.strip().replace("\n", end)).report.kept == 1


def test_title_rows_and_blank_lines_are_passed_over(take: Take) -> None:
    """A header below a title is found, and rows keep the numbers of their lines."""
    taken = take(f"江苏省目录对照表,,\n\n2026年1月\n{GOOD}\n , ,\nA2,x,bad,x,equal\n")
    assert taken.report.header_row == 4
    assert taken.report.read == 2
    assert taken.report.problems[0].row == 8


def test_a_line_break_inside_a_cell_is_repaired_and_later_rows_keep_their_lines(take: Take) -> None:
    """A cell may span lines; the rows behind it are still known by the lines they begin on."""
    taken = take(f'{GOOD}A2,"糖尿\n病",M01600,糖尿病,equal\nA3,x,bad,x,equal\n')
    assert [(row, code) for row, _, code, _ in taken.found] == [(5, "bad_shape"), (3, "stray_space")]


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        (b"", "empty_file", 0),
        ("地方编码,地方名称,国家编码\n", "no_rows", 1),
        (f'{GOOD}A2,"糖尿病,M01600,糖尿病,equal\n', "open_quote", 3),
        (f'{GOOD}A2,"糖尿病"x,M01600,糖尿病,equal\n', "bad_quoting", 3),
        (GOOD.encode() + b"A\x002,x,M01600,x,equal\n", "nul_bytes", 3),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary_file", 0),
        ("<html><body><table><tr><td>1</td></tr></table>", "html_file", 0),
        ('<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com">', "html_file", 0),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_xls", 0),
        (GOOD.encode() + b"\xff\xff\xff\n", "bad_encoding", 3),
        ("a,b\n1,2\n", "no_header", 0),
        ("地方编码,国家编码\nA1,M01600\n", "missing_columns", 1),
        ("编码,项目编码,名称,国家编码\nA1,A1,x,M01600\n", "same_column_twice", 1),
        ("地方编码,地方名称,国家编码\nlocal_code,local_name,national_code\nA1,x,M01600\n", "header_of_two_rows", 2),
        ("地方编码,地方名称,,\n,,国家编码,国家名称\nA1,x,M01600,x\n", "header_of_two_rows", 2),
        ("地方编码,地方名称,国家编码" + ",x" * 300 + "\nA1,x,M01600\n", "too_many_columns", 1),
        ("x" * (3 << 20), "line_too_long", 1),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_words(take: Take, content: str | bytes, code: str, row: int) -> None:
    """A fault of the file as a whole is a report with one problem and its row."""
    taken = take(content)
    assert [(entry.code, entry.row) for entry in taken.report.problems] == [(code, row)]
    assert not taken.report.ok


def test_both_names_of_a_column_that_occurs_twice_are_said(take: Take) -> None:
    """The operator can see which two columns mean the same."""
    text = take("编码,项目编码,名称,国家编码\nA1,A1,x,M01600\n").report.problems[0].text_zh
    assert "“编码”和“项目编码”" in text


def test_missing_columns_are_said_with_those_found(take: Take) -> None:
    """The operator can see what was expected and what was there."""
    text = take("地方编码,国家编码\nA1,M01600\n").report.problems[0].text_en
    assert text == "columns that are needed are missing: local_name; found: 地方编码、国家编码"


def test_a_file_that_is_not_there_is_a_report(tmp_path: Path) -> None:
    """An unreadable file is said, not raised."""
    report = take_in(tmp_path / "none.csv", ORDER, tmp_path / "rows.out")
    assert [entry.code for entry in report.problems] == ["unreadable"]


def test_ragged_rows_are_rejected_and_empty_cells_behind_the_end_are_not(take: Take) -> None:
    """A row with too many or too few cells is rejected, unless what is too much is empty."""
    taken = take(f"{GOOD}A2,x,M01600,x,equal,\nA3,x,M01600,x,equal,y\nA4,x\n")
    assert [(row, code) for row, _, code, _ in taken.found if code.endswith("cells")] == [
        (4, "extra_cells"),
        (5, "missing_cells"),
    ]


def test_unknown_columns_are_said_and_ignored(take: Take) -> None:
    """A column that is not known hinders nothing, whatever it holds."""
    taken = take(f"序号,{GOOD}".replace("\nA1", "\n1,A1"))
    assert taken.report.ok
    assert taken.report.ignored == ["序号"]
    assert taken.found == [(1, "序号", "ignored_column", "noticed")]
