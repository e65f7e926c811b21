"""Recent traffic, code by code: what is counted, that memory is bounded, and that it reaches the table."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from codemaps.port import CATALOGUE, CHRONIC
from codemaps.traffic import Use
from gateway.clock import china_ms
from gateway.codemap import uses as module
from gateway.codemap.uses import Uses, Way, read
from gateway.demo.scenes import HYPERTENSION
from gateway.store import tables
from gateway.store.sqlite import SqliteStore, StoreUnavailable
from gateway.store.tables import Batch, State
from tests.exchange.maps import edition, pair, with_editions
from tests.support.window import LINES, Window
from tests.support.world import JIANGSU, LIAONING, NATION, ZHENJIANG, Fate, World, refused

JS = "CN-320000"
WAY = Way(JS, "CN", "translated")
DAY = "2026-06-20"
NOW = china_ms("2026-06-20 10:00:00")


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store with the tables of a hub."""
    made = SqliteStore(str(tmp_path / "hub.db"))
    made.open([tables.metadata])
    yield made
    await made.close()


async def told(store: SqliteStore, since: str = "2000-01-01") -> list[Use]:
    """What the table has."""
    return await store.read(lambda tx: read(tx, since))


async def counted(world: World, division: str) -> list[Use]:
    """What a hub of the world has counted so far."""
    hub = world.hubs[division]
    await hub.uses.flush(hub.store, hub.now_ms())
    return await told(hub.store)


async def quotation_of(window: Window, dise: str) -> Any:
    """A 2206 request for lines of a disease."""
    mdtrt_id = await window.register()
    uploaded = await window.call("UploadOutpatientFees", window.lines(mdtrt_id, dise=dise))
    return window.quotation(mdtrt_id, sum(line.det_item_fee_sumamt_fen for line in uploaded.result))


# --- what is counted --------------------------------------------------------------------------------------------------


async def test_a_settlement_is_traffic_at_each_border(world: World, window: Window):
    """Every code counts once, a line with its amount, the disease with all that was charged; a quote counts nothing."""
    request = await window.to_settle()
    assert await counted(world, JIANGSU) == []
    await window.call("SettleOutpatient", request)
    found = await counted(world, JIANGSU)
    total_fen = request.data.medfee_sumamt_fen
    assert {(use.from_system, use.to_system, use.result) for use in found} == {(JS, "CN", "translated")}
    lines = [use for use in found if use.kind == "catalogue"]
    assert sorted(use.code for use in lines) == sorted(code for code, *_ in LINES)
    assert {(use.cases, use.lines) for use in lines} == {(1, 1)}
    assert sum(use.amount_fen for use in lines) == total_fen
    (disease,) = (use for use in found if use.kind == "chronic")
    assert (disease.code, disease.cases, disease.lines, disease.amount_fen) == (HYPERTENSION, 1, 1, total_fen)
    assert {use.to_system for use in await counted(world, LIAONING)} == {"CN-210000"}
    assert await counted(world, NATION) == await counted(world, ZHENJIANG) == []


async def test_only_what_was_carried_out_is_traffic_and_once(world: World, window: Window):
    """A settlement that needed several sendings is one case."""
    request = await window.to_settle()
    world.link(1).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleOutpatient", request))
    assert await counted(world, JIANGSU) == []
    world.link(1).otherwise = Fate.DELIVER
    await window.call("SettleOutpatient", request)
    assert {use.cases for use in await counted(world, JIANGSU)} == {1}


async def test_what_is_missing_counts_for_quotes_as_well(world: World, window: Window):
    """A disease without a row is counted each time it is asked for, with the money that hangs on it."""
    request = await quotation_of(window, "JS-MT-9999")
    for _ in range(2):
        request.header.msgid = window.msgid()
        await refused(window.call("QuoteOutpatient", request))
    total_fen = request.data.medfee_sumamt_fen
    assert await counted(world, JIANGSU) == [
        Use("chronic", JS, "CN", "JS-MT-9999", "unmapped", 2, 2, 2 * total_fen)
    ]  # fmt: skip


async def test_a_held_settlement_goes_through_once_the_map_is_complete(world: World, window: Window):
    """CODE_HELD stores nothing at the border; the same msgid settles after a publication, though registered before."""
    request = await window.to_settle()
    total_fen = request.data.medfee_sumamt_fen
    shipped = world.hubs[JIANGSU].maps
    without = edition(JS, pair("JS-MT-1", "M00200"), unmapped="hold")
    world.hubs[JIANGSU].maps = with_editions(without)
    refusal = await refused(window.call("SettleOutpatient", request))
    assert (refusal.reason, refusal.fault.code, refusal.params["code"]) == ("CODE_HELD", "Y3007", HYPERTENSION)
    assert world.states(request.header.msgid) == [State.RELEASED, None, None, None, None]
    assert world.batch(request.data.mdtrt_id)[0] == Batch.OPEN
    assert await counted(world, JIANGSU) == [Use("chronic", JS, "CN", HYPERTENSION, "held", 1, 1, total_fen)]
    world.clock.forward(600)
    completed = edition(
        JS, pair("JS-MT-1", "M00200"), pair(HYPERTENSION, "M03900"), name="test.2", begin=date(2026, 1, 2),
        published_ms=world.hubs[JIANGSU].now_ms(), unmapped="hold",
    )  # fmt: skip
    world.hubs[JIANGSU].maps = with_editions(without, completed)
    assert (await window.call("SettleOutpatient", request)).setlinfo.setl_id
    assert [len(book) for book in world.books()] == [1] * 5
    assert world.hubs[JIANGSU].maps is not shipped


