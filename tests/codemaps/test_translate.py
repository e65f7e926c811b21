"""Translation: the edition by date, the row traced, and never a guess."""

from dataclasses import FrozenInstanceError
from datetime import date
from typing import Any

import pytest

from codemaps.csvfile import TableError
from codemaps.editions import Edition, EditionRow, Manifest
from codemaps.lookup import MAX_TABLES, EditionMaps
from codemaps.port import CATALOGUE, CHRONIC, NATIONAL, Ambiguous, MapMissing, Relationship, Row, Unmapped

JIANGSU = "CN-320000"
DAY = date(2026, 11, 22)


def row(
    line: int, local: str, national: str, relationship: Relationship = "equal", *, preferred: bool = False
) -> EditionRow:
    """One confirmed row."""
    return EditionRow(line, local, "名", national, "名", relationship, preferred, True, "test")


def edition(*rows: EditionRow, name: str = "2026.1", begin: date = date(2026, 1, 1), **more: Any) -> Edition:
    """One edition of the Jiangsu chronic map."""
    values: dict[str, Any] = {
        "map": "CN-320000.chronic",
        "edition": name,
        "kind": "chronic",
        "from_system": JIANGSU,
        "to_system": NATIONAL,
        "effective_from": begin,
        "source": "test",
        "author": "test",
        "note": "",
        "confirmed": True,
        "unmapped": "reject",
    }
    return Edition(Manifest(**(values | more)), rows, "sha256:test", name + ".csv")


def outward(maps: EditionMaps, code: str, on: date = DAY) -> Row:
    """Province to nation."""
    return maps.translate(CHRONIC, code, JIANGSU, NATIONAL, on)


def inward(maps: EditionMaps, code: str, on: date = DAY) -> Row:
    """Nation to province."""
    return maps.translate(CHRONIC, code, NATIONAL, JIANGSU, on)


def test_a_row_is_traced() -> None:
    """A translation names both systems and codes, the map, the edition and the row."""
    found = outward(EditionMaps([edition(row(2, "A1", "M03900"))]), "A1")
    assert (found.from_code, found.to_code, found.map, found.edition, found.row) == (
        "A1", "M03900", "CN-320000.chronic", "2026.1", 2,
    )  # fmt: skip
    trace = found.as_translation("320000")
    assert (trace.kind, trace.from_system, trace.from_code) == (CHRONIC, JIANGSU, "A1")
    assert (trace.to_system, trace.to_code) == (NATIONAL, "M03900")
    assert (trace.map, trace.edition, trace.row, trace.admdvs) == ("CN-320000.chronic", "2026.1", 2, "320000")


def test_rows_and_traces_are_shared() -> None:
    """The same look-up gives the same row, and the same hub the same trace."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"))])
    assert outward(maps, "A1") is outward(maps, "A1")
    assert outward(maps, "A1").as_translation("320000") is outward(maps, "A1").as_translation("320000")
    assert outward(maps, "A1").as_translation("321100").admdvs == "321100"


def test_a_row_cannot_be_changed() -> None:
    """A shared row refuses to be written."""
    found = outward(EditionMaps([edition(row(2, "A1", "M03900"))]), "A1")
    with pytest.raises(FrozenInstanceError):
        found.to_code = "M01600"  # type: ignore[misc]


def test_the_date_of_service_chooses_the_edition() -> None:
    """Each day belongs to one edition: up to the stated end, or to the day before the next one begins."""
    maps = EditionMaps(
        [
            edition(row(2, "A1", "M00501"), name="2024.1", begin=date(2024, 1, 1), effective_to=date(2024, 6, 30)),
            edition(row(2, "A1", "M00503"), name="2025.1", begin=date(2025, 1, 1)),
            edition(row(2, "A1", "M00504"), name="2026.1", begin=date(2026, 1, 1)),
        ]
    )
    assert outward(maps, "A1", date(2024, 6, 30)).edition == "2024.1"
    assert outward(maps, "A1", date(2025, 12, 31)).to_code == "M00503"
    assert outward(maps, "A1", date(2026, 1, 1)).to_code == "M00504"
    assert inward(maps, "M00503", date(2025, 1, 1)).edition == "2025.1"
    with pytest.raises(Unmapped):
        inward(maps, "M00503", date(2026, 1, 1))


@pytest.mark.parametrize("on", [date(2023, 12, 31), date(2024, 7, 1)])
def test_no_edition_in_force(on: date) -> None:
    """A day that no edition covers has no translation."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"), begin=date(2024, 1, 1), effective_to=date(2024, 6, 30))])
    with pytest.raises(MapMissing) as caught:
        outward(maps, "A1", on)
    assert (caught.value.kind, caught.value.code, caught.value.on) == (CHRONIC, "A1", on)
    assert (caught.value.from_system, caught.value.to_system) == (JIANGSU, NATIONAL)
    assert maps.edition(CHRONIC, JIANGSU, NATIONAL, on) is None


