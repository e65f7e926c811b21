"""The exchange that ``bench relay`` sends: a settlement as the city hub of Zhenjiang forwards it, and its answer.

The fee lines come from the shipped example catalogue and are split by the treat place's own rules. Both messages are
serialized once; only the request id and the settlement id change, and both have a fixed length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from codemaps import shipped
from codemaps.catalogue import Catalogue
from codemaps.port import CATALOGUE, NATIONAL, CodeMaps, NotTranslated
from gateway.clock import Clock, text, text17
from gateway.exchange.split import split, totals
from gateway.exchange.translate import Translator
from gateway.hub import EXAMPLE_CATALOGUES
from gateway.money import line_amount_fen, share_fen
from yidi.v1.fee_pb2 import OutpatientFeeLine
from yidi.v1.settlement_pb2 import SettleOutpatientRequest, SettleOutpatientResponse

CITY, PROVINCE, NATION = "321100", "320000", "100000"
PROVINCE_CODES = "CN-320000"
INSURED = "210400"
INSTITUTION = "H32110000001"
CHRONIC = "JS-MT-0390"
PATH = "/yidi.v1.SettlementService/SettleOutpatient"
MSGID_AT = b"M" * 30
"""Stands where the request id goes."""
SETL_ID_AT = b"S" * 30
"""Stands where the settlement id goes."""
PERSON = "21040000000000000000000001"


ECHOED = (
    "mdtrt_id", "psn_no", "insutype", "med_type", "mdtrt_cert_type", "psn_setlway", "medfee_sumamt_fen",
    "fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen",
)  # fmt: skip
"""What an answer repeats of its request."""


@dataclass(frozen=True, slots=True)
class Template:
    """A serialized message with one text of fixed length cut out."""

    before: bytes
    after: bytes

    @classmethod
    def cut(cls, raw: bytes, mark: bytes) -> "Template":
        """Cut a mark, which must occur once."""
        before, found, after = raw.partition(mark)
        if not found or mark in after:
            raise ValueError("the mark must occur once")
        return cls(before, after)

    def with_text(self, value: bytes) -> bytes:
        """The message with a text in place of the mark, of the same length."""
        return self.before + value + self.after


def serials(prefix: str) -> Iterator[bytes]:
    """Ids of 30 characters that no earlier run on this machine has used."""
    number = int(Clock().time() * 1e6)
    while True:
        yield f"{prefix}{number:0{30 - len(prefix)}d}".encode()
        number += 1


def catalogue_codes(maps: CodeMaps, *systems: str) -> list[str]:
    """Codes of the example catalogue that can be translated from each code system to the next, sorted."""
    found = []
    for name in sorted(published_codes()):
        code = name
        try:
            for here, there in pairwise(systems):
                code = maps.translate(CATALOGUE, code, here, there, date.today()).to_code  # noqa: DTZ011  # any day will do
        except NotTranslated:
            continue
        found.append(name)
    return found


def example_catalogue() -> Catalogue:
    """The catalogue of the treat place that Yidi ships."""
    return Catalogue.load(example_file())


def example_file() -> Path:
    """Its file."""
    return EXAMPLE_CATALOGUES / "zhenjiang_example.csv"


def published_codes() -> list[str]:
    """All codes of the example catalogue, in the order of its file."""
    rows = example_file().read_text(encoding="utf-8").splitlines()
    return [row.partition(",")[0] for row in rows if not row.startswith(("#", "med_list_codg"))]


def fee_lines(count: int, *systems: str) -> list[OutpatientFeeLine]:
    """Fee lines that differ in code, quantity and price, with codes that all the given code systems know."""
    codes = catalogue_codes(shipped.maps(), *systems)
    when = text(Clock().china() - timedelta(minutes=5))
    lines = []
    for number in range(count):
        cnt_e4, pric_e6 = 10_000 * (1 + number % 3), 1_000_000 * (5 + 7 * number % 40) + 250_000 * (number % 4)
        lines.append(
            OutpatientFeeLine(
                feedetl_sn=f"B1-{number + 1:04d}",
                fee_ocur_time=when,
                med_list_codg=codes[number % len(codes)],
                medins_list_codg=f"HIS-{number + 1}",
                det_item_fee_sumamt_fen=line_amount_fen(cnt_e4, pric_e6),
                cnt_e4=cnt_e4,
                pric_e6=pric_e6,
                hosp_appr_flag="0",
            )
        )
    return lines


def request(line_count: int) -> SettleOutpatientRequest:
    """What the city hub sends to its province."""
    catalogue, now = example_catalogue(), text(Clock().china())
    message = SettleOutpatientRequest()
    header, data, facts = message.header, message.data, message.facts
    header.msgid, header.mdtrtarea_admvs, header.insuplc_admdvs = MSGID_AT.decode(), CITY, INSURED
    header.fixmedins_code, header.fixmedins_name = INSTITUTION, "镇江市示范医院"
    header.opter_type, header.opter, header.opter_name = "1", "001", "示范经办"
    header.inf_time, header.infver = now, "V1.0"
    header.hops.append(CITY)
    for line in fee_lines(line_count, PROVINCE_CODES, NATIONAL):
        item = catalogue.find(line.med_list_codg, line.fee_ocur_time)
        assert item is not None, line.med_list_codg
        facts.lines.add(
            feedetl_sn=line.feedetl_sn,
            fee_ocur_time=line.fee_ocur_time,
            med_list_codg=line.med_list_codg,
            medins_list_codg=line.medins_list_codg,
            cnt_e4=line.cnt_e4,
            pric_e6=line.pric_e6,
            list_type=item.list_type,
            **split(line, item)._asdict(),
        )
    sums = totals(facts.lines)
    for name, value in sums._asdict().items():
        setattr(data, name, value)
        if name != "medfee_sumamt_fen":
            setattr(facts, name, value)
    facts.dise_codg, facts.begntime, facts.hosp_lv = CHRONIC, now, "02"
    data.psn_no, data.mdtrt_id, data.chrg_bchno = PERSON, "A3211002611220000001", "B1"
    data.med_type, data.insutype, data.psn_setlway, data.acct_used_flag = "14", "310", "01", "1"
    data.mdtrt_cert_type, data.mdtrt_cert_no = "02", "SHOWN-AT-WINDOW"
    return message


def answer(asked: SettleOutpatientRequest) -> SettleOutpatientResponse:
    """What the hub above answers: sums that hold, the values of the request, and the trace of its translations."""
    sent = SettleOutpatientRequest()
    sent.CopyFrom(asked)
    translator = Translator(shipped.maps(), PROVINCE, PROVINCE_CODES, NATIONAL)
    traces = translator.outward(sent, sent.header.inf_time[:10])
    now = Clock().china()
    reply = SettleOutpatientResponse()
    reply.header.inf_refmsgid = f"{INSURED}{text17(now)[:14]}0000000001"
    reply.header.refmsg_time = reply.header.respond_time = text17(now)
    reply.header.translations.extend(traces)
    for division in (INSURED, INSURED[:2] + "0000", NATION):
        reply.header.hops.add(admdvs=division, elapsed_us=1_000)
    info, data = reply.setlinfo, sent.data
    for name in ECHOED:
        setattr(info, name, getattr(data, name))
    info.setl_id, info.setl_time, info.dise_codg = SETL_ID_AT.decode(), text(now), sent.facts.dise_codg
    info.psn_name, info.certno, info.gend, info.brdy = "示范甲", "DEMO-0001", "1", "1960-01-01"
    info.clr_optins, info.clr_way, info.clr_type = INSURED, "1", "11"
    info.hifp_pay_fen = info.fund_pay_sumamt_fen = share_fen(info.inscp_scp_amt_fen, 8_000)
    info.psn_part_amt_fen = info.medfee_sumamt_fen - info.fund_pay_sumamt_fen
    info.acct_pay_fen = min(info.psn_part_amt_fen, 6_500)
    info.psn_cash_pay_fen = info.psn_part_amt_fen - info.acct_pay_fen
    reply.setldetail.add(
        fund_pay_type="310100", inscp_scp_amt_fen=info.inscp_scp_amt_fen, fund_payamt_fen=info.hifp_pay_fen,
        fund_pay_type_name="城镇职工基本医疗保险统筹基金", setl_proc_info="统筹支付比例80.00%",
    )  # fmt: skip
    reply.setldetail.add(
        fund_pay_type="310200", fund_payamt_fen=info.acct_pay_fen, fund_pay_type_name="城镇职工基本医疗保险个人账户基金"
    )
    return reply
