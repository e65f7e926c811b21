"""The checks compiled from the contract say the same as protovalidate, which reads the same rules in its own way."""

import random
from datetime import datetime
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract import METHODS, check_of, rewrite_codes, rule_of
from tests.support.oracle import PATTERNS, oracle
from yidi.v1.fee_pb2 import InpatientFeeLine, OutpatientFeeLine, UploadOutpatientFeesRequest
from yidi.v1.header_pb2 import RequestHeader, Translation
from yidi.v1.options_pb2 import FORMAT_DATE, FORMAT_DATETIME, FORMAT_DIVISION
from yidi.v1.settlement_pb2 import SettleOutpatientRequest
from yidi.v1.settlement_types_pb2 import TreatPlaceFacts

REQUESTS: list[Any] = [method.request for method in METHODS.values()]
CHECKED: list[Any] = sorted(
    {kind.DESCRIPTOR for kind in (*REQUESTS, OutpatientFeeLine, InpatientFeeLine)},
    key=lambda descriptor: str(descriptor.full_name),
)
ODD_TEXTS = (
    "", " ", "\t\n", "\u3000", "\u00a0", " x", "x", "年", "x" * 6, "年" * 30, "x" * 31, "年" * 31, "x" * 51, "x" * 201,
    "x" * 4001, "210400", "21040", "2104００", "210400\n", "+21040", "2026-06-20", "2026-02-29", "2024-02-29",
    "1900-02-29", "2000-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "2026-6-20", "20260620", "2026-W25-6",
    "2026-06-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026/06/20", "2026-06-20\n", "2026-06-20 10:00:00",
    "2026-06-20T10:00:00", "2026-06-20 24:00:00", "2026-06-20 10:60:00", "2026-06-20 10:00:60", "2026-06-20 10:00+08",
    "2026-06-20 100000.00", "2026-06-20 10:00:0", "2026-02-30 10:00:00", "2026-06-20 10:00:00.1", "2026-06-20 10.00.00",
    "2026-06-20 -1:00:00", "２０２６-06-20 10:00:00", "2026-06-20 10:00-08", "2026-06-20 10:00,08",
    "2026-06-20  1:00:00",
)  # fmt: skip
ODD_NUMBERS = (
    0, 1, -1, 9, 10, 99, 100, 999, 1000, 9999, 10**4, 10**5 - 1, 10**5, 10**16 - 1, 10**16, 1 - 10**16, -(10**16),
    1 - 10**4, -(10**4), 2**63 - 1, -(2**63),
)  # fmt: skip
GOOD = {FORMAT_DATE: "2026-06-20", FORMAT_DATETIME: "2026-06-20 10:00:00", FORMAT_DIVISION: "210400"}


dates = st.from_regex(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")


def fill(message: Any, draw: random.Random, oddity: float, depth: int = 0) -> None:
    """Fill a message with mostly good values; ``oddity`` is how often a value is odd."""
    for field in message.DESCRIPTOR.fields:
        if draw.random() < 0.02 + oddity * 0.1:
            continue
        if field.is_repeated:
            for _ in range(draw.randint(0, 2)):
                if field.type == FieldDescriptor.TYPE_MESSAGE:
                    fill(getattr(message, field.name).add(), draw, oddity, depth + 1)
                else:
                    getattr(message, field.name).append(draw.choice(ODD_TEXTS))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), draw, oddity, depth + 1)
        else:
            setattr(message, field.name, _value(field, draw, odd=draw.random() < oddity))


def _value(field: FieldDescriptor, draw: random.Random, *, odd: bool) -> Any:
    rule = rule_of(field)
    if field.type == FieldDescriptor.TYPE_STRING:
        return draw.choice(ODD_TEXTS) if odd else GOOD.get(rule.format, "x"[: rule.max_len or 1])
    if field.type == FieldDescriptor.TYPE_BOOL:
        return draw.random() < 0.5
    if field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32):
        number = draw.choice(ODD_NUMBERS) if odd else draw.randint(0, 9)
        return max(-(2**31), min(2**31 - 1, number)) if field.type == FieldDescriptor.TYPE_INT32 else number
    return 1 if field.type == FieldDescriptor.TYPE_ENUM else b"x"


def ours(message: Message, *, from_hub: bool) -> set[str]:
    """Paths of the fields that break a rule, as the compiled check says."""
    violations: list[Any] = []
    check_of(message.DESCRIPTOR)(message, "", from_hub, violations)
    return {violation.path for violation in violations}


@pytest.mark.parametrize("descriptor", CHECKED, ids=lambda descriptor: str(descriptor.name))
@pytest.mark.parametrize("from_hub", [False, True], ids=["institution", "hub"])
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), oddity=st.sampled_from([0.0, 0.02, 0.2, 0.7]))
def test_our_checks_agree_with_protovalidate(descriptor: Any, from_hub: bool, seed: int, oddity: float):
    """For any message, the fields that break a rule are the same by our compiled check and by protovalidate."""
    message = message_factory.GetMessageClass(descriptor)()
    fill(message, random.Random(seed), oddity)
    assert ours(message, from_hub=from_hub) == oracle(from_hub=from_hub).broken(message)


