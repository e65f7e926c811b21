"""``bench relay``: a hub that does its whole work, against a pass-through that does none, in one run.

Both stand between the same callers and the same backend, on the same machine, with mutual TLS on both sides, and take
turns under load. What the hub must do more shows as ratios; noise of the machine hits both sides of a round.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil
import pysqlite3

from gateway.bench import sample
from gateway.bench.bare import files
from gateway.bench.figures import Turn, machine, medians, ratios
from gateway.bench.sample import CITY, NATION, PATH, PROVINCE
from gateway.certificates import Authority
from gateway.demo.network import HubPlan, HubProcess, free_ports
from gateway.store.sqlite import SqliteStore
from gateway.store.tables import State
from gateway.tls import channel_credentials, server_name

WARM_UP_S = 1.5
START_PATIENCE_S = 20
SYNCHRONOUS_FULL = 2
SIDES = ("bare", "hub")


class BenchError(Exception):
    """A run whose figures would not be true; the text says why."""


class Bench:
    """The processes of one run, and the measurements taken of them."""

    def __init__(
        self, directory: Path, lines: int, clients: int, hub_command: tuple[str, ...] = (), extra_config: str = ""
    ) -> None:
        self.directory, self.lines, self.clients = directory, lines, clients
        self._extra_config = extra_config
        self._hub_command = hub_command
        self._sent = 0
        ports = free_ports(5)
        self.backend, self.bare = f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        plan = HubPlan(PROVINCE, "江苏省", "province", sample.PROVINCE_CODES, parent=NATION)
        self.hub = HubProcess(plan, directory, ports[2], ports[3], ports[4])
        self.hub_address = f"127.0.0.1:{self.hub.port}"
        self._write_files()

    def _write_files(self) -> None:
        authority = Authority()
        authority.write(self.directory)
        for division in (CITY, PROVINCE, NATION):
            authority.hub(self.directory, division)
        asked = sample.request(self.lines)
        (self.directory / "request.bin").write_bytes(asked.SerializeToString())
        (self.directory / "answer.bin").write_bytes(sample.answer(asked).SerializeToString())
        unused = free_ports(1)[0]  # the child never has to be called
        self.hub.config.write_text(
            f"""\
[hub]
division = "{PROVINCE}"
name = "江苏省"
level = "province"
code_system = "{sample.PROVINCE_CODES}"

[listen]
address = "{self.hub_address}"
admin = "127.0.0.1:{self.hub.admin_port}"
metrics = "127.0.0.1:{self.hub.metrics_port}"

[tls]
certificate = "hub-{PROVINCE}.pem"
key = "hub-{PROVINCE}.key"
authorities = "authority.pem"

[store]
path = "hub.db"

[parent]
division = "{NATION}"
address = "{self.backend}"

