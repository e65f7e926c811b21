"""What stands against publishing an edition, and what an operator should have seen."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from codemaps.check import FIRST, CheckReport, check
from codemaps.editions import EditionRow, Manifest, write_rows
from codemaps.traffic import Use

MAP = Manifest(
    map="CN-320000.chronic",
    edition="2026.1",
    kind="chronic",
    from_system="CN-320000",
    to_system="CN",
    source="test",
    author="test",
    confirmed=True,
)
LIST = msgspec.structs.replace(MAP, map="CN.chronic", from_system="CN", to_system="")
DAY = date(2026, 1, 1)
GOOD = EditionRow("A1", "高血压", "M03900", "高血压", "equal", confirmed="true", source="test")
UPPER = (EditionRow("M01600", "糖尿病"), EditionRow("M03900", "高血压"))


def write(file: Path, *rows: EditionRow) -> Path:
    """Write rows in the fixed form."""
    with file.open("wb") as out:
        write_rows(rows, out)
    return file


def run(directory: Path, *rows: EditionRow, manifest: Manifest = MAP, **known: Any) -> CheckReport:
    """Check rows; lists and other maps may be given as rows."""
    for name, value in known.items():
        if name in {"upper_list", "lower_list", "before"} and value is not None:
            known[name] = write(directory / name, *value)
        if name == "siblings":
            known[name] = [(f"other{n}", write(directory / f"other{n}", *value)) for n, value in enumerate(value)]
    if "upper_list" not in known:
        known["upper_list"] = None if manifest.is_list else write(directory / "upper", *UPPER)
    file = write(directory / "rows", *rows)
    return check(file, manifest, effective_from=DAY, **{"upper_complete": True} | known)


def codes(report: CheckReport) -> list[str]:
    """The codes found."""
    return [finding.code for finding in report.findings]


def places(report: CheckReport, code: str) -> list[tuple[int, str, str]]:
    """Where something was found."""
    [finding] = [finding for finding in report.findings if finding.code == code]
    return [(place.line, place.column, place.value) for place in finding.first]


def test_a_good_edition_may_be_published(tmp_path: Path):
    """An edition without a fault has nothing to tell but its numbers."""
    report = run(tmp_path, GOOD, EditionRow("A2", "糖尿病", "M01600", "糖尿病", "wider"))
    assert (report.ok, codes(report)) == (True, [])
    numbers = report.numbers
    assert (numbers.rows, numbers.codes, numbers.targets, numbers.confirmed_rows) == (2, 2, 2, 1)
    assert numbers.relationships == {"equal": 1, "wider": 1}
    assert numbers.home_alone == 2


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"local_code": "A 1"}, "local_shape", "local_code"),
        ({"local_code": "A\t1"}, "local_shape", "local_code"),
        ({"local_code": "Ａ1"}, "local_shape", "local_code"),
        ({"national_code": "M039"}, "target_shape", "national_code"),
        ({"list_type": "101"}, "list_type", "list_type"),
        ({"relationship": ""}, "relationship", "relationship"),
        ({"relationship": "same"}, "relationship", "relationship"),
        ({"national_code": ""}, "relationship", "relationship"),
        ({"insutype": "310,390"}, "condition", "insutype"),
        ({"valid_from": "2026-02-30"}, "condition", "valid_from"),
        ({"valid_from": "2026-03-01", "valid_to": "2026-02-01"}, "condition", "valid_to"),
        ({"chrgitm_lv": "05"}, "attribute", "chrgitm_lv"),
        ({"selfpay_prop": "1.1"}, "attribute", "selfpay_prop"),
        ({"chrgitm_lv": "01", "selfpay_prop": "0.1"}, "attribute", "selfpay_prop"),
        ({"chrgitm_lv": "03", "selfpay_prop": "0.1"}, "attribute", "selfpay_prop"),
        ({"pric_uplmt_amt": "0.00"}, "attribute", "pric_uplmt_amt"),
        ({"pric_uplmt_amt": "-1"}, "attribute", "pric_uplmt_amt"),
        ({"lmt_used_flag": "y"}, "attribute", "lmt_used_flag"),
    ],
)
def test_a_wrong_cell_is_an_error(tmp_path: Path, change: Mapping[str, str], code: str, column: str):
    """A cell of the wrong form is named with its line, its column and what stands there."""
    row = GOOD._replace(**change)
    report = run(tmp_path, row)
    assert not report.ok
    assert places(report, code) == [(2, column, getattr(row, column))]


def test_a_drug_edition_holds_drugs_only(tmp_path: Path):
    """A herb in a map of drugs has the wrong list type and the wrong shape."""
    manifest = msgspec.structs.replace(MAP, kind="drug")
    herb = EditionRow("A1", "甘草", "T000100057", "甘草", "equal", list_type="102")
    assert codes(run(tmp_path, herb, manifest=manifest, upper_list=None)) == [
        "target_shape", "list_type", "targets_not_compared",
    ]  # fmt: skip


def test_a_city_maps_to_codes_of_its_province(tmp_path: Path):
    """The upper side of a city's map is its province, whose codes have no national shape."""
    manifest = msgspec.structs.replace(MAP, from_system="CN-320100", to_system="CN-320000")
    report = run(tmp_path, GOOD._replace(national_code="JS-1"), manifest=manifest, upper_list=(EditionRow("JS-1"),))
    assert codes(report) == []


