"""Metrics: well-formed, bounded, and without personal data."""

import asyncio
import shutil
import subprocess

import pytest
from prometheus_client import generate_latest

from gateway.demo.network import HOSPITAL
from gateway.demo.scenes import CHRONIC_LINES
from gateway.observe.metrics import Metrics
from tests.support.window import CHRONIC_PERSON, Window
from tests.support.world import WAY, ZHENJIANG, World, refused

PERSONAL = (CHRONIC_PERSON, "示范甲", "DEMO-0001", "SHOWN-AT-WINDOW", HOSPITAL, "示范医师")


def text_of(metrics: Metrics) -> str:
    """What is scraped."""
    return generate_latest(metrics.registry).decode()


def series_of(metrics: Metrics) -> set[str]:
    """The series, without their values."""
    return {line.rpartition(" ")[0] for line in text_of(metrics).splitlines() if not line.startswith("#")}


async def busy(window: Window) -> None:
    """Something of everything: a settlement, repeats, a conflict, a reversal, refusals."""
    request = await window.to_settle(CHRONIC_LINES)
    info = (await window.call("SettleOutpatient", request)).setlinfo
    await window.call("SettleOutpatient", request)
    request.data.invono = "X"
    await refused(window.call("SettleOutpatient", request))
    await window.call("ReverseOutpatient", window.reversal(info))
    await window.person()


@pytest.mark.parametrize("division", WAY)
async def test_promtool_finds_nothing_to_say(world: World, window: Window, division: str):
    """The metrics of every hub pass Prometheus' own check."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed; Debian's prometheus package carries it")
    await busy(window)
    for method, outcome in (("SettleOutpatient", "success"), ("Admit", "business")):
        world.metrics[division].answered(method, "institution", outcome, 0.1)
    world.metrics[division].declined("NOT_FILED")
    checked = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "check", "metrics"],
        input=text_of(world.metrics[division]).encode(),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


async def test_no_personal_data_is_in_the_metrics(world: World, window: Window):
    """Neither persons nor institutions nor encounters appear in any label."""
    await busy(window)
    for metrics in world.metrics.values():
        text = text_of(metrics)
        assert not [value for value in PERSONAL if value in text]
        assert "mdtrt" not in text
        assert "msgid" not in text


async def test_more_traffic_makes_no_more_series(world: World, window: Window):
    """Labels are bounded: the same kinds of exchange make no new series, however many patients come."""
    await busy(window)
    before = {division: series_of(metrics) for division, metrics in world.metrics.items()}
    for _ in range(3):
        await busy(window)
    assert {division: series_of(metrics) for division, metrics in world.metrics.items()} == before


async def test_what_happens_is_counted(world: World, window: Window):
    """Repeats, translations, commits and the time at links are there after they happened."""
    await busy(window)
    text = text_of(world.metrics[ZHENJIANG])
    assert 'yidi_repeats_total{result="answered"} 1.0' in text
    assert 'yidi_repeats_total{result="conflict"} 1.0' in text
    assert 'yidi_link_duration_seconds_count{peer="320000"}' in text
    assert "yidi_commit_group_units_count" in text
    jiangsu = text_of(world.metrics["320000"])
    # The quote and the settlement translated each line of the chronic visit.
    assert f'map="CN-320000.catalogue",result="equal"}} {2.0 * len(CHRONIC_LINES)}' in jiangsu


async def test_a_code_without_translation_is_counted(world: World, window: Window):
    """What could not be translated shows in the metrics of the hub that could not."""
    mdtrt_id = await window.register()
    uploaded = await window.call("UploadOutpatientFees", window.lines(mdtrt_id, dise="JS-MT-9999"))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    assert (
        await refused(window.call("QuoteOutpatient", window.quotation(mdtrt_id, total_fen)))
    ).reason == "CODE_UNMAPPED"
    assert 'result="unmapped"} 1.0' in text_of(world.metrics["320000"])
    text = text_of(world.metrics["320000"])
    assert 'yidi_codemap_unmapped_total{kind="chronic"} 1.0' in text
    assert f'yidi_codemap_unmapped_yuan_total{{kind="chronic"}} {total_fen / 100}' in text
    assert 'yidi_codemap_unmapped_total{kind="catalogue"} 0.0' in text


def test_money_that_a_refund_takes_back_does_not_wait():
    """A counter only grows: a negative line without translation counts as a code, and as no money."""
    metrics = Metrics()
    metrics.missing("catalogue", -500)
    metrics.missing("catalogue", 1_250)
    text = text_of(metrics)
    assert 'yidi_codemap_unmapped_total{kind="catalogue"} 2.0' in text
    assert 'yidi_codemap_unmapped_yuan_total{kind="catalogue"} 12.5' in text
    for kind in ("chronic", "diagnosis", "operation"):
        assert f'yidi_codemap_unmapped_yuan_total{{kind="{kind}"}} 0.0' in text