def test_no_map_between_two_systems() -> None:
    """Systems without a map between them, or of another kind of code, have no translation."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"))])
    with pytest.raises(MapMissing):
        maps.translate(CATALOGUE, "A1", JIANGSU, NATIONAL, DAY)
    with pytest.raises(MapMissing):
        maps.translate(CHRONIC, "A1", JIANGSU, "CN-210000", DAY)
    with pytest.raises(MapMissing):
        maps.table(CHRONIC, "CN-210000", NATIONAL, DAY)


@pytest.mark.parametrize("code", ["A9", "a1", "A1 ", "Ａ1", "", "M03900"])
def test_an_unmapped_code_is_refused(code: str) -> None:
    """A code is found exactly as written or not at all: no trimming, no change of case."""
    with pytest.raises(Unmapped) as caught:
        outward(EditionMaps([edition(row(2, "A1", "M03900"))]), code)
    assert caught.value.code == code
    assert (caught.value.map, caught.value.edition) == ("CN-320000.chronic", "2026.1")


def test_a_code_known_to_have_no_counterpart_is_refused() -> None:
    """A row without a national code translates nothing."""
    with pytest.raises(Unmapped):
        outward(EditionMaps([edition(row(2, "A1", ""))]), "A1")


def test_several_targets_are_never_chosen_by_chance() -> None:
    """Two local codes for one national code, neither preferred, are refused with both named."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"), row(3, "A2", "M03900", "wider"))])
    assert outward(maps, "A2").to_code == "M03900"
    for _ in range(3):
        with pytest.raises(Ambiguous) as caught:
            inward(maps, "M03900")
        assert caught.value.candidates == ("A1", "A2")
        assert caught.value.code == "M03900"


def test_the_preferred_row_decides() -> None:
    """Where several local codes share a national one, the preferred row is the way back."""
    maps = EditionMaps([edition(row(2, "A1", "M03900", "wider"), row(3, "A2", "M03900", preferred=True))])
    assert inward(maps, "M03900").to_code == "A2"
    assert inward(maps, "M03900").row == 3


@pytest.mark.parametrize(
    ("stated", "turned"), [("equal", "equal"), ("wider", "narrower"), ("narrower", "wider"), ("inexact", "inexact")]
)
def test_the_relationship_turns_with_the_direction(stated: Relationship, turned: Relationship) -> None:
    """What is wider on the way out is narrower on the way back."""
    maps = EditionMaps([edition(row(2, "A1", "M03900", stated))])
    assert outward(maps, "A1").relationship == stated
    assert inward(maps, "M03900").relationship == turned


def test_a_code_may_pass_where_the_edition_says_so() -> None:
    """A pass-through is visible: row 0, relationship passed, not confirmed."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"), unmapped="pass")])
    found = outward(maps, "M01600")
    assert (found.to_code, found.row, found.relationship, found.confirmed) == ("M01600", 0, "passed", False)
    assert found.as_translation("320000").edition == "2026.1"


@pytest.mark.parametrize("code", ["A9", "M03900", "M03902"])
def test_only_foreign_codes_that_mean_nothing_else_pass(code: str) -> None:
    """A code does not pass when it lacks the national shape or stands on either side of the table."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"), row(3, "M03902", ""), unmapped="pass")])
    with pytest.raises(Unmapped):
        outward(maps, code)


def test_a_local_code_that_looks_national_does_not_pass_inward() -> None:
    """A national code whose twin is another disease in the province is refused on the way in."""
    maps = EditionMaps([edition(row(2, "M03902", "M03900"), unmapped="pass")])
    with pytest.raises(Unmapped):
        inward(maps, "M03902")


def test_overlapping_editions_are_refused() -> None:
    """Two editions of one map never cover the same day by their own statement."""
    first = edition(name="2025.1", begin=date(2025, 1, 1), effective_to=date(2026, 1, 1))
    with pytest.raises(TableError, match=r"2025\.1 and 2026\.1 of CN-320000\.chronic overlap"):
        EditionMaps([first, edition()])
    with pytest.raises(TableError, match="overlap"):
        EditionMaps([edition(name="2026.2"), edition()])


def test_two_maps_for_the_same_codes_are_refused() -> None:
    """Which of two maps translates a code is never left open."""
    with pytest.raises(TableError, match="translate the same codes"):
        EditionMaps([edition(), edition(map="another")])


def test_a_map_keeps_its_systems() -> None:
    """All editions of one map lead from and to the same systems."""
    later = edition(name="2027.1", begin=date(2027, 1, 1), from_system="CN-210000")
    with pytest.raises(TableError, match="from_system"):
        EditionMaps([edition(), later])


def test_memory_for_dates_is_bounded() -> None:
    """Dates come from callers; remembering them has a limit and answers stay right beyond it."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"))])
    for number in range(MAX_TABLES + 10):
        on = date.fromordinal(date(2026, 1, 1).toordinal() + number)
        assert outward(maps, "A1", on).to_code == "M03900"
    assert len(maps._tables) <= MAX_TABLES


def test_a_table_answers_like_the_maps() -> None:
    """The table of a date gives the same rows and the same refusals."""
    maps = EditionMaps([edition(row(2, "A1", "M03900"))])
    table = maps.table(CHRONIC, JIANGSU, NATIONAL, DAY)
    assert table.translate("A1") is outward(maps, "A1")
    with pytest.raises(Unmapped):
        table.translate("A2")
