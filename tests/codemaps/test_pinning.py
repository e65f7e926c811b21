"""Pinning: an encounter under way keeps the editions it was registered under."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.direction import Published
from codemaps.lookup import EditionMaps
from codemaps.port import CHRONIC, NATIONAL, Given, MapMissing
from codemaps.timeline import CHINA
from tests.codemaps.builders import DAY, JIANGSU, at_ms, edition, homeward, outward, row

FIRST = date(2026, 6, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(12)]


class Step(NamedTuple):
    """Something that happens to a map at an hour: a publication for a day, or a withdrawal of the latest one."""

    hour: int
    begin: date | None


STEPS = st.lists(
    st.builds(Step, st.integers(0, 24 * 11), st.none() | st.sampled_from(DAYS)), min_size=1, max_size=6
).map(lambda steps: sorted(steps, key=lambda step: step.hour))
HOURS = st.integers(-5, 24 * 12)


def instant(hour: int) -> int:
    """An hour of the test in milliseconds."""
    return at_ms(FIRST, hour)


def day_of(ms: int) -> date:
    """The day in China of an instant."""
    return datetime.fromtimestamp(ms / 1000, CHINA).date()


def happened(steps: list[Step]) -> list[Published]:
    """The editions that stand after some steps; a second one for the same day is refused, as it overlaps."""
    standing: list[Published] = []
    for number, (hour, begin) in enumerate(steps):
        if begin is None:
            standing = standing[:-1]
        elif begin not in [each.effective_from for each in standing]:
            name = f"e{number}"
            standing.append(edition(row("A1", f"M0010{number}"), begin=begin, published_ms=instant(hour), edition=name))
    return standing


def seen(maps: EditionMaps, on: date, as_of_ms: int | None) -> str | None:
    """The edition used for a day by an encounter registered at an instant; None where there is none."""
    try:
        found = outward(maps, "A1", on, Given(as_of_ms=as_of_ms))
    except MapMissing:
        return None
    assert found.map == f"{JIANGSU}.chronic"
    return found.edition


def model(standing: list[Published], on: date, as_of_ms: int | None) -> str | None:
    """Of the editions that have begun: the last one that was published before the encounter, or before the day."""
    visible = [
        each for each in standing
        if each.effective_from <= on
        and (as_of_ms is None or each.published_ms <= as_of_ms or day_of(each.published_ms) < on)
    ]  # fmt: skip
    return max(visible, key=lambda each: each.effective_from).manifest.edition if visible else None


@given(STEPS, HOURS, st.booleans())
def test_an_encounter_sees_what_the_model_says(steps: list[Step], registered: int, now: bool):
    """For every day of service the edition is the one that a slow reading of the rule gives."""
    standing = happened(steps)
    maps = EditionMaps(standing)
    as_of_ms = None if now else instant(registered)
    for on in [*DAYS, *DAYS]:  # the second time by what is remembered of the way
        assert seen(maps, on, as_of_ms) == model(standing, on, as_of_ms)


@given(STEPS, STEPS, HOURS)
def test_later_publications_do_not_reach_into_an_encounter(before: list[Step], after: list[Step], registered: int):
    """Whatever is published after the registration, a day of service up to that day keeps its edition."""
    later = [step._replace(hour=registered + 1 + step.hour) for step in after if step.begin is not None]
    earlier = [step for step in before if step.hour <= registered]
    first, both = happened(earlier), happened([*earlier, *later])
    as_of_ms = instant(registered)
    for on in DAYS:
        reached = any(day_of(each.published_ms) < on for each in both[len(first) :])
        if not reached:
            assert seen(EditionMaps(both), on, as_of_ms) == seen(EditionMaps(first), on, as_of_ms)


@given(STEPS, st.lists(st.tuples(st.none() | HOURS, st.sampled_from(DAYS)), min_size=2, max_size=12))
def test_what_is_remembered_never_leaks_between_encounters(steps: list[Step], asked: list[tuple[int | None, date]]):
    """One set of maps asked for many encounters in turn answers each as a fresh set would."""
    standing = happened(steps)
    shared = EditionMaps(standing)
    for registered, on in asked:
        as_of_ms = None if registered is None else instant(registered)
        assert seen(shared, on, as_of_ms) == seen(EditionMaps(standing), on, as_of_ms)


NOON = at_ms(DAY, 12)
OLD = edition(row("A1", "M00101"), published_ms=at_ms(DAY, -1000))
NEW = edition(row("A1", "M00102"), begin=DAY, published_ms=NOON, edition="new")
MAPS = EditionMaps([OLD, NEW])


@pytest.mark.parametrize(
    ("as_of_ms", "on", "expected"),
    [
        (NOON - 1, DAY, "2026.1"),
        (NOON, DAY, "new"),
        (NOON - 1, DAY + timedelta(days=1), "new"),
        (at_ms(DAY, -300), DAY, "2026.1"),
        (at_ms(DAY, -300), DAY + timedelta(days=1), "new"),
        (None, DAY, "new"),
        (None, DAY - timedelta(days=1), "2026.1"),
        (NOON + 1, DAY - timedelta(days=1), "2026.1"),
    ],
)
def test_a_publication_holds_at_once_for_new_and_from_the_next_day_for_open_encounters(
    as_of_ms: int | None, on: date, expected: str
):
    """The instant of publication counts for who registers, the day after it for who was there before."""
    assert seen(MAPS, on, as_of_ms) == expected
    found = homeward(MAPS, {"2026.1": "M00101", "new": "M00102"}[expected], on, Given(as_of_ms=as_of_ms))
    assert (found.to_code, found.edition) == ("A1", expected)
    way = CHRONIC, "A1", JIANGSU, NATIONAL, on
    assert MAPS.candidates(*way, Given(as_of_ms=as_of_ms)) == (found.from_code,)


@pytest.mark.parametrize(("hour", "reached"), [(-1, True), (0, False), (23, False)])
def test_the_day_of_a_publication_is_the_day_in_china(hour: int, reached: bool):
    """An edition published an hour before midnight in China counts for the day that follows, wherever the hub runs."""
    late = edition(row("A1", "M00102"), begin=DAY, published_ms=at_ms(DAY, hour), edition="new")
    assert seen(EditionMaps([OLD, late]), DAY, at_ms(DAY, -500)) == ("new" if reached else "2026.1")


def test_a_map_published_for_the_first_time_today_is_not_seen_by_older_encounters_today():
    """Where nothing was published before an encounter, the new map waits for the next day of service."""
    maps = EditionMaps([NEW])
    assert seen(maps, DAY, NOON - 1) is None
    assert seen(maps, DAY + timedelta(days=1), NOON - 1) == "new"


def test_the_end_of_an_edition_that_is_not_seen_ends_nothing():
    """An encounter that does not see a short new edition goes on with the old one after the new one's last day."""
    short = edition(
        row("A1", "M00102"), begin=DAY - timedelta(days=3), end=DAY - timedelta(days=2), published_ms=NOON, edition="s"
    )
    maps = EditionMaps([OLD, short])
    assert seen(maps, DAY, NOON - 1) == "2026.1"
    assert seen(maps, DAY, NOON) is None


def test_shipped_editions_are_seen_by_every_encounter():
    """An edition that came with the program was published before every encounter there is."""
    assert seen(EditionMaps([edition(row("A1", "M00101"))]), DAY, 0) == "2026.1"
