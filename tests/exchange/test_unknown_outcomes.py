"""Unknown is a state: what a caller is told when an answer is lost, and how the books catch up."""

import asyncio

import pytest

from gateway.demo.scenes import HYPERTENSION
from gateway.money import broken_identities
from gateway.store.tables import Batch, State
from tests.support.window import Window
from tests.support.world import FUSHUN, JIANGSU, WAY, ZHENJIANG, Fate, World, parse, refused
from yidi.v1.settlement_pb2 import (
    OUTCOME_DECLINED,
    OUTCOME_DONE,
    OUTCOME_NOT_RECEIVED,
    OUTCOME_RUNNING,
    OUTCOME_UNKNOWN,
)

every_link = pytest.mark.parametrize("number", range(4))


@every_link
async def test_a_lost_answer_is_reported_as_unknown(world: World, window: Window, number: int):
    """Wherever the answer is lost, the caller hears OUTCOME_UNKNOWN, and every hub before that place knows no more."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    refusal = await refused(window.call("SettleOutpatient", request))
    assert refusal.reason == "OUTCOME_UNKNOWN"
    assert refusal.params["peer"] == WAY[number + 1]
    assert world.states(request.header.msgid) == [State.UNKNOWN] * (number + 1) + [State.DONE] * (4 - number)
    assert world.batch(request.data.mdtrt_id)[:2] == (Batch.SETTLING, request.header.msgid)


@every_link
async def test_a_lost_answer_is_told_when_asked_for(world: World, window: Window, number: int):
    """GetOutcome brings the answer as it would have been given, in the caller's codes, and all books catch up."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = Fate.DELIVER
    told = await window.outcome(request.header.msgid)
    assert (told.outcome, told.infno, told.method) == (
        OUTCOME_DONE,
        "2207",
        "/yidi.v1.SettlementService/SettleOutpatient",
    )
    info = parse("SettleOutpatient", told.answer).setlinfo
    assert info.dise_codg == HYPERTENSION
    assert info.setl_id == told.setl_id
    assert broken_identities(info) == []
    books = world.books()
    assert books == [books[0]] * 5
    assert [entry[6] for entry in books[0]] == [info.setl_id]
    assert world.states(request.header.msgid) == [State.DONE] * 5
    assert world.batch(request.data.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)


@every_link
async def test_what_was_told_is_what_a_repeat_gets(world: World, window: Window, number: int):
    """After the outcome has been told, the same request gets exactly those bytes."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = Fate.DELIVER
    told = await window.outcome(request.header.msgid)
    assert await window.send("SettleOutpatient", request) == told.answer
    assert (await window.outcome(request.header.msgid)).answer == told.answer


@every_link
async def test_the_same_request_again_brings_the_lost_answer(world: World, window: Window, number: int):
    """Sending an unknown request again under its id gives the first answer, with one settlement in every book."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = Fate.DELIVER
    info = (await window.call("SettleOutpatient", request)).setlinfo
    books = world.books()
    assert books == [books[0]] * 5
    assert [entry[6] for entry in books[0]] == [info.setl_id]


@every_link
async def test_a_single_loss_is_healed_by_the_hub(world: World, window: Window, number: int):
    """A hub sends again under the same id by itself: one lost answer does not reach the caller."""
    request = await window.to_settle()
    world.link(number).fates.append(Fate.LOSE_ANSWER)
    info = (await window.call("SettleOutpatient", request)).setlinfo
    assert [[entry[6] for entry in book] for book in world.books()] == [[info.setl_id]] * 5


@every_link
async def test_a_request_that_never_left_is_not_unknown(world: World, window: Window, number: int):
    """When a link certainly did not take it, the caller hears PEER_UNREACHABLE and may send the same id again."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.REFUSE
    refusal = await refused(window.call("SettleOutpatient", request))
    assert (refusal.reason, refusal.params["peer"]) == ("PEER_UNREACHABLE", WAY[number + 1])
    assert world.batch(request.data.mdtrt_id)[:2] == (Batch.OPEN, "")
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert [len(book) for book in world.books()] == [1] * 5


@every_link
async def test_a_lost_request_turns_out_not_received(world: World, window: Window, number: int):
    """A request lost on the way is unknown until the hub behind says that it never came; then it may run again."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_REQUEST
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_UNKNOWN
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED
    assert world.batch(request.data.mdtrt_id)[:2] == (Batch.OPEN, "")
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert [len(book) for book in world.books()] == [1] * 5


