"""A link to another hub over gRPC with mutual TLS."""

import asyncio
from collections.abc import AsyncGenerator

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from gateway.clock import Clock
from gateway.errors.status import PeerDecline, is_catalogued
from gateway.exchange.link import NotSent, OutcomeUnknown
from gateway.tls import TlsFiles, channel_credentials, server_name

KEEPALIVE_MS = 60_000
"""Hospital networks drop idle connections silently; the server side allows this rate (see server)."""
CONNECT_PATIENCE_S = 3.0
CERTIFICATE_LOOK_S = 5.0
"""How often the certificate files are looked at."""
STATUS_TRAILER = "grpc-status-details-bin"


class GrpcLink:
    """Answers an exchange by asking the hub of another division."""

    def __init__(self, division: str, address: str, tls: TlsFiles, clock: Clock, most_bytes: int) -> None:
        self.division = division
        self.address = address
        self._tls = tls
        self._clock = clock
        self._most_bytes = most_bytes
        self._calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self._channel: grpc.aio.Channel | None = None
        self._loaded = ""
        self._look_again = 0.0

    def _open(self) -> grpc.aio.Channel:
        """The channel; a new one when the certificate files have changed. Calls on the old one finish there."""
        now = self._clock.monotonic()
        if self._channel is not None and now < self._look_again:
            return self._channel
        self._look_again = now + CERTIFICATE_LOOK_S
        stamp = self._tls.stamp()
        if self._channel is None or stamp != self._loaded:
            self._channel = grpc.aio.secure_channel(
                self.address,
                channel_credentials(self._tls),
                options=(
                    ("grpc.ssl_target_name_override", server_name(self.division)),
                    ("grpc.max_receive_message_length", self._most_bytes),
                    ("grpc.max_send_message_length", self._most_bytes),
                    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
                    ("grpc.keepalive_permit_without_calls", 1),
                    ("grpc.http2.max_pings_without_data", 0),
                    ("grpc.initial_reconnect_backoff_ms", 100),
                    ("grpc.min_reconnect_backoff_ms", 100),
                    ("grpc.max_reconnect_backoff_ms", 5_000),
                    ("grpc.enable_retries", 0),
                ),
            )
            self._calls.clear()
            self._loaded = stamp
        return self._channel

    async def call(self, path: str, request: bytes, deadline: float, trace: str) -> bytes:
        """Send a request; see RemoteLink."""
        channel = self._open()
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise NotSent(self.division)
        if channel.get_state(try_to_connect=True) != grpc.ChannelConnectivity.READY:
            await self._connect(channel, min(left, CONNECT_PATIENCE_S))
            left = deadline - self._clock.monotonic()
        call = self._calls.get(path)
        if call is None:
            call = self._calls[path] = channel.unary_unary(path)
        try:
            return await call(request, timeout=left, metadata=(("traceparent", trace),))
        except grpc.aio.AioRpcError as error:
            raise _meaning(error, self.division) from error

    async def stream(self, path: str, request: bytes, timeout_s: float) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer that comes in pieces; raises as ``call`` does."""
        channel = self._open()
        if channel.get_state(try_to_connect=True) != grpc.ChannelConnectivity.READY:
            await self._connect(channel, CONNECT_PATIENCE_S)
        asking: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path)
        pieces = asking(request, timeout=timeout_s)
        try:
            async for piece in pieces:
                yield piece
        except grpc.aio.AioRpcError as error:
            raise _meaning(error, self.division) from error
        finally:
            pieces.cancel()  # who stops listening early hangs up

    async def _connect(self, channel: grpc.aio.Channel, patience: float) -> None:
        """Wait until the channel is ready: what is refused here has certainly not been sent."""
        try:
            await asyncio.wait_for(channel.channel_ready(), patience)
        except TimeoutError:
            raise NotSent(self.division) from None

    def ready(self) -> bool:
        """Whether the line stands now; starts to connect when it does not."""
        return self._open().get_state(try_to_connect=True) == grpc.ChannelConnectivity.READY

    async def close(self) -> None:
        """Hang up."""
        if self._channel is not None:
            await self._channel.close()


def _meaning(error: grpc.aio.AioRpcError, division: str) -> Exception:
    """What a failed call says about the request: refused by the catalogue, or unknown."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_TRAILER and isinstance(value, bytes):
            try:
                status = Status.FromString(value)
            except DecodeError:
                break
            if is_catalogued(status):
                return PeerDecline(status)
    return OutcomeUnknown(f"{division}: {error.code().name}")
