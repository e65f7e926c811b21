"""A client in JavaScript, made from our proto files alone, against real hubs."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.network import HOSPITAL, Network

CLIENT = Path(__file__).parent
FILES = ("package.json", "package-lock.json", ".npmrc", "yidi.js", "visit.js")
MISSING = [program for program in ("node", "npm") if shutil.which(program) is None]
PERSON = "21040000000000000000000901"

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {' and '.join(MISSING)}"),
    pytest.mark.timeout(300),  # installing packages takes as long as the line to the registry
]


def run(directory: Path, *command: str) -> str:
    """Run a program in a directory; what it printed, or a failure with what it complained about."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, installed from its lock file."""
    directory = tmp_path_factory.mktemp("client")
    for name in FILES:
        shutil.copy(CLIENT / name, directory / name)
    run(directory, "npm", "ci", "--ignore-scripts")
    return directory


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Five hubs, and the client's person in the core of Fushun."""
    network = Network(tmp_path_factory.mktemp("network"))
    network.load_core(CLIENT / "persons.toml")
    try:
        network.start()
        yield network
    finally:
        network.stop()


@pytest.fixture(scope="module")
def told(client: Path, network: Network, pytestconfig: pytest.Config) -> dict[str, Any]:
    """What the client tells of one visit."""
    tls = network.tls()
    settings = {
        "protos": str(pytestconfig.rootpath / "protos"),
        "address": f"127.0.0.1:{network.hubs['321100'].port}",
        "division": "321100",
        "institution": HOSPITAL,
        "certificate": str(tls.certificate),
        "key": str(tls.key),
        "authorities": str(tls.authorities),
        "insured": "210400",
        "credential": "CLIENT-0001",
        "disease": "JS-MT-0390",
        "lines": [
            ["JS-XY-0001", 400000, 12_500000],
            ["JS-XY-0003", 200000, 30_000000],
            ["110200001", 10000, 10_000000],
        ],
    }
    answer: dict[str, Any] = json.loads(run(client, "node", "visit.js", json.dumps(settings)))
    return answer


def test_visit_is_settled(told: dict[str, Any]) -> None:
    """A JavaScript client settles a visit through five hubs, and the shares make the total."""
    assert told["person"] == PERSON
    assert told["accepted_lines"] == 3
    assert told["total_fen"] == 111000
    assert told["fund_fen"] + told["person_fen"] + told["hospital_fen"] == told["total_fen"]
    assert told["fund_fen"] > 0
    assert told["fund_fen"] == told["quoted_fund_fen"]
    assert told["hops"] == ["210400", "210000", "100000", "320000", "321100"]


def test_codes_come_home(told: dict[str, Any]) -> None:
    """The answer is in the hospital's own codes, and tells which rows translated them on the way."""
    assert told["disease"] == "JS-MT-0390"
    assert told["translations"] > 0


def test_repeat_gets_the_first_answer(told: dict[str, Any]) -> None:
    """The same request gets the same bytes again, and so does who asks for its outcome."""
    assert told["registration_repeats"]
    assert told["settlement_repeats"]
    assert told["same_settlement"]
    assert told["outcome"] == "OUTCOME_DONE"
    assert told["outcome_is_the_answer"]


def test_refusal_is_read_from_the_status_details(told: dict[str, Any]) -> None:
    """The reason, the retry rule and the parameters of a refusal reach a client that has only our protos."""
    assert told["fresh_id"] == {"reason": "BATCH_SETTLED", "retry": "never", "setl_id_told": True}
    assert told["conflict"]["reason"] == "MSGID_CONFLICT"
    assert told["conflict"]["text"]
    assert told["fault"] == {"reason": "FIELD_MISSING", "field": "data.mdtrt_id"}


def test_lock_names_no_registry() -> None:
    """The lock holds hashes, and no address of the registry that one machine happened to use."""
    lock = json.loads((CLIENT / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all("resolved" not in package and package["integrity"] for package in packages.values())
