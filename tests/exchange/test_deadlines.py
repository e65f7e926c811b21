"""Time runs out: refused before anything is sent, and less is passed on than was given."""

import pytest

from gateway.exchange.forward import LEAST_S, MARGIN_S
from gateway.store.tables import State
from tests.support.window import Window
from tests.support.world import JIANGSU, ZHENJIANG, Fate, World, refused


@pytest.mark.parametrize("left", [-1.0, 0.0, LEAST_S - 0.001])
async def test_too_little_time_is_refused_before_anything_is_sent(world: World, window: Window, left: float):
    """With too little time left nothing is sent and nothing is stored; the same id may be sent again."""
    request = await window.to_settle()
    before, sent = world.contents(), len(world.link(0).sent)
    refusal = await refused(window.call("SettleOutpatient", request, left))
    assert refusal.reason == "DEADLINE_TOO_SHORT"
    assert refusal.params["left_ms"] == str(max(0, int(left * 1000)))
    assert world.contents() == before
    assert len(world.link(0).sent) == sent
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id


async def test_each_hop_passes_on_less_than_it_got(world: World, window: Window):
    """Every hub keeps a margin back for the way home."""
    await window.call("SettleOutpatient", await window.to_settle(), left=10.0)
    lefts = [world.link(number).sent[-1].left for number in range(4)]
    assert lefts == pytest.approx([10.0 - MARGIN_S * number for number in range(1, 5)])


async def test_a_hub_far_on_the_way_refuses_what_it_has_no_time_for(world: World, window: Window):
    """When the time runs out on the way, nothing is carried out behind, and the same id may be sent again."""
    request = await window.to_settle()
    world.link(0).delay = 0.25
    refusal = await refused(window.call("SettleOutpatient", request, left=0.3))
    assert refusal.reason in ("DEADLINE_TOO_SHORT", "OUTCOME_UNKNOWN")
    assert world.state(JIANGSU, request.header.msgid) is None
    world.link(0).delay = 0.0
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert [len(book) for book in world.books()] == [1] * 5


async def test_a_link_that_is_too_slow_leaves_the_outcome_unknown(world: World, window: Window):
    """A time-out is never reported as a failure."""
    request = await window.to_settle()
    world.link(0).delay = 30.0
    refusal = await refused(window.call("SettleOutpatient", request))
    assert refusal.reason == "OUTCOME_UNKNOWN"
    assert world.state(ZHENJIANG, request.header.msgid) == State.UNKNOWN


async def test_a_query_that_times_out_is_only_silent(world: World, window: Window):
    """A query has no effect to be unknown: the peer is silent, and the caller may ask again."""
    world.link(1).delay = 30.0
    refusal = await refused(window.person())
    assert (refusal.reason, refusal.params["peer"]) == ("PEER_SILENT", "100000")
    world.link(1).delay = 0.0
    assert (await window.person()).baseinfo.psn_no


async def test_a_hub_stops_trying_when_the_time_is_up(world: World, window: Window):
    """Attempts end with the deadline: no sending starts with less than the least time left."""
    request = await window.to_settle()
    world.link(0).delay, world.link(0).otherwise = 0.2, Fate.LOSE_REQUEST
    before = len(world.link(0).sent)
    await refused(window.call("SettleOutpatient", request, left=1.0))
    lefts = [sending.left for sending in world.link(0).sent[before:]]
    assert lefts
    assert all(left >= LEAST_S for left in lefts)
