"""Health from real checks, and the admin port: health, reflection and channelz, on loopback only."""

import asyncio
from typing import Any, Protocol

import grpc
import grpc.aio
import sqlalchemy as sa
from grpc_channelz.v1 import channelz
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.contract import METHODS
from gateway.observe.metrics import Metrics
from gateway.store import journal
from gateway.store.sqlite import SqliteStore, StoreUnavailable
from gateway.store.statement import Statement, Tx
from gateway.store.tables import counter

INTERVAL_S = 5.0
_BEAT = Statement(sa.update(counter).where(counter.c.name == sa.bindparam("key")).values(value=counter.c.value + 1))
_FIRST = Statement(sa.insert(counter))

CHECKS = ("", "store", "parent")
"""Names to ask for: the hub as a whole, and each check."""


class Line(Protocol):
    """What health asks of the link to the parent."""

    def ready(self) -> bool:
        """Whether the line stands."""
        ...


class Health:
    """Checks the store by writing to it and the parent by its line."""

    def __init__(self, store: SqliteStore, parent: Line | None, metrics: Metrics) -> None:
        self.servicer = health.aio.HealthServicer()
        self._store = store
        self._parent = parent
        self._metrics = metrics

    async def watch(self) -> None:
        """Check again and again."""
        while True:
            await self.check()
            await asyncio.sleep(INTERVAL_S)

    async def check(self) -> dict[str, bool]:
        """Check once; the hub as a whole serves when its store can be written."""
        results = {"store": await self._store_writable(), "parent": self._parent is None or self._parent.ready()}
        for name, passed in results.items():
            self._metrics.healthy.labels(name).set(passed)
            await self._set(name, passed)
        await self._set("", results["store"])
        self._metrics.store_waiting.set(self._store.waiting)
        return results

    async def _store_writable(self) -> bool:
        try:
            async with asyncio.timeout(INTERVAL_S):
                await self._store.submit(_beat)
                unknown = await self._store.read(journal.unknown_outcomes)
        except (StoreUnavailable, TimeoutError):
            return False
        self._metrics.unknown.set(unknown)
        return True

    async def _set(self, name: str, passed: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if passed else health_pb2.HealthCheckResponse.NOT_SERVING
        await self.servicer.set(name, status)

    def leave(self) -> None:
        """Say NOT_SERVING for good, before the hub drains."""
        self._leaving = asyncio.ensure_future(self.servicer.enter_graceful_shutdown())


def _beat(tx: Tx) -> None:
    if not tx.run(_BEAT, key="heartbeat"):
        tx.run(_FIRST, name="heartbeat", value=1)


def ask(address: str, patience_s: float = 3.0) -> str:
    """Ask the admin port of a running hub how it is: SERVING, NOT_SERVING, or why it cannot be asked."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            reply = check(health_pb2.HealthCheckRequest(), timeout=patience_s)
        except grpc.RpcError as error:
            call: Any = error
            return f"not reachable at {address}: {call.code().name}"
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))


class AdminPort:
    """Health, reflection and channelz without TLS, on loopback only."""

    def __init__(self, checks: Health) -> None:
        self._checks = checks

    async def start(self, address: str) -> int:
        """Listen; the port."""
        self._server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(self._checks.servicer, self._server)
        services = sorted({method.path.split("/")[1] for method in METHODS.values()})
        reflection.enable_server_reflection([*services, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)
        channelz.add_channelz_servicer(self._server)
        port = self._server.add_insecure_port(address)
        await self._server.start()
        return port

    async def stop(self) -> None:
        """Hang up."""
        await self._server.stop(1.0)
