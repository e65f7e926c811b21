"""A refusal as it travels: complete, below 6 KB, and the same after every turn."""

import pytest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CATALOGUE, Decline, Entry
from gateway.errors.decline import FieldFault
from gateway.errors.status import (
    DOMAIN,
    STATUS_LIMIT_BYTES,
    PeerDecline,
    class_of,
    fault_of,
    from_fault,
    info_of,
    is_catalogued,
    is_on_record,
    put_on_record,
    reason_of,
    retry_of,
    status_of,
    to_status,
)
from tests.errors.test_catalogue import decline_of, each_entry


def details(status: Status, kind: type) -> list[object]:
    """The details of one type."""
    found = []
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


@each_entry
def test_a_status_says_everything_about_its_entry(entry: Entry):
    """Code, reason, category, class, side, who must act, retry rule and texts are all in the status."""
    decline = decline_of(entry)
    status = to_status(decline)
    info = info_of(status)
    assert status.code == Code.Value(entry.grpc)
    assert (info.reason, info.domain) == (entry.reason, DOMAIN)
    for key, value in {
        "code": entry.code,
        "category": entry.category,
        "class": entry.klass,
        "side": entry.side,
        "who": entry.who,
        "retry": entry.retry,
        "text_zh": decline.text_zh,
        "next_zh": decline.next_zh,
    }.items():
        assert info.metadata[key] == value
    assert {key for key in info.metadata if key.startswith("param_")} == {"param_" + name for name in entry.params}
    locales = {text.locale: text.message for text in details(status, LocalizedMessage)}  # type: ignore[attr-defined]
    assert locales == {"zh-CN": decline.text_zh, "en": decline.text_en}
    assert bool(details(status, RetryInfo)) == bool(entry.retry_after_s)
    assert is_catalogued(status)


@each_entry
@pytest.mark.parametrize("value", ["x" * 50, "编" * 50])
def test_no_status_is_too_large(entry: Entry, value: str):
    """With long parameters and 5,000 broken fields a status stays below 6 KB, its texts uncut."""
    decline = Decline(entry.reason, **dict.fromkeys(entry.params, value))
    decline.fields = [
        FieldFault(f"feedetail[{number}].det_item_fee_sumamt_fen", "wrong " * 20) for number in range(5000)
    ]
    status = put_on_record(to_status(decline))
    assert status.ByteSize() <= STATUS_LIMIT_BYTES
    assert info_of(status).metadata["text_zh"] == decline.text_zh
    assert details(status, BadRequest)


@given(st.lists(st.text(max_size=3000), max_size=30))
def test_violations_of_any_size_are_cut_to_fit(texts: list[str]):
    """However long the descriptions of broken fields are, the status stays below 6 KB."""
    decline = Decline("FIELD_MISSING", field="x")
    decline.fields = [FieldFault(text[:50], text) for text in texts]
    assert to_status(decline).ByteSize() <= STATUS_LIMIT_BYTES


@each_entry
def test_a_refusal_survives_as_a_message(entry: Entry):
    """A refusal that was learned as a message becomes the status it was, as far as a caller acts on it."""
    decline = decline_of(entry)
    first = to_status(decline)
    fault = fault_of(first)
    assert fault == decline.fault()
    second = from_fault(fault)
    assert fault_of(second) == fault
    assert second.code == first.code
    assert second.message == first.message
    again = PeerDecline(second)
    assert (reason_of(again), retry_of(again), class_of(again)) == (entry.reason, entry.retry, entry.klass)
    assert is_catalogued(second)


@each_entry
def test_a_peers_refusal_is_passed_on_unchanged(entry: Entry):
    """Over any number of hops a refusal stays the same bytes."""
    raw = to_status(decline_of(entry)).SerializeToString()
    passed = PeerDecline(Status.FromString(raw))
    assert status_of(passed).SerializeToString() == raw
    assert (reason_of(passed), retry_of(passed)) == (entry.reason, entry.retry)


def test_a_refusal_of_a_newer_catalogue_is_kept():
    """A reason that our catalogue does not know is still told with its own texts, and counts as final."""
    fault = Decline("NOT_FILED", needed="x").fault()
    fault.code, fault.reason, fault.text_zh = "Y4999", "FROM_THE_FUTURE", "新的原因。"
    status = from_fault(fault)
    assert fault_of(status) == fault
    assert status.code == Code.FAILED_PRECONDITION


def test_what_does_not_come_from_a_catalogue_is_told_apart():
    """A status of somebody else's program is not taken for one of ours, and counts as unknown."""
    foreign = Status(code=Code.INTERNAL, message="stack trace")
    assert not is_catalogued(foreign)
    other = Status()
    other.details.add().Pack(ErrorInfo(reason="X", domain="googleapis.com"))
    assert not is_catalogued(other)
    assert retry_of(PeerDecline(foreign)) == "enquire"
    assert class_of(PeerDecline(foreign)) == "technical"


def test_a_refusal_on_record_is_marked_once():
    """A refusal that a journal keeps says so, and keeps saying so on its way."""
    status = to_status(Decline("NOT_FILED", needed="x"))
    assert not is_on_record(PeerDecline(status))
    once = put_on_record(status).SerializeToString()
    assert is_on_record(PeerDecline(Status.FromString(once)))
    assert put_on_record(Status.FromString(once)).SerializeToString() == once


def test_every_grpc_code_exists():
    """The gRPC status of every entry is a real one, and never OK."""
    for entry in CATALOGUE.values():
        assert Code.Value(entry.grpc) != Code.OK
