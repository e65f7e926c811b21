"""Translation: the edition by date, the row traced, and never a guess."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from codemaps import image
from codemaps.csvfile import TableError
from codemaps.direction import Published
from codemaps.editions import EditionRow
from codemaps.lookup import MAX_WAYS, EditionMaps
from codemaps.port import CATALOGUE, CHRONIC, DIAGNOSIS, NATIONAL, Ambiguous, Given, MapMissing, NotTranslated, Unmapped
from codemaps.row import MAX_KEPT
from codemaps.row import Row as MapRow
from tests.codemaps.builders import DAY, JIANGSU, LIAONING, MAP, edition, homeward, outward, row

WAY, BACK = (JIANGSU, NATIONAL), (NATIONAL, JIANGSU)
SERVICE, DRUG, CONSUMABLE = "001102000010000", "XN07AAX001A001010100001", "C010101000000001234"


def test_a_row_is_traced():
    """A translation names both systems and codes, the map, the edition and the row."""
    found = outward(EditionMaps([edition(row("A0", "M01600"), row("A1", "M03900"))]), "A1")
    assert (found.from_code, found.to_code, found.map, found.edition, found.row) == ("A1", "M03900", MAP, "2026.1", 3)
    assert found.confirmed
    trace = found.as_translation("320000")
    assert (trace.kind, trace.from_system, trace.from_code) == (CHRONIC, JIANGSU, "A1")
    assert (trace.to_system, trace.to_code) == (NATIONAL, "M03900")
    assert (trace.map, trace.edition, trace.row, trace.admdvs) == (MAP, "2026.1", 3, "320000")


def test_a_trace_is_of_its_own_code_hub_and_direction():
    """Traces that are kept are never those of another row, another hub or the other direction."""
    maps = EditionMaps([edition(row("A1", "M03900"), row("A2", "M01600"), unmapped="pass")])
    for _ in range(2):
        for code, target in (("A1", "M03900"), ("A2", "M01600"), ("M00101", "M00101"), ("M00102", "M00102")):
            for hub in ("320000", "321100"):
                trace = outward(maps, code).as_translation(hub)
                assert (trace.from_code, trace.to_code, trace.admdvs) == (code, target, hub)
        back = homeward(maps, "M03900").as_translation("320000")
        assert (back.from_code, back.to_code, back.from_system) == ("M03900", "A1", NATIONAL)


def test_memory_for_rows_is_bounded():
    """Codes come from requests; keeping their rows has a limit, and they stay right beyond it."""
    maps = EditionMaps([edition(*(row(f"A{number:05d}", "M03900") for number in range(MAX_KEPT + 10)))])
    for number in [*range(MAX_KEPT + 10)] * 9:
        found = outward(maps, f"A{number:05d}")
        assert (found.from_code, found.row) == (f"A{number:05d}", number + 2)
        assert isinstance(found, MapRow)
        assert len(found._source.kept) <= MAX_KEPT
    often = [outward(maps, "A00001") for _ in range(20)]
    assert often[-1] is often[-2]


def test_a_kept_row_traces_for_the_hub_that_asks():
    """The trace of a row names the hub that translated, also when several hubs share the maps."""
    found = outward(EditionMaps([edition(row("A1", "M03900"))]), "A1")
    assert [found.as_translation(hub).admdvs for hub in ("320000", "210000", "320000")] == [
        "320000",
        "210000",
        "320000",
    ]


def test_the_whole_row_is_read_when_asked(tmp_path: Path):
    """A row gives its names and remark from the edition's file, also with quotes and commas in them."""
    odd = row("A2", "M01600", local_name='糖尿病,"二型"', remark="备注,x")
    maps = EditionMaps([edition(row("A1", "M03900"), odd, place=tmp_path)])
    assert outward(maps, "A2").details() == odd  # type: ignore[attr-defined]
    assert homeward(maps, "M01600").details() == odd  # type: ignore[attr-defined]


@pytest.mark.parametrize("on", [date(2023, 12, 31), date(2024, 7, 1)])
def test_no_edition_in_force(on: date):
    """A day that no edition covers has no translation, and the refusal names the day."""
    maps = EditionMaps([edition(row("A1", "M03900"), begin=date(2024, 1, 1), end=date(2024, 6, 30))])
    with pytest.raises(MapMissing) as caught:
        outward(maps, "A1", on)
    assert (caught.value.kind, caught.value.code, caught.value.on) == (CHRONIC, "A1", on)
    assert (caught.value.from_system, caught.value.to_system) == WAY
    with pytest.raises(MapMissing):
        maps.candidates(CHRONIC, "A1", *WAY, on)
    assert maps.in_force(on) == ()


