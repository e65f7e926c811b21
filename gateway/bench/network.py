"""``bench network``: settlements through five hubs, and whether everybody's books agree afterwards.

With kills, a hub is ended by SIGKILL now and then and started again at once, while hospitals go on. Nothing may be
lost and nothing may be settled twice, so the books are compared entry by entry, to the fen.
"""

import os
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from codemaps.port import NATIONAL
from gateway.bench import books, sample
from gateway.bench.figures import machine, percentile
from gateway.bench.visits import Declined, Notes, Settled, Unfinished, Window
from gateway.demo.hospital import Line
from gateway.demo.network import HOSPITAL, Network

WARM_UP_S = 2.0
PERSONS = 200
OPENING_FEN = 1_000_000
PATIENCE_S = 60.0
"""How long requests are driven on after the load, once all hubs are up again."""
INSURED_CODES = "CN-210000"
TREAT, INSURED = sample.CITY, sample.INSURED


def persons_toml(count: int) -> str:
    """Persons who may be treated in Zhenjiang for hypertension on their account and the pool of Fushun."""
    tables = []
    for number in range(1, count + 1):
        who = f"210400{number:020d}"
        tables.append(f"""\
[[person]]
psn_no = "{who}"
psn_name = "示范{number}"
certno = "DEMO-{number:06d}"
psn_type = "1201"
acct_balc_fen = {OPENING_FEN}
[[enrolment]]
psn_no = "{who}"
insutype = "310"
insuplc_admdvs = "{INSURED}"
begndate = "2015-01-01"
[[filing]]
psn_no = "{who}"
kind = "chronic"
admdvs = "{TREAT}"
begndate = "2026-01-01"
[[entitlement]]
psn_no = "{who}"
dise_codg = "LN-MB-39"
begndate = "2025-01-01"
""")
    return "".join(tables)


@dataclass
class Load:
    """Clients that serve one patient after the other until they are told to stop."""

    window: Window
    lines: Sequence[Line]
    stop: threading.Event = field(default_factory=threading.Event)
    settled: list[Settled] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, clients: int) -> None:
        """Start so many clients, each with patients of its own."""
        for number in range(clients):
            persons = range(1 + number, PERSONS + 1, clients)
            thread = threading.Thread(target=self._serve, args=(persons,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, persons: Sequence[int]) -> None:
        turn = 0
        while not self.stop.is_set():
            try:
                self.settled.append(self.window.visit(f"210400{persons[turn % len(persons)]:020d}", self.lines))
            except Declined as error:
                self.declined.append(str(error))
            except Unfinished as error:
                self.unfinished.append(str(error))
            except Exception as error:  # noqa: BLE001  # raised again where the run is judged
                self.broken.append(error)
                return
            turn += 1

    def finish(self) -> None:
        """No new patients; wait until the last one is served."""
        self.stop.set()
        for thread in self._threads:
            thread.join()
        if self.broken:
            raise self.broken[0]


class Killer:
    """Ends a random hub at a given rate and starts it again, at once or after a while."""

    def __init__(self, network: Network, per_second: float, down: float) -> None:
        self._hubs = list(network.hubs.values())
        self._pause = 1 / per_second
        self._down = down
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.kills = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            hub = random.choice(self._hubs)
            hub.kill()
            self.kills += 1
            self._stop.wait(self._down)
            hub.start()


def measure(*, seconds: float, clients: int, lines: int, kill: float = 0.0, down: float = 0.0) -> dict[str, Any]:
    """One run; what is found afterwards in the books stands in ``differences``."""
    with tempfile.TemporaryDirectory(prefix="yidi-network-") as name:
        network = Network(Path(name) / "net")
        persons = Path(name) / "persons.toml"
        persons.write_text(persons_toml(PERSONS), encoding="utf-8")
        network.load_core(persons)
        try:
            network.start()
            return _run(network, seconds=seconds, clients=clients, lines=lines, kill=kill, down=down)
        finally:
            network.stop()


def _run(network: Network, *, seconds: float, clients: int, lines: int, kill: float, down: float) -> dict[str, Any]:
    notes = Notes()
    window = Window(HOSPITAL, TREAT, f"127.0.0.1:{network.hubs[TREAT].port}", network.tls(), notes)
    load = Load(window, _lines(lines))
    load.start(clients)
    time.sleep(WARM_UP_S)
    began, cpu_before = time.monotonic(), _cpu_seconds(network)
    kills = 0
    if kill:
        with Killer(network, kill, down) as killer:
            load.stop.wait(seconds)
        kills = killer.kills
    else:
        load.stop.wait(seconds)
    ended, cpu_after = time.monotonic(), _cpu_seconds(network)
    load.stop.set()
    network.start()
    notes.give_up = time.monotonic() + PATIENCE_S
    load.finish()
    window.close()
    network.stop()
    in_time = [one for one in load.settled if began <= one.ended < ended]
    told = _told(in_time, ended - began) | _judged(network, load)
    if not kill and in_time:
        told["cpu_ms_per_settlement"] = {
            division: round((cpu_after[division] - cpu_before[division]) * 1e3 / len(in_time), 2)
            for division in cpu_before
        }
    return told | {
        "kills": kills,
        "resends": notes.resends,
        "unknown": notes.unknown,
        "failures": dict(notes.failures.most_common()),
        "clients": clients,
        "lines": lines,
        "seconds": round(ended - began, 2),
        "machine": machine(),
    }


def _lines(count: int) -> list[Line]:
    systems = (sample.PROVINCE_CODES, NATIONAL, INSURED_CODES)
    return [(line.med_list_codg, "", line.cnt_e4, line.pric_e6) for line in sample.fee_lines(count, *systems)]


def _cpu_seconds(network: Network) -> dict[str, float]:
    found = {}
    for division, hub in network.hubs.items():
        if hub.process is not None:
            times = psutil.Process(hub.process.pid).cpu_times()
            found[division] = times.user + times.system
    return found


def _told(settled: Sequence[Settled], seconds: float) -> dict[str, Any]:
    spent = [one.ended - one.began for one in settled]
    per_second = len(settled) / seconds
    return {
        "settlements": len(settled),
        "per_second": round(per_second, 2),
        "per_second_per_core": round(per_second / (os.cpu_count() or 1), 2),
        "p50_ms": round(percentile(spent, 0.50) * 1e3, 1) if spent else None,
        "p99_ms": round(percentile(spent, 0.99) * 1e3, 1) if spent else None,
    }


def _judged(network: Network, load: Load) -> dict[str, Any]:
    databases = {division: hub.database for division, hub in network.hubs.items()}
    all_books = {"hospital": [one.entry for one in load.settled]}
    all_books |= {f"hub {division}": books.of_hub(database) for division, database in databases.items()}
    all_books["core"] = books.of_core(databases[INSURED])
    found = books.differences(all_books) + books.account_differences(databases[INSURED], OPENING_FEN)
    return {
        "books_equal": not found,
        "entries_compared": len(load.settled),
        "differences": found,
        "declined": load.declined,
        "unfinished": load.unfinished,
        "left_open": {division: books.left_open(database) for division, database in databases.items()},
    }
