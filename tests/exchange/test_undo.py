"""Undo by request id: whatever became of a request, afterwards it has not happened and never will."""

import asyncio
from pathlib import Path

import pytest

from gateway.demo.network import PLANS, HubPlan
from gateway.exchange.link import OutcomeUnknown
from gateway.store.tables import Batch, State
from tests.support.window import STAY_PERSON, Window
from tests.support.world import LIAONING, WAY, ZHENJIANG, Fate, Sent, Template, World, parse, refused
from yidi.v1.settlement_pb2 import (
    OUTCOME_DONE,
    OUTCOME_UNDONE,
    UNDO_RESULT_NOTHING_TO_UNDO,
    UNDO_RESULT_REVERSED,
)


def balanced(world: World) -> bool:
    """Whether every book is the same and its amounts cancel out."""
    books = world.books()
    return books == [books[0]] * 5 and all(sum(entry[column] for entry in books[0]) == 0 for column in range(8, 13))


async def test_a_settlement_is_reversed_everywhere(world: World, window: Window):
    """Undoing a settlement posts its mirror in every book, seals its id, and opens the batch."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    undone = await window.undo(request.header.msgid)
    assert undone.result == UNDO_RESULT_REVERSED
    assert undone.setlinfo.medfee_sumamt_fen == -info.medfee_sumamt_fen
    assert world.states(request.header.msgid) == [State.SEALED] * 5
    assert balanced(world)
    assert len(world.book(ZHENJIANG)) == 2
    assert world.batch(request.data.mdtrt_id) == (Batch.OPEN, "", "")


async def test_an_undone_batch_is_settled_under_a_new_id(world: World, window: Window):
    """After an undo the charges can be quoted and settled anew, and the undone request stays refused."""
    quote = await window.quoted()
    first = window.settlement(quote)
    await window.call("SettleOutpatient", first)
    await window.undo(first.header.msgid)
    total_fen = quote.setlinfo.medfee_sumamt_fen
    again = await window.call("QuoteOutpatient", window.quotation(quote.setlinfo.mdtrt_id, total_fen))
    info = (await window.call("SettleOutpatient", window.settlement(again))).setlinfo
    assert world.batch(info.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)
    assert [len(book) for book in world.books()] == [3] * 5
    assert (await refused(window.call("SettleOutpatient", first))).reason == "REQUEST_SEALED"


async def test_a_request_that_never_arrived_never_runs(world: World, window: Window):
    """Undoing an id that nobody has seen seals it: the late request is refused and settles nothing."""
    request = await window.to_settle()
    undone = await window.undo(request.header.msgid)
    assert undone.result == UNDO_RESULT_NOTHING_TO_UNDO
    assert world.states(request.header.msgid) == [State.SEALED] * 5
    assert (await refused(window.call("SettleOutpatient", request))).reason == "REQUEST_SEALED"
    assert [len(book) for book in world.books()] == [0] * 5


@pytest.mark.parametrize("number", range(4))
async def test_a_request_that_is_late_on_the_way_never_runs(world: World, window: Window, number: int):
    """A request that is stuck on a link while it is undone arrives at a sealed id."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LATE
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.undo(request.header.msgid)).result == UNDO_RESULT_NOTHING_TO_UNDO
    await world.link(number).deliver_late()
    assert world.states(request.header.msgid) == [State.SEALED] * 5
    assert [len(book) for book in world.books()] == [0] * 5
    assert world.batch(request.data.mdtrt_id)[:2] == (Batch.OPEN, "")


@pytest.mark.parametrize("number", range(4))
async def test_a_settlement_whose_answer_was_lost_is_undone_in_every_book(world: World, window: Window, number: int):
    """Undoing a settlement that some hubs never heard of leaves every book balanced and the same."""
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.undo(request.header.msgid)).result == UNDO_RESULT_REVERSED
    assert world.batch(request.data.mdtrt_id) == (Batch.OPEN, "", "")
    assert balanced(world), world.books()


async def test_a_declined_request_can_be_undone_without_effect(world: World, window: Window):
    """Undoing a refused request finds nothing to undo; the refusal gives way to the seal."""
    request = window.admission("FUSHUN-DEMO-0003")
    await refused(window.call("Admit", request))
    undone = await window.undo(request.header.msgid, "2401", "FUSHUN-DEMO-0003")
    assert undone.result == UNDO_RESULT_NOTHING_TO_UNDO
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_UNDONE
    assert (await refused(window.call("Admit", request))).reason == "REQUEST_SEALED"