def test_no_map_between_two_systems():
    """Systems without a map between them, or of another kind of code, have no translation and do not connect."""
    maps = EditionMaps([edition(row("A1", "M03900"))])
    assert maps.connects(CHRONIC, *WAY)
    assert maps.connects(CHRONIC, *BACK)
    for way in ((CATALOGUE, *WAY), (CHRONIC, JIANGSU, LIAONING), (CHRONIC, LIAONING, NATIONAL)):
        assert not maps.connects(*way)
        with pytest.raises(MapMissing):
            maps.translate(way[0], "A1", *way[1:], DAY)


@pytest.mark.parametrize("code", ["A9", "a1", "A1 ", "Ａ1", "", "M03900"])
def test_an_unmapped_code_is_refused(code: str):
    """A code is found exactly as written or not at all: no trimming, no change of case."""
    with pytest.raises(Unmapped) as caught:
        outward(EditionMaps([edition(row("A1", "M03900"))]), code)
    assert (caught.value.code, caught.value.map, caught.value.edition) == (code, MAP, "2026.1")


def test_a_code_known_to_have_no_counterpart_is_refused():
    """A row without a national code translates nothing, neither out nor home."""
    maps = EditionMaps([edition(row("A1"), row("A2", "M03900"))])
    with pytest.raises(Unmapped):
        outward(maps, "A1")
    with pytest.raises(Unmapped):
        homeward(maps, "")


def test_several_targets_are_never_chosen_by_chance():
    """Two local codes for one national code, neither preferred, are refused with both named."""
    maps = EditionMaps([edition(row("A1", "M03900"), row("A2", "M03900", "wider"))])
    assert outward(maps, "A2").to_code == "M03900"
    assert maps.shares(CHRONIC, *BACK)
    assert not maps.shares(CHRONIC, *WAY)
    for _ in range(3):
        with pytest.raises(Ambiguous) as caught:
            homeward(maps, "M03900")
        assert (caught.value.candidates, caught.value.map) == (("A1", "A2"), MAP)


def test_the_preferred_row_decides():
    """Where several local codes share a national one, the preferred row is the way back."""
    maps = EditionMaps([edition(row("A1", "M03900", "wider"), row("A2", "M03900", preferred="true"))])
    assert (homeward(maps, "M03900").to_code, homeward(maps, "M03900").row) == ("A2", 3)


def test_a_preference_is_for_the_way_home_only():
    """Two targets of one local code are ambiguous, whatever is preferred on the way back."""
    maps = EditionMaps([edition(row("A1", "M03900", preferred="true"), row("A1", "M01600"))])
    with pytest.raises(Ambiguous):
        outward(maps, "A1")


@pytest.mark.parametrize(
    ("entitled", "expected"),
    [({"A1"}, "A1"), ({"A1", "B9"}, "A1"), ({"B9"}, "A2"), ({"A1", "A2"}, "A2"), ({"A1", "A3"}, None)],
)
def test_the_entitlement_decides_before_the_preference(entitled: set[str], expected: str | None):
    """What the person is entitled for comes first; the preferred row only decides among what is left."""
    rows = row("A1", "M03900"), row("A2", "M03900", preferred="true"), row("A3", "M03900")
    maps = EditionMaps([edition(*rows)])
    if expected is None:
        with pytest.raises(Ambiguous):
            homeward(maps, "M03900", given=Given(entitled=frozenset(entitled)))
    else:
        assert homeward(maps, "M03900", given=Given(entitled=frozenset(entitled))).to_code == expected


@pytest.mark.parametrize(
    ("stated", "turned"), [("equal", "equal"), ("wider", "narrower"), ("narrower", "wider"), ("inexact", "inexact")]
)
def test_the_relationship_turns_with_the_direction(stated: str, turned: str):
    """What is wider on the way out is narrower on the way back, also where one of several rows was chosen."""
    maps = EditionMaps([
        edition(row("A1", "M03900", stated), row("B1", "M01600", stated, preferred="true"), row("B2", "M01600"))
    ])  # fmt: skip
    assert outward(maps, "A1").relationship == outward(maps, "B1").relationship == stated
    assert homeward(maps, "M03900").relationship == homeward(maps, "M01600").relationship == turned


