"""A refusal as ``google.rpc.Status``: the form in which it travels between hubs and is kept in the journal.

Everything stays below 6 KB, because status trailers break above 8 KB; long lists of violations are cut, the texts
for the window are not.
"""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status

from gateway.errors.catalogue import CATALOGUE
from gateway.errors.decline import Decline
from yidi.v1.header_pb2 import Fault

DOMAIN = "yidi"
STATUS_LIMIT_BYTES = 6_000
MOST_VIOLATIONS = 20


def to_status(decline: Decline) -> Status:
    """Build the status of a decline raised in this hub."""
    entry = decline.entry
    status = Status(code=Code.Value(entry.grpc), message=f"{entry.code} {decline.text_zh}{decline.next_zh}")
    info = ErrorInfo(reason=entry.reason, domain=DOMAIN)
    info.metadata.update(
        {
            "code": entry.code,
            "category": entry.category,
            "class": entry.klass,
            "side": entry.side,
            "who": entry.who,
            "retry": entry.retry,
            "infcode": str(entry.infcode),
            "text_zh": decline.text_zh,
            "next_zh": decline.next_zh,
            "next_en": decline.next_en,
            **{"param_" + name: value for name, value in decline.params.items()},
        }
    )
    _pack(status, info)
    _pack(status, LocalizedMessage(locale="zh-CN", message=decline.text_zh))
    _pack(status, LocalizedMessage(locale="en", message=decline.text_en))
    if entry.retry_after_s:
        _pack(status, RetryInfo(retry_delay=Duration(seconds=entry.retry_after_s)))
    if decline.fields:
        bad = BadRequest()
        for fault in decline.fields[:MOST_VIOLATIONS]:
            bad.field_violations.add(field=fault.field, description=fault.description)
        while bad.field_violations and status.ByteSize() + bad.ByteSize() + 80 > STATUS_LIMIT_BYTES:
            del bad.field_violations[-1]
        _pack(status, bad)
    return status


def _pack(status: Status, detail: Any) -> None:
    status.details.add().Pack(detail)


class PeerDecline(Exception):
    """A catalogued refusal that came from the next hub; it is passed on unchanged."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.info = info_of(status)
        super().__init__(f"{self.info.metadata['code']} {self.info.reason}")


Refusal = Decline | PeerDecline


def status_of(refusal: Refusal) -> Status:
    """The status a refusal travels under."""
    return refusal.status if isinstance(refusal, PeerDecline) else to_status(refusal)


def reason_of(refusal: Refusal) -> str:
    """The stable name of a refusal, for metrics and logs."""
    return str(refusal.info.reason) if isinstance(refusal, PeerDecline) else refusal.reason


def retry_of(refusal: Refusal) -> str:
    """``never``, ``same_id`` or ``enquire``; what an unfamiliar peer says counts as unknown."""
    if isinstance(refusal, PeerDecline):
        return str(refusal.info.metadata.get("retry", "enquire"))
    return refusal.entry.retry


def class_of(refusal: Refusal) -> str:
    """``business`` or ``technical``."""
    if isinstance(refusal, PeerDecline):
        return str(refusal.info.metadata.get("class", "technical"))
    return refusal.entry.klass


def info_of(status: Status) -> ErrorInfo:
    """The ErrorInfo of a status; empty when it has none."""
    info = ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return info
    return ErrorInfo()


def is_catalogued(status: Status) -> bool:
    """Whether a status came from a hub's catalogue."""
    return bool(info_of(status).domain == DOMAIN)


ON_RECORD = "on_record"


def put_on_record(status: Status) -> Status:
    """Mark a refusal as one that a journal keeps: from then on it is the answer to its request id for good."""
    for detail in status.details:
        info = ErrorInfo()
        if detail.Unpack(info) and ON_RECORD not in info.metadata:
            info.metadata[ON_RECORD] = "yes"
            detail.Pack(info)
    return status


def is_on_record(decline: PeerDecline) -> bool:
    """Whether a refusal is the final answer of the hubs behind, and not only one at their door."""
    return ON_RECORD in decline.info.metadata


def fault_of(status: Status) -> Fault:
    """The same refusal as a message, for the body of a response."""
    info = info_of(status)
    english = ""
    for detail in status.details:
        localized = LocalizedMessage()
        if detail.Unpack(localized) and localized.locale == "en":
            english = localized.message
    return Fault(
        code=info.metadata["code"],
        reason=info.reason,
        text_zh=info.metadata["text_zh"],
        text_en=english,
        next_step=info.metadata["next_zh"],
        category=info.metadata["category"],
    )


def from_fault(fault: Fault) -> Status:
    """The status of a refusal that was learned as a message."""
    entry = CATALOGUE.get(fault.reason)
    status = Status(code=Code.Value(entry.grpc) if entry else Code.FAILED_PRECONDITION)
    status.message = f"{fault.code} {fault.text_zh}{fault.next_step}"
    info = ErrorInfo(reason=fault.reason, domain=DOMAIN)
    info.metadata.update(
        {
            "code": fault.code,
            "category": fault.category,
            "class": entry.klass if entry else "business",
            "retry": entry.retry if entry else "never",
            "text_zh": fault.text_zh,
            "next_zh": fault.next_step,
        }
    )
    _pack(status, info)
    _pack(status, LocalizedMessage(locale="zh-CN", message=fault.text_zh))
    _pack(status, LocalizedMessage(locale="en", message=fault.text_en))
    return status
