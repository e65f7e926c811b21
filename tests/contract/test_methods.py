"""Every method of the contract is served, bounded, measured and tested."""

from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor

from adapters.reference_core import core
from codemaps.catalogue import Catalogue
from gateway import contract
from gateway.hub import EXAMPLE_CATALOGUES
from gateway.observe.metrics import Metrics
from gateway.treatplace.desk import TreatPlace
from tests.contract.descriptors import METHODS
from yidi.v1 import options_pb2

all_methods = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def path_of(method: MethodDescriptor) -> str:
    """The path a method is called by."""
    return f"/{method.containing_service.full_name}/{method.name}"


@all_methods
def test_method_has_a_route(method: MethodDescriptor) -> None:
    """Each method is answered by the treat place, by the core, or by the journal, as its destination says."""
    treat_place = TreatPlace(Catalogue.load(EXAMPLE_CATALOGUES / "zhenjiang_example.csv"), {})
    destination = contract.METHODS[path_of(method)].destination
    if destination == options_pb2.DESTINATION_TREAT_PLACE:
        assert treat_place.answers(method.name)
    elif destination == options_pb2.DESTINATION_INSURED_PLACE:
        assert method.name in core.PARTS
    else:
        assert method.name == "GetOutcome"


@all_methods
def test_method_has_a_limit(method: MethodDescriptor) -> None:
    """Each method bounds the size of its request below what the transport lets through."""
    assert 0 < contract.METHODS[path_of(method)].max_request_bytes <= 16 << 20


@all_methods
def test_method_has_a_metric(method: MethodDescriptor) -> None:
    """Each method is counted and timed under its own name."""
    metrics = Metrics()
    metrics.answered(method.name, "institution", "success", 0.01)
    labels = {"method": method.name, "peer": "institution", "outcome": "success"}
    assert metrics.registry.get_sample_value("yidi_exchanges_total", labels) == 1
    assert metrics.registry.get_sample_value("yidi_exchange_duration_seconds_count", {"method": method.name}) == 1


@all_methods
def test_method_has_a_test(method: MethodDescriptor, root: Path) -> None:
    """Each method is called by a test of the exchange, where requests pass whole hubs."""
    texts = [file.read_text(encoding="utf-8") for file in (root / "tests").rglob("*.py") if file != Path(__file__)]
    assert any(f"{method.name}Request" in text or f'"{method.name}"' in text for text in texts)
