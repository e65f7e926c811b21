"""The maps of a running hub change as a whole, or not at all."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from codemaps.depot import Depot, lifecycle, serving
from codemaps.depot.record import Record
from codemaps.lookup import EditionMaps
from codemaps.port import Unmapped
from gateway.codemap import live as live_module
from gateway.codemap.live import LOOKS_BETWEEN, Gauges, LiveMaps
from tests.codemap_service.depots import (
    LATER,
    MAP,
    NEW,
    OLD,
    Begin,
    Hands,
    Lines,
    draft,
    live_of,
    manifest,
    published,
    rows_of,
    says,
    spoil,
)  # fmt: skip


@pytest.fixture
def swapped() -> list[EditionMaps]:
    """The sets that took the place of another, in order."""
    return []


@pytest.fixture
def depot(begin: Begin) -> Depot:
    """A depot with one edition in force."""
    return begin("one")


@pytest.fixture
def live(depot: Depot, log: Lines, swapped: list[EditionMaps]) -> LiveMaps:
    """A running hub's maps; the first look is over."""
    made = live_of(depot, log, swapped)
    asyncio.run(made.look())
    swapped.clear()
    log.lines.clear()
    return made


def refused(live: LiveMaps) -> float | None:
    """What monitoring sees of a refused set."""
    registry = CollectorRegistry()
    registry.register(Gauges(lambda: live.maps, lambda: live.broken))
    return registry.get_sample_value("yidi_codemap_refused")


async def test_nothing_happens_while_nothing_changes(live: LiveMaps, swapped: list[EditionMaps]):
    """Looking at a depot that has not changed exchanges nothing."""
    before = live.maps
    assert not await live.look()
    assert live.maps is before
    assert swapped == []


async def test_a_new_edition_is_taken_over_as_a_whole(live: LiveMaps, depot: Depot, swapped: list[EditionMaps]):
    """After a publication the next look hands over one new set, and the old one is untouched."""
    before = live.maps
    published(depot, "2", rows_of(NEW), LATER)
    assert says(live.maps) == ("M01600", "1")
    assert await live.look()
    assert swapped == [live.maps]
    assert says(live.maps) == ("M07803", "2")
    assert says(before) == ("M01600", "1")
    assert refused(live) == 0


async def test_a_draft_changes_no_answer(live: LiveMaps, depot: Depot):
    """What is imported or reviewed translates nothing yet."""
    draft(depot, "2", rows_of(NEW))
    lifecycle.review(depot, MAP, "2", "reviewer")
    await live.look()
    assert says(live.maps) == ("M01600", "1")


async def test_who_holds_the_old_set_finishes_with_it(live: LiveMaps, depot: Depot):
    """A request that began before an exchange, a rollback and a repair keeps one edition to its end."""
    held = live.maps
    record = published(depot, "2", rows_of(NEW), LATER)
    await live.look()
    held_new = live.maps
    lifecycle.rollback(depot, MAP, "operator", "test")
    await live.look()
    depot.rebuild(record, "operator")
    await live.look()
    assert (says(held), says(held_new), says(live.maps)) == (("M01600", "1"), ("M07803", "2"), ("M01600", "1"))


async def test_a_publication_while_the_hub_starts_is_not_missed(depot: Depot, log: Lines, swapped: list[EditionMaps]):
    """The maps were read, then an edition was published, then the watch began: its first look finds it."""
    read = serving.maps(depot, with_shipped=False)
    published(depot, "2", rows_of(NEW), LATER)
    live = LiveMaps(depot, read, swapped.append, log, with_shipped=False)
    await live.look()
    assert says(live.maps) == ("M07803", "2")


