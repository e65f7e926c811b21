"""A hub takes over the editions of its parent: resumed, checked, and only once."""

import asyncio
import multiprocessing
import time
from pathlib import Path

import pytest

from codemaps.depot import Depot, lifecycle
from codemaps.depot.following import part_file
from codemaps.editions import digest_of
from codemaps.refusals import Refused
from gateway.codemap import follow, service
from gateway.errors.status import PeerDecline
from gateway.exchange.link import NotSent, OutcomeUnknown
from tests.codemap_service.depots import (
    BEGIN,
    LATER,
    MAP,
    NEW,
    OLD,
    Begin,
    Hands,
    Lines,
    draft,
    live_of,
    many,
    published,
    row,
    rows_of,
    says,
)  # fmt: skip
from tests.codemap_service.parents import Child, Parent, adopt_here
from tests.support.world import JIANGSU

PIECE = 4096


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pieces, so that a small edition has several; adopted in a thread."""
    monkeypatch.setattr(service, "PIECE_BYTES", PIECE)
    adopt_here(monkeypatch)


@pytest.fixture
def above(begin: Begin) -> Depot:
    """The depot of the parent, with one edition."""
    return begin("one")


@pytest.fixture
def parent(above: Depot) -> Parent:
    """The parent."""
    return Parent(above)


@pytest.fixture
def child(parent: Parent, log: Lines, tmp_path: Path, hands: Hands) -> Child:
    """The city that follows it."""
    return Child(Depot.create(tmp_path / "city", hands), parent, log)


async def test_what_the_parent_has_published_is_taken_over_as_it_is(child: Child, above: Depot):
    """Manifest, rows, dates and digest are the parent's; it says where it came from and counts from its arrival."""
    published(above, "2", rows_of(NEW), LATER, LATER.replace(month=12))
    began_ms = int(time.time() * 1000)
    assert await child.follower.once() == [("published", MAP, "1"), ("published", MAP, "2")]
    for mine, theirs in zip(child.depot.editions(), above.editions(), strict=True):
        assert mine.manifest == theirs.manifest
        assert (mine.effective_from, mine.effective_to) == (theirs.effective_from, theirs.effective_to)
        assert (mine.rows_sha256, mine.rows, mine.state) == (theirs.rows_sha256, theirs.rows, "published")
        assert mine.digest == theirs.digest == digest_of(mine.manifest, mine.rows_sha256)
        assert mine.origin == JIANGSU
        assert began_ms <= mine.published_ms <= time.time() * 1000
        assert child.depot.damage(mine) == ""
    told = [(entry.action, entry.actor) for entry in child.depot.history()]
    assert told == [("follow", "hub 320000")] * 2
    assert [line["event"] for line in child.log.of("info")] == ["code map followed"] * 2


async def test_what_was_followed_is_served_at_the_next_look(child: Child, log: Lines):
    """The running hub takes over what its follower has brought, like everything in its depot."""
    live = live_of(child.depot, log, [])
    await child.follower.once()
    await live.look()
    assert says(live.maps) == ("M01600", "1")


async def test_nothing_is_adopted_twice(child: Child, parent: Parent):
    """Following again downloads nothing and changes nothing."""
    await child.follower.once()
    before = child.depot.generation()
    assert await child.follower.once() == []
    assert (len(parent.offsets), child.depot.generation(), parent.lists) == (1, before, 2)


async def test_two_who_follow_at_once_adopt_once(child: Child, parent: Parent, above: Depot, log: Lines):
    """A command beside the running hub: one of them adopts, the other is told so, and the edition is whole."""
    published(above, "2", many(500), LATER)
    other = Child(Depot.open(child.depot.directory, child.depot.now_ms), parent, log)
    told = await asyncio.gather(child.follower.once(), other.follower.once(), return_exceptions=True)
    assert {each.reason for each in told if isinstance(each, Refused)} <= {"DEPOT_BUSY", "EDITION_EXISTS"}
    assert not [each for each in told if not isinstance(each, Refused | list)]
    assert child.states() == {"1": "published", "2": "published"}
    assert child.depot.damage(child.depot.find(MAP, "2")) == ""
    assert child.depot.damage(child.depot.find(MAP, "1")) == ""


