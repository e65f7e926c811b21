"""What code maps published, withdrawn or overridden between two steps of one visit must not do to it."""

from datetime import date
from typing import Any

import pytest

from codemaps.direction import Published
from codemaps.lookup import EditionMaps, Override
from codemaps.port import CATALOGUE, CHRONIC
from gateway.clock import china_ms, text
from gateway.demo.scenes import HYPERTENSION
from gateway.store.tables import Batch, State
from tests.exchange.maps import edition, pair, with_editions
from tests.support.window import LINES, Window
from tests.support.world import JIANGSU, LIAONING, Fate, World, parse, refused
from yidi.v1.settlement_pb2 import OUTCOME_DONE, OUTCOME_NOT_RECEIVED, SettleOutpatientRequest

JS, LN = "CN-320000", "CN-210000"
HOUR_S, DAY_S = 3_600, 86_400
UPPER, GRANTED = "M03900", "LN-MB-39"
"""Hypertension in national codes and in those of Liaoning, where the person of the demonstration is entitled for it."""
RENAMED = "JS-MT-RENAMED"


def now(world: World) -> int:
    """The time of the world in milliseconds."""
    return china_ms(text(world.clock.china()))


def publish(world: World, division: str, *editions: Published) -> None:
    """From now on these editions stand at a hub."""
    world.hubs[division].maps = with_editions(*editions)


def overridden(world: World, division: str, to_code: str, hours: int = 24) -> None:
    """From now on an emergency override sends hypertension elsewhere."""
    hub = world.hubs[division]
    maps: Any = hub.maps
    override = Override(1, f"{JS}.chronic", CHRONIC, JS, "CN", HYPERTENSION, to_code, now(world) + hours * 3_600_000)
    hub.maps = EditionMaps(maps.editions, [override], hub.now_ms)


def at_fushun(world: World) -> list[str]:
    """The diseases of the settlements that Fushun was sent."""
    sent = [each for each in world.link(3).sent if each.path.endswith("/SettleOutpatient")]
    return [SettleOutpatientRequest.FromString(each.request).facts.dise_codg for each in sent]


def traced(reply: Any, division: str) -> list[tuple[str, str, str]]:
    """Code before, code after and edition of the diseases that a hub translated."""
    return [(trace.from_code, trace.to_code, trace.edition) for trace in reply.header.translations
            if trace.admdvs == division and trace.kind == CHRONIC]  # fmt: skip


async def uploaded(window: Window) -> Any:
    """A visit with lines, and the quotation for them."""
    mdtrt_id = await window.register()
    reply = await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    return window.quotation(mdtrt_id, sum(line.det_item_fee_sumamt_fen for line in reply.result))


OLD = edition(JS, pair(HYPERTENSION, UPPER))


def renaming(world: World, begin: date) -> Published:
    """Jiangsu gives hypertension another code of its own, and something else the old one."""
    return edition(
        JS, pair(RENAMED, UPPER), pair(HYPERTENSION, "M01600"), name="test.2", begin=begin, published_ms=now(world)
    )


# --- publications -----------------------------------------------------------------------------------------------------


async def test_a_visit_that_waited_for_a_publication_is_settled_by_the_one_it_was_quoted_by(
    world: World, window: Window
):
    """The first publication that has a missing code serves the visit; a second one does not reach it."""
    first = edition(JS, pair("JS-MT-1", "M00200"), unmapped="hold")
    publish(world, JIANGSU, first)
    quotation = await uploaded(window)
    assert (await refused(window.call("QuoteOutpatient", quotation))).reason == "CODE_HELD"
    world.clock.forward(HOUR_S)
    second = edition(JS, pair(HYPERTENSION, UPPER), name="test.2", begin=date(2026, 6, 1), published_ms=now(world))
    publish(world, JIANGSU, first, second)
    quote = await window.call("QuoteOutpatient", quotation)
    world.clock.forward(HOUR_S)
    third = edition(JS, pair(HYPERTENSION, "M01600"), name="test.3", begin=date(2026, 6, 2), published_ms=now(world))
    publish(world, JIANGSU, first, second, third)
    reply = await window.call("SettleOutpatient", window.settlement(quote))
    assert traced(reply, JIANGSU) == [(HYPERTENSION, UPPER, "test.2")]
    assert at_fushun(world) == [GRANTED]


