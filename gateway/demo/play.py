"""The demonstration from start to end: start the hubs, play the scenes, judge them, stop the hubs."""

import json
import os
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import click
import grpc
from rich.console import Console

from gateway.demo import keep, scenes, show, verdict
from gateway.demo.hospital import reason_in
from gateway.demo.network import PLANS, Network
from gateway.demo.verdict import Verdict

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(*, as_json: bool, keep_running: bool, directory: Path | None) -> bool:
    """Run it; whether all was well."""
    out = show.console(to_stderr=as_json)
    found = Verdict()
    with _directory(directory) as place, _stops_on_signals():
        network = Network(place)
        try:
            _attempt(out, network, found)
            show.verdict(out, found)
            if as_json:
                click.echo(json.dumps(found.line(), ensure_ascii=False))
            if keep_running and all(hub.process is not None and hub.serving() for hub in network.hubs.values()):
                keep.until_stopped(out, network)
        finally:
            _stop(network)
    return found.ok


def _attempt(out: Console, network: Network, found: Verdict) -> None:
    """Start and play; what goes wrong on the way is a problem of the verdict."""
    try:
        _start(out, network)
        _play(out, network, found)
    except grpc.RpcError as error:
        call: Any = error
        found.problems.append(f"a call was refused unexpectedly: {reason_in(error)}: {call.details()}")
    except subprocess.CalledProcessError as error:
        found.problems.append(f"{' '.join(map(str, error.cmd))}: {error.stderr.decode(errors='replace').strip()}")
    except TimeoutError as error:
        found.problems.append(str(error))
    except Exception as error:  # noqa: BLE001  # the verdict says so, whatever broke, and the hubs are stopped
        out.print(traceback.format_exc(), soft_wrap=True)
        found.problems.append(f"{type(error).__name__}: {error}")


@contextmanager
def _directory(wanted: Path | None) -> Iterator[Path]:
    """The directory asked for, which stays, or one of our own, which goes."""
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="yidi-demo-") as made:
            yield Path(made)
        return
    if wanted.is_dir() and any(wanted.iterdir()):
        raise click.BadParameter(f"{wanted} is not empty; name a new or an empty directory", param_hint="--dir")
    yield wanted.resolve()


@contextmanager
def _stops_on_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demonstration as Ctrl-C does, so that no hub is left behind.

    SIGINT too is set here, because a shell starts its background jobs with SIGINT ignored.
    """

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(network: Network) -> None:
    """Stop the hubs; a second Ctrl-C does not leave one running."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    network.stop()


def _start(out: Console, network: Network) -> None:
    """Load the persons, start the hubs, and say when each is ready."""
    out.print(f"certificates, configurations and SQLite databases in {network.directory}", soft_wrap=True)
    out.print("loading five invented persons into the core of 210400 抚顺市 ...", end=" ")
    with resources.as_file(resources.files("gateway.demo").joinpath("persons.toml")) as persons:
        network.load_core(persons)
    out.print("done")
    began = time.monotonic()
    for hub in network.hubs.values():
        hub.start()
    for hub in network.hubs.values():
        out.print(f"starting hub {hub.plan.division} {hub.plan.name} (process {_process_id(hub.process)}) ...", end=" ")
        hub.wait_until_ready()
        out.print(f"ready after {time.monotonic() - began:.1f} s")


def _process_id(process: subprocess.Popen[bytes] | None) -> int:
    return process.pid if process is not None else os.getpid()


def _play(out: Console, network: Network, found: Verdict) -> None:
    """All scenes, each shown as soon as it is over, and then the verdict on them."""
    stage = scenes.Stage(network)
    try:
        show.heading(
            out, 1, "门诊慢特病结算 chronic out-patient settlement",
            "示范甲，抚顺职工医保，高血压慢特病已认定并备案到镇江，在镇江一家医院的窗口",
            "Insured in Fushun as an employee, hypertension approved and filed to Zhenjiang, at a window in Zhenjiang",
        )  # fmt: skip
        visit = scenes.chronic_visit(stage)
        verdict.judge_visit(found, visit, len(scenes.CHRONIC_LINES), len(PLANS))
        show.chronic_visit(out, visit, scenes.CHRONIC_LINES)

        show.heading(
            out, 2, "住院结算 in-patient settlement on temporary-visit terms",
            "示范乙，抚顺职工医保，没有备案：临时外出就医，起付线3000元，支付60%（抚顺2022年版第二十一条）",
            "Not filed anywhere: 3,000 yuan deductible, the pool pays 60 % (Fushun 2022, article 21)",
        )  # fmt: skip
        stay = scenes.stay(stage)
        show.stay(out, stay, scenes.STAY_LINES)

        show.heading(
            out, 3, "同一请求发送两次 the same request sent twice",
            "窗口没有收到应答，再发一次；又有人把同一批费用当作新请求发出",
            "The window saw no answer and sends again; then somebody sends the same charges as a new request",
        )  # fmt: skip
        again = scenes.repeat(stage, visit)
        show.repeat(out, again, visit)
        verdict.judge_repeat(found, visit, again)

        show.heading(
            out, 4, "撤销结算 reversal of the chronic settlement",
            "记一笔相反的账，原结算不改动",
            "A mirror entry; nothing is updated",
        )  # fmt: skip
        back = scenes.reversal(stage, visit)
        show.reversal(out, back, visit)
        verdict.judge_sums(found, visit, back, stay)

        show.heading(
            out, 5, "三种拒付 three declines",
            "镇江2018年总结的三类原因，各自说明白，窗口知道下一步找谁",
            "The three causes Zhenjiang named in 2018, each told as itself, with who must act",
        )  # fmt: skip
        refused = scenes.declines(stage)
        for case in refused:
            show.declined(out, case)
        verdict.judge_declines(found, refused)
    finally:
        stage.close()
    kept = verdict.read_books(network)
    show.books(out, kept)
    verdict.judge_books(found, kept, [visit.answer.setlinfo, stay.answer.setlinfo, back.answer.setlinfo])
