"""Stage 2: contract rules, sizes, dates. What fails here has stored nothing."""

from datetime import timedelta
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from codemaps import divisions
from gateway import clock
from gateway.contract import Method, Violation
from gateway.errors import Decline
from gateway.errors.decline import FieldFault
from gateway.exchange.wire import varint
from yidi.v1.header_pb2 import RequestHeader

CLOCK_SKEW = timedelta(minutes=10)
"""How far the clock of a hospital may run ahead."""


class BadRequest(Decline):
    """A decline that lists every broken rule, the first one leading."""

    def __init__(self, violations: list[Violation]) -> None:
        first = violations[0]
        super().__init__(first.reason, field=first.path, bound=first.bound)
        self.fields = [FieldFault(v.path, Decline(v.reason, field=v.path, bound=v.bound).text_en) for v in violations]


def read(method: Method, raw: bytes) -> Message:
    """Parse a request of a method; refuse what is too large, truncated or not UTF-8."""
    if len(raw) > method.max_request_bytes:
        raise Decline("MESSAGE_TOO_LARGE", size=len(raw), limit=method.max_request_bytes)
    try:
        return method.request.FromString(raw)
    except DecodeError:
        raise _diagnose(method.request.DESCRIPTOR, raw) from None


def check(method: Method, request: Any, from_hub: bool, now_china: Any) -> RequestHeader:
    """Check the rules of the contract on a request and return its header."""
    if not request.HasField("header"):
        raise Decline("HEADER_MISSING")
    violations: list[Violation] = []
    method.check(request, "", from_hub, violations)
    if violations:
        raise BadRequest(violations)
    header: RequestHeader = request.header
    if not header.msgid.isascii() or not header.msgid.isprintable() or " " in header.msgid:
        raise Decline("MSGID_MALFORMED")
    if header.inf_time > clock.text(now_china + CLOCK_SKEW):
        raise Decline("REQUEST_TIME_IMPLAUSIBLE", field="header.inf_time")
    for field, division in (
        ("header.mdtrtarea_admvs", header.mdtrtarea_admvs),
        ("header.insuplc_admdvs", header.insuplc_admdvs),
    ):
        if not divisions.is_known(division):
            raise Decline("DIVISION_UNKNOWN", field=field, division=division)
        if not divisions.has_insurance(division):
            raise Decline("DIVISION_WITHOUT_INSURANCE", division=division)
    return header


def _diagnose(message: Any, raw: bytes) -> Decline:
    """Find out why a message cannot be parsed: a text that is not UTF-8, or bytes that are no such message."""
    field = _bad_text(message, memoryview(raw), "")
    return Decline("TEXT_NOT_UTF8", field=field) if field else Decline("MESSAGE_UNREADABLE", where=message.name)


def _bad_text(message: Any, raw: memoryview, path: str) -> str:
    """The path of the first string that is not UTF-8, or empty when the bytes are broken elsewhere first."""
    at = 0
    while at < len(raw):
        tag, at = varint(raw, at)
        wire, field = tag & 7, message.fields_by_number.get(tag >> 3)
        if at < 0 or wire in (3, 4, 6, 7):
            return ""
        if wire == 0:
            _, at = varint(raw, at)
            if at < 0:
                return ""
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            size, at = varint(raw, at)
            if at < 0 or at + size > len(raw):
                return ""
            part, at = raw[at : at + size], at + size
            if field is not None:
                found = _bad_part(field, part, path + field.name)
                if found:
                    return found
    return ""


def _bad_part(field: FieldDescriptor, part: memoryview, path: str) -> str:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _bad_text(field.message_type, part, path + ".")
    if field.type == FieldDescriptor.TYPE_STRING:
        try:
            bytes(part).decode()
        except UnicodeDecodeError:
            return path
    return ""
