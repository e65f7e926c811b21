"""Logs and masks: what happened is there, who it happened to is not."""

import io
import json
from typing import Any

import pytest

from gateway.contract import FILES, rule_of
from gateway.observe.log import MOST_GATHERED, Log, masked
from tests.support.window import Window
from tests.support.world import ManualClock
from yidi.v1.encounter_pb2 import AdmitRequest
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.options_pb2 import MASK_HIDE, MASK_NAME, MASK_UNSPECIFIED
from yidi.v1.settlement_pb2 import GetOutcomeResponse, SettleOutpatientRequest, SettleOutpatientResponse

REAL = "张三丰-210400198006151234"
"""Stands in every text field; no trace of it may remain where a mask is set, but for what the mask lets through."""


def full(message: Any, *, text: str = REAL) -> Any:
    """A message with every text field filled."""
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated and field.message_type is not None:
            full(getattr(message, field.name).add(), text=text)
        elif field.message_type is not None:
            full(getattr(message, field.name), text=text)
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, text)
    return message


def personal_values(message: Any, shown: dict[str, Any]) -> list[tuple[str, int, Any]]:
    """What is shown of every masked field."""
    found = []
    for field in message.DESCRIPTOR.fields:
        value = shown.get(field.name)
        if isinstance(value, dict):
            found += personal_values(getattr(message, field.name), value)
        elif field.is_repeated and field.message_type is not None and value:
            found += personal_values(getattr(message, field.name)[0], value[0])
        elif rule_of(field).mask != MASK_UNSPECIFIED:
            found.append((field.name, rule_of(field).mask, value))
    return found


@pytest.mark.parametrize("kind", [SettleOutpatientResponse, SettleOutpatientRequest, AdmitRequest])
def test_every_masked_field_is_masked(kind: type):
    """In a message with everything filled in, each field with a mask shows no more than its mask allows."""
    message = full(kind())
    found = personal_values(message, masked(message))
    assert len(found) >= 3
    for name, mask, value in found:
        assert REAL not in str(value), name
        assert value == ("***" if mask == MASK_HIDE else "张**" if mask == MASK_NAME else "***1234"), name


def test_short_numbers_are_hidden_altogether():
    """The last four characters of a short number would be most of it."""
    request = SettleOutpatientRequest()
    request.data.psn_no = "P-123456"
    assert masked(request)["data"]["psn_no"] == "***"


def test_fields_that_name_persons_have_a_mask():
    """Every field of the contract whose name says that it is about a person is masked."""
    telling = (
        "psn_no",
        "psn_name",
        "certno",
        "mdtrt_cert_no",
        "tel",
        "brdy",
        "emp_name",
        "opter_name",
        "dr_name",
        "card_sn",
    )
    bare = {
        f"{message.full_name}.{field.name}"
        for file in FILES
        for message in file.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.name in telling and rule_of(field).mask == MASK_UNSPECIFIED
    }
    assert bare == set()


def test_bytes_are_shown_by_their_size():
    """An answer inside an answer is not unpacked into the log."""
    assert masked(GetOutcomeResponse(answer=b"secret"))["answer"] == "<6 bytes>"


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a log."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    """Where the log goes."""
    return io.StringIO()


def test_a_line_is_one_json_object_with_time_level_hub_and_event(stream: io.StringIO):
    """Every line can be read by a machine and says when, how bad, where and what."""
    log = Log("321100", ManualClock(), "info", stream)
    log.write("info", "exchange", method="SettleOutpatient", msgid="M1", hop=0, trace="T")
    log.write("info", "line\nbreak", what="a\nb")
    log.flush()
    first, second = written(stream)
    assert first == {
        "time": "2026-06-20 10:00:00",
        "level": "info",
        "hub": "321100",
        "event": "exchange",
        "method": "SettleOutpatient",
        "msgid": "M1",
        "hop": 0,
        "trace": "T",
    }
    assert second["what"] == "a\nb"


def test_a_level_below_the_least_is_not_written(stream: io.StringIO):
    """What nobody asked for costs nothing and is not there."""
    log = Log("321100", ManualClock(), "warning", stream)
    log.write("info", "quiet")
    log.write("warning", "loud")
    log.flush()
    assert [line["event"] for line in written(stream)] == ["loud"]
    assert not log.enabled("info")


def test_a_warning_goes_out_at_once_and_in_order(stream: io.StringIO):
    """A warning or an error is not kept back, and what was gathered before it goes first."""
    log = Log("321100", ManualClock(), "info", stream)
    log.write("info", "first")
    assert written(stream) == []
    log.write("error", "second")
    assert [line["event"] for line in written(stream)] == ["first", "second"]


def test_gathered_lines_are_bounded(stream: io.StringIO):
    """Under load lines go out in bunches; no more than so many are ever held."""
    log = Log("321100", ManualClock(), "info", stream)
    for number in range(MOST_GATHERED):
        log.write("info", "exchange", number=number)
    assert [line["number"] for line in written(stream)] == list(range(MOST_GATHERED))


def test_a_closed_flush_writes_nothing_twice(stream: io.StringIO):
    """Letting out what is gathered twice writes it once."""
    log = Log("321100", ManualClock(), "info", stream)
    log.write("info", "once")
    log.flush()
    log.flush()
    assert len(written(stream)) == 1


def test_a_header_in_the_log_keeps_what_identifies_the_request(window: Window):
    """A masked request still shows its id, its places and its institution, and hides the operator's name."""
    header: RequestHeader = window.header()
    shown = masked(header)
    assert (shown["msgid"], shown["fixmedins_code"]) == (header.msgid, header.fixmedins_code)
    assert shown["opter_name"] == "示**"