def test_a_code_may_pass_where_the_edition_says_so():
    """A pass-through is visible: row 0, relationship passed, not confirmed."""
    maps = EditionMaps([edition(row("A1", "M03900"), unmapped="pass")])
    found = outward(maps, "M01600")
    assert (found.to_code, found.row, found.relationship, found.confirmed) == ("M01600", 0, "passed", False)
    assert found.as_translation("320000").edition == "2026.1"
    assert homeward(maps, "M01600").relationship == "passed"


@pytest.mark.parametrize("code", ["A9", "M03900", "M03902", "M0160", "m01600", "M01600 ", "M01600\n", ""])
def test_only_foreign_codes_that_mean_nothing_else_pass(code: str):
    """A code does not pass when it lacks the national shape or stands on either side of the table."""
    with pytest.raises(Unmapped) as caught:
        outward(EditionMaps([edition(row("A1", "M03900"), row("M03902"), unmapped="pass")]), code)
    assert caught.value.rule == "reject"


def test_a_local_code_that_looks_national_does_not_pass_inward():
    """A national code whose twin is another disease in the province is refused on the way in."""
    with pytest.raises(Unmapped):
        homeward(EditionMaps([edition(row("M03902", "M03900"), unmapped="pass")]), "M03902")


@pytest.mark.parametrize("rule", ["reject", "hold"])
def test_a_missing_row_follows_the_rule_of_its_edition(rule: str):
    """Whether a code without a row is refused or held is what the edition in force says."""
    first = edition(row("A1", "M03900"), unmapped=rule, end=date(2026, 6, 30))
    later = edition(row("A1", "M03900"), edition="2026.2", unmapped="pass", begin=date(2026, 7, 1))
    with pytest.raises(Unmapped) as caught:
        outward(EditionMaps([first, later]), "M01600")
    assert caught.value.rule == rule


# --- several maps for one kind on the wire -------------------------------------------------------------------------


def of_kind(kind: str, *rows: EditionRow, unmapped: str = "reject") -> Published:
    """A map of one kind of catalogue code."""
    return edition(*rows, map=f"{JIANGSU}.{kind}", kind=kind, unmapped=unmapped)


def test_drugs_services_and_consumables_are_one_field_on_the_wire():
    """A fee line knows only that its code is of the catalogue; the map that has the code translates it."""
    parts = [
        of_kind("drug", row("D1", DRUG)), of_kind("service", row("S1", SERVICE)),
        of_kind("consumable", row("C1", CONSUMABLE), unmapped="hold"),
    ]  # fmt: skip
    for order in (parts, parts[::-1], [parts[1], parts[2], parts[0]]):
        maps = EditionMaps(order)
        for code, target, kind in (("D1", DRUG, "drug"), ("S1", SERVICE, "service"), ("C1", CONSUMABLE, "consumable")):
            out = maps.translate(CATALOGUE, code, *WAY, DAY)
            assert (out.to_code, out.map) == (target, f"{JIANGSU}.{kind}")
            assert maps.translate(CATALOGUE, target, *BACK, DAY).to_code == code
        with pytest.raises(Unmapped) as caught:
            maps.translate(CATALOGUE, "X1", *WAY, DAY)
        assert (caught.value.rule, caught.value.map) == ("hold", f"{JIANGSU}.consumable")


def test_only_the_map_that_says_so_lets_its_own_codes_pass():
    """Where one of several maps lets codes through, only codes of its shape that no map knows pass."""
    maps = EditionMaps([of_kind("drug", row("D1", DRUG), unmapped="pass"), of_kind("service", row("S1", SERVICE))])
    other = DRUG[:-1] + "2"
    passed = maps.translate(CATALOGUE, other, *WAY, DAY)
    assert (passed.to_code, passed.map) == (other, f"{JIANGSU}.drug")
    for code in (SERVICE, "001102000010001", DRUG):
        with pytest.raises(Unmapped):
            maps.translate(CATALOGUE, code, *WAY, DAY)
    odd = [of_kind("drug", row("D1", DRUG), unmapped="pass"), of_kind("service", row(other, SERVICE))]
    with pytest.raises(Unmapped):  # the twin of this drug is a service of the province
        EditionMaps(odd).translate(CATALOGUE, other, *BACK, DAY)


