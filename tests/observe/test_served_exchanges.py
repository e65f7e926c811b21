"""What the server writes down of each exchange: enough to find it again, and nobody's data."""

import io
import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status

from codemaps import shipped
from gateway.codemap.service import CodeMapService
from gateway.contract import BY_NAME
from gateway.delivery.grpc_link import STATUS_TRAILER
from gateway.errors.status import STATUS_LIMIT_BYTES, info_of
from gateway.exchange import chain
from gateway.observe.log import Log
from gateway.server import Server
from tests.support.window import CHRONIC_PERSON, Window
from tests.support.world import JIANGSU, TRACE, ZHENJIANG, World, certificates

PERSONAL = (CHRONIC_PERSON, "示范甲", "DEMO-0001", "SHOWN-AT-WINDOW", "示范经办")


class Aborted(Exception):
    """What grpc raises when a call is aborted."""


class Context:
    """As much of a gRPC call as the server looks at."""

    def __init__(self, sender: str, metadata: tuple[tuple[str, Any], ...] = (), left: float | None = 20.0) -> None:
        self._sender, self._metadata, self._left = sender, metadata, left
        self.code: Any = None
        self.message = ""
        self.status = Status()

    def auth_context(self) -> dict[str, tuple[bytes, ...]]:
        """The certificate that the handshake has verified."""
        return {"x509_pem_cert": (certificates()[self._sender],)}

    def time_remaining(self) -> float | None:
        """The caller's deadline."""
        return self._left

    def invocation_metadata(self) -> tuple[tuple[str, Any], ...]:
        """What came beside the request."""
        return self._metadata

    async def abort(self, code: Any, message: str, trailing_metadata: Any) -> None:
        """Refuse the call."""
        self.code, self.message = code, message
        self.status = Status.FromString(dict(trailing_metadata)[STATUS_TRAILER])
        raise Aborted


class Served:
    """A server without a port, and its log."""

    def __init__(self, world: World, division: str, level: str = "debug", in_flight: int = 4) -> None:
        self.stream = io.StringIO()
        self.log = Log(division, world.clock, level, self.stream)
        hub = world.hubs[division]
        code_maps = CodeMapService(division, hub.neighbours, shipped.maps, None)
        self.server = Server(
            hub, code_maps, world.metrics[division], self.log, in_flight=in_flight, default_deadline_s=20.0
        )

    async def call(self, name: str, raw: bytes, context: Context) -> bytes:
        """Hand a request to the server."""
        return await self.server._handler(BY_NAME[name])(raw, context)

    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        self.log.flush()
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


async def test_an_exchange_is_logged_with_its_id_hop_and_trace(world: World, window: Window):
    """One line for each exchange tells method, caller, request id, hops so far, trace and outcome."""
    served = Served(world, ZHENJIANG)
    request = await window.to_settle()
    await served.call("SettleOutpatient", request.SerializeToString(), Context(window.code, (("traceparent", TRACE),)))
    (line,) = served.lines()
    assert (line["event"], line["method"], line["outcome"]) == ("exchange", "SettleOutpatient", "success")
    assert (line["msgid"], line["hop"], line["trace"], line["peer"]) == (request.header.msgid, 0, TRACE, "institution")
    assert line["ms"] >= 0


async def test_the_hop_counts_up_along_the_way(world: World, window: Window):
    """The next hub logs the same request id and trace with the next hop, and names the hub that called."""
    served = Served(world, JIANGSU)
    await window.call("SettleOutpatient", await window.to_settle())
    sent = world.link(0).sent[-1]
    await served.call("SettleOutpatient", sent.request, Context(ZHENJIANG, (("traceparent", TRACE),)))
    (line,) = served.lines()
    assert (line["hop"], line["trace"], line["peer"]) == (1, TRACE, "hub 321100")


async def test_a_trace_is_begun_where_the_caller_has_none(world: World, window: Window):
    """Without a usable traceparent the hub makes one."""
    served = Served(world, ZHENJIANG)
    for metadata in ((), (("traceparent", "x"),)):
        await served.call(
            "RegisterOutpatient", window.registration().SerializeToString(), Context(window.code, metadata)
        )
    traces = {line["trace"] for line in served.lines()}
    assert len(traces) == 2
    assert all(len(trace) == 55 for trace in traces)


