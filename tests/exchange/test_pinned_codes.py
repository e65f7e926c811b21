"""A publication of code maps never reaches back into an encounter that was registered before it."""

from datetime import date
from typing import Any

from codemaps.lookup import EditionMaps
from gateway.clock import china_ms, text
from gateway.contract import METHODS
from gateway.demo.scenes import HYPERTENSION
from tests.exchange.maps import edition, pair, with_editions
from tests.support.window import CHRONIC_PERSON, Window
from tests.support.world import LIAONING, LINKS, World, refused

HOUR_S = 3_600
OLD, NEW = "LN-MB-39", "LN-MB-39-NEW"


def sent(world: World) -> list[tuple[str, list[str]]]:
    """Every exchange over the four links so far: its method, and codes_as_of on each link."""
    found = []
    for sendings in zip(*(world.links[ends].sent for ends in LINKS), strict=True):
        method = METHODS[sendings[0].path]
        read: Any = method.request.FromString
        headers = [read(sending.request).header for sending in sendings]
        found.append((method.name, [header.codes_as_of for header in headers]))
    return found


def now(world: World) -> str:
    """The time in China, as a header has it."""
    return text(world.clock.china())


async def test_a_visit_is_sent_with_the_time_of_its_registration(world: World, window: Window):
    """Quote, settlement, reversal, query and undo carry it over every link, however much later they come."""
    registered = now(world)
    mdtrt_id = await window.register()
    world.clock.forward(HOUR_S)
    uploaded = await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    quote = await window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen))
    request = window.settlement(quote)
    info = (await window.call("SettleOutpatient", request)).setlinfo
    query = window.request("GetSettlement")
    query.data.psn_no, query.data.setl_id, query.data.mdtrt_id = CHRONIC_PERSON, info.setl_id, mdtrt_id
    await window.call("GetSettlement", query)
    await window.call("ReverseOutpatient", window.reversal(info))
    again = window.settlement(await window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen)))
    await window.call("SettleOutpatient", again)
    await window.undo(again.header.msgid)
    names = [
        "QuoteOutpatient", "SettleOutpatient", "GetSettlement", "ReverseOutpatient", "QuoteOutpatient",
        "SettleOutpatient", "Undo",
    ]  # fmt: skip
    assert sent(world) == [(name, [registered] * 4) for name in names]


async def test_a_stay_is_sent_with_the_time_of_its_admission(world: World, window: Window):
    """The admission itself carries the time it came, and all that follows the same, its repeat included."""
    registered = now(world)
    request = window.admission()
    mdtrt_id = (await window.call("Admit", request)).result.mdtrt_id
    world.clock.forward(HOUR_S)
    uploaded = await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    await window.call("Discharge", window.discharge(mdtrt_id))
    await window.call("QuoteInpatient", window.stay("QuoteInpatient", mdtrt_id, total_fen))
    await window.call("SettleInpatient", window.stay("SettleInpatient", mdtrt_id, total_fen))
    assert sent(world) == [(name, [registered] * 4) for name in ("Admit", "QuoteInpatient", "SettleInpatient")]


async def test_what_is_about_no_encounter_is_not_pinned(world: World, window: Window):
    """A question about a person sees the code maps as they stand."""
    await window.person()
    assert sent(world) == [("GetPerson", [""] * 4)]


async def test_another_hospitals_encounter_pins_nothing(world: World, window: Window):
    """The time of registration is read of an institution's own encounters only."""
    mdtrt_id = await window.register()
    stranger = Window(world, "H32110000002")
    query = stranger.request("GetSettlement")
    query.data.psn_no, query.data.setl_id, query.data.mdtrt_id = CHRONIC_PERSON, "X", mdtrt_id
    await refused(stranger.call("GetSettlement", query))
    assert sent(world) == [("GetSettlement", [""] * 4)]


def published(at: str) -> EditionMaps:
    """Liaoning renames hypertension from the first of June on, and publishes it late."""
    return with_editions(
        edition("CN-210000", pair(OLD, "M03900")),
        edition("CN-210000", pair(NEW, "M03900"), name="2", begin=date(2026, 6, 1), published_ms=china_ms(at)),
    )


async def sees(world: World, window: Window, quotation: Any) -> str:
    """The code that Fushun gets for the disease of a quote."""
    refusal = await refused(window.call("QuoteOutpatient", quotation))
    assert refusal.reason == "CHRONIC_NOT_ENTITLED"
    return refusal.params["dise_codg"]


async def uploaded(window: Window, mdtrt_id: str) -> Any:
    """Lines, and the quotation for them."""
    lines = await window.call("UploadOutpatientFees", window.lines(mdtrt_id, dise=HYPERTENSION))
    return window.quotation(mdtrt_id, sum(line.det_item_fee_sumamt_fen for line in lines.result))


async def test_a_publication_does_not_reach_a_visit_registered_before_it(world: World, window: Window):
    """A visit keeps its codes from the quote to the settlement; the next visit of the same day has the new ones."""
    quote = await uploaded(window, await window.register())
    world.clock.forward(HOUR_S)
    world.hubs[LIAONING].maps = published(now(world))
    world.clock.forward(HOUR_S)
    request = window.settlement(await window.call("QuoteOutpatient", quote))
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert await sees(world, window, await uploaded(window, await window.register())) == NEW
