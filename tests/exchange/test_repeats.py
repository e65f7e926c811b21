"""One request id, one effect, one answer; and the same business under a fresh id."""

import asyncio

import pytest

from gateway.clock import text
from gateway.demo.network import OTHER_HOSPITAL
from gateway.exchange.admit import digest_of
from gateway.store.tables import State
from tests.support.window import Window
from tests.support.world import JIANGSU, WAY, ZHENJIANG, Fate, World, copy_of, refused
from yidi.v1.header_pb2 import RequestHeader


async def test_the_same_bytes_get_the_first_answer_byte_for_byte(world: World, window: Window):
    """A repeated settlement gets the stored answer, without any effect and without another hub being asked."""
    request = await window.to_settle()
    first = await window.send("SettleOutpatient", request)
    before, asked = world.contents(), len(world.link(0).sent)
    world.clock.forward(3600)
    assert await window.send("SettleOutpatient", request) == first
    assert world.contents() == before
    assert len(world.link(0).sent) == asked


async def test_the_time_and_operator_of_a_repeat_may_differ(world: World, window: Window):
    """A repeat with another time, operator and sign-in in its header is still the same request."""
    request = await window.to_settle()
    first = await window.send("SettleOutpatient", request)
    world.clock.forward(60)
    again = copy_of(request)
    again.header.inf_time, again.header.opter, again.header.sign_no = text(world.clock.china()), "002", "S-9"
    assert await window.send("SettleOutpatient", again) == first


async def test_a_repeat_over_another_way_is_the_same_request(world: World, window: Window):
    """Hops and translations in the header do not make another request of it."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    sent = world.link(0).sent[-1]
    again = type(request).FromString(sent.request)
    again.header.hops[:] = [ZHENJIANG, "321102"]
    raw = again.SerializeToString()
    assert raw != sent.request
    first = await world.answer("SettleOutpatient", sent.request, ZHENJIANG, at=JIANGSU)
    assert await world.answer("SettleOutpatient", raw, ZHENJIANG, at=JIANGSU) == first


@pytest.mark.parametrize("field", ["invono", "medfee_sumamt_fen", "chrg_bchno", "mdtrt_id"])
async def test_other_content_under_the_same_id_is_refused(world: World, window: Window, field: str):
    """A request id that was used for other content is a conflict that names the id, and nothing is stored."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    before = world.contents()
    other = copy_of(request)
    setattr(other.data, field, 1 if field.endswith("_fen") else "OTHER")
    refusal = await refused(window.call("SettleOutpatient", other))
    assert refusal.reason == "MSGID_CONFLICT"
    assert refusal.params["msgid"] == request.header.msgid
    assert world.contents() == before


async def test_another_method_under_the_same_id_is_refused(world: World, window: Window):
    """A request id belongs to one transaction: a reversal under the id of its settlement is a conflict."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    before = world.contents()
    reversal = window.reversal(info)
    reversal.header.msgid = request.header.msgid
    assert (await refused(window.call("ReverseOutpatient", reversal))).reason == "MSGID_CONFLICT"
    assert world.contents() == before


async def test_a_repeat_of_an_upload_adds_no_line(world: World, window: Window):
    """An upload that is sent twice is stored once and answered the same."""
    request = window.lines(await window.register())
    first = await window.send("UploadOutpatientFees", request)
    before = world.contents()
    assert await window.send("UploadOutpatientFees", request) == first
    assert world.contents() == before


async def test_a_repeated_registration_gets_the_same_encounter(world: World, window: Window):
    """One request id opens one encounter."""
    request = window.registration()
    first = await window.send("RegisterOutpatient", request)
    assert await window.send("RegisterOutpatient", request) == first
    assert world.rows(ZHENJIANG, "SELECT count(*) FROM encounter") == [(1,)]


async def test_a_repeat_of_a_refused_request_gets_the_same_refusal(world: World, window: Window):
    """What the insured place has refused stays refused under its id, without asking again."""
    request = window.admission("FUSHUN-DEMO-0003")
    first = await refused(window.call("Admit", request))
    before, asked = world.contents(), len(world.link(0).sent)
    again = await refused(window.call("Admit", request))
    assert again.status == first.status
    assert world.contents() == before
    assert len(world.link(0).sent) == asked


async def test_while_it_runs_a_repeat_is_told_so(world: World, window: Window):
    """A repeat that arrives while the first sending is being worked on is told STILL_RUNNING, and has no effect."""
    request = await window.to_settle()
    gate = world.link(2).gate = asyncio.Event()
    first = world.start(window.send("SettleOutpatient", request))
    await world.until(lambda: world.link(2).carries("SettleOutpatient"))
    before = world.contents()
    assert (await refused(window.call("SettleOutpatient", request))).reason == "STILL_RUNNING"
    assert world.contents() == before
    gate.set()
    answer = await first
    assert await window.send("SettleOutpatient", request) == answer


async def test_a_hub_waits_while_the_next_one_still_runs(world: World, window: Window):
    """When the next hub still works on an earlier sending, the caller's hub asks again until it has the answer."""
    request = await window.to_settle()
    gate = world.link(3).gate = asyncio.Event()
    slow = world.start(window.send("SettleOutpatient", request))
    await world.until(lambda: world.link(3).carries("SettleOutpatient"))
    await world.restart(ZHENJIANG)
    third = world.link(0).gate = asyncio.Event()
    world.link(0).free = 2
    asked = len(world.link(0).sent)
    again = world.start(window.call("SettleOutpatient", request))
    await world.until(lambda: len(world.link(0).sent) == asked + 3)
    gate.set()
    await world.until(lambda: world.state(JIANGSU, request.header.msgid) == State.DONE)
    third.set()
    reply = await again
    assert reply.setlinfo.setl_id
    assert len(world.book(ZHENJIANG)) == 1
    await asyncio.gather(slow, return_exceptions=True)
    assert world.books() == [world.book(ZHENJIANG)] * 5


