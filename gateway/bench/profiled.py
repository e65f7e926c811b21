"""``bench relay --profile``: where a hub spends its CPU, by thread and by stage.

Two runs of the same load: the first without a profiler tells the CPU of each thread; the second runs the hub under
cProfile, from the moment it serves until it is told to stop. cProfile makes Python functions dearer than C, and it
does not see gRPC's C core or the event loop, so its shares are shares of the Python part of one thread.

``python -m gateway.bench.profiled serve --config FILE`` is the ``yidi`` command with that profiler in it.
"""

import cProfile
import io
import pstats
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from gateway import hub
from gateway.bench.relay import WARM_UP_S, Bench

RESULT = "hub.profile"
TOP = 25
LEAST_US = 3.0
"""Threads that take less for each request are left out."""

STAGES = (
    ("protobuf", ("google._upb", "google/protobuf", "FromString")),
    ("store", ("pysqlite3", "gateway/store/", "gateway/treatplace/")),
    ("identify and check", ("exchange/identify", "exchange/check", "<check ", "gateway/contract", "gateway/clock")),
    ("admit", ("exchange/admit", "_hashlib", "hashlib")),
    ("route", ("exchange/route",)),
    (
        "translate",
        (
            "exchange/translate",
            "exchange/outgoing",
            "exchange/case",
            "exchange/entitlement",
            "codemap/uses",
            "codemaps/",
            "<codes ",
        ),
    ),
    ("forward", ("exchange/forward", "delivery/")),
    ("record", ("exchange/record", "gateway/money", "exchange/outcome", "exchange/undo")),
    ("chain", ("exchange/chain", "exchange/state")),
    ("server", ("gateway/server", "gateway/errors")),
    ("metrics and log", ("observe/", "prometheus_client", "json/")),
    ("grpc (Python part)", ("grpc/",)),
    ("asyncio", ("asyncio/", "uvloop", "concurrent/futures", "threading.py")),
)
OTHER = "other"

Function = tuple[str, int, str]
"""File, line and name, as pstats has them; the file of what is written in C is ``~``."""


class Profiled(hub.RunningHub):
    """A hub that is profiled while it serves."""

    async def start(self) -> int:
        """Serve, then start to profile."""
        port = await super().start()
        self._profile = cProfile.Profile()
        self._profile.enable()
        return port

    async def stop(self) -> None:
        """Write the profile beside the configuration, then stop."""
        self._profile.disable()
        self._profile.dump_stats(self.config.path(RESULT))
        await super().stop()


def stage_of(function: Function) -> str:
    """The stage a function belongs to, by its file, or by its name when it is written in C."""
    file, _, name = function
    text = name if file == "~" else file
    return next((stage for stage, marks in STAGES if any(mark in text for mark in marks)), OTHER)


def by_stage(stats: dict[Function, Any]) -> dict[str, float]:
    """Own seconds of each stage; what is written in C and no stage's own counts where it is called from."""
    found: dict[str, float] = defaultdict(float)
    for function, (_, _, own, _, callers) in stats.items():
        stage = stage_of(function)
        if function[0] != "~" or stage != OTHER or not callers:
            found[stage] += own
            continue
        for caller, (_, _, share, _) in callers.items():
            found[stage_of(caller)] += share
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def report(lines: int, *, seconds: float, clients: int) -> str:
    """Both runs as text."""
    out = io.StringIO()
    console = Console(file=out, width=120, highlight=False)
    _by_thread(console, lines, seconds, clients)
    _by_function(console, lines, seconds, clients)
    return out.getvalue()


def _by_thread(console: Console, lines: int, seconds: float, clients: int) -> None:
    table = Table(title=f"CPU of each thread for one request of {lines} lines, without a profiler")
    for heading in ("process", "thread", "user µs", "system µs"):
        table.add_column(heading, justify="right" if "µs" in heading else "left")
    with tempfile.TemporaryDirectory(prefix="yidi-profile-") as name:
        bench = Bench(Path(name), lines, clients)
        with bench.running():
            for side in ("bare", "hub"):
                bench.turn(side, WARM_UP_S)
                process = psutil.Process(bench.pid(side))
                before = {thread.id: thread for thread in process.threads()}
                finished = bench.turn(side, seconds).finished
                for thread in process.threads():
                    earlier = before.get(thread.id)
                    user = (thread.user_time - (earlier.user_time if earlier else 0)) * 1e6 / finished
                    system = (thread.system_time - (earlier.system_time if earlier else 0)) * 1e6 / finished
                    if user + system >= LEAST_US:
                        role = "event loop" if thread.id == process.pid else _thread_name(process.pid, thread.id)
                        table.add_row(side, role, f"{user:.0f}", f"{system:.0f}")
    console.print(table)


def _thread_name(pid: int, thread: int) -> str:
    try:
        name = Path(f"/proc/{pid}/task/{thread}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "ended"
    # gRPC's poller and the store's commit thread are Python threads and share the name of the process.
    return "gRPC poller or commit" if name.startswith("python") else name


def _by_function(console: Console, lines: int, seconds: float, clients: int) -> None:
    with tempfile.TemporaryDirectory(prefix="yidi-profile-") as name:
        bench = Bench(Path(name), lines, clients, ("-m", "gateway.bench.profiled"))
        with bench.running():
            finished = bench.turn("hub", WARM_UP_S).finished
            turn = bench.turn("hub", seconds)
            finished += turn.finished
            bench.hub.stop()
        stats: dict[Function, Any] = pstats.Stats(str(bench.directory / RESULT)).stats  # type: ignore[attr-defined]  # set, and not in the stub
    stages = by_stage(stats)
    whole = sum(stages.values())
    table = Table(title=f"Python of the event loop by stage, under cProfile ({turn.cpu_us:.0f} µs CPU a request so)")
    for heading in ("stage", "own µs a request", "share"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, own in stages.items():
        table.add_row(stage, f"{own * 1e6 / finished:.1f}", f"{own / whole:.1%}")
    console.print(table)
    functions = sorted(stats.items(), key=lambda item: -item[1][2])[:TOP]
    table = Table(title=f"The {TOP} functions with the most own time")
    for heading in ("own µs a request", "calls a request", "stage", "function"):
        table.add_column(heading, justify="right" if "request" in heading else "left")
    for function, (_, calls, own, _, _) in functions:
        where = "" if function[0] == "~" else f" {'/'.join(Path(function[0]).parts[-2:])}:{function[1]}"
        table.add_row(
            f"{own * 1e6 / finished:.1f}", f"{calls / finished:.1f}", stage_of(function), f"{function[2]}{where}"
        )
    console.print(table)


if __name__ == "__main__":
    from gateway.cli import main

    hub.RunningHub = Profiled  # type: ignore[misc]  # the command imports it when it serves
    main(prog_name="yidi")
