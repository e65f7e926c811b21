"""The rules of one row."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.editions import COLUMNS, EditionRow
from codemaps.intake import Order
from codemaps.intake.headers import Header, Names
from codemaps.intake.report import Book
from codemaps.intake.rows import RowReader, pack, unpack
from tests.codemaps.intake.support import Make, Take

GOOD = EditionRow("A1", "糖尿病", "M01600", "糖尿病", "equal", "false", "false", source="s")


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"local_code": ""}, "local_code", "missing_code"),
        ({"local_code": "A 1"}, "local_code", "bad_shape"),
        ({"local_name": ""}, "local_name", "missing_name"),
        ({"local_name": "x" * 501}, "local_name", "too_long"),
        ({"local_name": "a\x07b"}, "local_name", "control_character"),
        ({"local_name": "糖\ufffd病"}, "local_name", "control_character"),
        ({"national_code": "M0160"}, "national_code", "bad_shape"),
        ({"national_code": "E11.900"}, "national_code", "wrong_kind"),
        ({"national_code": ""}, "national_code", "missing_code"),
        ({"relationship": ""}, "relationship", "bad_relationship"),
        ({"relationship": "大于"}, "relationship", "bad_relationship"),
        ({"national_code": "", "national_name": ""}, "relationship", "bad_relationship"),
        ({"national_code": "", "national_name": "", "relationship": "", "preferred": "true"}, "preferred", "bad_flag"),
        ({"preferred": "maybe"}, "preferred", "bad_flag"),
        ({"list_type": "101"}, "list_type", "list_type"),
        ({"insutype": "职工?"}, "insutype", "bad_condition"),
        ({"admdvs": "CN-32"}, "admdvs", "bad_condition"),
        ({"valid_from": "2026-13-01"}, "valid_from", "bad_date"),
        ({"valid_from": "2026-03-01", "valid_to": "2026-02-01"}, "valid_to", "date_order"),
        ({"valid_to": "2025-12-31"}, "valid_to", "expired"),
        ({"chrgitm_lv": "9"}, "chrgitm_lv", "bad_class"),
        ({"chrgitm_lv": "01", "selfpay_prop": "0.1"}, "selfpay_prop", "bad_ratio"),
        ({"chrgitm_lv": "03", "selfpay_prop": "0"}, "selfpay_prop", "bad_ratio"),
        ({"pric_uplmt_amt": "0"}, "pric_uplmt_amt", "bad_ceiling"),
        ({"lmt_used_flag": "2"}, "lmt_used_flag", "bad_flag"),
    ],
)
def test_a_wrong_cell_rejects_its_row(take: Take, table: Make, cells: dict[str, str], column: str, code: str) -> None:
    """Each rule of a row names the row, the column and the problem."""
    row = GOOD._replace(**cells)
    text = table(",".join(GOOD._replace(local_code="A0")), ",".join(row), header=",".join(COLUMNS))
    assert (3, column, code, "rejected") in take(text).found


def test_an_upper_name_may_be_missing_only_where_no_table_has_them(take: Take, table: Make) -> None:
    """An empty name beside a code is rejected; in our own export it says that the table had none."""
    assert take(table("A1,x,M01600,,equal")).found == [(2, "国家名称", "missing_name", "rejected")]
    assert take(table(",".join(GOOD._replace(national_name="")), header=",".join(COLUMNS))).report.ok


def test_repairs_are_said_with_the_value_before(take: Take, table: Make) -> None:
    """What was repaired is imported, and said with row, column and what stood there."""
    taken = take(table("Ａ１ ,糖尿病,m01600,糖尿病,equal"))
    assert taken.rows[0][:3] == ("A1", "糖尿病", "M01600")
    assert {(e.row, e.column, e.code, e.value) for e in taken.report.problems} == {
        (2, "地方编码", "stray_space", "Ａ１ "),
        (2, "地方编码", "full_width", "Ａ１ "),
        (2, "国家编码", "lower_case", "m01600"),
    }
    assert taken.report.repaired == 1


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("有效标志", "0", "expired"), ("停用标志", "1", "expired"), ("审核状态", "4", "not_approved"),
     ("审核状态", "", "not_approved"), ("结束日期", "2025-01-01", "expired")],
)  # fmt: skip
def test_rows_that_are_not_in_use_are_rejected_or_left_out(take: Take, column: str, value: str, code: str) -> None:
    """An expired or unapproved row is rejected; accepted, it is left out, whatever else is wrong with it."""
    good = {"有效标志": "1", "停用标志": "0", "审核状态": "审核通过", "结束日期": "2027-01-01"}[column]
    text = f"地方编码,地方名称,国家编码,{column}\nA1,x,M01600,{good}\nA2,x,bad code,{value}\n"
    assert (3, column, code, "rejected") in take(text).found
    taken = take(text, accept=frozenset({code}))
    assert (taken.report.ok, taken.report.kept, taken.report.left_out) == (True, 1, 1)


def test_when_everything_is_left_out_nothing_is_imported(take: Take) -> None:
    """A file of expired rows makes no empty edition."""
    taken = take("地方编码,地方名称,国家编码,有效标志\nA1,x,M01600,0\n", accept=frozenset({"expired"}))
    assert "nothing_kept" in taken.codes
    assert not taken.report.ok


def test_names_are_compared_with_the_known_lists(take: Take, table: Make) -> None:
    """A name that is not the code's is rejected; accepted, the row is kept and the problem still said."""
    names = {"M01600": "糖 尿 病", "M03900": "高血压"}
    text = table("A1,x,M01600,糖尿病,equal", "A2,y,M03900,糖尿病,equal")
    assert take(text, name_of=names.get).found == [(3, "国家名称", "name_disagrees", "rejected")]
    taken = take(text, name_of=names.get, accept=frozenset({"name_disagrees"}))
    assert taken.found == [(3, "国家名称", "name_disagrees", "noticed")]
    assert taken.report.kept == 2


