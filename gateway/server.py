"""The gRPC side of a hub: it hands bytes to the exchange and turns refusals into a status.

Nothing else here knows gRPC but the link and the admin port.
"""

import asyncio
import random
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import grpc
import grpc.aio
from google.rpc.status_pb2 import Status

from gateway.codemap.service import METHODS as CODE_MAP_METHODS
from gateway.codemap.service import CodeMapService, Stream, Unary
from gateway.contract import METHODS, Method
from gateway.delivery.grpc_link import KEEPALIVE_MS, STATUS_TRAILER
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, Refusal, class_of, reason_of, status_of
from gateway.exchange import chain
from gateway.exchange.identify import identity_of
from gateway.exchange.state import Hub
from gateway.observe.log import Log, masked
from gateway.observe.metrics import Metrics
from gateway.tls import TlsFiles, server_credentials
from yidi.v1.options_pb2 import EFFECT_COMMAND

TRANSPORT_MAX_BYTES = 32 << 20
"""gRPC itself refuses above this without our texts, so it lies well above the limit of any method."""
CONNECTION_AGE_MS = 30 * 60_000
"""Connections are renewed, so that load spreads over hubs and a new certificate reaches everyone."""
CONNECTION_GRACE_MS = 180_000

Handler = Callable[[bytes, Any], Awaitable[bytes]]


class Server:
    """Serves one hub."""

    def __init__(
        self, hub: Hub, code_maps: CodeMapService, metrics: Metrics, log: Log, *, in_flight: int,
        default_deadline_s: float,
    ) -> None:  # fmt: skip
        self._hub = hub
        self._code_maps = code_maps
        self._metrics = metrics
        self._log = log
        self._most = in_flight
        self._default_deadline_s = default_deadline_s
        self._now = 0
        metrics.in_flight.set_function(lambda: self._now)
        self._draining = False
        self._grpc: grpc.aio.Server | None = None
        self._commands: set[asyncio.Task[bytes]] = set()

    async def start(self, address: str, tls: TlsFiles) -> int:
        """Listen with mutual TLS; the port."""
        self._grpc = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", TRANSPORT_MAX_BYTES),
                ("grpc.max_send_message_length", TRANSPORT_MAX_BYTES),
                ("grpc.keepalive_time_ms", KEEPALIVE_MS),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
                ("grpc.http2.max_ping_strikes", 0),
                ("grpc.max_connection_age_ms", CONNECTION_AGE_MS),
                ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_MS),
                ("grpc.so_reuseport", 0),
            )
        )
        self._grpc.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(name, handlers) for name, handlers in self.services().items()]
            + [_Unknown()]
        )
        port = self._grpc.add_secure_port(address, server_credentials(tls))
        await self._grpc.start()
        return port

    def services(self) -> dict[str, dict[str, Any]]:
        """The handlers of every method of the contract, by service and name."""
        services: dict[str, dict[str, Any]] = {}
        for method in METHODS.values():
            _, service, name = method.path.split("/")
            services.setdefault(service, {})[name] = grpc.unary_unary_rpc_method_handler(self._handler(method))
        services["yidi.v1.CodeMapService"] = {
            **{name: grpc.unary_unary_rpc_method_handler(self._once(CODE_MAP_METHODS[name], answer))
               for name, answer in self._code_maps.unary().items()},
            **{name: grpc.unary_stream_rpc_method_handler(self._pieces(CODE_MAP_METHODS[name], pieces))
               for name, pieces in self._code_maps.streams().items()},
        }  # fmt: skip
        return services

    async def drain(self, grace: float) -> None:
        """Take nothing new and finish what is in flight."""
        self._draining = True
        if self._grpc is not None:
            await self._grpc.stop(grace)
        if self._commands:
            await asyncio.wait(self._commands, timeout=grace)

    def _handler(self, method: Method) -> Handler:
        async def handle(raw: bytes, context: Any) -> bytes:
            began = perf_counter()
            trace = _trace_of(context)
            seen: dict[str, object] = {}
            certificate = context.auth_context().get("x509_pem_cert", (b"",))[0]
            self._now += 1
            try:
                answer = await self._carry_out(method, raw, certificate, context.time_remaining(), trace, seen)
            except (Decline, PeerDecline) as refusal:
                self._note(method, raw, certificate, trace, seen, began, refusal)
                await _abort(context, refusal)
                raise AssertionError("abort returns never") from None
            else:
                self._note(method, raw, certificate, trace, seen, began, None)
                return answer
            finally:
                self._now -= 1

        return handle

    async def _carry_out(
        self,
        method: Method,
        raw: bytes,
        certificate: bytes,
        remaining: float | None,
        trace: str,
        seen: dict[str, object],
    ) -> bytes:
        self._refuse_busy()
        left = self._default_deadline_s if remaining is None else min(remaining, 24 * 3600)
        work = chain.answer(self._hub, method, raw, certificate, self._hub.clock.monotonic() + left, trace, seen)
        try:
            if method.effect != EFFECT_COMMAND:
                return await work
            # A command runs to its end even when the caller hangs up, so that its outcome is on record.
            task = asyncio.ensure_future(work)
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)
            return await asyncio.shield(task)
        except (Decline, PeerDecline):
            raise
        except Exception as error:
            raise self._unexpected(method, trace, error) from error

    def _refuse_busy(self) -> None:
        if self._draining:
            raise Decline("SHUTTING_DOWN")
        if self._now > self._most:
            raise Decline("OVERLOADED", limit=self._most)

    def _unexpected(self, method: Method, trace: str, error: Exception) -> Decline:
        """Where it happened and its type, not its text: a text may quote the request."""
        where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
        kind = type(error).__name__
        self._log.write("error", "unexpected", method=method.name, trace=trace, error=kind, where=where)
        return Decline("INTERNAL", detail=repr(error))

    # --- beside the exchange: the code maps -------------------------------------------------------------------------

    def _once(self, method: Method, answer: Unary) -> Handler:
        async def handle(raw: bytes, context: Any) -> bytes:
            async with self._beside(method, raw, context) as certificate:
                return await answer(raw, certificate)
            raise AssertionError("abort returns never")

        return handle

    def _pieces(self, method: Method, pieces: Stream) -> Callable[[bytes, Any], AsyncIterator[bytes]]:
        async def handle(raw: bytes, context: Any) -> AsyncIterator[bytes]:
            async with self._beside(method, raw, context) as certificate:
                async for piece in pieces(raw, certificate):
                    yield piece

        return handle

    @asynccontextmanager
    async def _beside(self, method: Method, raw: bytes, context: Any) -> AsyncIterator[bytes]:
        """Count, log and refuse as for an exchange; the caller's certificate."""
        began, trace = perf_counter(), _trace_of(context)
        certificate: bytes = context.auth_context().get("x509_pem_cert", (b"",))[0]
        refusal: Refusal | None = None
        self._now += 1
        try:
            self._refuse_busy()
            yield certificate
        except (Decline, PeerDecline) as refused:
            refusal = refused
        except Exception as error:  # noqa: BLE001  # whatever it was, the caller gets a catalogued text
            refusal = self._unexpected(method, trace, error)
        finally:
            self._now -= 1
        self._note(method, raw, certificate, trace, {}, began, refusal)
        if refusal is not None:
            await _abort(context, refusal)

    def _note(
        self,
        method: Method,
        raw: bytes,
        certificate: bytes,
        trace: str,
        seen: dict[str, object],
        began: float,
        refusal: Refusal | None,
    ) -> None:
        seconds = perf_counter() - began
        peer = _peer_of(certificate)
        outcome = "success" if refusal is None else class_of(refusal)
        self._metrics.answered(method.name, peer, outcome, seconds)
        if refusal is not None:
            self._metrics.declined(reason_of(refusal))
        if self._log.enabled("info"):
            fields: dict[str, Any] = {
                "method": method.name,
                "peer": peer,
                "trace": trace,
                "ms": round(seconds * 1e3, 1),
            }
            fields.update(seen)
            if refusal is not None:
                fields["reason"] = reason_of(refusal)
            if self._log.enabled("debug"):
                fields["request"] = _shown(method, raw)
            self._log.write("info", "exchange", outcome=outcome, **fields)


