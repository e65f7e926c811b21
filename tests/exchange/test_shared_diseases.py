"""Several local diseases share one national code: what the person is entitled for decides, and it is asked for."""

import asyncio
from typing import Any

import pytest

from adapters.reference_core.core import PARTS
from gateway.demo.scenes import HYPERTENSION
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, to_status
from gateway.store.tables import Batch, State
from tests.exchange.maps import edition, pair, with_editions
from tests.support.window import CHRONIC_PERSON, LINES, Window
from tests.support.world import (
    FUSHUN,
    JIANGSU,
    LIAONING,
    NATION,
    PATIENCE_S,
    TRACE,
    ZHENJIANG,
    Fate,
    LocalLink,
    Sent,
    World,
    refused,
)
from yidi.v1.eligibility_pb2 import ListChronicEntitlementsRequest
from yidi.v1.settlement_pb2 import SettleOutpatientRequest

GRANTED, OTHER, THIRD = "LN-MB-39", "LN-MB-391", "LN-MB-392"
"""The person of the demonstration is entitled for the first."""
ASKS = "/yidi.v1.EligibilityService/ListChronicEntitlements"


def share(world: World, *preferred: str) -> None:
    """From now on two diseases of Liaoning share the national code of hypertension."""
    rows = [pair(code, "M03900", preferred=code in preferred) for code in (GRANTED, OTHER)]
    world.hubs[LIAONING].maps = with_editions(edition("CN-210000", *rows))


def questions(link: LocalLink) -> list[ListChronicEntitlementsRequest]:
    """What was asked over a link."""
    return [ListChronicEntitlementsRequest.FromString(each.request) for each in link.sent if each.path == ASKS]


async def disease_at_fushun(window: Window) -> str:
    """Which disease a quote is for; told by its refusal where the person is not entitled for it."""
    mdtrt_id = await window.register()
    uploaded = await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    refusal = await refused(window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen)))
    assert refusal.reason == "CHRONIC_NOT_ENTITLED"
    return refusal.params["dise_codg"]


async def test_a_clear_code_asks_nobody(world: World, window: Window):
    """Where every code has one counterpart no hub asks anything."""
    await window.call("SettleOutpatient", await window.to_settle())
    assert not [each for link in world.links.values() for each in questions(link)]


@pytest.mark.parametrize("preferred", [(), (OTHER,)])
async def test_the_entitlement_decides(world: World, window: Window, preferred: tuple[str, ...]):
    """The visit is settled for the disease that the person is entitled for, even against a preferred row."""
    share(world, *preferred)
    request = await window.to_settle()
    reply = await window.call("SettleOutpatient", request)
    assert reply.setlinfo.setl_id
    assert reply.setlinfo.dise_codg == HYPERTENSION
    at_fushun = SettleOutpatientRequest.FromString(world.link(3).sent[-1].request)
    assert at_fushun.facts.dise_codg == GRANTED
    assert len(at_fushun.facts.lines) == len(LINES)
    assert world.state(LIAONING, request.header.msgid) == State.DONE


async def test_the_question_is_asked_once_at_the_border(world: World, window: Window):
    """The hub at the border asks about the person, under an id that tells whose question it is."""
    share(world)
    await window.call("SettleOutpatient", await window.to_settle())
    quote, settlement = questions(world.link(3))
    for question in (quote, settlement):
        assert question.data.psn_no == CHRONIC_PERSON
        assert list(question.header.hops) == [ZHENJIANG, JIANGSU, NATION, LIAONING]
        assert question.header.codes_as_of == "2026-06-20 10:00:00"
        assert not question.header.translations
    sent = [SettleOutpatientRequest.FromString(each.request) for each in world.link(3).sent if each.path != ASKS]
    assert settlement.header.msgid == sent[-1].header.msgid[:26] + "-ent"
    assert len(settlement.header.msgid) == 30
    assert not [each for number in range(3) for each in questions(world.link(number))]


async def test_without_the_entitlement_the_preferred_row_decides(world: World, window: Window):
    """A person who is entitled for neither is quoted for what the map prefers."""
    rows = [pair(code, "M03900", preferred=code == THIRD) for code in (OTHER, THIRD)]
    world.hubs[LIAONING].maps = with_editions(edition("CN-210000", *rows))
    assert await disease_at_fushun(window) == THIRD


async def test_without_anything_that_decides_it_is_refused(world: World, window: Window):
    """Neither entitled nor preferred: ambiguous, and nothing is stored anywhere."""
    world.hubs[LIAONING].maps = with_editions(
        edition("CN-210000", pair(OTHER, "M03900"), pair(THIRD, "M03900"))
    )  # fmt: skip
    mdtrt_id = await window.register()
    uploaded = await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    before = world.contents()
    refusal = await refused(window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen)))
    assert (refusal.reason, refusal.params["code"]) == ("CODE_AMBIGUOUS", "M03900")
    assert world.contents() == before


async def test_a_core_that_does_not_know_the_question_is_no_obstacle(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
):
    """A city whose core is older than the question is served by what the map prefers."""
    monkeypatch.delitem(PARTS, "ListChronicEntitlements")
    share(world, OTHER)
    assert await disease_at_fushun(window) == OTHER


