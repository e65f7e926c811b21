"""The load generator of ``bench relay``, in a process of its own: a closed loop of K callers.

``python -m gateway.bench.loader DIRECTORY CLIENTS BARE HUB`` reads turns from standard input, one JSON object a line
(``{"side": "hub", "seconds": 3}``), and writes what came of each. A turn ends when all its answers are in.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop

from gateway.bench.bare import files
from gateway.bench.figures import percentile
from gateway.bench.sample import CHRONIC, CITY, INSTITUTION, MSGID_AT, PATH, PROVINCE, Template, serials
from gateway.money import broken_identities
from gateway.tls import channel_credentials, server_name
from yidi.v1.settlement_pb2 import SettleOutpatientResponse

READ_EACH = 32
"""One answer in so many is parsed and checked."""


def fault_in(raw: bytes, side: str) -> str:
    """What is wrong with an answer, or nothing."""
    answer = SettleOutpatientResponse.FromString(raw)
    broken = broken_identities(answer.setlinfo)
    if broken or not answer.setlinfo.setl_id:
        return f"no settlement: {broken}"
    if side == "hub" and answer.header.hops[-1].admdvs != PROVINCE:
        return "the hub did not sign the answer"
    if side == "hub" and answer.setlinfo.dise_codg != CHRONIC:
        return f"the caller's own code did not come back: {answer.setlinfo.dise_codg}"
    return ""


class Loader:
    """Calls both sides, one at a time."""

    def __init__(self, directory: Path, clients: int, addresses: dict[str, str]) -> None:
        credentials = channel_credentials(files(directory, f"hub-{CITY}"))
        options = (("grpc.ssl_target_name_override", server_name(PROVINCE)), ("grpc.enable_retries", 0))
        self._calls: dict[str, Any] = {
            side: grpc.aio.secure_channel(address, credentials, options=options).unary_unary(PATH)
            for side, address in addresses.items()
        }
        self._clients = clients
        self._template = Template.cut((directory / "request.bin").read_bytes(), MSGID_AT)
        self._ids = serials(INSTITUTION)

    async def turn(self, side: str, seconds: float) -> dict[str, Any]:
        """Load one side."""
        spent: list[float] = []
        faults: list[str] = []
        began = time.perf_counter()
        stop = began + seconds
        await asyncio.gather(*(self._client(side, stop, spent, faults) for _ in range(self._clients)))
        return {
            "finished": len(spent),
            "seconds": time.perf_counter() - began,
            "p50_ms": percentile(spent, 0.50) * 1e3 if spent else 0.0,
            "p99_ms": percentile(spent, 0.99) * 1e3 if spent else 0.0,
            "faults": faults[:5],
        }

    async def _client(self, side: str, stop: float, spent: list[float], faults: list[str]) -> None:
        call = self._calls[side]
        while (began := time.perf_counter()) < stop and not faults:
            msgid = next(self._ids)
            trace = f"00-{msgid[-18:].decode():0>32}-00000000000000f1-01"  # a child hub sends one, and a deadline
            try:
                raw = await call(self._template.with_text(msgid), timeout=30, metadata=(("traceparent", trace),))
            except grpc.aio.AioRpcError as error:
                faults.append(f"{error.code().name}: {error.details()}")
                return
            spent.append(time.perf_counter() - began)
            if len(spent) % READ_EACH == 0 and (fault := fault_in(raw, side)):
                faults.append(fault)


async def run(directory: Path, clients: int, bare: str, hub: str) -> None:
    """Take turns until standard input ends."""
    loader = Loader(directory, clients, {"bare": bare, "hub": hub})
    while line := await asyncio.to_thread(sys.stdin.readline):
        turn = json.loads(line)
        sys.stdout.write(json.dumps(await loader.turn(turn["side"], turn["seconds"])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