async def test_an_interrupted_download_goes_on_where_it_stopped(child: Child, parent: Parent, above: Depot):
    """The line breaks after two pieces: the next time begins at that byte, also in a new process."""
    published(above, "2", many(500), LATER)
    parent.cut_after = 2
    with pytest.raises(OutcomeUnknown):
        await child.follower.once()
    assert child.states() == {"1": "published"}
    parent.cut_after = None
    again = Child(Depot.open(child.depot.directory, child.depot.now_ms), parent, child.log)
    assert await again.follower.once() == [("published", MAP, "2")]
    assert parent.offsets == [0, 0, 2 * PIECE]
    assert child.depot.damage(child.depot.find(MAP, "2")) == ""
    assert child.parts() == []


async def test_a_download_that_was_complete_is_adopted_without_a_byte_more(child: Child, parent: Parent, above: Depot):
    """Killed between the last byte and the adoption, the next start asks from the end on."""
    record = above.find(MAP, "1")
    (offer,) = await child.follower._offered([])
    part_file(child.depot, offer).write_bytes(above.rows_file(record).read_bytes())
    await child.follower.once()
    assert parent.offsets == [record.rows_size]
    assert child.states() == {"1": "published"}


async def test_what_arrives_damaged_is_thrown_away_and_fetched_anew(child: Child, parent: Parent):
    """One byte turned on the way: nothing is adopted, and the next attempt begins at 0."""
    parent.turn = lambda data: data[:-10] + b"x" + data[-9:] if data else data
    with pytest.raises(Refused) as caught:
        await child.follower.once()
    assert caught.value.reason == "CHECKSUM_WRONG"
    assert (child.states(), child.parts()) == ({}, [])
    parent.turn = lambda data: data
    child.now += follow.EVERY_S
    await child.follower.once()
    assert parent.offsets == [0, 0]
    assert child.states() == {"1": "published"}


async def test_withdrawn_there_is_withdrawn_here(child: Child, above: Depot, hands: Hands, log: Lines):
    """A rollback at the parent is followed, and the edition before is in force again."""
    published(above, "2", rows_of(NEW), LATER)
    await child.follower.once()
    live = live_of(child.depot, log, [])
    await live.look()
    hands.forward(1)
    lifecycle.rollback(above, MAP, "operator", "test")
    assert await child.follower.once() == [("withdrawn", MAP, "2")]
    assert child.states() == {"1": "published", "2": "withdrawn"}
    assert child.depot.find(MAP, "2").withdrawn_ms == hands.ms
    await live.look()
    assert says(live.maps) == ("M01600", "1")
    assert await child.follower.once() == []


async def test_what_was_withdrawn_before_is_never_fetched(child: Child, parent: Parent, above: Depot):
    """An edition that a hub never had and that the parent has withdrawn stays away."""
    lifecycle.rollback(above, MAP, "operator", "test")
    assert await child.follower.once() == []
    assert (child.states(), parent.offsets) == ({}, [])


async def test_what_was_withdrawn_here_does_not_come_back(child: Child):
    """A city that has rolled an edition back keeps it so, though the parent still publishes it."""
    await child.follower.once()
    lifecycle.rollback(child.depot, MAP, "operator", "test")
    assert await child.follower.once() == []
    assert child.states() == {"1": "withdrawn"}


async def test_a_correction_takes_the_place_of_what_was_withdrawn(child: Child, above: Depot):
    """Withdrawn and published anew for the same day under another name: both steps are followed at once."""
    await child.follower.once()
    lifecycle.rollback(above, MAP, "operator", "test")
    published(above, "1b", rows_of(NEW), BEGIN)
    assert await child.follower.once() == [("withdrawn", MAP, "1"), ("published", MAP, "1b")]


async def test_only_the_named_maps_are_followed(parent: Parent, above: Depot, child: Child, log: Lines):
    """Maps that are not named are left alone."""
    published(above, "list", [row("M01600", "", relationship="", national_name="")], map_="CN.chronic")
    named = Child(child.depot, parent, log, maps=("CN.chronic",))
    assert await named.follower.once() == [("published", "CN.chronic", "list")]