async def test_a_hub_that_does_not_know_the_question_is_no_obstacle(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
):
    """The same for a hub that is a version behind."""
    deliver = world.deliver

    async def older(caller: str, peer: str, sending: Sent, trace: str) -> bytes:
        if peer == FUSHUN and sending.path == ASKS:
            raise PeerDecline(to_status(Decline("METHOD_UNKNOWN", method=ASKS)))
        return await deliver(caller, peer, sending, trace)

    monkeypatch.setattr(world, "deliver", older)
    share(world, GRANTED)
    assert (await window.call("SettleOutpatient", await window.to_settle())).setlinfo.setl_id


async def test_a_question_that_fails_refuses_and_stores_nothing(world: World, window: Window):
    """Without the answer nothing is guessed: the border has no trace of the request, and its msgid stays usable."""
    request = await window.to_settle()
    share(world, OTHER)
    world.link(3).otherwise = Fate.LOSE_REQUEST
    refusal = await refused(window.call("SettleOutpatient", request))
    assert (refusal.reason, refusal.params["peer"]) == ("PEER_SILENT", FUSHUN)
    assert world.states(request.header.msgid) == [State.RELEASED] * 3 + [None, None]
    assert not world.hubs[LIAONING].running
    assert world.batch(request.data.mdtrt_id)[0] == Batch.OPEN
    world.link(3).otherwise = Fate.DELIVER
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert [len(book) for book in world.books()] == [1] * 5


async def test_a_question_that_cannot_be_asked_leaves_an_unknown_outcome_unknown(world: World, window: Window):
    """A request whose first sending may have been carried out is not refused because a question failed."""
    share(world)
    request = await window.to_settle()
    link = world.link(3)
    link.fates.extend([Fate.DELIVER] + [Fate.LOSE_ANSWER] * 30)
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    link.fates.clear()
    link.otherwise = Fate.REFUSE
    assert (await refused(window.call("SettleOutpatient", request))).reason == "OUTCOME_UNKNOWN"
    assert world.state(LIAONING, request.header.msgid) == State.UNKNOWN
    link.otherwise = Fate.DELIVER
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert [len(book) for book in world.books()] == [1] * 5


def last_settlement(world: World) -> Sent:
    """The settlement as Liaoning got it, to be sent again."""
    sending = world.link(2).sent[-1]
    return Sent(sending.path, sending.request, world.clock.monotonic() + PATIENCE_S, PATIENCE_S)


async def test_a_repeat_gets_the_first_answer_and_asks_nothing(world: World, window: Window):
    """What was answered is answered again from the journal."""
    share(world)
    await window.call("SettleOutpatient", await window.to_settle())
    asked = len(questions(world.link(3)))
    first = await world.deliver(NATION, LIAONING, last_settlement(world), TRACE)
    world.link(3).otherwise = Fate.REFUSE
    assert await world.deliver(NATION, LIAONING, last_settlement(world), TRACE) == first
    assert len(questions(world.link(3))) == asked


async def test_two_sendings_that_both_ask_settle_once(world: World, window: Window):
    """While the insured place is asked nothing is admitted; of two sendings one is carried out, once."""
    share(world)
    request = await window.to_settle()
    link = world.link(3)
    link.gate = asyncio.Event()
    first = world.start(window.call("SettleOutpatient", request))
    asked = len(questions(link))
    await world.until(lambda: len(questions(link)) > asked)
    second = world.start(world.deliver(NATION, LIAONING, last_settlement(world), TRACE))
    await world.until(lambda: len(questions(link)) > asked + 1)
    assert not world.hubs[LIAONING].running
    link.gate.set()
    results: Any = await asyncio.gather(first, second, return_exceptions=True)
    refusals = [each for each in results if isinstance(each, PeerDecline)]
    assert {each.info.reason for each in refusals} <= {"STILL_RUNNING"}
    assert len(refusals) <= 1
    assert not world.hubs[LIAONING].running
    assert [len(book) for book in world.books()] == [1] * 5


async def test_the_treat_place_asks_with_its_own_facts_in_place_once(world: World, window: Window):
    """A treat place at the border begins again from the request as it came: no line travels twice."""
    world.hubs[ZHENJIANG].code_systems = {ZHENJIANG: "CN-320000", JIANGSU: "CN"}
    world.hubs[JIANGSU].code_systems = {JIANGSU: "CN", ZHENJIANG: "CN", NATION: "CN"}
    rows = [pair(HYPERTENSION, national, preferred=national == "M01600") for national in ("M03900", "M01600")]
    world.hubs[ZHENJIANG].maps = with_editions(edition("CN-320000", *rows))
    request = await window.to_settle()
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    sent = SettleOutpatientRequest.FromString(world.link(0).sent[-1].request)
    assert sent.facts.dise_codg == "M03900"
    assert len(sent.facts.lines) == len(LINES)
    assert list(sent.header.hops) == [ZHENJIANG]
    asked = questions(world.link(0))
    assert len(asked) == 2
    assert {each.header.codes_as_of for each in asked} == {"2026-06-20 10:00:00"}