@pytest.mark.parametrize("which", ["rows", "image"])
async def test_a_damaged_edition_is_refused_and_the_old_set_stays(
    live: LiveMaps, depot: Depot, swapped: list[EditionMaps], log: Lines, which: str
):
    """One wrong byte in a new edition: nothing is exchanged, the alarm is raised once, and ends with the repair."""
    record = published(depot, "2", rows_of(NEW), LATER)
    file = depot.rows_file(record) if which == "rows" else depot.image_file(record)
    content = spoil(file)
    for _ in range(3):
        assert not await live.look()
    assert says(live.maps) == ("M01600", "1")
    assert (swapped, refused(live)) == ([], 1)
    (line,) = log.of("error")
    assert "EDITION_BROKEN" in line["why"]
    file.write_bytes(content)
    depot.rebuild(record, "operator")
    assert await live.look()
    assert says(live.maps) == ("M07803", "2")
    assert refused(live) == 0


async def test_a_missing_file_is_refused_until_it_is_put_back(live: LiveMaps, depot: Depot):
    """Files restored without a word to the depot are noticed too, after some looks."""
    file = depot.image_file(published(depot, "2", rows_of(NEW), LATER))
    content = file.read_bytes()
    file.unlink()
    assert not await live.look()
    file.write_bytes(content)
    looks = 0
    while not await live.look():
        looks += 1
        assert looks <= LOOKS_BETWEEN
    assert says(live.maps) == ("M07803", "2")
    assert refused(live) == 0


async def test_damaged_files_are_not_read_at_every_look(
    live: LiveMaps, depot: Depot, log: Lines, monkeypatch: pytest.MonkeyPatch
):
    """Files may be hundreds of megabytes; while nothing changes a damaged state is left alone for a while."""
    spoil(depot.image_file(published(depot, "2", rows_of(NEW), LATER)))
    reads: list[Record] = []
    whole = Depot.damage

    def counted(self: Depot, record: Record) -> str:
        reads.append(record)
        return whole(self, record)

    monkeypatch.setattr(Depot, "damage", counted)
    for _ in range(LOOKS_BETWEEN + 1):
        await live.look()
    assert len(reads) == 1
    await live.look()
    assert len(reads) == 2
    assert len(log.of("error")) == 1, "an alarm is told when it begins"


async def test_withdrawing_a_damaged_edition_ends_the_alarm(live: LiveMaps, depot: Depot):
    """When the edition that could not be served is rolled back, nothing is refused any more."""
    spoil(depot.rows_file(published(depot, "2", rows_of(NEW), LATER)))
    await live.look()
    assert refused(live) == 1
    lifecycle.rollback(depot, MAP, "operator", "damaged")
    await live.look()
    assert refused(live) == 0
    assert says(live.maps) == ("M01600", "1")


async def test_the_image_in_force_can_be_repaired_while_it_is_served(live: LiveMaps, depot: Depot):
    """Built again, the image of the edition in force is taken over without a restart; the held one goes on."""
    held = live.maps
    depot.rebuild(depot.find(MAP, "1"), "operator")
    assert await live.look()
    assert says(live.maps) == says(held) == ("M01600", "1")
    assert refused(live) == 0


@contextmanager
def away(file: Path) -> Iterator[None]:
    """A file that is gone for a moment."""
    aside = file.with_suffix(".aside")
    file.rename(aside)
    file.touch()
    try:
        yield
    finally:
        aside.rename(file)


async def test_a_depot_that_cannot_be_read_for_a_moment_ends_its_alarm(live: LiveMaps, depot: Depot, log: Lines):
    """The maps in force stay while the database is gone; once it is back unchanged, nothing is refused."""
    depot.records.close()
    with away(depot.directory / "depot.db"):
        assert not await live.look()
        assert refused(live) == 1
        assert says(live.maps) == ("M01600", "1")
        depot.records.close()
    assert not await live.look()
    assert refused(live) == 0
    assert len(log.of("error")) == 1


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("manifest of a later version")])
async def test_no_error_ends_the_watch(live: LiveMaps, depot: Depot, monkeypatch: pytest.MonkeyPatch, error: Exception):
    """Whatever goes wrong while a set is built, the watch goes on, with an alarm, and finds the next change."""

    def broken(*_: object) -> str:
        raise error

    published(depot, "2", rows_of(NEW), LATER)
    monkeypatch.setattr(live_module, "LOOK_S", 0.001)
    with monkeypatch.context() as patch:
        patch.setattr(Depot, "damage", broken)
        watching = asyncio.create_task(live.watch())
        await _until(lambda: refused(live) == 1, watching)
    await _until(lambda: says(live.maps) == ("M07803", "2"), watching)
    assert refused(live) == 0
    watching.cancel()