def test_an_edition_without_rows_is_not_published(tmp_path: Path):
    """An empty edition would refuse every code."""
    assert codes(run(tmp_path)) == ["empty"]


def test_rows_out_of_order_are_an_error(tmp_path: Path):
    """A file that is not sorted would be compared wrongly."""
    rows = (GOOD._replace(local_code="A2"), GOOD._replace(national_code="M01600", national_name="糖尿病"))
    assert places(run(tmp_path, *rows), "not_sorted") == [(3, "local_code", "A1")]


def test_many_places_are_counted_and_few_are_told(tmp_path: Path):
    """A fault on every row is told twenty times and counted each time."""
    rows = [GOOD._replace(local_code=f"A {number:03}") for number in range(50)]
    [finding] = [finding for finding in run(tmp_path, *rows).findings if finding.code == "local_shape"]
    assert (finding.count, len(finding.first)) == (50, FIRST)


# --- against the lists ----------------------------------------------------------------------------------------------


def test_a_target_that_ended_is_dead(tmp_path: Path):
    """A target whose rows all ended before the edition begins is an error; one that still holds is not."""
    ended = EditionRow("M03900", "高血压", valid_to="2025-12-31")
    assert places(run(tmp_path, GOOD, upper_list=(ended,)), "dead_target") == [(2, "national_code", "M03900")]
    assert codes(run(tmp_path, GOOD, upper_list=(ended, ended._replace(valid_to="2026-01-01")))) == []


@pytest.mark.parametrize(
    ("complete", "code", "ok"), [(True, "target_missing", False), (False, "target_not_listed", True)]
)
def test_a_target_the_list_lacks(tmp_path: Path, complete: bool, code: str, ok: bool):
    """A target that is not listed is an error where the list is complete, else a warning."""
    report = run(tmp_path, GOOD, upper_list=UPPER[:1], upper_complete=complete)
    assert (codes(report), report.ok) == ([code], ok)


def test_without_a_list_that_is_said(tmp_path: Path):
    """An operator is told that no target was compared."""
    assert codes(run(tmp_path, GOOD, upper_list=None)) == ["targets_not_compared"]


def test_local_codes_are_compared_with_their_list(tmp_path: Path):
    """A local code its own system does not list is a warning."""
    report = run(tmp_path, GOOD, lower_list=(EditionRow("A0", "x"),))
    assert (codes(report), report.ok) == (["local_not_listed"], True)


def test_names_are_compared_on_both_sides(tmp_path: Path):
    """A name other than the list's may mean another item; spaces do not matter."""
    row = GOOD._replace(local_name="高 血压", national_name="高血压病")
    report = run(tmp_path, row, lower_list=(EditionRow("A1", "高血压"),))
    assert places(report, "name_differs") == [(2, "national_name", "高血压病")]


# --- rows together --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, True),
        ({"insutype": "310"}, {"insutype": "390"}, False),
        ({"insutype": "310|390"}, {"insutype": "390"}, True),
        ({"insutype": "310"}, {"med_type": "14"}, True),
        ({"admdvs": "3201"}, {"admdvs": "3202"}, False),
        ({"admdvs": "32"}, {"admdvs": "3202"}, True),
        ({"valid_to": "2026-06-30"}, {"valid_from": "2026-07-01"}, False),
        ({"valid_to": "2026-07-01"}, {"valid_from": "2026-07-01"}, True),
        ({}, {"insutype": "310"}, False),
        ({"valid_to": "2025-12-31", "insutype": "310"}, {"insutype": "310"}, False),
    ],
)
def test_targets_conflict_unless_something_separates_them(
    tmp_path: Path, one: dict[str, str], other: dict[str, str], expected: bool
):
    """Two targets of one code need a condition that tells them apart; the row without any is the fallback."""
    rows = (
        GOOD._replace(national_code="M01600", national_name="糖尿病", **one),
        GOOD._replace(**other),
    )
    report = run(tmp_path, *rows)
    assert ("conflict" in codes(report)) == expected == (not report.ok)


def test_the_same_row_twice_is_an_error(tmp_path: Path):
    """One code and one target for the same cases stand once."""
    assert places(run(tmp_path, GOOD, GOOD._replace(remark="again")), "duplicate") == [(3, "local_code", "A1")]


