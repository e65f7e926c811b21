"""The commands beside a hub: its depot, and its own traffic as the weight of an edition."""

import asyncio
from pathlib import Path

import pytest

from codemaps.depot import Depot
from codemaps.port import CATALOGUE
from gateway.codemap.uses import Uses, Way
from gateway.demo.network import Network
from gateway.store import tables
from gateway.store.sqlite import SqliteStore
from tests.codemap_commands.conftest import DRUGS, MAP, SYSTEM, Desk

JIANGSU = "320000"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a province with a depot, whose store knows some traffic."""
    network = Network(tmp_path / "network", '\n[codemaps]\ndepot = "maps"\n')
    hub = network.hubs[JIANGSU]
    asyncio.run(pass_traffic(str(hub.database)))
    return hub.config


async def pass_traffic(database: str) -> None:
    """Write what the hub would have counted."""
    store = SqliteStore(database)
    store.open([tables.metadata])
    today = Depot(Path()).today().isoformat()
    uses = Uses()
    for code, result, yuan in (("JS-1", "translated", 300), ("JS-1", "translated", 100), ("JS-9", "unmapped", 600)):
        uses.add(Way("CN-320000", "CN", result), [((CATALOGUE, code, today), 1, yuan * 100)])
    await uses.flush(store, 0)
    await store.close()


def test_the_hubs_own_traffic_weighs_an_edition(desk: Desk, config: Path):
    """What the hub translated and what it had to refuse counts, in cases and in money, with no file to prepare."""
    words = ("--config", str(config))
    file = desk.table(DRUGS)
    steps: tuple[tuple[str, ...], ...] = (
        ("import", file, *SYSTEM, "--edition", "1", "--by", "王芳"),
        ("review", MAP, "1", "--by", "李强"),
        ("publish", MAP, "1", "--from", "2099-01-01", "--by", "李强"),
    )
    for step in steps:
        told = desk.run(*step, *words, depot=False)
        assert told.code == 0, told.text
    assert (config.parent / "maps" / "depot.db").exists()
    covered = desk.run("coverage", MAP, "1", *words, "--json", depot=False).json
    assert (covered["covered"]["cases"], covered["covered"]["amount_fen"]) == (2, 40_000)
    assert (covered["not_covered"]["cases"], covered["not_covered"]["amount_fen"]) == (1, 60_000)
    checked = desk.run("check", MAP, "1", *words, "--json", depot=False).json
    assert checked["ok"]
    assert [finding["code"] for finding in checked["findings"] if finding["code"] == "not_covered"] == ["not_covered"]


def test_a_hub_without_a_depot_is_told_so(desk: Desk, tmp_path: Path):
    """The commands name the key that is missing, and make nothing."""
    hub = Network(tmp_path / "network").hubs[JIANGSU]
    told = desk.run("history", "--config", str(hub.config), depot=False)
    assert told.code == 1
    assert "codemaps.depot" in told.text