@every_link
@pytest.mark.parametrize("then", [Fate.REFUSE, Fate.LOSE_REQUEST])
async def test_a_failed_repeat_does_not_make_an_unknown_request_unsent(
    world: World, window: Window, number: int, then: Fate
):
    """After a lost answer, a repeat that cannot be sent leaves the outcome unknown: it was perhaps carried out."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = then
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    assert world.states(request.header.msgid)[: number + 1] == [State.UNKNOWN] * (number + 1)
    assert world.batch(request.data.mdtrt_id)[1] == request.header.msgid
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_DONE


@every_link
async def test_a_link_that_fails_after_a_lost_answer_leaves_it_unknown(world: World, window: Window, number: int):
    """Within one call too: once a sending may have arrived, a later one that cannot leave proves nothing."""
    request = await window.to_settle()
    world.link(number).fates.append(Fate.LOSE_ANSWER)
    world.link(number).otherwise = Fate.REFUSE
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_DONE


async def test_an_enquiry_that_gets_lost_proves_nothing(world: World, window: Window):
    """An enquiry without an answer leaves the outcome unknown."""
    request = await window.to_settle()
    world.link(2).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    for fate in (Fate.REFUSE, Fate.LOSE_REQUEST, Fate.LOSE_ANSWER):
        world.link(2).otherwise = fate
        assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_UNKNOWN
    assert world.batch(request.data.mdtrt_id)[0] == Batch.SETTLING


async def test_what_nobody_has_seen_is_not_received(world: World, window: Window):
    """GetOutcome of an id that never came says so and leaves no trace."""
    before = world.contents()
    assert (await window.outcome("H32110000001NEVER")).outcome == OUTCOME_NOT_RECEIVED
    assert world.contents() == before


async def test_what_runs_is_told_as_running(world: World, window: Window):
    """GetOutcome of a request that is being worked on says RUNNING and does not disturb it."""
    request = await window.to_settle()
    gate = world.link(2).gate = asyncio.Event()
    running = world.start(window.call("SettleOutpatient", request))
    await world.until(lambda: world.link(2).carries("SettleOutpatient"))
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_RUNNING
    gate.set()
    assert (await running).setlinfo.setl_id


async def test_a_lost_refusal_is_told_when_asked_for(world: World, window: Window):
    """GetOutcome of a request whose refusal was lost tells the refusal, and the stay is not opened."""
    request = window.admission("FUSHUN-DEMO-0003")
    world.link(1).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("Admit", request))).reason == "OUTCOME_UNKNOWN"
    world.link(1).otherwise = Fate.DELIVER
    told = await window.outcome(request.header.msgid)
    assert (told.outcome, told.fault.reason) == (OUTCOME_DECLINED, "ENROLLED_IN_TWO_PLACES")
    again = await refused(window.call("Admit", request))
    assert again.fault == told.fault
    assert world.states(request.header.msgid) == [State.DECLINED] * 5


async def test_an_institution_learns_nothing_of_anothers_requests(world: World, window: Window):
    """An id of another institution looks like one that never came."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    other = Window(world, "H32110000002")
    assert (await other.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED


@pytest.mark.parametrize("division", WAY[:4])
async def test_a_hub_killed_while_a_request_runs_takes_it_up_as_unknown(world: World, window: Window, division: str):
    """After a restart a hub knows that it does not know; the same request under its id then goes through once."""
    request = await window.to_settle()
    number = WAY.index(division)
    gate = world.link(number).gate = asyncio.Event()
    killed = world.start(window.call("SettleOutpatient", request))
    await world.until(lambda: world.link(number).carries("SettleOutpatient"))
    assert await world.restart(division) == 1
    assert world.state(division, request.header.msgid) == State.UNKNOWN
    gate.set()
    await asyncio.gather(killed, return_exceptions=True)
    world.link(number).gate = None
    info = (await window.call("SettleOutpatient", request)).setlinfo
    assert [[entry[6] for entry in book] for book in world.books()] == [[info.setl_id]] * 5
    assert world.states(request.header.msgid) == [State.DONE] * 5


async def test_a_hub_killed_before_it_could_send_finds_that_nothing_happened(world: World, window: Window):
    """A request that died with the hub before it left turns out NOT_RECEIVED, and its batch is free."""
    request = await window.to_settle()
    world.link(0).gate = asyncio.Event()
    killed = world.start(window.call("SettleOutpatient", request))
    await world.until(lambda: world.link(0).carries("SettleOutpatient"))
    await world.restart(ZHENJIANG)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    world.link(0).gate = None
    assert world.batch(request.data.mdtrt_id)[0] == Batch.SETTLING
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED
    assert world.batch(request.data.mdtrt_id)[0] == Batch.OPEN


async def test_a_restart_with_nothing_running_takes_up_nothing(world: World, window: Window):
    """What was finished stays finished over a restart."""
    request = await window.to_settle()
    first = await window.send("SettleOutpatient", request)
    for division in WAY:
        assert await world.restart(division) == 0
    assert await window.send("SettleOutpatient", request) == first


async def test_an_answer_that_comes_after_the_enquiry_changes_nothing(world: World, window: Window):
    """A repeat that is under way while an enquiry learns the answer gives that same first answer."""
    request = await window.to_settle()
    world.link(0).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(0).otherwise = Fate.DELIVER
    told = world.start(window.outcome(request.header.msgid))
    again = world.start(window.send("SettleOutpatient", request))
    await asyncio.gather(told, again)
    later = await window.outcome(request.header.msgid)
    assert later.answer == await window.send("SettleOutpatient", request) == again.result()
    assert [len(book) for book in world.books()] == [1] * 5


async def test_a_caller_that_hangs_up_leaves_a_request_on_record(world: World, window: Window):
    """When the work on a request is broken off, its outcome is unknown and not forgotten."""
    request = await window.to_settle()
    world.link(0).gate = asyncio.Event()
    broken = world.start(window.call("SettleOutpatient", request))
    await world.until(lambda: world.link(0).carries("SettleOutpatient"))
    broken.cancel()
    await asyncio.gather(broken, return_exceptions=True)
    assert world.state(ZHENJIANG, request.header.msgid) == State.UNKNOWN
    world.link(0).gate = None
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id


async def test_a_late_request_after_not_received_is_still_one_settlement(world: World, window: Window):
    """A request that was told NOT_RECEIVED and then arrives late settles at most once, and its answer is found."""
    request = await window.to_settle()
    world.link(1).otherwise = Fate.LATE
    await refused(window.call("SettleOutpatient", request))
    world.link(1).otherwise = Fate.DELIVER
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED
    await world.link(1).deliver_late()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    assert [[entry[6] for entry in book] for book in world.books()] == [[info.setl_id]] * 5


async def test_an_answer_whose_sums_do_not_hold_is_not_accepted(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
):
    """A settlement that does not add up is refused by the hub that receives it, and stays unknown there."""
    request = await window.to_settle()
    deliver = world.deliver

    async def spoil(caller: str, peer: str, sending: object, trace: str) -> bytes:
        raw = await deliver(caller, peer, sending, trace)  # type: ignore[arg-type]  # passed through
        if peer != FUSHUN:
            return raw
        reply = parse("SettleOutpatient", raw)
        reply.setlinfo.psn_cash_pay_fen += 1
        spoiled: bytes = reply.SerializeToString()
        return spoiled

    monkeypatch.setattr(world, "deliver", spoil)
    refusal = await refused(window.call("SettleOutpatient", request))
    assert refusal.reason == "ANSWER_DOES_NOT_ADD_UP"
    assert world.states(request.header.msgid) == [State.UNKNOWN] * 4 + [State.DONE]
    assert [len(book) for book in world.books()] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("spoiled", "reason"), [(b"\xff\xff\xff", "ANSWER_UNREADABLE"), (b"foreign", "ANSWER_FOREIGN")]
)
async def test_an_answer_that_cannot_belong_to_the_request_is_not_accepted(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch, spoiled: bytes, reason: str
):
    """An answer that cannot be read, or is about another encounter, leaves the outcome unknown."""
    request = await window.to_settle()
    deliver = world.deliver

    async def spoil(caller: str, peer: str, sending: object, trace: str) -> bytes:
        raw = await deliver(caller, peer, sending, trace)  # type: ignore[arg-type]  # passed through
        if peer != JIANGSU:
            return raw
        if spoiled == b"foreign":
            reply = parse("SettleOutpatient", raw)
            reply.setlinfo.mdtrt_id = "ANOTHER"
            foreign: bytes = reply.SerializeToString()
            return foreign
        return spoiled

    with monkeypatch.context() as patch:
        patch.setattr(world, "deliver", spoil)
        assert (await refused(window.call("SettleOutpatient", request))).reason == reason
    assert world.state(ZHENJIANG, request.header.msgid) == State.UNKNOWN
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_DONE
