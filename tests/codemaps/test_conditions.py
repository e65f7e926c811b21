"""For which cases a row holds."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.conditions import Conditions, clashing, fault, homeward, matches, overlap, parse
from codemaps.editions import EditionRow
from codemaps.port import NOTHING_GIVEN, Given

DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 9)).map(date.isoformat)
DIVISIONS = ("320100", "320200", "330100", "110000")
TYPES = ("310", "390")
MEDICAL = ("11", "14", "21")


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Any of the values, or none."""
    return st.lists(st.sampled_from(values), unique=True).map(tuple)


@st.composite
def conditions_of_rows(draw: st.DrawFn) -> Conditions:
    """The conditions of a row, its days in order."""
    valid_from, valid_to = draw(DAYS | st.just("")), draw(DAYS | st.just(""))
    if valid_to and valid_from > valid_to:
        valid_from, valid_to = valid_to, valid_from
    admdvs = some("32", "3201", "320100", "33", "11")
    return Conditions(draw(some(*TYPES)), draw(admdvs), draw(some(*MEDICAL)), valid_from, valid_to)


CONDITIONS = conditions_of_rows()
CASES = st.builds(
    lambda insutype, admdvs, med_type: Given(None, insutype, admdvs, med_type),
    st.sampled_from(("", *TYPES)),
    st.sampled_from(("", *DIVISIONS)),
    st.sampled_from(("", *MEDICAL)),
)
EVERY_CASE = [Given(None, i, d, m) for i in TYPES for d in DIVISIONS for m in MEDICAL]
EVERY_DAY = [f"2026-01-{day:02}" for day in range(1, 10)]


def test_a_row_without_conditions_has_none():
    """A row that states no condition is known by None, so that nothing is stored for it."""
    assert parse(EditionRow("A1", national_code="M03900")) is None


def test_cells_are_read_as_alternatives():
    """Values stand apart by a bar, and days are kept as they are."""
    row = EditionRow("A1", insutype="310|390", admdvs="3201|33", med_type="14", valid_from="2026-01-01")
    assert parse(row) == Conditions(("310", "390"), ("3201", "33"), ("14",), "2026-01-01", "")


@pytest.mark.parametrize(
    ("conditions", "case", "expected"),
    [
        (Conditions(insutype=("310",)), Given(insutype="310"), True),
        (Conditions(insutype=("310",)), Given(insutype="390"), False),
        (Conditions(insutype=("310",)), NOTHING_GIVEN, None),
        (Conditions(admdvs=("3201",)), Given(insuplc_admdvs="320102"), True),
        (Conditions(admdvs=("3201",)), Given(insuplc_admdvs="320200"), False),
        (Conditions(insutype=("310",), admdvs=("3201",)), Given(insuplc_admdvs="320200"), False),
        (Conditions(insutype=("310",), admdvs=("3201",)), Given(insuplc_admdvs="320100"), None),
        (Conditions(med_type=("14", "21")), Given(med_type="21"), True),
        (Conditions(valid_from="2026-01-05"), NOTHING_GIVEN, True),
        (Conditions(valid_from="2026-01-06"), NOTHING_GIVEN, False),
        (Conditions(valid_to="2026-01-05"), NOTHING_GIVEN, True),
        (Conditions(valid_to="2026-01-04"), NOTHING_GIVEN, False),
    ],
)
def test_a_case_is_told_by_what_is_given(conditions: Conditions, case: Given, expected: bool | None):
    """What is given rules a row in or out; what is not given leaves it open; days include both ends."""
    assert matches(conditions, "2026-01-05", case) is expected


@given(CONDITIONS, CONDITIONS)
def test_overlap_is_symmetric(a: Conditions, b: Conditions):
    """It does not matter which of two rows comes first."""
    assert overlap(a, b) == overlap(b, a)


@given(CONDITIONS)
def test_a_row_overlaps_itself(a: Conditions):
    """Conditions whose days are in order hold for some case."""
    assert overlap(a, a)


@given(CONDITIONS, CONDITIONS, CASES, DAYS)
def test_rows_that_hold_together_overlap(a: Conditions, b: Conditions, case: Given, on: str):
    """Two rows that hold for one case are never called separated."""
    if matches(a, on, case) and matches(b, on, case):
        assert overlap(a, b)


@given(CONDITIONS, CONDITIONS)
def test_rows_that_overlap_hold_together_somewhere(a: Conditions, b: Conditions):
    """Overlap is exact: where it is claimed, a case shows it."""
    shown = any(matches(a, on, case) and matches(b, on, case) for on in EVERY_DAY for case in EVERY_CASE)
    assert overlap(a, b) == shown


@given(CONDITIONS, CASES, DAYS)
def test_more_knowledge_never_turns_an_answer(a: Conditions, case: Given, on: str):
    """What was ruled in or out with some facts unknown stays so whatever they turn out to be."""
    told = matches(a, on, case)
    fuller = Given(None, case.insutype or "310", case.insuplc_admdvs or "320100", case.med_type or "14")
    assert matches(a, on, fuller) is not None
    if told is not None:
        assert matches(a, on, fuller) is told


@given(CONDITIONS)
def test_conditions_survive_storage(a: Conditions):
    """Conditions come back from msgpack as they went in."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(a), type=Conditions) == a


@given(st.lists(st.tuples(st.sampled_from("ABC"), CONDITIONS | st.none()), max_size=8))
def test_rows_clash_unless_something_separates_them(rows: list[tuple[str, Conditions | None]]):
    """The codes that compete are those of two rows that overlap, a row without conditions being the fallback."""
    expected = {
        code
        for one, a in rows
        for other, b in rows
        for code in (one, other)
        if one != other and ((a is None and b is None) or (a is not None and b is not None and overlap(a, b)))
    }
    assert clashing(rows) == expected


def test_a_row_for_each_city_is_quick():
    """Many rows that their divisions separate are not compared in pairs."""
    rows = [(f"A{number}", Conditions(admdvs=(f"{number:06}",))) for number in range(100_000)]
    assert clashing(rows) == set()


@given(st.lists(st.tuples(st.sampled_from("ABCD"), CONDITIONS | st.none(), st.booleans()), max_size=8))
def test_each_code_has_one_way_home(rows: list[tuple[str, Conditions | None, bool]]):
    """Every code comes home alone, preferred, replaced or shared, and only competing codes are preferred twice."""
    ways = homeward(rows)
    parts = (ways.alone, ways.preferred, ways.replaced, ways.shared)
    assert sorted(code for part in parts for code in part) == sorted({code for code, _, _ in rows})
    assert ways.doubly <= ways.preferred
    assert bool(ways.preferred) or not ways.replaced


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (("310|390", "32|3301", "14", "2026-01-01", "2026-12-31"), ""),
        (("", "", "", "", "2026-02-28"), ""),
        (("310|", "", "", "", ""), "insutype"),
        (("310,390", "", "", "", ""), "insutype"),
        (("", "江苏", "", "", ""), "admdvs"),
        (("", "3201000", "", "", ""), "admdvs"),
        (("", "", "14 ", "", ""), "med_type"),
        (("", "", "", "2026-02-30", ""), "valid_from"),
        (("", "", "", "20260101", ""), "valid_from"),
        (("", "", "", "", "soon"), "valid_to"),
        (("", "", "", "2026-02-02", "2026-02-01"), "valid_to"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(cells: tuple[str, str, str, str, str], column: str):
    """Values, divisions and days have one form each, and the last day is not before the first."""
    assert fault(cells) == column