async def test_an_edition_of_our_own_stays_when_the_parent_withdraws_its_namesake(child: Child, above: Depot):
    """Only what came from the parent is withdrawn with it."""
    published(child.depot, "1", rows_of(NEW))
    lifecycle.rollback(above, MAP, "operator", "test")
    assert await child.follower.once() == []
    assert child.states() == {"1": "published"}


async def test_a_conflict_with_our_own_edition_is_found_before_the_download(child: Child, parent: Parent, above: Depot):
    """An edition that cannot stand beside what is in force here costs no byte of the line; the others are followed."""
    published(child.depot, "mine", rows_of(NEW))
    published(above, "list", [row("M01600", "", relationship="", national_name="")], map_="CN.chronic")
    with pytest.raises(Refused) as caught:
        await child.follower.once()
    assert caught.value.reason == "DATES_OVERLAP"
    assert len(parent.offsets) == 1
    assert child.states() == {"mine": "published", "list": "published"}
    (line,) = child.log.of("warning")
    assert (line["event"], line["map"], line["edition"]) == ("code map not followed", MAP, "1")


async def test_a_draft_of_the_same_name_is_not_touched(child: Child, parent: Parent):
    """What an operator is working on is neither replaced nor published."""
    draft(child.depot, "1", rows_of(NEW))
    assert await child.follower.once() == []
    assert (child.states(), parent.offsets) == ({"1": "draft"}, [])


async def test_a_lost_parent_is_told_and_asked_again(child: Child, parent: Parent, monkeypatch: pytest.MonkeyPatch):
    """While the line is down the watch logs it and goes on; when it stands again the edition comes."""
    monkeypatch.setattr(follow, "EVERY_S", 0.001)
    parent.down = True
    with pytest.raises(NotSent):
        await child.follower.once()
    watching = asyncio.create_task(child.follower.run())
    async with asyncio.timeout(20):
        while len(child.log.of("warning")) < 2:  # noqa: ASYNC110  # what is waited for is no event
            await asyncio.sleep(0.002)
        parent.down = False
        while child.states() != {"1": "published"}:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    assert not watching.done()
    watching.cancel()
    assert "NotSent" in child.log.of("warning")[0]["why"]


async def test_a_refusal_of_one_download_does_not_stop_the_others(child: Child, parent: Parent, above: Depot):
    """The parent refuses one edition from its catalogue: it is told, and the next one is followed."""
    published(above, "2", rows_of(NEW), LATER)
    parent.change = lambda edition: setattr(
        edition, "manifest", edition.manifest.replace('"edition": "1"', '"edition": "9"')
    )
    with pytest.raises(PeerDecline, match="EDITION_UNKNOWN"):
        await child.follower.once()
    assert child.states() == {"2": "published"}


async def test_beginnings_that_nobody_offers_any_more_are_removed(child: Child, parent: Parent, above: Depot):
    """A download cut short whose edition is withdrawn leaves nothing on the disk; others keep what they have."""
    published(above, "2", many(500), LATER)
    parent.cut_after = 2
    with pytest.raises(OutcomeUnknown):
        await child.follower.once()
    assert child.parts() == [2 * PIECE]
    with pytest.raises(OutcomeUnknown):
        await child.follower.once()
    assert parent.offsets[-1] == 2 * PIECE
    lifecycle.rollback(above, MAP, "operator", "test")
    await child.follower.once()
    assert child.parts() == []


async def test_adoption_happens_in_a_process_that_ends(child: Child, parent: Parent, monkeypatch: pytest.MonkeyPatch):
    """The real way: built in a process of its own that is gone afterwards, refusals crossing its border in words."""
    monkeypatch.undo()
    assert await child.follower.once() == [("published", MAP, "1")]
    async with asyncio.timeout(20):
        while multiprocessing.active_children():  # noqa: ASYNC110  # a process that ends is no event
            await asyncio.sleep(0.01)
    assert child.states() == {"1": "published"}
    assert child.depot.damage(child.depot.find(MAP, "1")) == ""
    assert OLD["JS-A"] in child.depot.rows_file(child.depot.find(MAP, "1")).read_text(encoding="utf-8")