[[children]]
division = "{CITY}"
address = "127.0.0.1:{unused}"
{self._extra_config}""",
            encoding="utf-8",
        )

    @contextmanager
    def running(self) -> Iterator["Bench"]:
        """With backend, pass-through, hub and load generator running."""
        with ExitStack() as stack:
            self._start(stack, "backend", self.backend)
            self._bare_process = self._start(stack, "bare", self.bare, self.backend)
            self._start_hub()
            stack.callback(self.hub.stop)
            for address, division in ((self.backend, NATION), (self.bare, PROVINCE), (self.hub_address, PROVINCE)):
                self._wait_for(address, division)
            self._loader = self._start(stack, "loader", str(self.clients), self.bare, self.hub_address, piped=True)
            yield self

    def _start(self, stack: ExitStack, module: str, *words: str, piped: bool = False) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE if piped else None
        command = [sys.executable, "-m", f"gateway.bench.{module}", str(self.directory), *words]
        with (self.directory / f"{module}.log").open("wb") as log:
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log)
        stack.callback(_end, process)
        return process

    def _start_hub(self) -> None:
        if not self._hub_command:
            self.hub.start()
        else:
            command = [sys.executable, *self._hub_command, "serve", "--config", str(self.hub.config)]
            with self.hub.log.open("ab") as log:
                self.hub.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.hub.wait_until_ready()

    def _wait_for(self, address: str, division: str) -> None:
        options = (("grpc.ssl_target_name_override", server_name(division)),)
        credentials = channel_credentials(files(self.directory, f"hub-{CITY}"))
        with grpc.secure_channel(address, credentials, options=options) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=START_PATIENCE_S)
            except grpc.FutureTimeoutError:
                raise BenchError(f"nothing answers at {address}") from None

    def pid(self, side: str) -> int:
        """The process of a side."""
        process = self._bare_process if side == "bare" else self.hub.process
        assert process is not None
        return process.pid

    def turn(self, side: str, seconds: float) -> Turn:
        """Load one side and measure the CPU of its process alone."""
        measured = psutil.Process(self.pid(side))
        before = measured.cpu_times()
        told = self.load(side, seconds)
        after = measured.cpu_times()
        if told["faults"]:
            raise BenchError(f"{side}: {'; '.join(told['faults'])}")
        if side == "hub":
            self._sent += told["finished"]
        cpu = after.user + after.system - before.user - before.system
        return Turn(told["finished"], told["seconds"], cpu, told["p50_ms"], told["p99_ms"])

    def load(self, side: str, seconds: float) -> dict[str, Any]:
        """Load one side; what came of it, faults included."""
        return self._ask_loader({"side": side, "seconds": seconds})

    def _ask_loader(self, turn: dict[str, Any]) -> dict[str, Any]:
        source, sink = self._loader.stdin, self._loader.stdout
        assert source is not None
        assert sink is not None
        source.write(json.dumps(turn).encode() + b"\n")
        source.flush()
        line = sink.readline()
        if not line:
            raise BenchError(f"the load generator ended:\n{(self.directory / 'loader.log').read_text()[-2000:]}")
        told: dict[str, Any] = json.loads(line)
        return told

    def rounds(self, count: int, seconds: float) -> list[tuple[Turn, Turn]]:
        """Warm up, then rounds in which both sides take a turn, each first in every other round."""
        for side in SIDES:
            self.turn(side, WARM_UP_S)
        done = []
        for number in range(count):
            order = SIDES if number % 2 == 0 else SIDES[::-1]
            taken = {side: self.turn(side, seconds) for side in order}
            done.append((taken["bare"], taken["hub"]))
        return done

    def mtls(self) -> bool:
        """Whether backend, pass-through and hub all refuse a caller without a certificate."""
        sides = ((self.backend, NATION), (self.bare, PROVINCE), (self.hub_address, PROVINCE))
        return all(self._refuses_strangers(address, division) for address, division in sides)

    def _refuses_strangers(self, address: str, division: str) -> bool:
        options = (("grpc.ssl_target_name_override", server_name(division)), ("grpc.enable_retries", 0))
        credentials = grpc.ssl_channel_credentials((self.directory / "authority.pem").read_bytes())
        with grpc.secure_channel(address, credentials, options=options) as channel:
            call: Any = channel.unary_unary(PATH)
            try:
                call((self.directory / "request.bin").read_bytes(), timeout=5)
            except grpc.RpcError as error:
                return bool(error.code() == grpc.StatusCode.UNAVAILABLE)
            return False

    def durable(self) -> bool:
        """Kill the hub and count what it had acknowledged: each request once, done, with its entry in the book.

        What SQLite does at a commit is a setting of the connection, so it is read from one that the store opens.
        """
        self.hub.kill()
        with _opened(self.hub.database) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            (done,) = connection.execute("SELECT count(*) FROM journal WHERE state = ?", (int(State.DONE),)).fetchone()
            (booked,) = connection.execute("SELECT count(DISTINCT setl_id) FROM book").fetchone()
        if not done == booked == self._sent:
            raise BenchError(f"{self._sent} answers, but {done} in the journal and {booked} in the book")
        (level,) = SqliteStore(str(self.hub.database))._connect().execute("PRAGMA synchronous").fetchone()  # noqa: SLF001  # the setting is the connection's
        return bool(mode == "wal" and level == SYNCHRONOUS_FULL)


@contextmanager
def _opened(database: Path) -> Iterator[Any]:
    connection = pysqlite3.connect(str(database))
    try:
        yield connection
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def measure(lines: int, *, rounds: int, seconds: float, clients: int) -> dict[str, Any]:
    """One run; raises BenchError when its figures would not be true."""
    with tempfile.TemporaryDirectory(prefix="yidi-relay-") as name:
        bench = Bench(Path(name), lines, clients)
        with bench.running():
            taken = bench.rounds(rounds, seconds)
            mtls = bench.mtls()
            durable = bench.durable()
            request_bytes = (bench.directory / "request.bin").stat().st_size
            answer_bytes = (bench.directory / "answer.bin").stat().st_size
    return {
        "lines": lines,
        **ratios(taken),
        "durable": durable,
        "mtls": mtls,
        "clients": clients,
        "rounds": rounds,
        "seconds_per_turn": seconds,
        "request_bytes": request_bytes,
        "answer_bytes": answer_bytes,
        "bare": medians([bare for bare, _ in taken]),
        "hub": medians([hub for _, hub in taken]),
        "requests": {"bare": sum(b.finished for b, _ in taken), "hub": sum(h.finished for _, h in taken)},
        "machine": machine(),
    }