class _Unknown(grpc.GenericRpcHandler):
    """Answers methods that are not in the contract, from the error catalogue like everything else."""

    def service(self, handler_call_details: Any) -> Any:
        """A handler that refuses; asked only after the handlers of the contract."""

        async def refuse(_: bytes, context: Any) -> bytes:
            await _abort(context, Decline("METHOD_UNKNOWN", method=handler_call_details.method[:80]))
            raise AssertionError("abort returns never")

        return grpc.unary_unary_rpc_method_handler(refuse)


def _peer_of(certificate: bytes) -> str:
    try:
        return identity_of(certificate).name
    except Decline:
        return "unknown"


def _shown(method: Method, raw: bytes) -> dict[str, Any]:
    try:
        return masked(method.request.FromString(raw))
    except Exception:  # noqa: BLE001  # an unreadable request is not shown
        return {}


def _trace_of(context: Any) -> str:
    """The caller's W3C traceparent, or a new one."""
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str) and len(value) == 55:
            return value
    return f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01"  # a name, not a secret


async def _abort(context: Any, refusal: Refusal) -> None:
    status: Status = status_of(refusal)
    await context.abort(
        _CODES[status.code], status.message, trailing_metadata=((STATUS_TRAILER, status.SerializeToString()),)
    )


_CODES = {code.value[0]: code for code in grpc.StatusCode}
