"""Between translate and forward: which of several counterparts of a disease it is, the person's entitlement decides.

Several local diseases may share one national code. Before a rule of thumb of the map decides, the insured place is
asked which of them the person is entitled for. It is asked only where the code leaves it open, and by the hub at the
border, over the link that the request will take.
"""

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import TypeVar

from google.protobuf.message import DecodeError

from gateway.contract import BY_NAME
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, reason_of
from gateway.exchange.case import case_of
from gateway.exchange.forward import forward, refuse_too_late
from gateway.exchange.state import Exchange, Hub
from gateway.exchange.translate import EntitlementNeeded
from yidi.v1.eligibility_pb2 import (
    ChronicEntitlement,
    ListChronicEntitlementsRequest,
    ListChronicEntitlementsResponse,
)

T = TypeVar("T")

METHOD = BY_NAME["ListChronicEntitlements"]
NOT_OFFERED = frozenset(
    ("METHOD_UNKNOWN", "NOT_ANSWERED_BY_CORE", "ROUTE_MISSING", "ROUTE_LOOP", "ROUTE_NOT_TREAT_PLACE")
)
"""What a hub or a core says that is older than the question, or no longer has a way to who could answer."""
SUFFIX = "-ent"
"""Behind the request id: the question has an id of its own, and whoever reads the logs finds what it belongs to."""
LONGEST_MSGID = 30


async def decided(hub: Hub, exchange: Exchange, peer: str, first: Callable[[], Awaitable[T]]) -> T:
    """Do the first part of an exchange; where an entitlement must be known for it, ask, and do it anew.

    The first attempt is rolled back by then: while the insured place is asked nothing is admitted, and a request that
    was answered before never comes this far.
    """
    try:
        return await first()
    except EntitlementNeeded:
        question = _question(hub, exchange)
        exchange.begin_again(hub)
    exchange.entitlements = await _ask(hub, exchange, peer, question)
    refuse_too_late(hub.clock, exchange.deadline)
    return await first()


def _question(hub: Hub, exchange: Exchange) -> bytes:
    """5301 for the person of a request, seeing the same publications as the request."""
    question = ListChronicEntitlementsRequest(header=exchange.header)
    header = question.header
    header.msgid = header.msgid[: LONGEST_MSGID - len(SUFFIX)] + SUFFIX
    header.hops.append(hub.division)
    header.ClearField("translations")
    question.data.psn_no = case_of(exchange.request, exchange.header).psn_no
    return question.SerializeToString()


async def _ask(hub: Hub, exchange: Exchange, peer: str, question: bytes) -> Sequence[ChronicEntitlement]:
    """The person's chronic diseases in the codes of the link's side; none where nobody can tell."""
    began = perf_counter()
    try:
        raw = await forward(hub, peer, METHOD, question, exchange.deadline, exchange.trace)
        return ListChronicEntitlementsResponse.FromString(raw).feedetail
    except (Decline, PeerDecline) as refused:
        if reason_of(refused) not in NOT_OFFERED:
            raise
        return ()
    except DecodeError:
        raise Decline("ANSWER_UNREADABLE", peer=peer) from None
    finally:
        hub.observer.stage("entitlement", perf_counter() - began)
