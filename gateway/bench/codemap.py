"""``bench codemap``: an edition of millions of rows from the spreadsheet to the look-up, and an exchange under load.

Everything is done as operators do it, by the ``yidi codemap`` commands on a depot of its own. The memory and the time
of a look-up are those of worker processes (see ``codemap_worker``), the failed requests those of a hub that settles
while the next edition is published.
"""

import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from codemaps import shipped
from codemaps.editions import read_rows
from gateway.bench.figures import machine
from gateway.bench.relay import Bench, BenchError
from gateway.bench.sample import PROVINCE_CODES

MAP = f"{PROVINCE_CODES}.catalogue"
HEADER = ("省编码", "省目录名称", "国家编码", "国家目录名称", "对应关系", "目录类别")
LINES = 20
BEFORE_S, AFTER_S = 2.0, 4.0
"""How long the load runs before the publication and goes on after the hub has taken it over."""


def local_code(number: int) -> str:
    """The local code of a row."""
    return f"JSB-{number:010d}"


def spreadsheet(file: Path, rows: int, salt: str) -> None:
    """Write a table as a province would send it: generated rows, and those that the sample settlement needs."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(HEADER)
        needed = list(_needed())
        writer.writerows(needed)
        for number in range(rows - len(needed)):
            national = (
                f"X{chr(65 + number // 67_600_000 % 26)}{number // 676_000 % 100:02d}BAE{number // 676 % 1000:03d}A001"
            )
            company = f"{number // 26 % 26:02d}{number % 26:02d}{number % 100_000:05d}"
            writer.writerow(
                (local_code(number), f"药品{salt}{number}", national + company, f"国家药品{number}", "equal", "101")
            )


def _needed() -> Iterator[tuple[str, ...]]:
    for edition in shipped.editions():
        if edition.manifest.map == MAP and edition.rows_file is not None:
            for row in read_rows(edition.rows_file):
                yield (row.local_code, row.local_name, row.national_code, row.national_name, "equal", row.list_type)


class Commands:
    """The ``yidi codemap`` commands on one depot."""

    def __init__(self, depot: Path) -> None:
        self._depot = depot

    def run(self, *words: str) -> tuple[dict[str, Any], float]:
        """Run one; its answer, and how long the whole command took."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "gateway", "codemap", *words, "--depot", str(self._depot), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise BenchError(f"yidi codemap {words[0]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        told: dict[str, Any] = json.loads(done.stdout)
        return told, seconds

    def import_(self, file: Path, edition: str) -> float:
        """Import a table as a draft; the seconds."""
        words = ("--kind", "catalogue", "--system", PROVINCE_CODES, "--edition", edition, "--by", "bench")
        return self.run("import", str(file), *words)[1]

    def publish(self, edition: str, begin: date, *words: str) -> float:
        """Review and publish; the seconds of the publication."""
        self.run("review", MAP, edition, "--by", "reviewer")
        return self.run("publish", MAP, edition, "--from", begin.isoformat(), "--by", "reviewer", *words)[1]


def measure(rows: int, clients: int) -> dict[str, Any]:
    """One run; raises BenchError when its figures would not be true."""
    with tempfile.TemporaryDirectory(prefix="yidi-codemap-") as name:
        directory = Path(name)
        depot = directory / "depot"
        commands = Commands(depot)
        table = directory / "table.csv"
        spreadsheet(table, rows, "")
        told: dict[str, Any] = {"rows": rows, "import_seconds": round(commands.import_(table, "first"), 2)}
        today = date.today()  # noqa: DTZ011  # a day before is early enough for the first edition
        seconds = commands.publish("first", today - timedelta(days=30), "--backdated")
        told["publish_seconds"] = round(seconds, 2)
        told.update(_workers(depot, rows))
        spreadsheet(table, rows, "新")
        commands.import_(table, "second")
        told.update(_exchange(directory, commands, clients, today - timedelta(days=1)))
    return {**told, "clients": clients, "machine": machine()}


def _workers(depot: Path, rows: int) -> dict[str, Any]:
    """Two workers look up; the second one tells what it costs beside the first."""
    command = [sys.executable, "-m", "gateway.bench.codemap_worker", str(depot), str(rows)]
    with subprocess.Popen([*command, "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        if not first.stdout.readline():
            raise BenchError("the first worker ended")
        second = subprocess.run([*command, "measure"], capture_output=True, text=True, check=False)
        first.communicate(b"\n")
    if second.returncode:
        raise BenchError(second.stderr[-2000:])
    told: dict[str, Any] = json.loads(second.stdout)
    return told


def _exchange(directory: Path, commands: Commands, clients: int, begin: date) -> dict[str, Any]:
    """Publish the second edition while a hub settles through the first."""
    hub = directory / "hub"
    hub.mkdir()
    bench = Bench(hub, LINES, clients, extra_config=f'\n[codemaps]\ndepot = "{directory / "depot"}"\n')
    with bench.running():
        _wait_for_edition(bench, "first", 0.0)
        stop = threading.Event()
        turns: list[dict[str, Any]] = []
        load = threading.Thread(target=_load, args=(bench, stop, turns))
        load.start()
        try:
            time.sleep(BEFORE_S)
            commands.publish("second", begin, "--backdated")
            swapped = _wait_for_edition(bench, "second", 30.0)
            time.sleep(AFTER_S)
        finally:
            stop.set()
            load.join()
    return {
        "requests_during_publish": sum(turn["finished"] for turn in turns),
        "failed_requests_during_publish": sum(len(turn["faults"]) for turn in turns),
        "faults": [fault for turn in turns for fault in turn["faults"]],
        "taken_over_seconds": round(swapped, 2),
    }


def _load(bench: Bench, stop: threading.Event, turns: list[dict[str, Any]]) -> None:
    while not stop.is_set():
        turns.append(bench.load("hub", 1.0))


def _wait_for_edition(bench: Bench, edition: str, patience: float) -> float:
    """Wait until the hub says that an edition is in force; how long it took."""
    began = time.perf_counter()
    wanted = f'yidi_codemap_edition_in_force{{edition="{edition}",map="{MAP}"}} 1.0'
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{bench.hub.metrics_port}/metrics") as answer:
            if wanted in answer.read().decode():
                return time.perf_counter() - began
        if time.perf_counter() - began > patience:
            raise BenchError(f"the hub does not serve the {edition} edition")
        time.sleep(0.1)