async def test_a_reversal_comes_home_by_the_edition_of_the_visit(world: World, window: Window):
    """A mirror entry names the disease of the settlement that it reverses, however much later it is made."""
    publish(world, JIANGSU, OLD)
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    world.clock.forward(2 * DAY_S)
    publish(world, JIANGSU, OLD, renaming(world, date(2026, 6, 23)))
    world.clock.forward(2 * DAY_S)
    mirror = await window.call("ReverseOutpatient", window.reversal(info))
    assert mirror.setlinfo.dise_codg == info.dise_codg == HYPERTENSION
    assert traced(mirror, JIANGSU) == [(UPPER, HYPERTENSION, "test.1")]


async def test_an_outcome_that_is_asked_for_later_comes_home_by_the_edition_of_the_visit(world: World, window: Window):
    """The answer of a reversal that got lost is told as it would have been given, not by what was published since."""
    publish(world, JIANGSU, OLD)
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    reversal = window.reversal(info)
    world.link(1).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("ReverseOutpatient", reversal))).reason == "OUTCOME_UNKNOWN"
    world.link(1).otherwise = Fate.DELIVER
    world.clock.forward(HOUR_S)
    publish(world, JIANGSU, OLD, renaming(world, date(2026, 6, 20)))
    told = await window.outcome(reversal.header.msgid)
    assert told.outcome == OUTCOME_DONE
    mirror = parse("ReverseOutpatient", told.answer)
    assert mirror.setlinfo.dise_codg == HYPERTENSION
    assert traced(mirror, JIANGSU) == [(UPPER, HYPERTENSION, "test.1")]


@pytest.mark.parametrize("by", ["Undo", "GetOutcome"])
async def test_an_answer_that_was_learned_says_what_was_unconfirmed(world: World, window: Window, by: str):
    """What is not confirmed is not used silently, whichever way the answer took."""
    sure = pair(HYPERTENSION, UPPER)
    publish(world, JIANGSU, edition(JS, sure._replace(confirmed="false")))
    publish(world, LIAONING, edition(LN, pair(GRANTED, UPPER)))
    warned = (await window.call("SettleOutpatient", await window.to_settle())).header.warn_msg
    assert f"{JS}.chronic test.1" in warned
    request = await window.to_settle()
    world.link(1).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(1).otherwise = Fate.DELIVER
    if by == "Undo":
        await window.undo(request.header.msgid)
    else:
        await window.outcome(request.header.msgid)
    (found,) = world.rows(JIANGSU, "SELECT answer FROM journal WHERE msgid = ?", request.header.msgid)
    assert parse("SettleOutpatient", found[0]).header.warn_msg == warned


# --- what is sent again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_withdrawal_does_not_hide_an_answer_that_got_lost(world: World, window: Window, number: int):
    """The same request brings the first answer, traced to the edition really used, though that one is withdrawn now."""
    publish(world, JIANGSU, edition(JS, pair(HYPERTENSION, "M01600")), edition(
        JS, pair(HYPERTENSION, UPPER), name="test.2", begin=date(2026, 6, 1)
    ))  # fmt: skip
    request = await window.to_settle()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = Fate.DELIVER
    publish(world, JIANGSU, edition(JS, pair(HYPERTENSION, "M01600")))
    reply = await window.call("SettleOutpatient", request)
    assert reply.setlinfo.dise_codg == HYPERTENSION
    assert traced(reply, JIANGSU) == [(HYPERTENSION, UPPER, "test.2")]
    assert world.states(request.header.msgid) == [State.DONE] * 5
    assert [len(book) for book in world.books()] == [1] * 5


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_what_was_lost_before_a_correction_is_settled_by_the_correction(
    world: World, window: Window, number: int
):
    """A request that never arrived may be translated otherwise when it is sent again, and is settled once."""
    wrong, right = edition(JS, pair(HYPERTENSION, "M01600")), edition(JS, pair(HYPERTENSION, UPPER), name="test.2")
    publish(world, JIANGSU, right)
    request = await window.to_settle()
    publish(world, JIANGSU, wrong)
    world.link(number).otherwise = Fate.LOSE_REQUEST
    await refused(window.call("SettleOutpatient", request))
    world.link(number).otherwise = Fate.DELIVER
    publish(world, JIANGSU, right)
    reply = await window.call("SettleOutpatient", request)
    assert traced(reply, JIANGSU) == [(HYPERTENSION, UPPER, "test.2")]
    assert world.states(request.header.msgid) == [State.DONE] * 5
    assert [len(book) for book in world.books()] == [1] * 5


