"""A hospital's program that does not give up: it sends the same request again until the answer is definite.

Definite is an answer, or a decline whose retry rule is ``never``. Everything else may or may not have been carried
out, so the program waits and sends the same request id again, as the contract tells it to.
"""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from gateway.bench.books import Entry, entry_of
from gateway.bench.sample import CHRONIC, INSURED
from gateway.demo.hospital import Hospital, Line, reason_in, status_in
from gateway.errors.status import info_of
from gateway.tls import TlsFiles
from yidi.v1.header_pb2 import RequestHeader

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


class Declined(Exception):
    """The answer is no, for good."""


class Unfinished(Exception):
    """No definite answer in time; the request may have been carried out."""


@dataclass
class Notes:
    """What the hospital's program lived through, all clients together."""

    give_up: float = float("inf")
    """On the monotonic clock; set once the whole network is up again."""
    resends: int = 0
    unknown: int = 0
    """Failures after which the request may have been carried out."""
    failures: Counter[str] = field(default_factory=Counter)
    """By reason in the error catalogue, or by gRPC code where no hub answered."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def failed(self, reason: str, retry: str) -> None:
        """An attempt brought no definite answer, or a decline."""
        with self.lock:
            self.failures[reason] += 1
            self.unknown += retry not in ("never", "same_id")
            self.resends += retry != "never"


class Insistent:
    """A stub whose calls end with a definite answer, Declined or Unfinished."""

    def __init__(self, stub: Any, notes: Notes) -> None:
        self._stub = stub
        self._notes = notes

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._stub, method)

        def until_definite(request: Any, timeout: float) -> Any:
            pause = FIRST_PAUSE_S
            while True:
                try:
                    return call(request, timeout=timeout)
                except grpc.RpcError as error:
                    reason, retry = reason_in(error), info_of(status_in(error)).metadata.get("retry", "")
                    if retry == "never":
                        self._notes.failed(reason, retry)
                        raise Declined(f"{method}: {reason}") from error
                    if time.monotonic() > self._notes.give_up:
                        raise Unfinished(f"{method} {request.header.msgid}: {reason}") from error
                self._notes.failed(reason, retry)
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE_S)

        return until_definite


@dataclass(frozen=True, slots=True)
class Settled:
    """A visit that was settled."""

    entry: Entry
    began: float
    ended: float
    """When the settlement was first sent and when its answer came, on the monotonic clock."""


class Window(Hospital):
    """A hospital at whose windows many patients are served at the same time."""

    def __init__(self, code: str, division: str, address: str, tls: TlsFiles, notes: Notes) -> None:
        super().__init__(code, division, address, tls)
        self.encounters: Any = Insistent(self.encounters, notes)
        self.fees: Any = Insistent(self.fees, notes)
        self.settlements: Any = Insistent(self.settlements, notes)
        self._ids = itertools.count(int(self.clock.time() * 1e6))

    def header(self, insured: str, msgid: str = "") -> RequestHeader:
        """A header whose request id stays unique however many requests there are."""
        return super().header(insured, msgid or f"{self.code}{next(self._ids):018d}")

    def visit(self, psn_no: str, lines: Sequence[Line]) -> Settled:
        """Register, upload, quote, settle."""
        mdtrt_id = self.register(INSURED, psn_no)
        uploaded = self.upload(INSURED, psn_no, mdtrt_id, list(lines), dise_codg=CHRONIC)
        if uploaded.rejected:
            raise Declined(f"a fee line was rejected: {uploaded.rejected[0]}")
        total = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
        quote = self.quote(INSURED, psn_no, mdtrt_id, total)
        request = self.settlement_request(INSURED, psn_no, mdtrt_id, quote)
        began = time.monotonic()
        reply = self.settle(request)
        return Settled(entry_of(request.header.msgid, reply.setlinfo), began, time.monotonic())
