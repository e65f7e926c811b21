"""Time is an argument: everything that needs it takes a clock."""

import time
from datetime import datetime, timedelta

_EPOCH_IN_CHINA = datetime(1970, 1, 1, 8)  # noqa: DTZ001  # the national interface writes no zone
"""All of China keeps UTC+8, without summer time."""


_MILLISECOND = timedelta(milliseconds=1)
_DIGITS = str.maketrans("", "", "-T:.")


class Clock:
    """The real clock; tests and simulations put their own in its place."""

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def china(self) -> datetime:
        """Now in China, without a zone, as the national interface writes it."""
        return _EPOCH_IN_CHINA + timedelta(seconds=self.time())


def text(moment: datetime) -> str:
    """yyyy-MM-dd HH:mm:ss."""
    return moment.isoformat(" ", "seconds")


def china_text(at_ms: int) -> str:
    """Milliseconds since the epoch as yyyy-MM-dd HH:mm:ss in China; what is left of the second is dropped."""
    return text(_EPOCH_IN_CHINA + timedelta(milliseconds=at_ms))


def china_ms(text: str) -> int:
    """yyyy-MM-dd HH:mm:ss in China as milliseconds since the epoch."""
    return (datetime.fromisoformat(text) - _EPOCH_IN_CHINA) // _MILLISECOND


def text17(moment: datetime) -> str:
    """yyyyMMddHHmmssSSS, as in response envelopes (handbook section 2.1)."""
    return moment.isoformat("T", "milliseconds").translate(_DIGITS)
