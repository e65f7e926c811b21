"""The file of rejected rows, and its way back."""

import csv
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from codemaps.intake import take as module
from tests.codemaps.intake.support import Make, MakeBook, Take, Taken

Lines = list[list[str]]
Change = Callable[[Lines], Lines]
TEXT = """目录对照表
序号,地方编码,地方名称,国家编码,国家名称
1,0001,糖尿病,M01600,糖尿病
2,0002,"=1+1",bad,高血压
3,0003,高血压,M03900,高血压
3,0003,高血压,M01600,糖尿病
"""


def lines(file: Path) -> list[list[str]]:
    """The lines of a rejects file in CSV."""
    return list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))


def test_rejected_rows_keep_their_cells(take: Take) -> None:
    """The rejects file has the rows as they were, with number, problem and remedy in front."""
    taken = take(TEXT)
    header, *rows = lines(taken.rejects)
    assert header == ["原行号", "问题", "处理办法", "序号", "地方编码", "地方名称", "国家编码", "国家名称"]
    assert [row[0] for row in rows] == ["4", "5", "6"]
    assert rows[0][3:] == ["2", "0002", "=1+1", "bad", "高血压"]
    assert all(row[1] and row[2] for row in rows)
    assert taken.rejects.read_bytes().startswith(b"\xef\xbb\xbf")


def test_in_a_workbook_every_cell_is_text(take: Take, book: MakeBook) -> None:
    """Leading zeros survive, and nothing becomes a formula."""
    content = book(("=A1", "x", "M01600", "x", "equal"))
    assert take(content, "t.xlsx").codes == {"formula"}
    header = "地方编码,地方名称,国家编码,国家名称,对应关系,公式"
    taken = take(book(("0002", "x", "bad", "高血压", "equal", "=1+1"), header=header), "t.xlsx")
    sheet = openpyxl.load_workbook(taken.rejects).active
    assert sheet is not None
    cells = list(sheet.iter_rows())[1]
    assert [cell.value for cell in cells][3:] == ["0002", "x", "bad", "高血压", "equal", "=1+1"]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}


def test_no_rejects_no_file(take: Take, table: Make) -> None:
    """Without rejected rows there is no rejects file, and no trace of one."""
    taken = take(table("A1,x,M01600,x,equal"))
    assert not taken.rejects.exists()
    assert {file.name for file in taken.rejects.parent.iterdir()} == {"table.csv", "rows.out"}


def corrected(taken: Taken, tmp_path: Path, change: Change) -> Path:
    """A rejects file as an operator gives it back."""
    file = tmp_path / "corrected.csv"
    with file.open("w", encoding="gb18030", newline="") as opened:
        csv.writer(opened).writerows(change(lines(taken.rejects)))
    return file


def test_a_corrected_file_puts_its_rows_in_place(take: Take, tmp_path: Path) -> None:
    """Corrected rows replace the rejected ones; a row that was deleted is left out and counted."""

    def change(rows: Lines) -> Lines:
        rows[1][6] = "M03900"
        return rows[:3]

    taken = take(TEXT, corrected=corrected(take(TEXT), tmp_path, change))
    assert [row[:3] for row in taken.rows] == [
        ("0001", "糖尿病", "M01600"),
        ("0002", "=1+1", "M03900"),
        ("0003", "高血压", "M03900"),
    ]
    assert (taken.report.left_out, taken.report.rejected) == (1, 0)
    assert (6, "", "left_out", "left_out") in taken.found


def test_what_is_still_wrong_comes_back_with_what_was_corrected(take: Take, tmp_path: Path) -> None:
    """The next rejects file holds all corrections, so that it can be the next corrected file."""

    def first(rows: Lines) -> Lines:
        rows[1][6] = "M03900"
        return rows

    def second(rows: Lines) -> Lines:
        return rows[:3]

    again = take(TEXT, corrected=corrected(take(TEXT), tmp_path, first))
    assert [(row[0], "已改好" in row[1]) for row in lines(again.rejects)[1:]] == [
        ("4", True),
        ("5", False),
        ("6", False),
    ]
    assert take(TEXT, corrected=corrected(again, tmp_path, second)).report.kept == 3


@pytest.mark.parametrize(("number", "code"), [("3", "not_rejected"), ("x", "not_rejected"), ("5", "corrected_twice")])
def test_a_correction_of_no_rejected_row_is_a_problem(take: Take, tmp_path: Path, number: str, code: str) -> None:
    """A row number that was not rejected, is none, or comes twice is rejected."""

    def change(rows: Lines) -> Lines:
        rows[3][0] = number
        rows[1][6] = "M03900"
        return rows

    taken = take(TEXT, corrected=corrected(take(TEXT), tmp_path, change))
    assert (4, "原行号", code, "rejected") in taken.found
    assert len(lines(taken.rejects)) == 4


def test_a_correction_that_contradicts_a_good_row_is_rejected_alone(take: Take, tmp_path: Path) -> None:
    """A row that was in order is never rejected because of a correction."""

    def change(rows: Lines) -> Lines:
        rows[1][4:7] = ["0001", "糖尿病", "M03900"]
        return rows[:2]

    taken = take(TEXT, corrected=corrected(take(TEXT), tmp_path, change))
    assert [(row, code) for row, _, code, severity in taken.found if severity == "rejected"] == [(4, "several_targets")]


def test_a_corrected_file_without_row_numbers_is_refused(take: Take, tmp_path: Path) -> None:
    """Without 原行号 nobody knows what was corrected."""
    file = corrected(take(TEXT), tmp_path, lambda rows: [row[1:] for row in rows])
    assert take(TEXT, corrected=file).codes >= {"corrected_unknown"}


def test_a_rejects_file_alone_is_a_file_like_any(take: Take) -> None:
    """Corrected rows can be imported by themselves, which is said."""
    taken = take("原行号,问题,处理办法,地方编码,地方名称,国家编码\n7,p,t,A1,x,M01600\n")
    assert taken.report.ok
    assert "rejects_alone" in taken.codes
    taken = take("原行号,问题,处理办法,地方编码,地方名称,国家编码\n7,p,t,A1,x,bad\n")
    assert lines(taken.rejects)[0] == ["原行号", "问题", "处理办法", "地方编码", "地方名称", "国家编码"]
    assert lines(taken.rejects)[1][0] == "2"


def test_the_rejects_file_never_overwrites_what_was_read(tmp_path: Path) -> None:
    """Where the rejects file is the corrected file, the new one gets another name."""
    file = tmp_path / "rejects.csv"
    assert module._free(file, file) == tmp_path / "rejects.2.csv"
    assert module._free(file, tmp_path / "other.csv", None) == file
