"""Code maps in a network: published, followed and downloaded while hubs run, and while they are killed."""

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import grpc
import pytest

from codemaps.depot import Depot
from gateway.codemap.service import PIECE_BYTES
from gateway.demo.hospital import Hospital
from gateway.demo.network import HubProcess, Network
from gateway.tls import TlsFiles, channel_credentials, server_name
from tests.codemap_service.depots import LATER, MAP, NEW, OLD, many, published, rows_of
from tests.scenarios.hubs import hospital_of
from tests.scenarios.test_hub_process import metrics_of, refused, wait_for
from yidi.v1 import codemap_pb2 as pb
from yidi.v1 import codemap_pb2_grpc

pytestmark = pytest.mark.scenario

PROVINCE, CITY = "320000", "321100"
NAMES = {"M01600": "糖尿病", "M03900": "高血压", "M07803": "慢性肾功能不全（血透治疗）"}
PATIENCE_S = 40.0
CHILD = """
import asyncio
from gateway.codemap import follow
from gateway.delivery.grpc_link import GrpcLink
follow.EVERY_S = 0.2
whole, stall_after = GrpcLink.stream, {stall_after}
async def stalled(self, *request):
    pieces = 0
    async for piece in whole(self, *request):
        yield piece
        pieces += 1
        if pieces == stall_after:
            await asyncio.sleep(3600)
GrpcLink.stream = stalled
from gateway.cli import main
main()
"""
"""The hub as it is, but it follows more often, and its line may stall after some pieces."""


def start_child(hub: HubProcess, stall_after: int = 0) -> None:
    """Start the city's hub and wait until it serves."""
    with hub.log.open("ab") as log:
        code = CHILD.format(stall_after=stall_after)
        hub.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--config", str(hub.config)], stdout=log, stderr=log
        )
    hub.wait_until_ready()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A province with a depot, and a city that follows it; the other hubs are not needed."""
    network = Network(tmp_path_factory.mktemp("codemaps"))
    for division, more in ((PROVINCE, '[log]\nlevel = "debug"\n'), (CITY, 'follow = ["*"]\n')):
        hub = network.hubs[division]
        with hub.config.open("a", encoding="utf-8") as config:
            config.write(f'\n[codemaps]\ndepot = "maps"\n{more}')
        Depot.create(hub.directory / "maps")
    published(depot_of(network, PROVINCE), "1", rows_of(OLD))
    try:
        network.hubs[PROVINCE].start()
        network.hubs[PROVINCE].wait_until_ready()
        start_child(network.hubs[CITY])
        yield network
    finally:
        network.stop()


@pytest.fixture
def hospital(network: Network) -> Iterator[Hospital]:
    """The program of a hospital in the city."""
    hospital = hospital_of(network)
    yield hospital
    hospital.close()


def depot_of(network: Network, division: str) -> Depot:
    """The depot of a hub."""
    return Depot.open(network.hubs[division].directory / "maps")


@contextlib.contextmanager
def province(network: Network) -> Iterator[Any]:
    """The code map service of the province, asked with the certificate of the city's hub."""
    name = network.hubs[CITY].directory / f"hub-{CITY}"
    files = TlsFiles(name.with_suffix(".pem"), name.with_suffix(".key"), network.directory / "authority.pem")
    options = (("grpc.ssl_target_name_override", server_name(PROVINCE)),)
    address = f"127.0.0.1:{network.hubs[PROVINCE].port}"
    with grpc.secure_channel(address, channel_credentials(files), options=options) as channel:
        yield service(channel)


def service(channel: grpc.Channel) -> Any:
    """The generated stub."""
    return codemap_pb2_grpc.CodeMapServiceStub(channel)


def question(code: str = "JS-A", system: str = "CN-320000") -> pb.TranslateCodeRequest:
    """How a code of Jiangsu is called by the nation."""
    query = pb.CodeQuery(kind="chronic", code=code, from_system=system, to_system="CN", on="2026-06-20")
    return pb.TranslateCodeRequest(query=query)


def said(stub: Any, system: str = "CN-320000") -> tuple[str, str]:
    """The code and the edition that the service answers with."""
    told = stub.TranslateCode(question(system=system), timeout=20, wait_for_ready=True).answer.translation
    return told.to_code, told.edition


