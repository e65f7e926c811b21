"""The messages that ``bench relay`` sends are true ones."""

import itertools

import pytest

from gateway.bench import sample
from gateway.bench.backend import well_translated
from gateway.bench.loader import fault_in
from gateway.bench.sample import Template
from gateway.clock import Clock
from gateway.contract import METHODS
from gateway.exchange import check
from gateway.money import broken_identities
from yidi.v1.settlement_pb2 import SettleOutpatientRequest, SettleOutpatientResponse


@pytest.mark.parametrize("lines", [1, 20, 200])
def test_the_request_keeps_the_contract(lines: int):
    """The hub's own checks pass, and the lines add up to what is charged."""
    asked = sample.request(lines)
    check.check(METHODS[sample.PATH], asked, from_hub=True, now_china=Clock().china())
    assert len(asked.facts.lines) == lines
    assert sum(line.det_item_fee_sumamt_fen for line in asked.facts.lines) == asked.data.medfee_sumamt_fen


def test_the_answer_adds_up_and_traces_every_code():
    """The sums hold, the values are the request's, and each code has its trace."""
    asked = sample.request(20)
    answer = sample.answer(asked)
    assert broken_identities(answer.setlinfo) == []
    assert answer.setlinfo.fund_pay_sumamt_fen > 0
    assert answer.setlinfo.medfee_sumamt_fen == asked.data.medfee_sumamt_fen
    traced = {trace.from_code for trace in answer.header.translations}
    assert traced == {sample.CHRONIC, *(line.med_list_codg for line in asked.facts.lines)}


def test_only_the_id_changes():
    """A template gives a message that parses, with a fresh id of the same length."""
    template = Template.cut(sample.request(3).SerializeToString(), sample.MSGID_AT)
    ids = list(itertools.islice(sample.serials(sample.INSTITUTION), 3))
    assert len(set(ids)) == 3
    for msgid in ids:
        read = SettleOutpatientRequest.FromString(template.with_text(msgid))
        assert read.header.msgid.encode() == msgid
        assert len(msgid) == len(sample.MSGID_AT)


def test_a_mark_must_occur_once():
    """A template cannot be cut at a mark that is absent or ambiguous."""
    for raw in (b"nothing", sample.MSGID_AT + b"-" + sample.MSGID_AT):
        with pytest.raises(ValueError):
            Template.cut(raw, sample.MSGID_AT)


def test_the_backend_sees_an_untranslated_code():
    """A request that a hub sent on with a code as it came is refused; the bare pass-through changes nothing."""
    asked = sample.request(3)
    assert well_translated(asked.SerializeToString())
    asked.header.hops.append(sample.PROVINCE)
    assert not well_translated(asked.SerializeToString())


def test_the_callers_see_an_answer_without_the_hubs_work():
    """An answer is not the hub's when its hop or the caller's own code is missing, and not an answer without sums."""
    answer = sample.answer(sample.request(3))
    raw = answer.SerializeToString()
    assert fault_in(raw, "bare") == ""
    assert "sign" in fault_in(raw, "hub")
    answer.header.hops.add(admdvs=sample.PROVINCE)
    assert "own code" in fault_in(answer.SerializeToString(), "hub")
    answer.setlinfo.dise_codg = sample.CHRONIC
    assert fault_in(answer.SerializeToString(), "hub") == ""
    assert fault_in(SettleOutpatientResponse().SerializeToString(), "bare")