async def test_undoing_twice_reverses_once(world: World, window: Window):
    """The same undo again gets its first answer; another undo of the same request finds nothing."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    undoing = window.undoing(request.header.msgid)
    first = await window.send("Undo", undoing)
    assert await window.send("Undo", undoing) == first
    assert (await window.undo(request.header.msgid)).result == UNDO_RESULT_NOTHING_TO_UNDO
    assert balanced(world)


async def test_the_outcome_of_an_undone_request_says_so(world: World, window: Window):
    """GetOutcome of an undone settlement is UNDONE."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    await window.undo(request.header.msgid)
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_UNDONE


async def test_a_running_request_is_not_undone(world: World, window: Window):
    """While a request is being worked on, undoing it is refused, and the request goes through."""
    request = await window.to_settle()
    gate = world.link(1).gate = asyncio.Event()
    running = world.start(window.call("SettleOutpatient", request))
    await world.until(lambda: world.link(1).carries("SettleOutpatient"))
    assert (await refused(window.undo(request.header.msgid))).reason == "STILL_RUNNING"
    gate.set()
    assert (await running).setlinfo.setl_id


@pytest.mark.parametrize("number", range(4))
async def test_an_undo_whose_answer_is_lost_goes_through_when_sent_again(world: World, window: Window, number: int):
    """An undo is a request like any other: sent again under its id it has one effect."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    undoing = window.undoing(request.header.msgid)
    world.link(number).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("Undo", undoing))).reason == "OUTCOME_UNKNOWN"
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.call("Undo", undoing)).result == UNDO_RESULT_REVERSED
    assert world.states(request.header.msgid) == [State.SEALED] * 5
    assert world.batch(request.data.mdtrt_id) == (Batch.OPEN, "", "")
    assert balanced(world)


@pytest.mark.parametrize("number", range(4))
async def test_an_undo_whose_answer_is_lost_counts_once_it_is_told(world: World, window: Window, number: int):
    """When GetOutcome learns that an undo was done, the original is sealed and its batch is open everywhere."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    undoing = window.undoing(request.header.msgid)
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("Undo", undoing))
    world.link(number).otherwise = Fate.DELIVER
    told = await window.outcome(undoing.header.msgid)
    assert told.outcome == OUTCOME_DONE
    assert parse("Undo", told.answer).result == UNDO_RESULT_REVERSED
    assert world.states(request.header.msgid) == [State.SEALED] * 5
    assert world.batch(request.data.mdtrt_id) == (Batch.OPEN, "", "")
    assert balanced(world)


async def test_an_undone_reversal_reinstates_the_settlement(world: World, window: Window):
    """Undoing a reversal posts a new positive entry, and the batch counts as settled by it."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    reversal = window.reversal(info)
    await window.call("ReverseOutpatient", reversal)
    undone = await window.undo(reversal.header.msgid, "2208")
    assert undone.result == UNDO_RESULT_REVERSED
    assert undone.setlinfo.medfee_sumamt_fen == info.medfee_sumamt_fen
    assert world.batch(request.data.mdtrt_id) == (Batch.SETTLED, "", undone.setlinfo.setl_id)
    assert [len(book) for book in world.books()] == [3] * 5


async def test_an_undone_admission_is_cancelled(world: World, window: Window):
    """Undoing an admission cancels the stay at both places, so that another hospital can admit."""
    request = window.admission()
    mdtrt_id = (await window.call("Admit", request)).result.mdtrt_id
    assert (await window.undo(request.header.msgid, "2401", STAY_PERSON)).result == UNDO_RESULT_REVERSED
    refusal = await refused(window.call("UploadInpatientFees", window.ward_lines(mdtrt_id)))
    assert refusal.reason == "ENCOUNTER_CLOSED"
    assert (await window.call("Admit", window.admission())).result.mdtrt_id


async def test_an_admission_with_fees_is_not_undone(world: World, window: Window):
    """An admission whose stay has fee lines is refused, and nothing changes."""
    request = window.admission()
    mdtrt_id = (await window.call("Admit", request)).result.mdtrt_id
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    before = world.contents()
    assert (await refused(window.undo(request.header.msgid, "2401", STAY_PERSON))).reason == "ENCOUNTER_HAS_FEES"
    assert world.contents() == before


@pytest.mark.parametrize(
    ("oinfno", "reason"),
    [("2204", "UNDO_NOT_POSSIBLE"), ("2208", "UNDO_METHOD_DIFFERS"), ("9999", "UNDO_METHOD_DIFFERS")],
)
async def test_what_cannot_be_undone_is_refused(world: World, window: Window, oinfno: str, reason: str):
    """Only certain transactions are undone, and only under their own number; nothing is stored otherwise."""
    upload = window.lines(await window.register())
    await window.call("UploadOutpatientFees", upload)
    before = world.contents()
    assert (await refused(window.undo(upload.header.msgid, oinfno))).reason == reason
    assert world.contents() == before


async def test_a_request_of_another_person_is_not_undone(world: World, window: Window):
    """An undo that names another person is refused by the insured place, and the settlement stands."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    refusal = await refused(window.undo(request.header.msgid, psn_no=STAY_PERSON))
    assert refusal.reason == "UNDO_OF_ANOTHER_PERSON"
    assert world.states(request.header.msgid) == [State.DONE] * 5
    assert world.batch(info.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)