async def test_a_late_sending_with_other_codes_is_no_refusal_of_the_next(world: World, window: Window):
    """A request that was thought lost arrives before it is sent again with other codes: its answer counts, once."""
    publish(world, JIANGSU, OLD)
    request = await window.to_settle()
    link = world.link(1)
    link.fates.extend([Fate.LATE] + [Fate.LOSE_REQUEST] * 30)
    await refused(window.call("SettleOutpatient", request))
    link.fates.clear()
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED
    await link.deliver_late()
    publish(world, JIANGSU, edition(JS, pair(HYPERTENSION, "M01600"), name="test.2"))
    reply = await window.call("SettleOutpatient", request)
    assert traced(reply, JIANGSU) == [(HYPERTENSION, UPPER, "test.1")]
    assert world.batch(request.data.mdtrt_id)[0] == Batch.SETTLED
    assert [len(book) for book in world.books()] == [1] * 5


async def test_a_request_that_was_carried_out_by_nobody_may_be_translated_otherwise(world: World, window: Window):
    """An override between two sendings of a released request is no other request."""
    publish(world, JIANGSU, OLD)
    request = await window.to_settle()
    publish(world, JIANGSU, edition(JS, pair(HYPERTENSION, "M01600")))
    world.link(3).otherwise = Fate.REFUSE
    assert (await refused(window.call("SettleOutpatient", request))).reason == "PEER_UNREACHABLE"
    assert world.states(request.header.msgid) == [State.RELEASED] * 4 + [None]
    world.link(3).otherwise = Fate.DELIVER
    overridden(world, JIANGSU, UPPER)
    reply = await window.call("SettleOutpatient", request)
    assert traced(reply, JIANGSU) == [(HYPERTENSION, UPPER, "override.1")]
    assert world.states(request.header.msgid) == [State.DONE] * 5


async def test_an_entitlement_that_ended_does_not_hide_an_answer_that_got_lost(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
):
    """A border that would decide otherwise now still brings the answer of what it decided then."""
    rows = [pair(code, UPPER, preferred=code == "LN-MB-391") for code in (GRANTED, "LN-MB-391")]
    publish(world, LIAONING, edition(LN, *rows))
    request = await window.to_settle()
    world.link(3).fates.extend([Fate.DELIVER] + [Fate.LOSE_ANSWER] * 30)
    await refused(window.call("SettleOutpatient", request))
    world.link(3).fates.clear()
    monkeypatch.setattr("gateway.exchange.translate.is_valid", lambda *_: False)
    reply = await window.call("SettleOutpatient", request)
    assert reply.setlinfo.setl_id
    assert traced(reply, LIAONING) == [(UPPER, GRANTED, "test.1")]
    assert [len(book) for book in world.books()] == [1] * 5


# --- undone by another edition ----------------------------------------------------------------------------------------


async def test_an_undo_names_the_disease_of_what_it_undid(world: World, window: Window):
    """The mirror of a settlement comes home as the settlement did, though its edition was withdrawn."""
    newer = edition(JS, pair(HYPERTENSION, UPPER), name="test.2", begin=date(2026, 6, 1))
    older = edition(JS, pair(RENAMED, UPPER), pair(HYPERTENSION, "M01600"))
    publish(world, JIANGSU, older, newer)
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    publish(world, JIANGSU, older)
    undone = await window.undo(request.header.msgid)
    assert undone.setlinfo.dise_codg == info.dise_codg == HYPERTENSION
    assert world.batch(info.mdtrt_id)[0] == Batch.OPEN