def command(hub: HubProcess, *words: str) -> list[str]:
    """``yidi codemap`` beside a hub."""
    return [sys.executable, "-m", "gateway", "codemap", *words, "--config", str(hub.config), "--json"]


def run(hub: HubProcess, *words: str) -> dict[str, Any]:
    """What a command answers; it must end well."""
    ran = subprocess.run(command(hub, *words), capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told["ok"]
    return told


def spreadsheet(directory: Path, targets: dict[str, str]) -> str:
    """A table as an office would send it."""
    lines = [f"{local},{NAMES[national]},{national},{NAMES[national]},equal" for local, national in targets.items()]
    file = directory / "对照表.csv"
    file.write_text("\n".join(("本地编码,本地名称,国家编码,国家名称,对应关系", *lines)), encoding="utf-8-sig")
    return str(file)


def prepared(hub: HubProcess, directory: Path, system: str, edition: str) -> None:
    """An edition imported and reviewed by two persons, as commands."""
    file, about = spreadsheet(directory, NEW), ("--kind", "chronic", "--system", system, "--edition", edition)
    run(hub, "import", file, *about, "--source", "test", "--from", f"{LATER}", "--by", "author")
    run(hub, "review", f"{system}.chronic", edition, "--by", "reviewer")


PUBLISH = ("--from", f"{LATER}", "--backdated", "--by", "reviewer")


def test_a_publication_reaches_running_hubs_without_a_failed_call(
    network: Network, hospital: Hospital, tmp_path: Path
) -> None:
    """Imported, reviewed and published by commands while calls run: none fails, the answer changes once and stays."""
    hub, answers, failures = network.hubs[PROVINCE], [], []
    done = threading.Event()

    def ask() -> None:
        with province(network) as stub:
            while not done.is_set():
                try:
                    answers.append(said(stub))
                except grpc.RpcError as error:
                    failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        prepared(hub, tmp_path, "CN-320000", "2")
        run(hub, "publish", MAP, "2", *PUBLISH)
        wait_for(lambda: bool(answers) and answers[-1] == ("M07803", "2"), PATIENCE_S)
        city = service(hospital.channel)
        wait_for(lambda: said(city) == ("M07803", "2"), PATIENCE_S)
    finally:
        done.set()
        asking.join(30)
    assert failures == []
    assert [answer for answer, _ in groupby(answers)] == [("M01600", "1"), ("M07803", "2")]
    assert 'yidi_codemap_edition_in_force{edition="2",map="CN-320000.chronic"} 1.0' in metrics_of(hub.metrics_port)
    assert run(network.hubs[CITY], "follow") == {"ok": True, "changes": []}


def test_a_hospital_lists_and_downloads_with_the_generated_stubs(network: Network, hospital: Hospital) -> None:
    """With its own certificate a hospital sees what its city has followed, and fetches it whole or from any byte."""
    city, map_ = service(hospital.channel), "CN-320200.chronic"
    published(depot_of(network, PROVINCE), "1", many(12_000), map_=map_)
    request = pb.ListEditionsRequest(map=map_)
    wait_for(lambda: answered(city, question("JS-00001", "CN-320200")) == "M00001", PATIENCE_S)
    (edition,) = city.ListEditions(request, timeout=20).editions
    assert edition.rows == 12_000
    pieces = list(city.DownloadEdition(pb.DownloadEditionRequest(map=map_, edition="1"), timeout=20))
    content = b"".join(piece.data for piece in pieces)
    assert len(pieces) > 3
    assert (len(content), hashlib.sha256(content).hexdigest()) == (edition.size, edition.sha256)
    rest = list(city.DownloadEdition(pb.DownloadEditionRequest(map=map_, edition="1", offset=1_000), timeout=20))
    assert b"".join(piece.data for piece in rest) == content[1_000:]
    beyond = pb.DownloadEditionRequest(map=map_, edition="1", offset=edition.size + 1)
    assert refused(lambda asked, timeout: list(city.DownloadEdition(asked, timeout=timeout)), beyond) == (
        "DOWNLOAD_OFFSET"
    )
    queries = [question(code, "CN-320200").query for code in ("JS-00001", "JS-99999", "JS-11999")]
    answers = city.TranslateCodes(pb.TranslateCodesRequest(queries=queries), timeout=20).answers
    assert [each.translation.to_code or each.fault.reason for each in answers] == ["M00001", "CODE_UNMAPPED", "M11999"]
    given_up = city.DownloadEdition(pb.DownloadEditionRequest(map=map_, edition="1"), timeout=20)
    next(given_up)
    given_up.cancel()
    wait_for(lambda: "yidi_exchanges_in_flight 0.0" in metrics_of(network.hubs[CITY].metrics_port))


def test_a_hub_killed_during_a_download_goes_on_where_it_was(network: Network, hospital: Hospital) -> None:
    """SIGKILL in the middle of a download, then a restart: it asks for the rest, and the edition is whole."""
    hub, map_ = network.hubs[CITY], "CN-320300.chronic"
    hub.kill()
    start_child(hub, stall_after=3)
    record = published(depot_of(network, PROVINCE), "1", many(15_000), map_=map_)
    following = hub.directory / "maps" / "following"
    have = 2 * PIECE_BYTES  # the first of the three pieces carries the edition and no data
    assert record.rows_size > have
    wait_for(lambda: have in [part.stat().st_size for part in following.glob("*.part")], PATIENCE_S)
    hub.kill()
    assert map_ not in {record.manifest.map for record in depot_of(network, CITY).editions()}
    start_child(hub)
    city = service(hospital.channel)
    wanted = question("JS-00077", "CN-320300")
    wait_for(lambda: answered(city, wanted) == "M00077", PATIENCE_S)
    depot = depot_of(network, CITY)
    assert [depot.damage(record) for record in depot.editions()] == [""] * len(depot.editions())
    assert list(following.glob("*.part")) == []
    *before, last = [line["request"].get("offset", 0) for line in downloads(network.hubs[PROVINCE], map_)]
    assert last == have
    assert before in ([], [0]), "what was cut off is logged only where all of it had been sent"


def answered(stub: Any, request: pb.TranslateCodeRequest) -> str:
    """The code that is answered; empty while there is no map yet."""
    try:
        answer = stub.TranslateCode(request, timeout=20, wait_for_ready=True).answer
    except grpc.RpcError:
        return ""
    return str(answer.translation.to_code)


def downloads(hub: HubProcess, map_: str) -> list[dict[str, Any]]:
    """The downloads of a map that a hub has logged."""
    wait_for(lambda: f'"map":"{map_}"' in hub.log.read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in hub.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("method") == "DownloadEdition"]
    return [line for line in mine if line["request"]["map"] == map_]


def test_hub_and_publication_killed_leave_the_old_or_the_new_edition(network: Network, tmp_path: Path) -> None:
    """SIGKILL for both, in the middle of the commit and after it: the hub then serves one edition, whole."""
    hub, system = network.hubs[PROVINCE], "CN-320400"
    map_, old, new = f"{system}.chronic", ("M01600", "1"), ("M07803", "2")
    published(depot_of(network, PROVINCE), "1", rows_of(OLD), map_=map_)
    prepared(hub, tmp_path, system, "2")
    publishing = subprocess.Popen(command(hub, "publish", map_, "2", *PUBLISH), stdout=subprocess.DEVNULL)
    journal = hub.directory / "maps" / "depot.db-journal"
    while publishing.poll() is None and not journal.exists():
        pass  # a commit is short, so every look counts
    publishing.kill()
    publishing.wait()
    hub.kill()
    state = depot_of(network, PROVINCE).find(map_, "2").state
    hub.start()
    hub.wait_until_ready()
    with province(network) as stub:
        assert said(stub, system) == {"reviewed": old, "published": new}[state]
    if state == "reviewed":
        run(hub, "publish", map_, "2", *PUBLISH)
    hub.kill()
    hub.start()
    hub.wait_until_ready()
    with province(network) as stub:
        assert said(stub, system) == new
    assert run(hub, "verify")["damaged"] == []
