"""The emergency override: two people, some hours, and gone by itself."""

import pytest

from codemaps.depot import Depot, lifecycle, serving
from codemaps.depot.lifecycle import MOST_HOURS
from codemaps.editions import Manifest
from codemaps.lookup import EditionMaps
from codemaps.port import CHRONIC, NATIONAL, Ambiguous, Given, Unmapped
from tests.codemaps.builders import (
    BEGIN,
    JIANGSU,
    MAP,
    REVIEWER,
    Clock,
    at_ms,
    edition,
    homeward,
    manifest,
    outward,
    override,
    publish,
    refusal,
    row,
)  # fmt: skip

HOUR_MS = 3_600_000


@pytest.fixture
def filled(depot: Depot) -> Depot:
    """A depot with one published edition."""
    publish(depot, row("A1", "M00101"), row("A2", "M00102"))
    return depot


def ask(depot: Depot, to_code: str = "M00109", hours: int = 2, code: str = "A1") -> int:
    """A request for an override by one person."""
    return lifecycle.ask_override(depot, manifest(), code, to_code, "甲", "wrong row", hours)


def states(depot: Depot) -> list[str]:
    """Where each override stands."""
    return [each["state"] for each in lifecycle.overrides(depot)]


def test_an_override_takes_two_people(filled: Depot):
    """A request alone changes nothing, whoever asked cannot approve it, and a second person puts it in force."""
    number = ask(filled)
    assert (states(filled), outward(serving.maps(filled), "A1").to_code) == (["asked"], "M00101")
    assert refusal(lambda: lifecycle.approve_override(filled, number, "甲")).reason == "SAME_PERSON"
    assert states(filled) == ["asked"]
    lifecycle.approve_override(filled, number, REVIEWER)
    maps = serving.maps(filled)
    found = outward(maps, "A1")
    assert (found.to_code, found.map, found.edition, found.row) == ("M00109", MAP, f"override.{number}", 0)
    assert (found.relationship, found.confirmed) == ("inexact", False)
    assert found.as_translation("320000").edition == f"override.{number}"
    assert maps.candidates(CHRONIC, "A1", JIANGSU, NATIONAL, filled.today()) == ("M00109",)
    assert outward(maps, "A2").to_code == "M00102"
    assert homeward(maps, "M00101").to_code == "A1"


def test_an_override_ends_by_the_clock(filled: Depot, clock: Clock):
    """Its hours count from the approval; after them the same set of maps answers by the map again."""
    number = ask(filled, hours=2)
    clock.forward(hours=5)
    assert lifecycle.approve_override(filled, number, REVIEWER) == clock.ms + 2 * HOUR_MS
    maps = serving.maps(filled)
    clock.forward(hours=2, ms=-1)
    assert (states(filled), outward(maps, "A1").to_code) == (["in force"], "M00109")
    clock.forward(ms=1)
    assert outward(maps, "A1").to_code == outward(serving.maps(filled), "A1").to_code == "M00101"
    assert states(filled) == ["expired"]
    assert refusal(lambda: lifecycle.end_override(filled, number, "甲")).reason == "OVERRIDE_ENDED"
    assert refusal(lambda: lifecycle.approve_override(filled, number, REVIEWER)).reason == "OVERRIDE_ENDED"


def test_one_person_ends_an_override(filled: Depot):
    """To go back to the map needs nobody else; what is over cannot be ended or approved again."""
    number = ask(filled)
    lifecycle.approve_override(filled, number, REVIEWER)
    assert refusal(lambda: lifecycle.approve_override(filled, number, REVIEWER)).reason == "OVERRIDE_ENDED"
    lifecycle.end_override(filled, number, "甲")
    assert (states(filled), outward(serving.maps(filled), "A1").to_code) == (["ended"], "M00101")
    assert refusal(lambda: lifecycle.end_override(filled, number, "甲")).reason == "OVERRIDE_ENDED"
    other = ask(filled)
    lifecycle.end_override(filled, other, "甲")
    assert refusal(lambda: lifecycle.approve_override(filled, other, REVIEWER)).reason == "OVERRIDE_ENDED"
    assert outward(serving.maps(filled), "A1").to_code == "M00101"


def test_an_override_may_refuse_a_code(filled: Depot):
    """An override to nowhere stops a code that the map would translate."""
    lifecycle.approve_override(filled, ask(filled, to_code=""), REVIEWER)
    maps = serving.maps(filled)
    with pytest.raises(Unmapped) as caught:
        outward(maps, "A1")
    assert (caught.value.map, caught.value.edition, caught.value.rule) == (MAP, "override.1", "reject")
    with pytest.raises(Unmapped):
        maps.candidates(CHRONIC, "A1", JIANGSU, NATIONAL, filled.today())
    assert outward(maps, "A2").to_code == "M00102"