@settings(max_examples=300)
@given(text=st.one_of(st.text(max_size=40), st.sampled_from(ODD_TEXTS), dates))
def test_every_text_is_judged_alike(text: str):
    """Blank, long, malformed or foreign text: a header field is refused by both or by neither."""
    header = RequestHeader(
        msgid=text, mdtrtarea_admvs=text, insuplc_admdvs=text, fixmedins_code=text, opter=text, inf_time=text
    )
    assert ours(header, from_hub=True) == oracle(from_hub=True).broken(header)


@settings(max_examples=200)
@given(number=st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from(ODD_NUMBERS)))
def test_every_number_is_judged_alike(number: int):
    """Negative and overlong numbers: a fee line is refused by both or by neither."""
    for kind in (OutpatientFeeLine, InpatientFeeLine):
        line = kind(feedetl_sn="1", mdtrt_id="1", psn_no="1", fee_ocur_time="2026-06-20 10:00:00", med_list_codg="1")
        line.det_item_fee_sumamt_fen = line.cnt_e4 = line.pric_e6 = number
        if isinstance(line, OutpatientFeeLine):
            line.chrg_bchno, line.prd_days_e2 = "1", number
        assert ours(line, from_hub=False) == oracle(from_hub=False).broken(line)


@given(moment=st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  # no zones
def test_every_real_moment_is_accepted(moment: datetime):
    """Whatever day and time exists is a good date and time."""
    facts = TreatPlaceFacts(begntime=moment.isoformat(" ", "seconds"))
    assert ours(facts, from_hub=True) == set()
    assert oracle(from_hub=True).broken(facts) == set()


@pytest.mark.parametrize("count", [0, 1, 5000, 5001])
def test_a_list_is_held_to_its_bounds(count: int):
    """A list may have exactly as many items as the contract says, by both checks."""
    request = UploadOutpatientFeesRequest()
    fill(request, random.Random(0), 0.0)
    request.header.ClearField("hops")
    request.header.ClearField("translations")
    del request.feedetail[:]
    for _ in range(count):
        request.feedetail.add()
    broken = ours(request, from_hub=False)
    assert ("feedetail" in broken) == (count in (0, 5001))
    assert broken == oracle(from_hub=False).broken(request)


def test_lines_are_judged_singly_and_not_with_the_request():
    """A bad fee line does not make its request bad: the treat place gives each line its own verdict."""
    request = UploadOutpatientFeesRequest()
    request.feedetail.add(cnt_e4=-1)
    assert all(not path.startswith("feedetail[") for path in ours(request, from_hub=False))


def test_every_format_has_a_pattern():
    """The oracle knows every format of the contract."""
    formats = {rule_of(field).format for descriptor in CHECKED for field in descriptor.fields}
    assert formats - {0} <= set(PATTERNS)


def test_every_method_says_what_it_does():
    """Every method of the contract has an effect, a destination and a limit, and a check of its own request."""
    for path, method in METHODS.items():
        assert path == method.path == f"/yidi.v1.{path.split('.')[2].split('/')[0]}/{method.name}"
        assert method.effect
        assert method.destination
        assert method.max_request_bytes >= 1 << 20
        assert method.check is check_of(method.request.DESCRIPTOR)


def test_codes_are_rewritten_with_the_date_of_their_own_line():
    """Each code is translated with the service date beside it, else with that further out, else with the given one."""
    request = SettleOutpatientRequest()
    request.facts.dise_codg, request.facts.begntime = "D", "2025-12-31 08:00:00"
    request.facts.lines.add(med_list_codg="L1", fee_ocur_time="2026-01-02 08:00:00")
    request.facts.lines.add(med_list_codg="L2")
    asked = []

    def translate(kind: int, code: str, on: str, amount_fen: int) -> str:
        asked.append((code, on))
        return code.lower()

    rewrite_codes(request, "2026-06-20", translate)
    assert asked == [("D", "2025-12-31"), ("L1", "2026-01-02"), ("L2", "2025-12-31")]
    assert request.facts.dise_codg == "d"
    assert [line.med_list_codg for line in request.facts.lines] == ["l1", "l2"]


def test_codes_are_rewritten_with_the_money_beside_them():
    """The amount of a line goes with the line's code; a code without an amount beside it stands for none."""
    request = SettleOutpatientRequest()
    request.facts.dise_codg, request.facts.inscp_scp_amt_fen = "D", 99
    request.facts.lines.add(med_list_codg="L1", det_item_fee_sumamt_fen=1_250)
    request.facts.lines.add(med_list_codg="L2", det_item_fee_sumamt_fen=-300)
    asked = []

    def translate(kind: int, code: str, on: str, amount_fen: int) -> str:
        asked.append((code, amount_fen))
        return code

    rewrite_codes(request, "2026-06-20", translate)
    assert asked == [("D", 0), ("L1", 1_250), ("L2", -300)]


def test_a_message_without_codes_is_left_alone():
    """What has no translatable code is not touched; an empty code is not translated."""

    def never(kind: int, code: str, on: str, amount_fen: int) -> str:
        raise AssertionError(code)

    trace = Translation(from_code="X", to_code="Y")
    rewrite_codes(trace, "2026-06-20", never)
    rewrite_codes(SettleOutpatientRequest(), "2026-06-20", never)
    assert (trace.from_code, trace.to_code) == ("X", "Y")