async def test_two_institutions_may_use_the_same_id(world: World, window: Window):
    """A request id belongs to its institution: another one's request under the same id is another request."""
    other = Window(world, OTHER_HOSPITAL)
    mine, theirs = await window.to_settle(), await other.to_settle()
    theirs.header.msgid = mine.header.msgid
    first = await window.call("SettleOutpatient", mine)
    second = await other.call("SettleOutpatient", theirs)
    assert first.setlinfo.setl_id != second.setlinfo.setl_id
    assert [len(book) for book in world.books()] == [2] * 5


async def test_two_institutions_settling_under_the_same_id_do_not_touch_each_other(world: World, window: Window):
    """A refusal of one institution's settlement leaves the other's, under the same id, as it is."""
    other = Window(world, OTHER_HOSPITAL)
    mine, theirs = await window.to_settle(), await other.to_settle()
    theirs.header.msgid = mine.header.msgid
    world.link(0).otherwise = Fate.LOSE_REQUEST
    assert (await refused(window.call("SettleOutpatient", mine))).reason == "OUTCOME_UNKNOWN"
    world.link(0).otherwise = Fate.REFUSE
    assert (await refused(other.call("SettleOutpatient", theirs))).reason == "PEER_UNREACHABLE"
    assert world.batch(mine.data.mdtrt_id)[1] == mine.header.msgid
    assert world.batch(theirs.data.mdtrt_id)[1] == ""


async def test_two_institutions_admitting_under_the_same_id_get_stays_of_their_own(world: World, window: Window):
    """The encounter id that an admission opens is never given to another institution's admission."""
    other = Window(world, OTHER_HOSPITAL)
    mine = window.admission()
    theirs = other.admission("FUSHUN-DEMO-0004")
    theirs.header.msgid = mine.header.msgid
    first = await window.call("Admit", mine)
    second = await other.call("Admit", theirs)
    assert first.result.mdtrt_id != second.result.mdtrt_id


async def test_the_same_charges_under_a_fresh_id_are_told_the_settlement(world: World, window: Window):
    """A settlement sent again under a new request id is refused naming the settlement that exists."""
    quote = await window.quoted()
    info = (await window.call("SettleOutpatient", window.settlement(quote))).setlinfo
    before = world.contents()
    refusal = await refused(window.call("SettleOutpatient", window.settlement(quote)))
    assert (refusal.reason, refusal.params["setl_id"]) == ("BATCH_SETTLED", info.setl_id)
    assert world.contents() == before


async def test_the_same_charges_while_the_first_is_unknown_are_told_its_id(world: World, window: Window):
    """While the outcome of a settlement is unknown, a second one is refused naming the first one's request id."""
    quote = await window.quoted()
    first = window.settlement(quote)
    world.link(1).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("SettleOutpatient", first))).reason == "OUTCOME_UNKNOWN"
    world.link(1).otherwise = Fate.DELIVER
    before = world.contents()
    refusal = await refused(window.call("SettleOutpatient", window.settlement(quote)))
    assert (refusal.reason, refusal.params["msgid"]) == ("BATCH_BUSY", first.header.msgid)
    assert world.contents() == before


async def test_two_settlements_at_once_make_one(world: World, window: Window):
    """Of two settlements of the same charges sent at the same moment under two ids, one is carried out."""
    quote = await window.quoted()
    requests = [window.settlement(quote), window.settlement(quote)]
    results = await asyncio.gather(
        *(window.call("SettleOutpatient", request) for request in requests), return_exceptions=True
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert [len(book) for book in world.books()] == [1] * 5


async def test_a_crowd_of_repeats_has_one_effect(world: World, window: Window):
    """Twenty sendings of one settlement at once settle once; each gets the answer or is told that it still runs."""
    request = await window.to_settle()
    results = await asyncio.gather(
        *(window.send("SettleOutpatient", request) for _ in range(20)), return_exceptions=True
    )
    answers = {result for result in results if isinstance(result, bytes)}
    assert len(answers) == 1
    assert [len(book) for book in world.books()] == [1] * 5
    assert world.states(request.header.msgid) == [State.DONE] * len(WAY)


def test_the_content_of_a_request_is_all_but_its_header():
    """The digest ignores what may differ in a header, and nothing else."""
    header = RequestHeader(msgid="1", mdtrtarea_admvs="321100", insuplc_admdvs="210400", fixmedins_code="H1")

    def digest(first: RequestHeader, body: bytes) -> bytes:
        head = first.SerializeToString()
        return digest_of(first, b"\x0a" + bytes([len(head)]) + head + body)

    later = copy_of(header)
    later.inf_time = "2026-06-20 10:00:01"
    elsewhere = copy_of(header)
    elsewhere.insuplc_admdvs = "210100"
    assert digest(header, b"\x12\x01a") == digest(later, b"\x12\x01a")
    assert digest(header, b"\x12\x01a") != digest(header, b"\x12\x01b")
    assert digest(header, b"\x12\x01a") != digest(elsewhere, b"\x12\x01a")