async def test_an_undo_towards_another_insured_place_opens_nothing(template: Template, tmp_path: Path):
    """An undo must go where its original went: sent to another insured place it leaves the settlement as it is."""
    shenyang = HubPlan("210100", "沈阳市", "city", "CN-210000", parent=LIAONING, core=True)
    async with template.world(tmp_path, (*PLANS, shenyang)) as world:
        window = Window(world)
        request = await window.to_settle()
        info = (await window.call("SettleOutpatient", request)).setlinfo
        undoing = window.undoing(request.header.msgid)
        undoing.header.insuplc_admdvs = shenyang.division
        await refused(window.call("Undo", undoing))
        assert world.batch(info.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)
        assert world.states(request.header.msgid) == [State.DONE] * 5


async def test_another_institutions_request_is_not_undone(world: World, window: Window):
    """An undo reaches only requests of its own institution."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    other = Window(world, "H32110000002")
    assert (await other.undo(request.header.msgid)).result == UNDO_RESULT_NOTHING_TO_UNDO
    assert world.batch(info.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)
    assert [len(book) for book in world.books()] == [1] * len(WAY)


@pytest.mark.parametrize("number", range(4))
async def test_a_request_that_comes_a_moment_before_its_undo_leaves_balanced_books(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch, number: int
):
    """A late request that arrives after the enquiry and just before the undo is reversed in the books of all hubs."""
    request = await window.to_settle()
    late = world.link(number)
    late.otherwise = Fate.LATE
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    late.otherwise = Fate.DELIVER
    deliver = world.deliver

    async def overtaken(caller: str, peer: str, sending: Sent, trace: str) -> bytes:
        if sending.path.endswith("/Undo") and caller == late.caller:
            await late.deliver_late()
        return await deliver(caller, peer, sending, trace)

    monkeypatch.setattr(world, "deliver", overtaken)
    assert (await window.undo(request.header.msgid)).result == UNDO_RESULT_REVERSED
    assert world.states(request.header.msgid) == [State.SEALED] * 5
    assert balanced(world), world.books()


@pytest.mark.parametrize("number", range(4))
async def test_an_undo_learned_by_asking_books_the_original_before_its_mirror(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch, number: int
):
    """An undo whose answer was lost and is then learned leaves the same book as one that was answered."""
    request = await window.to_settle()
    late = world.link(number)
    late.otherwise = Fate.LATE
    await refused(window.call("SettleOutpatient", request))
    late.otherwise = Fate.DELIVER
    deliver = world.deliver

    async def overtaken(caller: str, peer: str, sending: Sent, trace: str) -> bytes:
        if not sending.path.endswith("/Undo") or caller != late.caller:
            return await deliver(caller, peer, sending, trace)
        await late.deliver_late()
        await deliver(caller, peer, sending, trace)
        raise OutcomeUnknown(peer)

    monkeypatch.setattr(world, "deliver", overtaken)
    undoing = window.undoing(request.header.msgid)
    assert (await refused(window.call("Undo", undoing))).reason == "OUTCOME_UNKNOWN"
    monkeypatch.setattr(world, "deliver", deliver)
    assert (await window.outcome(undoing.header.msgid)).outcome == OUTCOME_DONE
    assert balanced(world), world.books()


async def test_an_undone_settlement_is_not_reversed_again(world: World, window: Window):
    """A settlement that was undone by its request id is told as reversed, and nothing is stored."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    await window.undo(request.header.msgid)
    before = world.contents()
    refusal = await refused(window.call("ReverseOutpatient", window.reversal(info)))
    assert refusal.reason == "SETTLEMENT_REVERSED_HERE"
    assert world.contents() == before