async def _until(holds: object, watching: "asyncio.Task[None]") -> None:
    assert callable(holds)
    async with asyncio.timeout(20):
        while not holds():  # what is waited for is no event
            assert not watching.done()
            await asyncio.sleep(0.002)


async def test_a_rollback_is_taken_over(live: LiveMaps, depot: Depot):
    """After a rollback the edition before is in force again, and without one the code has no map."""
    published(depot, "2", rows_of(NEW), LATER)
    await live.look()
    lifecycle.rollback(depot, MAP, "operator", "test")
    assert await live.look()
    assert says(live.maps) == ("M01600", "1")
    lifecycle.rollback(depot, MAP, "operator", "test")
    assert await live.look()
    assert live.maps.editions == ()


async def test_an_override_is_taken_over_and_expires(live: LiveMaps, depot: Depot, hands: Hands):
    """It holds once a second person has approved it, says its number, and ends by itself to the millisecond."""
    number = lifecycle.ask_override(depot, manifest("1"), "JS-A", "M05200", "operator", "test", 24)
    await live.look()
    assert says(live.maps) == ("M01600", "1")
    expires = lifecycle.approve_override(depot, number, "reviewer")
    assert await live.look()
    assert says(live.maps) == ("M05200", f"override.{number}")
    assert says(live.maps, "JS-B") == ("M03900", "1")
    hands.ms = expires - 1
    assert says(live.maps) == ("M05200", f"override.{number}")
    hands.ms = expires
    assert says(live.maps) == ("M01600", "1")


async def test_an_override_that_was_ended_is_gone(live: LiveMaps, depot: Depot):
    """Ended early, an override to nowhere stops refusing its code at the next look."""
    number = lifecycle.ask_override(depot, manifest("1"), "JS-A", "", "operator", "test", 24)
    lifecycle.approve_override(depot, number, "reviewer")
    await live.look()
    with pytest.raises(Unmapped):
        says(live.maps)
    lifecycle.end_override(depot, number, "operator")
    await live.look()
    assert says(live.maps) == ("M01600", "1")


async def test_gauges_tell_which_edition_is_in_force(
    live: LiveMaps, depot: Depot, hands: Hands, monkeypatch: pytest.MonkeyPatch
):
    """Edition, rows and age follow the exchange; an edition that is not in force today is not there."""
    registry = CollectorRegistry()
    registry.register(Gauges(lambda: live.maps, lambda: live.broken))
    monkeypatch.setattr(live_module, "time", SimpleNamespace(time=lambda: hands.ms / 1000))
    value = registry.get_sample_value
    assert value("yidi_codemap_edition_in_force", {"map": MAP, "edition": "1"}) == 1
    assert value("yidi_codemap_rows", {"map": MAP}) == len(OLD)
    hands.forward(2)
    assert value("yidi_codemap_age_seconds", {"map": MAP}) == 7200
    published(depot, "2", [*rows_of(NEW), *rows_of({"JS-C": "M05200"})], LATER)
    await live.look()
    assert value("yidi_codemap_edition_in_force", {"map": MAP, "edition": "1"}) is None
    assert value("yidi_codemap_edition_in_force", {"map": MAP, "edition": "2"}) == 1
    assert value("yidi_codemap_rows", {"map": MAP}) == len(NEW) + 1
    assert value("yidi_codemap_age_seconds", {"map": MAP}) == 0
    assert value("yidi_codemap_refused") == 0
