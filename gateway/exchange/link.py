"""A link is anything that answers an exchange.

A *remote link* is another hub: it takes bytes, waits, and may leave the outcome unknown. A *desk* answers inside
the hub's own transaction, so that its effect, the journal and the answer are one commit: the treat place's books
and a core whose tables live in the hub's store.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message

from gateway.store.statement import Tx
from yidi.v1.header_pb2 import RequestHeader


@dataclass(slots=True, frozen=True)
class Call:
    """One exchange as a desk sees it."""

    method: str
    """Name of the method, such as ``SettleOutpatient``."""
    request: Message
    header: RequestHeader
    at: datetime
    """The hub's time in China, without a zone."""


class Desk(Protocol):
    """Answers an exchange inside a transaction; refuses by raising Decline, which undoes what it wrote."""

    def answer(self, tx: Tx, call: Call) -> Message:
        """Carry the exchange out and return its response, without the response header."""
        ...


class RemoteLink(Protocol):
    """Answers an exchange somewhere else."""

    async def call(self, path: str, request: bytes, deadline: float, trace: str) -> bytes:
        """Send a request and return the response.

        ``path`` is ``/yidi.v1.Service/Method``, ``deadline`` is on the clock's monotonic scale, ``trace`` is a W3C
        traceparent. Raises PeerDecline for a catalogued refusal, NotSent when the request certainly did not leave,
        and OutcomeUnknown when it may have.
        """
        ...


class NotSent(Exception):
    """The request certainly did not reach the other side."""


class OutcomeUnknown(Exception):
    """The request may have been carried out; only evidence can tell."""
