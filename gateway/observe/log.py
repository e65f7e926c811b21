"""Structured logs: one JSON object a line on standard error, with request id, hop and trace id.

Personal fields are masked by the contract's own options; what is not in the contract is not logged at all.
"""

import sys
from typing import Any, TextIO

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gateway.clock import Clock, text
from gateway.contract import rule_of
from yidi.v1.options_pb2 import MASK_HIDE, MASK_NAME, MASK_UNSPECIFIED

LEVELS = ("debug", "info", "warning", "error")
FLUSH_S = 0.1
"""How often the hub lets gathered lines out."""
MOST_GATHERED = 256


class Log:
    """Writes the log of one hub. Lines are gathered for a moment; a warning or an error goes out at once."""

    def __init__(self, division: str, clock: Clock, level: str = "info", stream: TextIO | None = None) -> None:
        self._division = division
        self._clock = clock
        self._least = LEVELS.index(level)
        self._stream = stream or sys.stderr
        self._encode = msgspec.json.Encoder().encode
        self._gathered: list[bytes] = []

    def enabled(self, level: str) -> bool:
        """Whether a level is written."""
        return LEVELS.index(level) >= self._least

    def write(self, level: str, event: str, **fields: Any) -> None:
        """Write one line."""
        if not self.enabled(level):
            return
        line = {"time": text(self._clock.china()), "level": level, "hub": self._division, "event": event, **fields}
        self._gathered.append(self._encode(line))
        if level not in ("debug", "info") or len(self._gathered) >= MOST_GATHERED:
            self.flush()

    def flush(self) -> None:
        """Let out what is gathered."""
        if self._gathered:
            self._stream.write(b"\n".join(self._gathered).decode() + "\n")
            self._stream.flush()
            self._gathered.clear()


def masked(message: Message) -> dict[str, Any]:
    """A message as it may be shown: personal data masked as the contract says."""
    shown: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            shown[field.name] = [masked(item) for item in value] if field.is_repeated else masked(value)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            shown[field.name] = f"<{len(value)} bytes>"
        else:
            shown[field.name] = _mask(rule_of(field).mask, value) if not field.is_repeated else list(value)
    return shown


def _mask(mask: int, value: Any) -> Any:
    if mask == MASK_UNSPECIFIED:
        return value
    if mask == MASK_HIDE:
        return "***"
    if mask == MASK_NAME:
        return str(value)[:1] + "**"
    return "***" + str(value)[-4:] if len(str(value)) > 8 else "***"