def test_two_maps_with_the_same_code_are_not_decided_by_their_order():
    """A code that two maps of one field take to different targets is ambiguous, in either order."""
    twice = [of_kind("drug", row("X1", DRUG)), of_kind("service", row("X1", SERVICE))]
    for order in (twice, twice[::-1]):
        maps = EditionMaps(order)
        with pytest.raises(Ambiguous) as caught:
            maps.translate(CATALOGUE, "X1", *WAY, DAY)
        assert caught.value.candidates == maps.candidates(CATALOGUE, "X1", *WAY, DAY) == (SERVICE, DRUG)


def test_a_map_outside_its_dates_leaves_the_others_alone():
    """One of several maps that has not begun yet takes nothing from those that have."""
    later = edition(row("S1", SERVICE), map=f"{JIANGSU}.service", kind="service", begin=DAY + timedelta(days=1))
    maps = EditionMaps([of_kind("drug", row("D1", DRUG)), later])
    assert maps.translate(CATALOGUE, "D1", *WAY, DAY).to_code == DRUG
    with pytest.raises(Unmapped):
        maps.translate(CATALOGUE, "S1", *WAY, DAY)
    assert maps.translate(CATALOGUE, "S1", *WAY, DAY + timedelta(days=1)).to_code == SERVICE


# --- what cannot stand ---------------------------------------------------------------------------------------------


def test_two_maps_for_the_same_codes_are_refused():
    """Which of two maps translates a code is never left open."""
    with pytest.raises(TableError, match="translate the same codes"):
        EditionMaps([edition(), edition(map="another")])


def test_a_map_keeps_its_kind_and_systems():
    """All editions of one map are of one kind and lead from and to the same systems."""
    for column, other in (("from_system", LIAONING), ("to_system", LIAONING), ("kind", "diagnosis")):
        said: dict[str, Any] = {"edition": "2027.1", "begin": date(2027, 1, 1), column: other}
        with pytest.raises(TableError, match=column):
            EditionMaps([edition(), edition(**said)])


def test_memory_for_dates_is_bounded():
    """Dates come from callers; remembering them has a limit and answers stay right beyond it."""
    maps = EditionMaps([edition(row("A1", "M03900"))])
    for number in range(MAX_WAYS + 10):
        assert outward(maps, "A1", date.fromordinal(date(2026, 1, 1).toordinal() + number)).to_code == "M03900"
    assert len(maps._ways) <= MAX_WAYS


ODD = ["", "\0", "A1\0", "\0A1", "A" * 10_000, "药" * 100, "药" * 101, "A" * 511, "A" * 512, "\udcff", "A1\ud800",
       "\ufffeM03900", "þM03900", "ÿ", "\U0010ffff" * 100, "A1\u200b", "A1\u202e", "%s{code}"]  # fmt: skip


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("rule", ["reject", "hold", "pass"])
def test_nothing_that_a_caller_sends_breaks_the_look_up(tmp_path: Path, rule: str, stored: bool):
    """A code that is empty, endless, binary or no text at all is not translated, and nothing else happens."""
    place = tmp_path if stored else None
    maps = EditionMaps([edition(row("A1", "M03900"), row("A2", "M03900"), unmapped=rule, place=place),
                        edition(row("A1", ""), place=place, map="list", from_system="CN", to_system="")])  # fmt: skip
    for _ in range(2):  # the second time by the way that is remembered
        assert outward(maps, "A1").to_code == "M03900"
        for code in ODD:
            for way in (WAY, BACK):
                with pytest.raises(NotTranslated):
                    maps.translate(CHRONIC, code, *way, DAY)
                assert maps.candidates(CHRONIC, code, *way, DAY) == ()
                assert maps.listed(CHRONIC, "CN", code, DAY) is None


def test_an_edition_without_rows_answers_nothing():
    """An image of nothing but its own note answers no code."""
    empty = edition(map="x", kind="diagnosis")
    assert empty.image.get(image.HOME) is None
    with pytest.raises(Unmapped):
        EditionMaps([empty]).translate(DIAGNOSIS, "A1", *WAY, DAY)
