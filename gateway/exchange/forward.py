"""Stage 7: send it on. Deadlines shrink at each hop; only what is safe is tried again.

Sending the same request id again is always safe, because every hub answers a repeat with its first answer. What
cannot be known is reported as unknown, never as failure (design, invariant 3).
"""

import asyncio

from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from gateway.clock import Clock
from gateway.errors import Decline
from gateway.errors.status import PeerDecline
from gateway.exchange.link import NotSent, OutcomeUnknown, RemoteLink

MARGIN_S = 0.020
"""Kept back at each hop for the way home, so that the caller hears our answer and not its own time-out."""
LEAST_S = 0.100
"""With less than this left, sending would only produce an unknown outcome."""
MOST_ATTEMPTS = 6
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0


class _Busy(Exception):
    """The next hub still runs an earlier sending of this request."""


def refuse_too_late(clock: Clock, deadline: float) -> None:
    """Refuse before anything is sent when too little time is left."""
    left = deadline - clock.monotonic()
    if left < LEAST_S:
        raise Decline("DEADLINE_TOO_SHORT", left_ms=max(0, int(left * 1000)))


async def forward(
    link: RemoteLink, peer: str, path: str, request: bytes, deadline: float, trace: str, clock: Clock
) -> bytes:
    """Send a request to the next hub and return its answer.

    Raises the peer's own decline, PEER_UNREACHABLE when it certainly did not leave, or OUTCOME_UNKNOWN.
    """
    deadline -= MARGIN_S
    try:
        return await link.call(path, request, deadline, trace)
    except PeerDecline as decline:
        if decline.info.reason != "STILL_RUNNING":
            raise
        sent = True
    except NotSent:
        sent = False
    except OutcomeUnknown:
        sent = True
    return await _again(link, peer, path, request, deadline, trace, clock, sent)


async def _again(
    link: RemoteLink, peer: str, path: str, request: bytes, deadline: float, trace: str, clock: Clock, sent: bool
) -> bytes:
    """The way for what has failed once: the same id again, after growing pauses, while time is left."""
    attempts = AsyncRetrying(
        stop=stop_after_attempt(MOST_ATTEMPTS - 1),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        retry=retry_if_exception_type((NotSent, OutcomeUnknown, _Busy)),
        sleep=asyncio.sleep,
    )
    await asyncio.sleep(FIRST_WAIT_S)
    try:
        async for attempt in attempts:
            with attempt:
                if deadline - clock.monotonic() < LEAST_S:
                    break
                try:
                    return await link.call(path, request, deadline, trace)
                except OutcomeUnknown:
                    sent = True
                    raise
                except PeerDecline as decline:
                    if decline.info.reason == "STILL_RUNNING":
                        sent = True
                        raise _Busy from decline
                    raise
    except RetryError:
        pass
    raise Decline("OUTCOME_UNKNOWN" if sent else "PEER_UNREACHABLE", peer=peer)
