"""The code map service of a provincial hub, called through the handlers of its server, without a port."""

import io
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, cast

import grpc
from google.rpc.status_pb2 import Status

from codemaps.depot import Depot
from codemaps.lookup import EditionMaps
from gateway.clock import Clock
from gateway.codemap.service import METHODS, CodeMapService
from gateway.delivery.grpc_link import STATUS_TRAILER
from gateway.demo.network import HOSPITAL
from gateway.errors.status import info_of
from gateway.exchange.identify import Neighbours
from gateway.observe.log import Log
from gateway.observe.metrics import Metrics
from gateway.server import Server
from tests.support.world import JIANGSU, NATION, ZHENJIANG, certificates
from yidi.v1 import codemap_pb2 as pb

AROUND = Neighbours("32", {HOSPITAL: ZHENJIANG}, {ZHENJIANG: "3211"}, NATION)


class Aborted(Exception):
    """What grpc raises when a call is aborted."""


class Context:
    """As much of a gRPC call as the server looks at."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self.code: grpc.StatusCode | None = None
        self.status = Status()

    def auth_context(self) -> dict[str, tuple[bytes, ...]]:
        """The certificate that the handshake has verified."""
        return {"x509_pem_cert": (certificates()[self._sender],)}

    def invocation_metadata(self) -> tuple[tuple[str, Any], ...]:
        """Nothing came beside the request."""
        return ()

    async def abort(self, code: grpc.StatusCode, message: str, trailing_metadata: Any) -> None:
        """Refuse the call."""
        assert message
        self.code, self.status = code, Status.FromString(dict(trailing_metadata)[STATUS_TRAILER])
        raise Aborted


class Served:
    """A server without a port, its log and its metrics."""

    def __init__(self, maps: Callable[[], EditionMaps], depot: Depot | None, in_flight: int = 4) -> None:
        self.stream = io.StringIO()
        self.metrics = Metrics()
        self._log = Log(JIANGSU, Clock(), "debug", self.stream)
        service = CodeMapService(JIANGSU, AROUND, maps, depot)
        no_exchanges = cast("Any", None)
        self.server = Server(
            no_exchanges, service, self.metrics, self._log, in_flight=in_flight, default_deadline_s=20.0
        )
        self._handlers = self.server.services()["yidi.v1.CodeMapService"]

    async def ask(self, name: str, request: Any, sender: str = HOSPITAL, context: Context | None = None) -> Any:
        """The answer of a method that answers once."""
        raw = request if isinstance(request, bytes) else request.SerializeToString()
        answer: bytes = await self._handlers[name].unary_unary(raw, context or Context(sender))
        return METHODS[name].response.FromString(answer)

    async def pieces(
        self, request: Any, sender: str = HOSPITAL, context: Context | None = None
    ) -> list[pb.DownloadEditionResponse]:
        """All pieces of a download."""
        return [piece async for piece in self.download(request, sender, context)]

    async def download(self, request: Any, sender: str = HOSPITAL, context: Context | None = None) -> Any:
        """The pieces of a download, one after another."""
        raw = request.SerializeToString()
        async with aclosing(self._handlers["DownloadEdition"].unary_stream(raw, context or Context(sender))) as pieces:
            async for piece in pieces:
                yield pb.DownloadEditionResponse.FromString(piece)

    async def refused(self, name: str, request: Any, sender: str = HOSPITAL) -> Context:
        """The context of a call that must be refused."""
        context = Context(sender)
        work = self.pieces if name == "DownloadEdition" else None
        try:
            answer = await (work(request, sender, context) if work else self.ask(name, request, sender, context))
        except Aborted:
            return context
        raise AssertionError(f"not refused: {answer}")

    async def reason(self, name: str, request: Any, sender: str = HOSPITAL) -> str:
        """The reason of a call that must be refused."""
        return str(info_of((await self.refused(name, request, sender)).status).reason)

    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        self._log.flush()
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def sample(self, name: str, **labels: str) -> float:
        """A value of the metrics."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def query(code: str = "JS-A", **said: str) -> pb.CodeQuery:
    """A code of Jiangsu, wanted as a national one."""
    facts = {"kind": "chronic", "from_system": "CN-320000", "to_system": "CN", "on": "2026-06-20", **said}
    return pb.CodeQuery(code=code, **facts)


def one(code: str = "JS-A", **said: str) -> pb.TranslateCodeRequest:
    """A request for one code."""
    return pb.TranslateCodeRequest(query=query(code, **said))