async def test_no_personal_data_is_logged_at_any_level(world: World, window: Window):
    """Even with every request shown, no person's number, name or credential is in the log."""
    served = Served(world, ZHENJIANG, "debug")
    request = await window.to_settle()
    person = window.request("GetPerson")
    person.data.mdtrt_cert_type, person.data.mdtrt_cert_no = "02", "DEMO-0001"
    await served.call("SettleOutpatient", request.SerializeToString(), Context(window.code))
    await served.call("GetPerson", person.SerializeToString(), Context(window.code))
    with pytest.raises(Aborted):
        await served.call("SettleOutpatient", b"\x0a\x03\xff\xff\xff", Context(window.code))
    request.header.msgid = window.msgid()
    with pytest.raises(Aborted):
        await served.call("SettleOutpatient", request.SerializeToString(), Context(window.code))
    text = served.stream.getvalue()
    assert len(served.lines()) == 4
    assert not [value for value in PERSONAL if value in text]


async def test_a_refusal_is_logged_with_its_reason_and_sent_with_its_status(world: World, window: Window):
    """Class and reason of a refusal are in the log and in the trailer, which stays small."""
    served = Served(world, ZHENJIANG)
    request = window.registration()
    request.data.begntime = "2026-02-30 08:00:00"
    context = Context(window.code)
    with pytest.raises(Aborted):
        await served.call("RegisterOutpatient", request.SerializeToString(), context)
    (line,) = served.lines()
    assert (line["outcome"], line["reason"]) == ("technical", "DATE_INVALID")
    assert info_of(context.status).reason == "DATE_INVALID"
    assert context.code.name == "INVALID_ARGUMENT"
    assert context.status.ByteSize() <= STATUS_LIMIT_BYTES


async def test_an_unexpected_error_is_said_without_its_text(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
):
    """A bug is told to the caller as INTERNAL and logged by type and place; its text may quote a patient."""

    async def broken(*_: object) -> bytes:
        raise ValueError(f"no such person {CHRONIC_PERSON}")

    monkeypatch.setattr(chain, "answer", broken)
    served = Served(world, ZHENJIANG)
    context = Context(window.code)
    with pytest.raises(Aborted):
        await served.call("RegisterOutpatient", window.registration().SerializeToString(), context)
    unexpected = served.lines()[0]
    assert (unexpected["event"], unexpected["error"]) == ("unexpected", "ValueError")
    assert unexpected["where"]
    assert info_of(context.status).reason == "INTERNAL"
    assert CHRONIC_PERSON not in served.stream.getvalue() + str(context.status) + context.message


async def test_what_is_too_much_at_once_is_refused(world: World, window: Window):
    """Above the limit a hub refuses at once and says that the same id may be sent again."""
    served = Served(world, ZHENJIANG, in_flight=0)
    context = Context(window.code)
    before = world.contents()
    with pytest.raises(Aborted):
        await served.call("RegisterOutpatient", window.registration().SerializeToString(), context)
    assert info_of(context.status).reason == "OVERLOADED"
    assert info_of(context.status).metadata["retry"] == "same_id"
    assert world.contents() == before


async def test_a_draining_hub_takes_nothing_new(world: World, window: Window):
    """While it stops, a hub refuses new requests."""
    served = Served(world, ZHENJIANG)
    await served.server.drain(0.1)
    context = Context(window.code)
    with pytest.raises(Aborted):
        await served.call("RegisterOutpatient", window.registration().SerializeToString(), context)
    assert info_of(context.status).reason == "SHUTTING_DOWN"


async def test_a_caller_without_a_deadline_gets_the_usual_one(world: World, window: Window):
    """A request without a deadline runs with the configured one."""
    served = Served(world, ZHENJIANG)
    request = await window.to_settle()
    await served.call("SettleOutpatient", request.SerializeToString(), Context(window.code, left=None))
    assert 19.0 < world.link(0).sent[-1].left <= 20.0
