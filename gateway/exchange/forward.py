"""Stage 7: send it on. Deadlines shrink at each hop; only what is safe is tried again.

Sending the same request id again is always safe, because every hub answers a repeat with its first answer. What
cannot be known is reported as unknown, never as failure (design, invariant 3).
"""

import asyncio

from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, wait_random_exponential

from gateway.clock import Clock
from gateway.contract import Method
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, is_on_record
from gateway.exchange.link import NotSent, OutcomeUnknown, RemoteLink
from gateway.exchange.state import Hub
from yidi.v1.options_pb2 import EFFECT_COMMAND

MARGIN_S = 0.050
"""Kept back at each hop for the way home, one commit included, so that the caller hears our answer and not its own
time-out."""
LEAST_S = 0.100
"""With less than this left, sending would only produce an unknown outcome."""
MOST_FAILURES = 6
"""A window should not wait long for a dead line; for a hub that still works on the request it waits to the end."""
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0


def refuse_too_late(clock: Clock, deadline: float) -> None:
    """Refuse before anything is sent when too little time is left."""
    left = deadline - clock.monotonic()
    if left < LEAST_S:
        raise Decline("DEADLINE_TOO_SHORT", left_ms=max(0, int(left * 1000)))


async def forward(
    hub: Hub,
    peer: str,
    method: Method,
    request: bytes,
    deadline: float,
    trace: str,
    *,
    resumed: bool = False,
    again: bool = False,
) -> bytes:
    """Send a request to the next hub and return its answer.

    Raises the peer's own decline; PEER_UNREACHABLE when the request certainly never left; otherwise OUTCOME_UNKNOWN
    for a command and PEER_SILENT for a query, which had no effect to be unknown. ``resumed`` says that an earlier
    sending may have arrived: then only an answer or a refusal on record is evidence. ``again`` says that there was an
    earlier one at all: where the next hub has had it with other codes, TranslatedOtherwise is raised.
    """
    attempt = _Attempt(hub.links[peer], method.path, request, deadline - MARGIN_S, trace, hub.clock, resumed, again)
    try:
        return await attempt.once()
    except _Failed:
        pass
    answer = await attempt.again()
    if answer is not None:
        return answer
    if not attempt.may_have_arrived:
        raise Decline("PEER_UNREACHABLE", peer=peer)
    raise Decline("OUTCOME_UNKNOWN" if method.effect == EFFECT_COMMAND else "PEER_SILENT", peer=peer)


class TranslatedOtherwise(Exception):
    """The next hub has had the request before, with other codes; sending it again will never bring its answer."""


class _Failed(Exception):
    """No answer this time; the same id may be sent again."""


class _Attempt:
    """The sendings of one request to one peer."""

    def __init__(
        self,
        link: RemoteLink,
        path: str,
        request: bytes,
        deadline: float,
        trace: str,
        clock: Clock,
        resumed: bool,
        again: bool,
    ) -> None:
        self._link, self._path, self._request = link, path, request
        self._deadline, self._trace, self._clock = deadline, trace, clock
        self.may_have_arrived, self._again = resumed, again
        self._failures = 0

    async def once(self) -> bytes:
        """Send it once."""
        try:
            return await self._link.call(self._path, self._request, self._deadline, self._trace)
        except NotSent as error:
            self._failures += 1
            raise _Failed from error
        except OutcomeUnknown as error:
            self.may_have_arrived = True
            self._failures += 1
            raise _Failed from error
        except PeerDecline as decline:
            if self._again and decline.info.reason == "MSGID_CONFLICT":
                raise TranslatedOtherwise from decline
            if decline.info.reason == "STILL_RUNNING":
                self.may_have_arrived = True
            elif is_on_record(decline) or not self.may_have_arrived:
                raise
            else:
                self._failures += 1
            # A refusal at the door says nothing about an earlier sending that may have gone through.
            raise _Failed from decline

    async def again(self) -> bytes | None:
        """The way for what has failed once: the same id after growing pauses, while time is left."""
        await self._pause(FIRST_WAIT_S)
        try:
            async for attempt in AsyncRetrying(
                stop=lambda _: self._failures >= MOST_FAILURES,
                wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
                retry=retry_if_exception_type(_Failed),
                sleep=self._pause,
            ):
                if self._too_late():
                    return None
                with attempt:
                    return await self.once()
        except RetryError:
            return None
        return None

    async def _pause(self, seconds: float) -> None:
        """Wait, but never so long that our answer would come after the caller's time-out."""
        left = self._deadline - self._clock.monotonic() - LEAST_S
        await asyncio.sleep(max(0.0, min(seconds, left)))

    def _too_late(self) -> bool:
        return self._deadline - self._clock.monotonic() < LEAST_S