# --- memory and table -------------------------------------------------------------------------------------------------


async def test_uses_add_up_over_flushes(store: SqliteStore):
    """The table holds the sum of all flushes, by day, way, code and result; reading adds the days up."""
    uses = Uses()
    for day in (DAY, DAY, "2026-06-19"):
        uses.add(WAY, [((CATALOGUE, "A", day), 2, 100), ((CHRONIC, "A", day), 1, 300)])
        await uses.flush(store, NOW)
    uses.add(WAY._replace(result="unmapped"), [((CATALOGUE, "A", DAY), 1, -5)])
    await uses.flush(store, NOW + 1)
    assert await told(store) == [
        Use("catalogue", JS, "CN", "A", "translated", 3, 6, 300),
        Use("catalogue", JS, "CN", "A", "unmapped", 1, 1, -5),
        Use("chronic", JS, "CN", "A", "translated", 3, 3, 900),
    ]
    assert [use.cases for use in await told(store, DAY)] == [2, 1, 2]
    assert await told(store, "2026-06-21") == []


async def test_an_impossible_amount_counts_as_no_money(store: SqliteStore):
    """Whatever a request claims, no sum leaves the range of a column."""
    uses = Uses()
    uses.add(WAY, [((CATALOGUE, "A", DAY), 5000, 5000 * 10**16), ((CATALOGUE, "A", DAY), 1, -(10**19))])
    uses.add(WAY, [((CATALOGUE, "A", DAY), 1, 7)])
    await uses.flush(store, NOW)
    assert await told(store) == [Use("catalogue", JS, "CN", "A", "translated", 3, 5002, 7)]


async def test_many_codes_are_written_in_parts(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    """No unit writes more rows than its share, so that exchanges need not wait."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    uses = Uses()
    uses.add(WAY, [((CATALOGUE, str(number), DAY), 1, 1) for number in range(10)])
    await uses.flush(store, NOW)
    assert len(await told(store)) == 10
    await uses.flush(store, NOW)
    assert sum(use.cases for use in await told(store)) == 10


async def test_memory_is_bounded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    """Beyond the most keys only known ones grow, what is lost is counted, and the next flush makes room."""
    monkeypatch.setattr(module, "MOST_KEYS", 3)
    uses = Uses()
    uses.add(WAY, [((CATALOGUE, str(number), DAY), 1, 1) for number in range(5)])
    uses.add(WAY, [((CATALOGUE, "0", DAY), 1, 1)])
    assert uses.lost == 2
    await uses.flush(store, NOW)
    uses.add(WAY, [((CATALOGUE, "4", DAY), 1, 1)])
    await uses.flush(store, NOW)
    assert [(use.code, use.cases) for use in await told(store)] == [("0", 2), ("1", 1), ("2", 1), ("4", 1)]


async def test_what_the_store_does_not_take_is_kept(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    """A flush that fails in the middle puts back what was not written, beside what came meanwhile."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    uses = Uses()
    uses.add(WAY, [((CATALOGUE, str(number), DAY), 1, 1) for number in range(5)])
    submit, left = store.submit, [1]

    async def failing(unit: Any) -> Any:
        if not left:
            uses.add(WAY, [((CATALOGUE, "4", DAY), 1, 1)])
            raise StoreUnavailable("full")
        left.pop()
        return await submit(unit)

    monkeypatch.setattr(store, "submit", failing)
    with pytest.raises(StoreUnavailable):
        await uses.flush(store, NOW)
    monkeypatch.setattr(store, "submit", submit)
    await uses.flush(store, NOW)
    assert [(use.code, use.cases) for use in await told(store)] == [("0", 1), ("1", 1), ("2", 1), ("3", 1), ("4", 2)]


async def test_old_days_are_purged_once_a_day(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    """What is older than anybody looks back goes, in parts, and is not looked for again on the same day."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    uses, today = Uses(), date(2026, 6, 20)
    uses.add(WAY, [((CATALOGUE, str(number), "2025-05-15"), 1, 1) for number in range(5)])
    uses.add(WAY, [((CATALOGUE, "kept", "2025-05-16"), 1, 1)])
    await uses.flush(store, NOW)
    await uses.purge(store, today)
    assert [use.code for use in await told(store)] == ["kept"]
    uses.add(WAY, [((CATALOGUE, "late", "2025-05-15"), 1, 1)])
    await uses.flush(store, NOW)
    await uses.purge(store, today)
    assert len(await told(store)) == 2
    await uses.purge(store, date(2026, 6, 21))
    assert await told(store) == []


async def test_sums_are_kept_up_to_the_end(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    """The task writes early when memory is full, and once more when the hub stops."""
    monkeypatch.setattr(module, "MOST_KEYS", 2)
    uses = Uses()
    task = asyncio.ensure_future(uses.keep(store, lambda: NOW, lambda: date(2026, 6, 20)))
    uses.add(WAY, [((CATALOGUE, "A", DAY), 1, 1), ((CATALOGUE, "B", DAY), 1, 1)])
    async with asyncio.timeout(3):
        while len(await told(store)) < 2:  # noqa: ASYNC110  # what is waited for lies in a database
            await asyncio.sleep(0.001)
    uses.add(WAY, [((CATALOGUE, "A", DAY), 1, 1)])
    uses.end()
    async with asyncio.timeout(3):
        await task
    assert [(use.code, use.cases) for use in await told(store)] == [("A", 2), ("B", 1)]
