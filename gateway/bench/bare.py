"""The yardstick: a grpcio pass-through with mutual TLS on both sides, and nothing else.

``python -m gateway.bench.bare DIRECTORY LISTEN BACKEND`` takes bytes, sends them on, gives the answer back.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop

from gateway.bench.sample import NATION, PROVINCE
from gateway.tls import TlsFiles, channel_credentials, server_credentials, server_name


def files(directory: Path, name: str) -> TlsFiles:
    """The TLS files of a party whose certificate lies in a directory."""
    return TlsFiles(directory / f"{name}.pem", directory / f"{name}.key", directory / "authority.pem")


class PassThrough(grpc.GenericRpcHandler):
    """Any method, as bytes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._handlers: dict[str, Any] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method."""
        path = handler_call_details.method
        if path not in self._handlers:
            call: Any = self._channel.unary_unary(path)

            async def forward(raw: bytes, context: Any) -> bytes:
                del context
                answer: bytes = await call(raw)
                return answer

            self._handlers[path] = grpc.unary_unary_rpc_method_handler(forward)
        return self._handlers[path]


async def run(directory: Path, listen: str, backend: str) -> None:
    """Serve until the process is ended."""
    tls = files(directory, f"hub-{PROVINCE}")
    channel = grpc.aio.secure_channel(
        backend,
        channel_credentials(tls),
        options=(("grpc.ssl_target_name_override", server_name(NATION)), ("grpc.enable_retries", 0)),
    )
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers([PassThrough(channel)])
    server.add_secure_port(listen, server_credentials(tls))
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
