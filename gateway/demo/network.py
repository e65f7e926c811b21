"""Five hubs as processes: Zhenjiang, Jiangsu, the nation, Liaoning, Fushun. Certificates are made at run time."""

import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from gateway.certificates import Authority
from gateway.observe.health import ask
from gateway.tls import TlsFiles

START_PATIENCE_S = 40.0


@dataclass(frozen=True)
class HubPlan:
    """What one hub of the network is."""

    division: str
    name: str
    level: str
    code_system: str
    parent: str = ""
    core: bool = False


PLANS = (
    HubPlan("321100", "镇江市", "city", "CN-320000", parent="320000"),
    HubPlan("320000", "江苏省", "province", "CN-320000", parent="100000"),
    HubPlan("100000", "国家", "nation", "CN"),
    HubPlan("210000", "辽宁省", "province", "CN-210000", parent="100000"),
    HubPlan("210400", "抚顺市", "city", "CN-210000", parent="210000", core=True),
)
HOSPITAL = "H32110000001"
OTHER_HOSPITAL = "H32110000002"


@dataclass
class HubProcess:
    """One hub of the network, and its process while it runs."""

    plan: HubPlan
    directory: Path
    port: int
    admin_port: int
    metrics_port: int
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0
    _asked: bool = False

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.directory / "hub.toml"

    @property
    def log(self) -> Path:
        """Its log."""
        return self.directory / "hub.log"

    @property
    def database(self) -> Path:
        """Its database."""
        return self.directory / "hub.db"

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        self._asked = False
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve", "--config", str(self.config)], stdout=log, stderr=log
            )

    def wait_until_ready(self, patience: float = START_PATIENCE_S) -> None:
        """Wait until its health says SERVING; TimeoutError with the end of its log otherwise."""
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            if self.process is not None and self.process.poll() is not None:
                break
            if self.serving():
                return
            time.sleep(0.05)
        raise TimeoutError(f"hub {self.plan.division} did not start:\n{self.log.read_text()[-2000:]}")

    def serving(self) -> bool:
        """Whether its health says SERVING."""
        return ask(f"127.0.0.1:{self.admin_port}", patience_s=1.0) == "SERVING"

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self._signal(signal.SIGKILL)
        self.kills += 1

    def stop(self) -> None:
        """SIGTERM: finish what is in flight."""
        self._signal(signal.SIGTERM)

    def ask_to_stop(self) -> None:
        """SIGTERM without waiting, so that several hubs stop at the same time; ``stop`` then waits."""
        if self.process is not None and self.process.poll() is None and not self._asked:
            self._asked = True
            self.process.send_signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            if not (self._asked and number == signal.SIGTERM):
                self.process.send_signal(number)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


@dataclass
class Network:
    """The hubs, their authority and the hospitals' certificates, all in one directory."""

    directory: Path
    extra_config: str = ""
    hubs: dict[str, HubProcess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.authority = authority = Authority()
        authority.write(self.directory)
        ports = iter(free_ports(3 * len(PLANS)))
        for plan in PLANS:
            directory = self.directory / plan.division
            directory.mkdir(exist_ok=True)
            authority.hub(directory, plan.division)
            self.hubs[plan.division] = HubProcess(plan, directory, next(ports), next(ports), next(ports))
        for hub in self.hubs.values():
            hub.config.write_text(self._config(hub), encoding="utf-8")
        for code in (HOSPITAL, OTHER_HOSPITAL):
            authority.institution(self.directory, code)

    def _config(self, hub: HubProcess) -> str:
        plan = hub.plan
        text = f"""\
[hub]
division = "{plan.division}"
name = "{plan.name}"
level = "{plan.level}"
code_system = "{plan.code_system}"

[listen]
address = "127.0.0.1:{hub.port}"
admin = "127.0.0.1:{hub.admin_port}"
metrics = "127.0.0.1:{hub.metrics_port}"

[tls]
certificate = "hub-{plan.division}.pem"
key = "hub-{plan.division}.key"
authorities = "../authority.pem"

[store]
path = "hub.db"
"""
        if plan.parent:
            text += f'\n[parent]\ndivision = "{plan.parent}"\naddress = "127.0.0.1:{self.hubs[plan.parent].port}"\n'
        for child in self.hubs.values():
            if child.plan.parent == plan.division:
                text += f'\n[[children]]\ndivision = "{child.plan.division}"\naddress = "127.0.0.1:{child.port}"\n'
        if plan.division == "321100":
            text += '\n[catalogue]\nfile = "example:zhenjiang"\n'
            for code, name in ((HOSPITAL, "镇江市示范医院"), (OTHER_HOSPITAL, "镇江市第二示范医院")):
                text += f'\n[[institutions]]\ncode = "{code}"\nname = "{name}"\ndivision = "321100"\nhosp_lv = "02"\n'
        if plan.core:
            text += '\n[core]\nadapter = "reference"\n\n[core.settings]\npolicy = "fushun_2022"\n'
        return text + self.extra_config

    def start(self) -> None:
        """Start all hubs that do not run, and wait until each is ready."""
        for hub in self.hubs.values():
            if hub.process is None:
                hub.start()
        for hub in self.hubs.values():
            hub.wait_until_ready()

    def stop(self) -> None:
        """Stop all hubs."""
        for hub in self.hubs.values():
            hub.ask_to_stop()
        for hub in self.hubs.values():
            hub.stop()

    def tls(self, institution: str = HOSPITAL) -> TlsFiles:
        """What a hospital's program uses."""
        name = self.directory / f"institution-{institution}"
        return TlsFiles(name.with_suffix(".pem"), name.with_suffix(".key"), self.directory / "authority.pem")

    def load_core(self, persons: Path) -> None:
        """Load persons into the core of Fushun; its hub must not run."""
        config = str(self.hubs["210400"].config)
        subprocess.run(
            [sys.executable, "-m", "gateway", "core", "load", "--config", config, str(persons)],
            check=True,
            capture_output=True,
        )


def free_ports(count: int) -> list[int]:
    """Ports of this machine that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
