"""Poses as the hub above: answers at once, the same for the bare pass-through and for the hub.

``python -m gateway.bench.backend DIRECTORY LISTEN`` answers with the prepared ``answer.bin``, each time under a fresh
settlement id. It reads one request in so many, and refuses one that a hub sent on with a code left untranslated.
"""

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop

from gateway.bench.bare import files
from gateway.bench.sample import NATION, PROVINCE, SETL_ID_AT, Template, serials
from gateway.tls import server_credentials
from yidi.v1.settlement_pb2 import SettleOutpatientRequest

LOOK_AT_EACH = 64


def well_translated(raw: bytes) -> bool:
    """Whether a request that came through the hub has national codes only, each with its trace."""
    request = SettleOutpatientRequest.FromString(raw)
    if PROVINCE not in request.header.hops:
        return True  # the bare pass-through changes nothing
    codes = [request.facts.dise_codg, *(line.med_list_codg for line in request.facts.lines)]
    traced = {trace.to_code for trace in request.header.translations if trace.admdvs == PROVINCE}
    return not any(code.startswith("JS-") for code in codes) and set(codes) <= traced


class Answers(grpc.GenericRpcHandler):
    """Answers every method with a settlement."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._ids = serials(f"A{NATION}")
        self._count = itertools.count()
        self._handler: Any = grpc.unary_unary_rpc_method_handler(self._answer)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The one handler."""
        del handler_call_details
        return self._handler

    async def _answer(self, raw: bytes, context: Any) -> bytes:
        if next(self._count) % LOOK_AT_EACH == 0 and not well_translated(raw):
            await context.abort(grpc.StatusCode.INTERNAL, "a code came untranslated")
        return self._template.with_text(next(self._ids))


async def run(directory: Path, listen: str) -> None:
    """Serve until the process is ended."""
    template = Template.cut((directory / "answer.bin").read_bytes(), SETL_ID_AT)
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers([Answers(template)])
    server.add_secure_port(listen, server_credentials(files(directory, f"hub-{NATION}")))
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), sys.argv[2]))