@pytest.mark.parametrize(
    ("preferred", "found", "ways"),
    [
        (("false", "false"), ["shared_target"], (0, 0, 0, 2)),
        (("true", "false"), [], (0, 1, 1, 0)),
        (("true", "true"), ["preferred_twice"], (0, 2, 0, 0)),
    ],
)
def test_codes_that_share_a_target(
    tmp_path: Path, preferred: tuple[str, str], found: list[str], ways: tuple[int, int, int, int]
):
    """Codes that share a target come home by preference; without one that is a warning, with two an error."""
    report = run(
        tmp_path, GOOD._replace(preferred=preferred[0]), GOOD._replace(local_code="A2", preferred=preferred[1])
    )
    numbers = report.numbers
    assert codes(report) == found
    assert (numbers.home_alone, numbers.home_preferred, numbers.home_replaced, numbers.home_shared) == ways


def test_conditions_lead_home_too(tmp_path: Path):
    """Two codes that share a target for different insurance types both come home by themselves."""
    report = run(tmp_path, GOOD._replace(insutype="310"), GOOD._replace(local_code="A2", insutype="390"))
    assert (codes(report), report.numbers.home_alone) == ([], 2)


def test_a_preference_for_other_cases_does_not_decide(tmp_path: Path):
    """A preferred code that holds for other persons does not say where the rest go."""
    rows = (
        GOOD._replace(local_code="A1", insutype="310", preferred="true"),
        GOOD._replace(local_code="A2", insutype="310"),
        GOOD._replace(local_code="A3", insutype="390"),
        GOOD._replace(local_code="A4", insutype="390"),
    )
    numbers = run(tmp_path, *rows).numbers
    assert (numbers.home_preferred, numbers.home_replaced, numbers.home_shared) == (1, 1, 2)


def test_a_code_must_not_stand_in_two_maps(tmp_path: Path):
    """A local or an upper code that another map of the field has is an error, unless it ended there."""
    local = GOOD._replace(national_code="M01600")
    upper = GOOD._replace(local_code="B1")
    report = run(tmp_path, GOOD, siblings=[(local,), (upper,)])
    assert places(report, "in_two_maps") == [(2, "local_code", "A1"), (2, "national_code", "M03900")]
    ended = local._replace(valid_to="2025-12-31")
    assert codes(run(tmp_path, GOOD, siblings=[(ended,)])) == []


# --- the edition as a whole -----------------------------------------------------------------------------------------


def test_an_unconfirmed_edition_is_a_warning(tmp_path: Path):
    """An operator sees that nobody vouches for it; a row that claims otherwise is an error."""
    manifest = msgspec.structs.replace(MAP, confirmed=False)
    report = run(tmp_path, GOOD._replace(confirmed="false"), manifest=manifest)
    assert (codes(report), report.ok) == (["unconfirmed"], True)
    assert "confirmed_row" in codes(run(tmp_path, GOOD, manifest=manifest))


def test_traffic_tells_what_would_be_lost(tmp_path: Path):
    """Codes in use without a row, codes that lose it and loose codes in use are warnings with their numbers."""
    before = (GOOD, EditionRow("A2", "糖尿病", "M01600", "糖尿病", "equal"))
    uses = [Use("chronic", "CN-320000", "CN", code, "translated", 3, 3, 500) for code in ("A1", "A2", "A3")]
    report = run(tmp_path, GOOD._replace(relationship="wider"), before=before, uses=uses)
    assert (codes(report), report.ok) == (["loose_in_use", "not_covered", "becomes_untranslatable"], True)
    assert places(report, "becomes_untranslatable") == [(0, "local_code", "A2")]
    assert report.numbers.loose_in_use.amount_fen == 500
    assert report.coverage is not None
    assert report.coverage.not_covered.codes == 2
    assert report.impact is not None
    assert report.impact.effects["less_exact"].total.codes == 1


def test_without_traffic_there_is_no_coverage(tmp_path: Path):
    """A share of nothing is not told."""
    report = run(tmp_path, GOOD, uses=[Use("catalogue", "CN-320000", "CN", "A1", "translated", 1, 1, 1)])
    assert (report.coverage, report.impact) == (None, None)


def test_a_list_is_checked_for_itself(tmp_path: Path):
    """A list may name a code for several times, but not twice for one, and has no targets."""
    one = EditionRow("M03900", "高血压", valid_to="2026-06-30")
    assert codes(run(tmp_path, one, one._replace(valid_from="2026-07-01", valid_to=""), manifest=LIST)) == []
    assert codes(run(tmp_path, one, one._replace(remark="again"), manifest=LIST)) == ["duplicate"]
    assert codes(run(tmp_path, EditionRow("M039", "x"), manifest=LIST)) == ["local_shape"]
    assert codes(run(tmp_path, one._replace(national_code="M01600"), manifest=LIST)) == ["target_in_list"]
    assert codes(run(tmp_path, one._replace(selfpay_prop="2"), manifest=LIST)) == ["attribute"]


def test_the_report_becomes_json_and_back(tmp_path: Path):
    """A report is stored as JSON and read again."""
    uses = [Use("chronic", "CN-320000", "CN", "A1", "translated", 3, 3, 500)]
    report = run(tmp_path, GOOD, uses=uses)
    assert msgspec.json.decode(msgspec.json.encode(report), type=CheckReport) == report