@pytest.mark.parametrize("hours", [0, -1, MOST_HOURS + 1])
def test_an_override_is_no_way_to_run_a_map(filled: Depot, hours: int):
    """It lasts an hour at least and some days at most."""
    assert refusal(lambda: ask(filled, hours=hours)).reason == "OVERRIDE_TOO_LONG"
    assert lifecycle.overrides(filled) == []
    assert ask(filled, hours=MOST_HOURS) == 1


@pytest.mark.parametrize(("code", "to_code"), [("A 1", "M00109"), ("", "M00109"), ("Ａ1", ""), ("A1", "M0010"),
                                               ("A1", "m00109"), ("A1", " "), ("A" * 51, "M00109")])  # fmt: skip
def test_codes_of_an_override_have_their_shape(filled: Depot, code: str, to_code: str):
    """A slip of the hand does not become a code that a settlement carries."""
    assert refusal(lambda: ask(filled, code=code, to_code=to_code)).reason == "OVERRIDE_CODE"
    assert lifecycle.overrides(filled) == []


def test_the_target_has_the_shape_of_the_side_above(filled: Depot):
    """A city's override goes to a code of its province, which shapes its codes itself."""
    city: Manifest = manifest(map="c", from_system="CN-320100", to_system=JIANGSU)
    assert lifecycle.ask_override(filled, city, "A1", "JS-1", "甲", "r", 1) == 1
    assert refusal(lambda: lifecycle.ask_override(filled, city, "A1", "JS 1", "甲", "r", 1)).reason == "OVERRIDE_CODE"


def test_an_unknown_override_is_named(filled: Depot):
    """A number that nobody was given is refused."""
    for does in (lifecycle.approve_override, lifecycle.end_override):
        assert refusal(lambda does=does: does(filled, 7, "甲")).reason == "OVERRIDE_UNKNOWN"  # type: ignore[misc]


def test_the_history_tells_of_each_step(filled: Depot):
    """Who asked, who approved and who ended stand in the history with their reason."""
    number = ask(filled)
    lifecycle.approve_override(filled, number, REVIEWER)
    lifecycle.end_override(filled, number, "丙")
    told = [(each.actor, each.action, each.edition) for each in filled.history()[-3:]]
    assert told == [
        ("甲", "override.ask", "override.1"), (REVIEWER, "override.approve", "override.1"),
        ("丙", "override.end", "override.1"),
    ]  # fmt: skip
    assert filled.history()[-3].detail["reason"] == "wrong row"


def test_an_override_of_a_map_that_is_not_published_waits(depot: Depot):
    """Without its map an override says nothing, and disturbs nothing."""
    lifecycle.approve_override(depot, ask(depot), REVIEWER)
    assert serving.maps(depot, with_shipped=False).editions == ()


def test_of_two_overrides_the_later_holds_while_it_lasts():
    """When the later override expires first, the earlier one holds again, with and without a new set of maps."""
    clock = Clock()
    both = [override("M00108", clock.ms + 3 * HOUR_MS), override("M00109", clock.ms + HOUR_MS, number=2)]
    maps = EditionMaps([edition(row("A1", "M00101"))], both, clock)
    assert outward(maps, "A1").to_code == "M00109"
    clock.forward(hours=1)
    assert outward(maps, "A1").to_code == "M00108"
    clock.forward(hours=2)
    assert outward(maps, "A1").to_code == "M00101"


def test_an_override_holds_for_its_code_whatever_the_map_says():
    """It decides where the map is ambiguous or has no row, also for encounters under way, and leaves others alone."""
    clock = Clock()
    rows = row("A1", "M00101", insutype="310"), row("A1", "M00102", insutype="390"), row("A2", "M00102")
    over = [override("M00109", clock.ms + 1), override("M00108", clock.ms + 1, code="A9", number=2)]
    maps = EditionMaps([edition(*rows, published_ms=clock.ms)], over, clock)
    for given in (Given(), Given(as_of_ms=at_ms(BEGIN))):
        assert outward(maps, "A1", given=given).to_code == "M00109"
    assert outward(maps, "A9").to_code == "M00108"
    assert outward(maps, "A2").to_code == "M00102"
    clock.forward(ms=1)
    with pytest.raises(Ambiguous):
        outward(maps, "A1")
    with pytest.raises(Unmapped):
        outward(maps, "A9")
