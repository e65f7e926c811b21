"""The demonstration, as a newcomer runs it: real processes, real certificates, real databases."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gateway.demo.verdict import Entry, Verdict, judge_books
from yidi.v1.settlement_types_pb2 import SettlementInfo

pytestmark = pytest.mark.scenario

DEMO = (sys.executable, "-m", "gateway", "demo")


@pytest.fixture
def environment(root: Path) -> dict[str, str]:
    """The environment in which the source tree runs without being installed."""
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'protos' / 'python'}"}


def hubs_of(directory: Path) -> list[psutil.Process]:
    """The hubs that run on configurations below a directory."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "serve" in line and any(word.startswith(str(directory)) for word in line):
            found.append(process)
    return found


def test_all_scenes_play_and_the_last_line_tells_what_happened(
    tmp_path: Path, root: Path, environment: dict[str, str]
) -> None:
    """Two settlements through five hubs, three declines named as themselves, every sum and every code accounted for."""
    ran = subprocess.run(
        [*DEMO, "--json", "--dir", str(tmp_path / "net")],
        cwd=root, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 1, "stdout is for machines alone"
    told = json.loads(lines[0])
    translations = told.pop("translations")
    assert told == {
        "ok": True,
        "settlements": 2,
        "hops": 5,
        "declines": ["ENROLLED_IN_TWO_PLACES", "ADMISSION_ELSEWHERE_NOT_CANCELLED", "FILED_TO_PROVINCE_NOT_CITY"],
        "sums_hold": True,
        "repeat_same_answer": True,
    }
    assert translations[0] == {
        "kind": "chronic_disease",
        "original": "JS-MT-0390",
        "national": "M03900",
        "map": "CN-320000.chronic",
        "edition": "2026.1",
    }
    assert {"kind": "catalogue", "original": "JS-XY-0001", "national": "XA07XAX061N001010101521",
            "map": "CN-320000.catalogue", "edition": "2026.1"} in translations  # fmt: skip
    assert len(translations) == 16
    assert "A2104" in ran.stderr, "the settlement ids are shown to the reader"
    assert "\x1b" not in ran.stderr, "no colours outside a terminal"
    assert not hubs_of(tmp_path)
    assert (tmp_path / "net" / "210400" / "hub.db").is_file()


@pytest.fixture
def kept(tmp_path: Path, root: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A demonstration that keeps its network running, and says so."""
    output = tmp_path / "output"
    with output.open("w") as sink:
        process = subprocess.Popen(
            [*DEMO, "--keep", "--dir", str(tmp_path / "net")],
            cwd=root, env=environment, stdout=sink, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    give_up = time.monotonic() + 90
    while "until Ctrl-C" not in output.read_text() and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.2)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait(60)
    for hub in hubs_of(tmp_path):
        hub.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_kept_network_can_be_called_and_leaves_no_hub_behind(
    kept: subprocess.Popen[str], tmp_path: Path, root: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    """The program that --keep prints works as printed; the signal that ends the demonstration stops every hub."""
    assert len(hubs_of(tmp_path)) == 5, (tmp_path / "output").read_text()
    called = subprocess.run(
        [sys.executable, str(tmp_path / "net" / "call.py")],
        cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert called.returncode == 0, called.stderr
    assert "FUSHUN-DEMO-0001" in called.stdout
    kept.send_signal(number)
    assert kept.wait(60) == 0, (tmp_path / "output").read_text()
    assert not hubs_of(tmp_path)


def test_books_that_differ_are_told() -> None:
    """One fen more in the book of one hub is a problem, and the sums do not hold."""
    info = SettlementInfo(setl_id="A1", medfee_sumamt_fen=500, fund_pay_sumamt_fen=300, psn_cash_pay_fen=200)
    entry = Entry("/yidi.v1.SettlementService/SettleOutpatient", "A1", 500, 300, 0, 200, 0)
    good, bad = Verdict(sums_hold=True), Verdict(sums_hold=True)
    judge_books(good, {"321100": [entry], "210400": [entry]}, [info])
    judge_books(bad, {"321100": [entry], "210400": [entry._replace(cash_fen=201)]}, [info])
    assert (good.ok, good.sums_hold, good.settlements) == (True, True, 1)
    assert (bad.ok, bad.sums_hold) == (False, False)
    assert "210400" in bad.problems[0]


def test_a_directory_in_use_is_not_overwritten(tmp_path: Path, root: Path, environment: dict[str, str]) -> None:
    """Certificates and databases of an earlier run stay as they are."""
    (tmp_path / "mine").write_text("keep")
    ran = subprocess.run(
        [*DEMO, "--dir", str(tmp_path)],
        cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "not empty" in ran.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_a_hub_that_cannot_start_is_reported_and_nothing_is_left_running(
    tmp_path: Path, root: Path, environment: dict[str, str]
) -> None:
    """The machine's answer says that it is not well, and why; the hubs that did start are stopped."""
    broken = "import gateway.demo.network as n; n.PLANS[2].__dict__['level'] = 'moon'; "
    ran = subprocess.run(
        [sys.executable, "-c", broken + "from gateway.cli import main; main()", "demo", "--json",
         "--dir", str(tmp_path / "net")],
        cwd=root, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    told = json.loads(ran.stdout)
    assert not told["ok"]
    assert "100000" in told["problems"][0]
    assert not hubs_of(tmp_path)
