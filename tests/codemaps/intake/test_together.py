"""The rules of several rows together."""

import pytest

from tests.codemaps.intake.support import Make, Take

CONDITIONS = "地方编码,地方名称,国家编码,国家名称,对应关系,险种,首选,备注"


def of(code: str = "A1", upper: str = "M01600", insutype: str = "", preferred: str = "", remark: str = "") -> str:
    """A row."""
    return f"{code},x{code},{upper},n{upper},equal,{insutype},{preferred},{remark}"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((of(), of()), [(3, "same_row_twice")]),
        ((of(), of(remark="r")), [(2, "duplicate"), (3, "duplicate")]),
        ((of(), of(upper="M03900")), [(2, "several_targets"), (3, "several_targets")]),
        ((of(), of(upper=""), of("A2")), [(2, "several_targets"), (3, "several_targets")]),
        ((of(insutype="310"), of(upper="M03900", insutype="390")), []),
        ((of(), of(upper="M03900", insutype="390")), []),
        (
            (of(insutype="310|390"), of(upper="M03900", insutype="390")),
            [(2, "several_targets"), (3, "several_targets")],
        ),
        ((of(insutype="310"), of(insutype="310", remark="r")), [(2, "duplicate"), (3, "duplicate")]),
        ((of(preferred="1"), of("A2", preferred="1")), [(2, "preferred_twice"), (3, "preferred_twice")]),
        ((of(preferred="1"), of("A2")), []),
        ((of(insutype="310", preferred="1"), of("A2", insutype="390", preferred="1")), []),
    ],
)
def test_rows_that_do_not_go_together(
    take: Take, table: Make, rows: tuple[str, ...], found: list[tuple[int, str]]
) -> None:
    """Rows of one code need conditions that tell them apart; identical rows are kept once."""
    rows = tuple(row.replace(",n,equal", ",,") for row in rows)
    taken = take(table(*rows, header=CONDITIONS))
    told = sorted((row, code) for row, _, code, severity in taken.found if severity != "noticed")
    assert told == found
    assert taken.report.ok == all(code == "same_row_twice" for _, code in found)


def test_all_rows_of_a_code_with_several_targets_are_rejected(take: Take, table: Make) -> None:
    """No row of an ambiguous code is kept, and each is told against one that goes elsewhere."""
    taken = take(table(of(), of(remark="r"), of(upper="M03900"), header=CONDITIONS))
    assert [entry.code for entry in taken.report.problems] == ["several_targets"] * 3


def test_one_upper_code_with_two_names_is_rejected(take: Take, table: Make) -> None:
    """When the file gives a code two names, nobody knows which row is wrong."""
    rows = "A1,x,M01600,糖尿病,equal", "A2,y,M01600,高血压,equal", "A3,z,M03900,高血压,equal"
    taken = take(table(*rows))
    assert [(row, code) for row, _, code, _ in taken.found] == [(2, "name_disagrees"), (3, "name_disagrees")]
    assert take(table(*rows), accept=frozenset({"name_disagrees"})).report.kept == 3


def test_a_code_with_very_many_conditional_rows_is_rejected(take: Take, table: Make) -> None:
    """Rows that hold in some cases are compared with each other, so their number has a bound."""
    rows = [of(upper=f"M{n:05d}", insutype=f"{n}") for n in range(1000, 1300)]
    taken = take(table(*rows, header=CONDITIONS))
    assert taken.codes == {"too_many_conditions"}


def test_very_many_rows_of_one_code_are_told_in_no_time(take: Take, table: Make) -> None:
    """Rows without conditions are not compared each with each."""
    taken = take(table(*(of(upper=f"M{n:05d}") for n in range(20_000)), header=CONDITIONS))
    assert taken.report.rejected == 20_000
    assert (len(taken.report.problems), taken.report.truncated) == (1_000, 19_000)