async def test_the_lost_answer_of_an_undo_names_the_disease_of_what_it_undid(world: World, window: Window):
    """The same when nobody heard the answer of the undo, and it is asked for after the withdrawal."""
    newer = edition(JS, pair(HYPERTENSION, UPPER), name="test.2", begin=date(2026, 6, 1))
    older = edition(JS, pair(RENAMED, UPPER), pair(HYPERTENSION, "M01600"))
    publish(world, JIANGSU, older, newer)
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    undoing = window.undoing(request.header.msgid)
    world.link(1).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("Undo", undoing))
    world.link(1).otherwise = Fate.DELIVER
    publish(world, JIANGSU, older)
    told = await window.outcome(undoing.header.msgid)
    mirror = parse("Undo", told.answer)
    assert mirror.setlinfo.dise_codg == HYPERTENSION
    assert traced(mirror, JIANGSU) == [(UPPER, HYPERTENSION, "test.2")]
    assert f"{JS}.chronic test.2" in mirror.header.warn_msg


# --- lines and kinds --------------------------------------------------------------------------------------------------


async def test_lines_on_both_sides_of_an_edition_change_are_each_traced(world: World, window: Window):
    """Each line is translated by the edition of its own day, and the answer names both, hub by hub in order."""
    codes = [code for code, *_ in LINES]
    renamed = [f"{code}-N" for code in codes]
    before = edition(JS, *(pair(code, code) for code in codes), kind="catalogue")
    after = edition(JS, *map(pair, codes, renamed), kind="catalogue", name="test.2", begin=date(2026, 6, 20))
    there = edition(LN, *(pair(code, code) for code in renamed), kind="catalogue", name="ln.2", begin=date(2026, 6, 20))
    publish(world, JIANGSU, before, after)
    publish(world, LIAONING, edition(LN, *map(pair, codes, codes), kind="catalogue", name="ln.1"), there)
    registration = window.registration()
    registration.data.begntime = "2026-06-19 23:00:00"
    mdtrt_id = (await window.call("RegisterOutpatient", registration)).data.mdtrt_id
    request = window.lines(mdtrt_id)
    request.feedetail[0].fee_ocur_time = "2026-06-19 23:59:59"
    reply = await window.call("UploadOutpatientFees", request)
    assert not reply.rejected
    total_fen = sum(line.det_item_fee_sumamt_fen for line in reply.result)
    quote = await window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen))
    settled = await window.call("SettleOutpatient", window.settlement(quote))
    sent = SettleOutpatientRequest.FromString(world.link(2).sent[-1].request)
    assert [line.med_list_codg for line in sent.facts.lines] == [codes[0], *renamed[1:]]
    found = [(t.admdvs, t.from_code, t.edition) for t in settled.header.translations if t.kind == CATALOGUE]
    assert found == [
        (JIANGSU, codes[0], "test.1"), (JIANGSU, codes[1], "test.2"), (JIANGSU, codes[2], "test.2"),
        (LIAONING, codes[0], "ln.1"), (LIAONING, renamed[1], "ln.2"), (LIAONING, renamed[2], "ln.2"),
    ]  # fmt: skip


async def test_a_code_that_passed_on_one_side_is_mapped_on_the_other_and_said(world: World, window: Window):
    """A code let through without a row is traced as row 0 and warned of; the next border maps it by its own row."""
    publish(world, JIANGSU, edition(JS, pair("JS-MT-1", "M00200"), unmapped="pass"))
    publish(world, LIAONING, edition(LN, pair(GRANTED, UPPER)))
    mdtrt_id = await window.register()
    reply = await window.call("UploadOutpatientFees", window.lines(mdtrt_id, dise=UPPER))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in reply.result)
    quote = await window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen))
    settled = await window.call("SettleOutpatient", window.settlement(quote))
    assert settled.setlinfo.dise_codg == UPPER
    assert [(t.admdvs, t.to_code, t.row > 0) for t in settled.header.translations if t.kind == CHRONIC] == [
        (JIANGSU, UPPER, False), (LIAONING, GRANTED, True)
    ]  # fmt: skip
    assert f"{JS}.chronic test.1" in settled.header.warn_msg
