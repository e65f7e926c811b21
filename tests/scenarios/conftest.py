"""Real hubs for scenarios: processes, sockets, mutual TLS, databases on disk."""

from collections.abc import Iterator

import pytest

from gateway.demo.hospital import Hospital
from gateway.demo.network import Network
from tests.scenarios.hubs import PERSONS, hospital_of


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Five hubs that run for the tests of a module."""
    directory = tmp_path_factory.mktemp("network")
    persons = directory / "persons.toml"
    persons.write_text(PERSONS, encoding="utf-8")
    network = Network(directory)
    network.load_core(persons)
    try:
        network.start()
        yield network
    finally:
        network.stop()


@pytest.fixture
def hospital(network: Network) -> Iterator[Hospital]:
    """The program of one hospital in Zhenjiang."""
    network.start()
    hospital = hospital_of(network)
    yield hospital
    hospital.close()
