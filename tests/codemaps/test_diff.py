"""What differs between two editions."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemaps import diff as diffs
from codemaps.diff import Beside, by_target, diff
from codemaps.editions import EditionRow, write_rows

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "local_code": st.sampled_from([f"A{number}" for number in range(6)]),
            "local_name": st.sampled_from(["甲", "乙"]),
            "national_code": st.sampled_from(["", "M00100", "M00200"]),
            "relationship": st.sampled_from(["equal", "wider"]),
            "insutype": st.sampled_from(["", "310"]),
            "confirmed": st.sampled_from(["true", "false"]),
        }
    ).map(lambda cells: EditionRow(**cells)),
    unique=True,
    max_size=12,
)
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(file: Path, *rows: EditionRow) -> Path:
    """Write rows in the fixed form."""
    with file.open("wb") as out:
        write_rows(sorted(rows), out)
    return file


BASE = EditionRow("A1", "甲", "M00100", "一", "equal", source="s")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"national_code": "M00200", "national_name": "二"}, {"retargeted"}),
        ({"insutype": "310"}, {"retargeted"}),
        ({"relationship": "wider"}, {"relationship"}),
        ({"preferred": "true"}, {"preferred"}),
        ({"confirmed": "true"}, {"confirmed"}),
        ({"selfpay_prop": "0.1"}, {"payment"}),
        ({"national_code": "M00200", "pric_uplmt_amt": "9"}, {"retargeted", "payment"}),
        ({"local_name": "乙"}, {"renamed"}),
        ({"remark": "r"}, {"other"}),
        ({"relationship": "wider", "confirmed": "true"}, {"relationship", "confirmed"}),
    ],
)
def test_a_change_is_told_by_what_it_means(tmp_path: Path, change: dict[str, str], expected: set[str]):
    """One code changed in one cell is changed once, under what that cell means."""
    found = diff(write(tmp_path / "a", BASE), write(tmp_path / "b", BASE._replace(**change)))
    assert {kind for kind, changes in found.changes.items() if changes.count} == expected
    assert (found.changed, found.unchanged) == (1, 0)


def test_a_change_tells_names_cells_and_lines(tmp_path: Path):
    """An operator reads what stood there, what stands there now, and in which lines."""
    before = write(tmp_path / "a", EditionRow("A0"), BASE)
    after = write(tmp_path / "b", BASE._replace(national_code="M00200", national_name="二"))
    [change] = diff(before, after).changes["retargeted"].first
    assert (change.code, change.name_before, change.name_after) == ("A1", "甲", "甲")
    assert (change.before, change.after) == ("M00100 一", "M00200 二")
    assert (change.line_before, change.line_after) == (3, 2)


def test_codes_come_and_go(tmp_path: Path):
    """Codes of one edition alone are added or removed, and only as many are told as asked for."""
    before = write(tmp_path / "a", *(EditionRow(f"A{number}") for number in range(5)))
    after = write(tmp_path / "b", *(EditionRow(f"B{number}") for number in range(3)))
    found = diff(before, after, limit=2)
    assert (found.changes["removed"].count, found.changes["added"].count) == (5, 3)
    assert [change.code for change in found.changes["removed"].first] == ["A0", "A1"]
    assert found.changes["added"].first[0].line_before == 0


@SLOW
@given(ROWS)
def test_an_edition_does_not_differ_from_itself(tmp_path: Path, rows: list[EditionRow]):
    """The same rows differ in nothing."""
    file = write(tmp_path / "a", *rows)
    found = diff(file, file)
    assert found.is_empty
    assert found.unchanged == found.codes_before == len({row.local_code for row in rows})


@SLOW
@given(ROWS, ROWS)
def test_the_counts_add_up(tmp_path: Path, old: list[EditionRow], new: list[EditionRow]):
    """Every code of both editions is counted: removed or added, changed or unchanged."""
    found = diff(write(tmp_path / "a", *old), write(tmp_path / "b", *new))
    counts = {kind: changes.count for kind, changes in found.changes.items()}
    assert found.codes_before == counts["removed"] + found.changed + found.unchanged
    assert found.codes_after == counts["added"] + found.changed + found.unchanged
    assert (found.rows_before, found.rows_after) == (len(old), len(new))
    assert found.is_empty == (sorted(old) == sorted(new))


@SLOW
@given(ROWS, ROWS)
def test_there_and_back_is_the_same_difference(tmp_path: Path, old: list[EditionRow], new: list[EditionRow]):
    """What is added one way is removed the other way; everything else is the same."""
    one, two = write(tmp_path / "a", *old), write(tmp_path / "b", *new)
    there, back = diff(one, two), diff(two, one)
    turned = {"added": "removed", "removed": "added"}
    counts = {kind: changes.count for kind, changes in back.changes.items()}
    assert {turned.get(kind, kind): changes.count for kind, changes in there.changes.items()} == counts


def test_rows_are_sorted_by_target_through_files(monkeypatch: pytest.MonkeyPatch):
    """More rows than are sorted at a time come in the order of their targets all the same."""
    monkeypatch.setattr(diffs, "_RUN", 3)
    rows = [
        EditionRow(f"A{number}", national_code=f"M{number * 7 % 5}", national_name="一\t二") for number in range(20)
    ]
    groups = list(by_target(enumerate(rows, 2)))
    assert [code for code, _ in groups] == [f"M{number}" for number in range(5)]
    assert sorted(int(each.line) for _, group in groups for each in group) == list(range(2, 22))
    assert groups[0][1][0].national_name == "一 二"


def test_rows_that_cannot_be_read_are_not_sorted():
    """A code that would break the records is left out; its shape is an error already."""
    rows = [EditionRow("A\t1", national_code="M1"), EditionRow("A2", national_code="M\n1"), EditionRow("A3")]
    assert list(by_target(enumerate(rows, 2))) == []


def test_a_sorted_file_is_read_in_step():
    """Codes that never go back find what there is, and nothing for what is not there."""
    beside = Beside(iter([("A", [1]), ("C", [3])]))
    assert [beside.find(code) for code in ("0", "A", "A", "B", "C", "D")] == [[], [1], [1], [], [3], []]
