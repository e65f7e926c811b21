"""XLSX files as they really come, and as somebody may have made them."""

import io
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest

from tests.codemaps.intake.support import MakeBook, Take

HEADER = ("地方编码", "地方名称", "国家编码", "国家名称", "对应关系")
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
ROW = ("A1", "糖尿病", "M01600", "糖尿病", "equal")


def saved(made: openpyxl.Workbook) -> bytes:
    """The bytes of a workbook."""
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def changed(content: bytes, **parts: bytes) -> bytes:
    """A workbook with parts replaced or added; a dot in a name is written as __, a slash as ___."""
    buffer = io.BytesIO()
    new = {name.replace("___", "/").replace("__", "."): data for name, data in parts.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in old.infolist():
            out.writestr(entry.filename, new.pop(entry.filename, old.read(entry)))
        for name, data in new.items():
            out.writestr(name, data)
    return buffer.getvalue()


def test_a_sheet_is_read_with_its_row_numbers(take: Take, book: MakeBook) -> None:
    """A sheet gives rows as a CSV does, known by the numbers the operator sees."""
    taken = take(book(ROW, (), ("A2", "x", "bad", "x", "equal")), "t.xlsx")
    assert (taken.report.format, taken.report.read) == ("xlsx", 2)
    assert taken.found == [(4, "国家编码", "bad_shape", "rejected")]


def test_what_a_file_is_decides_and_not_its_name(take: Take, book: MakeBook) -> None:
    """A workbook named .csv is read as a workbook; a text named .xlsx is refused."""
    assert take(book(ROW), "t.csv").report.format == "xlsx"
    assert take("地方编码,地方名称,国家编码\nA1,x,M01600\n", "t.xlsx").codes == {"not_xlsx"}


def test_numbers_in_columns_of_codes_are_rejected_and_may_be_accepted(take: Take, book: MakeBook) -> None:
    """A number where a code belongs may have lost zeros; whole digits may be accepted, rounded ones never."""
    content = book((1001, *ROW[1:]), (1.5, *ROW[1:]), (1234567890123456789, *ROW[1:]), (date(2026, 1, 2), *ROW[1:]))
    codes = [(row, code) for row, _, code, _ in take(content, "t.xlsx").found]
    assert codes == [(2, "number_cell"), *[(row, "spreadsheet_number") for row in (3, 4, 5)]]
    taken = take(book((1001, *ROW[1:])), "t.xlsx", accept=frozenset({"number_cell"}))
    assert taken.rows[0].local_code == "1001"


def test_zeros_that_a_format_shows_are_part_of_the_code(take: Take) -> None:
    """A number shown with leading zeros by its format is the code that is seen."""
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append((12, *ROW[1:]))
    sheet["A2"].number_format = "000000"
    assert take(saved(made), "t.xlsx").rows[0].local_code == "000012"


def test_dates_and_numbers_are_read_where_they_belong(take: Take, book: MakeBook) -> None:
    """A date cell is a date, a number cell a ratio."""
    header = ",".join((*HEADER, "开始日期", "自付比例", "有效标志", "备注"))
    content = book((*ROW, datetime.fromisoformat("2026-01-05 08:30"), 0.1, True, time(8)), header=header)
    row = take(content, "t.xlsx").rows[0]
    assert (row.valid_from, row.selfpay_prop, row.remark) == ("2026-01-05", "0.1", "08:00:00")


def test_a_formula_is_refused_by_its_cell_and_only_where_it_counts(take: Take, book: MakeBook) -> None:
    """A formula in a column that is used is refused; one in a column that is ignored hinders nothing."""
    taken = take(book(ROW, ("A2", "x", '="M"&"01600"', "x", "equal")), "t.xlsx")
    assert taken.codes == {"formula"}
    assert "C3" in taken.report.problems[0].text_zh
    assert take(book((*ROW, "=1+1"), header=",".join((*HEADER, "序号"))), "t.xlsx").report.ok


def test_an_error_of_the_spreadsheet_is_rejected(take: Take, book: MakeBook) -> None:
    """#N/A is no code and no name."""
    assert take(book(("A1", "#N/A", *ROW[2:])), "t.xlsx").found == [(2, "地方名称", "cell_error", "rejected")]


@pytest.mark.parametrize(("cells", "refused"), [("A1:E1", False), ("A2:B2", True), ("A1:A2", True), ("A3:A4", True)])
def test_merged_cells_are_refused_from_the_header_on(take: Take, cells: str, refused: bool) -> None:
    """A merged title is usual; merged cells of the header or the data are refused by their range."""
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for line in (("目录对照表",), HEADER, ROW, ("A2", *ROW[1:])):
        sheet.append(line)
    sheet.merge_cells(cells)
    taken = take(saved(made), "t.xlsx")
    assert ("merged_cells" in taken.codes) == refused
    assert not refused or cells in taken.report.problems[0].text_zh


def test_several_sheets_must_be_named_and_hidden_ones_are_ignored(take: Take, book: MakeBook) -> None:
    """Of several sheets one must be named; a hidden one and an empty one do not count."""
    content = book(ROW, 其他=[HEADER, ("B1", *ROW[1:])])
    refused = take(content, "t.xlsx")
    assert "Sheet、其他" in refused.report.problems[0].text_zh
    assert take(content, "t.xlsx", sheet="其他").rows[0].local_code == "B1"
    assert take(content, "t.xlsx", sheet="没有").codes == {"no_such_sheet"}
    made = openpyxl.load_workbook(io.BytesIO(content))
    made["其他"].sheet_state = "hidden"
    made.create_sheet("空")
    assert take(saved(made), "t.xlsx").report.sheet == "Sheet"


def test_what_a_sheet_claims_of_its_size_does_not_count(take: Take, book: MakeBook) -> None:
    """Many programs write a wrong size; all cells are read all the same."""
    content = book(("", *ROW), header=",".join(("", *HEADER)))
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        sheet = opened.read("xl/worksheets/sheet1.xml")
    assert b'ref="A1:F2"' in sheet
    lying = changed(content, xl___worksheets___sheet1__xml=sheet.replace(b'ref="A1:F2"', b'ref="A1:A1"'))
    assert take(lying, "t.xlsx").report.kept == 1


def test_an_empty_workbook_is_an_empty_file(take: Take) -> None:
    """A workbook without a filled sheet is empty."""
    assert take(saved(openpyxl.Workbook()), "t.xlsx").codes == {"empty_file"}


def test_a_bomb_is_refused_without_being_unpacked(take: Take, book: MakeBook) -> None:
    """A part that would grow a thousand times is refused by the directory of the zip."""
    bomb = changed(book(ROW), xl___worksheets___sheet2__xml=bytes(64 << 20))
    assert take(bomb, "t.xlsx").codes == {"zip_bomb"}


def test_a_row_of_very_many_cells_is_refused(take: Take, book: MakeBook) -> None:
    """Elements that would be held in memory together have a bound, however little they take on disk."""
    xml = b"<worksheet><sheetData><row>" + b"<c/>" * 1_200_000 + b"</row></sheetData></worksheet>"
    assert take(changed(book(ROW), xl___worksheets___sheet1__xml=xml), "t.xlsx").codes == {"zip_bomb"}


def test_an_entity_bomb_is_refused(take: Take, book: MakeBook) -> None:
    """No part of a spreadsheet declares a document type."""
    xml = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><sst>&b;</sst>'
    for part in (
        xml,
        b'<?xml version="1.0" encoding="utf-16"?>'.decode().encode("utf-16") + xml.decode().encode("utf-16-le"),
    ):
        assert take(changed(book(ROW), xl___sharedStrings__xml=part), "t.xlsx").codes == {"xml_entities"}
    assert take(changed(book(ROW), xl___media___image__png=xml), "t.xlsx").codes == {"xml_entities"}


def test_an_archive_inside_is_refused(take: Take, book: MakeBook) -> None:
    """An embedded workbook or archive is named."""
    taken = take(changed(book(ROW), xl___embeddings___a__xlsx=b"PK"), "t.xlsx")
    assert taken.codes == {"zip_nested"}


def test_an_encrypted_entry_is_refused(take: Take, book: MakeBook) -> None:
    """The flag of encryption is seen before anything is read."""
    content = bytearray(book(ROW))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    assert take(bytes(content), "t.xlsx").codes == {"encrypted"}


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_workbook_is_refused(take: Take, book: MakeBook, keep: float) -> None:
    """A file that was cut off is not opened."""
    content = book(ROW)
    assert take(content[: int(len(content) * keep)], "t.xlsx").codes == {"not_xlsx"}


@pytest.mark.parametrize(
    "sheet",
    [
        "<worksheet",
        "<x/>",
        SHEET.format('<row r="x"><c r="A1"><v>1</v></c></row>'),
        SHEET.format('<row r="1"><c r="A1" t="s"><v>99</v></c></row>'),
        SHEET.format('<row r="999999999"><c r="A999999999"><v>1</v></c></row>'),
    ],
)
def test_a_damaged_sheet_is_a_report(take: Take, book: MakeBook, sheet: str) -> None:
    """Whatever a damaged sheet makes the library raise is a refusal in words."""
    assert not take(changed(book(ROW), xl___worksheets___sheet1__xml=sheet.encode()), "t.xlsx").report.ok


def test_a_sheet_that_claims_too_many_rows_is_refused(take: Take, book: MakeBook) -> None:
    """A row number beyond what a sheet can have ends the reading."""
    rows = "".join(
        f'<row r="{r}">' + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in line) + "</row>"
        for r, line in ((1, HEADER), (2_000_000_000, ROW))
    )
    xml = SHEET.format(rows)
    assert take(changed(book(ROW), xl___worksheets___sheet1__xml=xml.encode()), "t.xlsx").codes == {"too_many_rows"}
