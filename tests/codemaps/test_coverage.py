"""How much of recent traffic an edition covers, and what it would change."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemaps.coverage import Coverage, Impact, cover, impact, weigh
from codemaps.editions import EditionRow, write_rows
from codemaps.traffic import Use

WAY = ("chronic", "CN-320000", "CN")
LOCAL = [f"A{number}" for number in range(5)]
UPPER = [f"M0{number}00" for number in range(5)]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "local_code": st.sampled_from(LOCAL),
            "national_code": st.sampled_from(["", *UPPER]),
            "relationship": st.sampled_from(["equal", "wider", "inexact"]),
            "preferred": st.sampled_from(["true", "false"]),
            "insutype": st.sampled_from(["", "310"]),
        }
    ).map(lambda cells: EditionRow(**cells)),
    unique=True,
    max_size=10,
)
NUMBER = st.integers(0, 10**6)
USES = st.lists(
    st.one_of(
        st.builds(
            Use,
            st.just("chronic"),
            st.just("CN-320000"),
            st.just("CN"),
            st.sampled_from(LOCAL),
            st.just("translated"),
            NUMBER,
            NUMBER,
            NUMBER,
        ),
        st.builds(
            Use,
            st.just("chronic"),
            st.just("CN"),
            st.just("CN-320000"),
            st.sampled_from(UPPER),
            st.just("unmapped"),
            NUMBER,
            NUMBER,
            NUMBER,
        ),
    ),
    max_size=20,
)
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(file: Path, *rows: EditionRow) -> Path:
    """Write rows in the fixed form."""
    with file.open("wb") as out:
        write_rows(sorted(rows), out)
    return file


def out(code: str, amount: int = 100) -> Use:
    """A use on the way out."""
    return Use(*WAY, code, "translated", 1, 2, amount)


def home(code: str, amount: int = 100) -> Use:
    """A use on the way home."""
    return Use("chronic", "CN", "CN-320000", code, "translated", 1, 2, amount)


def row(local: str, upper: str, relationship: str = "equal", **cells: str) -> EditionRow:
    """A row of a map."""
    return EditionRow(local, national_code=upper, relationship=relationship)._replace(**cells)


def effects(found: Impact) -> dict[str, int]:
    """The effects there are, with their codes."""
    return {effect: affected.total.codes for effect, affected in found.effects.items() if affected.total.codes}


def total(uses: Sequence[Use]) -> tuple[int, int, int, int]:
    """Codes, cases, lines and money of all uses."""
    codes = len({(use.from_system, use.code) for use in uses})
    return codes, sum(u.cases for u in uses), sum(u.lines for u in uses), sum(u.amount_fen for u in uses)


def added(*parts: object) -> tuple[int, ...]:
    """Parts of the traffic together."""
    return tuple(sum(getattr(part, name) for part in parts) for name in ("codes", "cases", "lines", "amount_fen"))


def parts_of(coverage: Coverage) -> tuple[int, ...]:
    """All of the traffic a coverage tells of."""
    return added(coverage.covered, coverage.not_covered, coverage.elsewhere)


def test_each_direction_looks_at_its_own_side(tmp_path: Path):
    """On the way out the local codes count, on the way home the upper ones."""
    rows = write(tmp_path / "a", row("A0", "M0000"))
    told = cover(rows, *WAY, [out("A0"), out("M0000"), home("M0000"), home("A0")])
    assert [(way.covered.codes, way.not_covered.codes) for way in told.ways] == [(1, 1), (1, 1)]
    assert [[used.code for used in way.top] for way in told.ways] == [["M0000"], ["A0"]]


def test_other_traffic_is_not_counted(tmp_path: Path):
    """Another kind and another way are no business of the edition."""
    rows = write(tmp_path / "a", row("A0", "M0000"))
    foreign = [out("A0")._replace(kind="catalogue"), out("A0")._replace(to_system="CN-330000")]
    assert parts_of(cover(rows, *WAY, foreign)) == (0, 0, 0, 0)


def test_a_code_without_counterpart_is_not_covered(tmp_path: Path):
    """A row that says there is no counterpart translates nothing."""
    rows = write(tmp_path / "a", EditionRow("A0"))
    assert cover(rows, *WAY, [out("A0")]).not_covered.codes == 1


def test_rows_that_ended_cover_nothing(tmp_path: Path):
    """A row that ended before the day the edition begins is as good as none; on its last day it still holds."""
    rows = write(tmp_path / "a", row("A0", "M0000", valid_to="2025-12-31"))
    ended = weigh(None, rows, *WAY, [out("A0")], on="2026-01-01").coverage
    assert (ended.not_covered.codes, weigh(None, rows, *WAY, [out("A0")], on="2025-12-31").coverage.covered.codes) == (
        1,
        1,
    )


def test_what_is_missing_comes_by_money(tmp_path: Path):
    """The dearest codes without a row come first, and at most twenty are told."""
    rows = write(tmp_path / "a")
    told = cover(rows, *WAY, [out(f"A{number}", number) for number in range(30)])
    assert [used.amount_fen for used in told.ways[0].top] == list(range(29, 9, -1))


def test_another_map_of_the_field_covers_too(tmp_path: Path):
    """A code that a sibling map has is neither covered here nor missing."""
    rows, other = write(tmp_path / "a", row("A0", "M0000")), write(tmp_path / "b", row("A1", "M0100"))
    weighed = weigh(None, rows, *WAY, [out("A0"), out("A1"), out("A2")], others=[other])
    told = weighed.coverage
    assert (told.covered.codes, told.elsewhere.codes, told.not_covered.codes) == (1, 1, 1)
    assert weighed.impact.elsewhere.codes == 1


def test_each_effect_is_seen(tmp_path: Path):
    """Codes that lose, gain or change their target, and those that become less exact, are told apart."""
    before = write(tmp_path / "a", row("A0", "M0000"), row("A1", "M0100"), row("A2", "M0200"), row("A3", "M0300"))
    after = write(
        tmp_path / "b", row("A1", "M0000"), row("A2", "M0200", "wider"), row("A3", "M0300"), row("A4", "M0400")
    )
    found = impact(before, after, *WAY, [out(code) for code in (*LOCAL, "A9")])
    assert effects(found) == {"untranslatable": 1, "translatable": 1, "retargeted": 1, "less_exact": 1}
    assert (found.unchanged.codes, found.untranslated.codes) == (1, 1)
    [moved] = found.effects["retargeted"].top
    assert (moved.code, moved.before.split()[0], moved.after.split()[0]) == ("A1", "M0100", "M0000")


def test_becoming_more_exact_changes_nothing_for_the_worse(tmp_path: Path):
    """The same target, told more exactly, is no effect."""
    before, after = write(tmp_path / "a", row("A0", "M0000", "inexact")), write(tmp_path / "b", row("A0", "M0000"))
    assert impact(before, after, *WAY, [out("A0"), home("M0000")]).is_empty


def test_conditions_are_part_of_the_target(tmp_path: Path):
    """Several rows of a code are compared as a set, conditions included, in whatever order they stand."""
    one, two = row("A0", "M0000", insutype="310"), row("A0", "M0100", insutype="390")
    before = write(tmp_path / "a", one, two)
    assert impact(before, write(tmp_path / "b", two, one), *WAY, [out("A0")]).is_empty
    turned = write(tmp_path / "c", one._replace(insutype="390"), two._replace(insutype="310"))
    assert effects(impact(before, turned, *WAY, [out("A0")])) == {"retargeted": 1}


def test_a_preference_counts_where_it_decides(tmp_path: Path):
    """Preferring another of two local codes changes the way home; preferring the only one changes nothing."""
    one, two = row("A0", "M0000", preferred="true"), row("A1", "M0000")
    before = write(tmp_path / "a", one, two)
    after = write(tmp_path / "b", one._replace(preferred="false"), two._replace(preferred="true"))
    assert effects(impact(before, after, *WAY, [home("M0000"), out("A0")])) == {"retargeted": 1}
    alone, preferred = write(tmp_path / "c", two), write(tmp_path / "d", two._replace(preferred="true"))
    assert impact(alone, preferred, *WAY, [home("M0000")]).is_empty


def test_a_first_edition_makes_codes_translatable(tmp_path: Path):
    """Without an edition before, everything it has becomes translatable."""
    after = write(tmp_path / "a", row("A0", "M0000"))
    assert effects(impact(None, after, *WAY, [out("A0"), home("M0000"), out("A1")])) == {"translatable": 2}


def test_loose_codes_in_use_are_told_in_their_direction(tmp_path: Path):
    """A wider row is loose on the way out; on the way home it is narrower, and a narrower one is wider."""
    rows = write(tmp_path / "a", row("A0", "M0000", "wider"), row("A1", "M0100", "narrower"))
    loose = weigh(None, rows, *WAY, [out("A0"), out("A1"), home("M0000"), home("M0100")]).loose
    assert [(each.line, each.code, each.relationship) for each in loose] == [(2, "A0", "wider"), (3, "M0100", "wider")]


@SLOW
@given(ROWS, USES)
def test_coverage_adds_up_to_the_traffic(tmp_path: Path, rows: list[EditionRow], uses: list[Use]):
    """Covered and not covered are all of the traffic, as a whole and by direction."""
    told = cover(write(tmp_path / "a", *rows), *WAY, uses)
    assert parts_of(told) == total(uses)
    assert added(*(part for way in told.ways for part in (way.covered, way.not_covered))) == total(uses)


@SLOW
@given(ROWS, ROWS, USES)
def test_impact_adds_up_to_the_traffic(tmp_path: Path, old: list[EditionRow], new: list[EditionRow], uses: list[Use]):
    """Every used code has exactly one effect or none."""
    found = impact(write(tmp_path / "a", *old), write(tmp_path / "b", *new), *WAY, uses)
    parts = [affected.total for affected in found.effects.values()]
    assert added(*parts, found.unchanged, found.untranslated, found.elsewhere) == total(uses)


@SLOW
@given(ROWS, USES)
def test_an_edition_has_no_impact_on_itself(tmp_path: Path, rows: list[EditionRow], uses: list[Use]):
    """An edition in its own place changes nothing."""
    file = write(tmp_path / "a", *rows)
    assert impact(file, file, *WAY, uses).is_empty
