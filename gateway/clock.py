"""Time is an argument: everything that needs it takes a clock."""

import time
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
"""The national interface writes local time without a zone; all of China keeps UTC+8."""


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
        return datetime.fromtimestamp(self.time(), UTC).astimezone(CHINA).replace(tzinfo=None)


def text(moment: datetime) -> str:
    """yyyy-MM-dd HH:mm:ss."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def text17(moment: datetime) -> str:
    """yyyyMMddHHmmssSSS, as in response envelopes (handbook section 2.1)."""
    return moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03d}"