def test_relationships_are_assumed_from_names_where_no_column_says_them(take: Take) -> None:
    """Without the column, equal names make equal codes and all others inexact, which is said once."""
    text = "地方编码,地方名称,国家编码,国家名称\nA1,糖尿病,M01600,糖尿病\nA2,高血压病,M03900,高血压\nA3,x,,\n"
    taken = take(text)
    assert [row.relationship for row in taken.rows] == ["equal", "inexact", ""]
    entry = next(entry for entry in taken.report.problems if entry.code == "relationship_assumed")
    assert "1 rows whose names agree are equal, 1 others inexact" in entry.text_en


def test_a_code_without_counterpart_is_imported_and_said(take: Take, table: Make) -> None:
    """An empty upper code says that there is none."""
    taken = take(table("A1,糖尿病,,,"))
    assert taken.report.ok
    assert taken.found == [(2, "国家编码", "no_counterpart", "noticed")]


def test_a_row_cannot_be_confirmed_when_the_order_is_not(take: Take) -> None:
    """The import says whether rows may be confirmed; a confirmed row names its source."""
    text = "地方编码,地方名称,国家编码,是否确认\nA1,x,M01600,是\n"
    taken = take(text)
    assert (taken.rows[0].confirmed, "confirmed_ignored" in taken.codes) == ("false", True)
    assert take(text, confirmed=True).rows[0].confirmed == "true"
    assert "missing_source" in take(text, confirmed=True, source="").codes
    assert take("地方编码,地方名称,国家编码\nA1,x,M01600\n", confirmed=True).rows[0].confirmed == "true"


def test_a_list_has_one_side(take: Take) -> None:
    """A list takes codes and payment attributes, and refuses an upper side."""
    order = {"from_system": "CN", "to_system": "", "kind": "catalogue"}
    text = "医疗目录编码,名称,目录类别,收费等级\nT000100057,菊花,中药饮片,甲类\n"
    row = take(text, **order).rows[0]
    assert (row.local_code, row.list_type, row.chrgitm_lv) == ("T000100057", "102", "01")
    text = "local_code,local_name,list_type,national_code\nT000100057,菊花,102,T000100057\n"
    assert take(text, **order).found == [(2, "national_code", "not_in_list", "rejected")]


def test_the_list_type_decides_the_shape(take: Take) -> None:
    """In a mixed catalogue each row says its list type; a kind with one list type fills it in."""
    header = "地方编码,地方名称,国家编码,目录类别\n"
    taken = take(header + "A1,x,T000100057,101\nA2,x,T000100057,\n", kind="catalogue")
    assert [(row, code) for row, _, code, s in taken.found if s == "rejected"] == [(2, "wrong_kind"), (3, "list_type")]
    assert take("地方编码,地方名称,国家编码\nA1,x,T000100057\n", kind="herb").rows[0].list_type == "102"


CELL = st.text(alphabet="Aa1 0.\u3000Ｍ\n糖\x07E+", max_size=4)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("local_code", "local_name", "national_name", "remark", "relationship"), CELL)
        | {"national_code": st.sampled_from(["M01600", "m01600", "", "E11.900", "Ｍ01600"])},
    ),
    max_size=4,
)


@given(ROWS, st.sampled_from([("chronic", "CN"), ("preparation", "CN"), ("chronic", "CN-320000")]))
def test_the_quick_way_gives_what_the_careful_way_gives(changes: list[dict[str, str]], way: tuple[str, str]) -> None:
    """Once a good row was seen, every later row comes out as it would have without it."""
    order = Order(way[0], "CN-320100", way[1], date(2026, 1, 1))
    header = Header(1, list(COLUMNS), Names(order.from_system, order.to_system))
    quick_book, careful_book = Book(frozenset()), Book(frozenset())
    quick = RowReader(order, header, quick_book, pads=False)
    quick.read(2, list(GOOD._replace(list_type="103" if way[0] == "preparation" else "")))
    careful = RowReader(order, header, careful_book, pads=False)
    for number, change in enumerate(changes, 3):
        cells = list(GOOD._replace(list_type="103" if way[0] == "preparation" else "", **change))
        assert quick.read(number, list(cells)) == careful.careful(number, list(cells), number)
    assert quick_book.rejected == careful_book.rejected


@given(st.lists(st.tuples(st.text("ab\x20~糖", min_size=1, max_size=3), st.text('a,"糖', max_size=2)), max_size=6))
def test_packed_rows_sort_as_rows(pairs: list[tuple[str, str]]) -> None:
    """The order of packed rows is the order of the fixed form."""
    rows = [EditionRow(code, name) for code, name in pairs]
    assert [unpack(packed) for packed in sorted(pack(row, n) for n, row in enumerate(rows))] == sorted(rows)
