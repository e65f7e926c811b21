"""Every method of CodeMapService is served, bounded and tested; it is no exchange, and takes no part in one."""

from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor

from codemaps.lookup import EditionMaps
from gateway import contract
from gateway.codemap.service import METHODS
from tests.codemap_service.served import Served
from yidi.v1 import codemap_pb2, options_pb2

SERVICE = codemap_pb2.DESCRIPTOR.services_by_name["CodeMapService"]
all_methods = pytest.mark.parametrize("method", tuple(SERVICE.methods), ids=lambda method: method.name)


@all_methods
def test_method_has_a_handler(method: MethodDescriptor) -> None:
    """The server has a handler for each method, of its kind: one answer, or an answer in pieces."""
    handlers = Served(lambda: EditionMaps([]), None).server.services()[SERVICE.full_name]
    handler = handlers[method.name]
    assert handler.request_streaming == method.client_streaming
    assert handler.response_streaming == method.server_streaming
    assert (handler.unary_stream if method.server_streaming else handler.unary_unary) is not None


def test_no_handler_is_without_a_method() -> None:
    """What the server answers stands in the contract."""
    handlers = Served(lambda: EditionMaps([]), None).server.services()[SERVICE.full_name]
    assert set(handlers) == {method.name for method in SERVICE.methods}


@all_methods
def test_method_is_a_query_that_this_hub_answers(method: MethodDescriptor) -> None:
    """Nothing of it is journaled, routed or forwarded: it changes nothing, and no exchange has its name."""
    rule = method.GetOptions().Extensions[options_pb2.method]
    assert (rule.effect, rule.destination) == (options_pb2.EFFECT_QUERY, options_pb2.DESTINATION_HUB)
    assert not method.client_streaming
    assert method.name not in contract.BY_NAME


@all_methods
def test_method_has_a_limit(method: MethodDescriptor) -> None:
    """Each method bounds the size of its request below what the transport lets through."""
    assert 0 < METHODS[method.name].max_request_bytes <= 16 << 20


@all_methods
def test_method_has_a_test(method: MethodDescriptor, root: Path) -> None:
    """Each method is called through the handlers of the server, by a test that names it and its request."""
    folder = root / "tests" / "codemap_service"
    text = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("test_*.py"))
    assert f'"{method.name}"' in text
    assert f"pb.{method.input_type.name}(" in text


@all_methods
def test_method_is_called_over_a_socket(method: MethodDescriptor, root: Path) -> None:
    """Each method is called in a network of processes, with the generated stubs."""
    scenario = root / "tests" / "scenarios" / "test_codemap_network.py"
    assert f".{method.name}(" in scenario.read_text(encoding="utf-8")
