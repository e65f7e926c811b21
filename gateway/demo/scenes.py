"""What is played: a chronic visit, the same request again, its reversal, a stay, and three declines of real life.

Each scene returns what happened and judges nothing; ``verdict`` does that, and ``show`` prints it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter

import grpc

from gateway.demo.hospital import Hospital, Line, reason_in, status_in
from gateway.demo.network import HOSPITAL, OTHER_HOSPITAL, Network
from gateway.demo.ward import Ward
from gateway.errors.status import fault_of, info_of
from gateway.exchange.split import CategoryTotal, categories
from yidi.v1.eligibility_pb2 import GetPersonResponse
from yidi.v1.fee_pb2 import UploadInpatientFeesResponse, UploadOutpatientFeesResponse
from yidi.v1.header_pb2 import Fault
from yidi.v1.settlement_pb2 import (
    QuoteInpatientResponse,
    QuoteOutpatientResponse,
    ReverseOutpatientResponse,
    SettleInpatientResponse,
    SettleOutpatientRequest,
    SettleOutpatientResponse,
)

TREAT_PLACE = "321100"
INSURED_PLACE = "210400"
HYPERTENSION = "JS-MT-0390"
"""As Zhenjiang writes it; Fushun approved its own LN-MB-39."""

CHRONIC_LINES: list[Line] = [
    ("110200001", "普通门诊诊查", 1_0000, 18_000000),
    ("JS-XY-0001", "消旋卡多曲颗粒", 10_0000, 12_500000),
    ("JS-XY-0002", "奥扎格雷钠注射液", 7_0000, 23_800000),
    ("JS-XY-0003", "奥扎格雷氨丁三醇注射液", 7_0000, 31_200000),
    ("JS-XY-0004", "复方氨基酸注射液(14AA)", 4_0000, 21_350000),
    ("JS-XY-0005", "复方氨基酸葡萄糖电解质", 1_0000, 46_000000),
    ("JS-XY-0006", "结构脂肪乳注射液", 3_0000, 58_000000),
    ("JS-XY-0007", "脂肪乳氨基酸葡萄糖", 1_0000, 96_600000),
    ("JS-XY-0008", "ω-3鱼油脂肪乳注射液", 2_0000, 45_900000),
    ("JS-XY-0010", "小儿复方氨基酸注射液", 6_0000, 33_330000),
    ("JS-ZCY-0001", "小儿感冒舒颗粒", 3_0000, 15_600000),
    ("JS-ZCY-0003", "小儿肺热清颗粒", 2_0000, 150_000000),
    ("JS-ZCY-0005", "小儿消积止咳口服液", 1_0000, 28_000000),
    ("JS-YP-0001", "菊花", 12_5000, 1_333300),
    ("JS-FW-0002", "牵引", 3_0000, 38_000000),
]
"""Codes of the shipped example catalogue: samples of every class and rule of the split, not a sensible prescription."""

STAY_LINES: list[Line] = [
    ("JS-XY-0006", "结构脂肪乳注射液", 24_0000, 158_000000),
    ("JS-XY-0002", "奥扎格雷钠注射液", 28_0000, 123_800000),
    ("JS-XY-0003", "奥扎格雷氨丁三醇注射液", 28_0000, 31_200000),
    ("JS-XY-0005", "复方氨基酸葡萄糖电解质", 6_0000, 46_000000),
    ("JS-XY-0010", "小儿复方氨基酸注射液", 20_0000, 133_330000),
    ("JS-ZCY-0001", "小儿感冒舒颗粒", 40_0000, 15_600000),
    ("JS-ZCY-0003", "小儿肺热清颗粒", 12_0000, 150_000000),
    ("JS-YP-0001", "菊花", 112_5000, 1_333300),
    ("110200001", "普通诊查", 6_0000, 18_000000),
    ("JS-FW-0002", "牵引", 12_0000, 38_000000),
    ("JS-FW-0003", "导尿", 2_0000, 40_000000),
]
DAYS_OF_STAY = 6


@dataclass
class Stage:
    """The network, and two hospitals of Zhenjiang with a window each."""

    network: Network
    window: Hospital = field(init=False)
    other_window: Hospital = field(init=False)

    def __post_init__(self) -> None:
        address = f"127.0.0.1:{self.network.hubs[TREAT_PLACE].port}"
        self.window = Hospital(HOSPITAL, TREAT_PLACE, address, self.network.tls())
        self.other_window = Hospital(OTHER_HOSPITAL, TREAT_PLACE, address, self.network.tls(OTHER_HOSPITAL))

    def close(self) -> None:
        """Hang up."""
        self.window.close()
        self.other_window.close()


@dataclass(frozen=True)
class ChronicVisit:
    """A chronic out-patient visit, settled."""

    person: GetPersonResponse
    uploaded: UploadOutpatientFeesResponse
    quote: QuoteOutpatientResponse
    request: SettleOutpatientRequest
    raw: bytes
    answer: SettleOutpatientResponse
    took_us: int


@dataclass(frozen=True)
class Refusal:
    """A refused call, with the texts of the error catalogue."""

    reason: str
    fault: Fault
    who: str
    next_en: str


@dataclass(frozen=True)
class Repeat:
    """The same settlement again under its id, and the same charges under a new id."""

    raw: bytes
    took_us: int
    fresh_id: Refusal | None


@dataclass(frozen=True)
class Reversal:
    """A settlement taken back, and the account afterwards."""

    answer: ReverseOutpatientResponse
    person: GetPersonResponse


@dataclass(frozen=True)
class Stay:
    """A stay, settled at discharge."""

    person: GetPersonResponse
    days: int
    uploaded: UploadInpatientFeesResponse
    categories: list[CategoryTotal]
    quote: QuoteInpatientResponse
    answer: SettleInpatientResponse
    took_us: int


@dataclass(frozen=True)
class Declined:
    """One of the three declines: who, what the hospital asked for, and what it was told."""

    expected: str
    title: str
    person: str
    story: str
    refusal: Refusal | None


def settle_raw(window: Hospital, request: SettleOutpatientRequest) -> tuple[bytes, int]:
    """2207 with the answer as it came over the wire, and the microseconds it took."""
    call: Callable[..., bytes] = window.channel.unary_unary(
        "/yidi.v1.SettlementService/SettleOutpatient", request_serializer=SettleOutpatientRequest.SerializeToString
    )
    began = perf_counter()
    raw = call(request, timeout=20)
    return raw, int((perf_counter() - began) * 1e6)


def chronic_visit(stage: Stage) -> ChronicVisit:
    """示范甲, approved for hypertension in Fushun and filed to Zhenjiang, at a window in Zhenjiang."""
    window = stage.window
    person = window.person(INSURED_PLACE, "DEMO-0001")
    psn_no = person.baseinfo.psn_no
    mdtrt_id = window.register(INSURED_PLACE, psn_no)
    uploaded = window.upload(INSURED_PLACE, psn_no, mdtrt_id, CHRONIC_LINES, dise_codg=HYPERTENSION)
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    quote = window.quote(INSURED_PLACE, psn_no, mdtrt_id, total_fen)
    request = window.settlement_request(INSURED_PLACE, psn_no, mdtrt_id, quote)
    raw, took_us = settle_raw(window, request)
    return ChronicVisit(person, uploaded, quote, request, raw, SettleOutpatientResponse.FromString(raw), took_us)


def repeat(stage: Stage, visit: ChronicVisit) -> Repeat:
    """The window did not see the answer and sends again; then somebody tries the same charges under a new id."""
    raw, took_us = settle_raw(stage.window, visit.request)
    fresh = SettleOutpatientRequest()
    fresh.CopyFrom(visit.request)
    fresh.header.CopyFrom(stage.window.header(INSURED_PLACE))
    return Repeat(raw, took_us, _refused(lambda: stage.window.settle(fresh)))


def reversal(stage: Stage, visit: ChronicVisit) -> Reversal:
    """The settlement is taken back: a mirror entry, never an update."""
    info = visit.answer.setlinfo
    answer = stage.window.reverse(INSURED_PLACE, info.psn_no, info.mdtrt_id, info.setl_id)
    return Reversal(answer, stage.window.person(INSURED_PLACE, info.certno))


def stay(stage: Stage) -> Stay:
    """示范乙, with no filing at all: the terms of a temporary visit."""
    person = stage.window.person(INSURED_PLACE, "DEMO-0002")
    since = stage.window.now() - timedelta(days=DAYS_OF_STAY)
    ward = Ward(stage.window, INSURED_PLACE, person.baseinfo.psn_no)
    ward.admit(since)
    uploaded = ward.upload(STAY_LINES, since)
    ward.discharge()
    quote = ward.quote(uploaded)
    began = perf_counter()
    answer = ward.settle(uploaded)
    took_us = int((perf_counter() - began) * 1e6)
    return Stay(person, DAYS_OF_STAY, uploaded, categories(uploaded.result), quote, answer, took_us)


def declines(stage: Stage) -> list[Declined]:
    """The three causes that Zhenjiang counted, each diagnosed as itself."""
    return [_two_places(stage), _open_admission(stage), _filed_to_province(stage)]


def _two_places(stage: Stage) -> Declined:
    person = stage.window.person(INSURED_PLACE, "DEMO-0003").baseinfo
    ward = Ward(stage.window, INSURED_PLACE, person.psn_no)
    return Declined(
        "ENROLLED_IN_TWO_PLACES",
        "两地重复参保 enrolled in two places",
        person.psn_name,
        f"办理入院登记 admission (2401) at {HOSPITAL}",
        _refused(lambda: ward.admit(stage.window.now())),
    )


def _open_admission(stage: Stage) -> Declined:
    person = stage.window.person(INSURED_PLACE, "DEMO-0004").baseinfo
    earlier = stage.window.now() - timedelta(days=20)
    Ward(stage.other_window, INSURED_PLACE, person.psn_no).admit(earlier)
    ward = Ward(stage.window, INSURED_PLACE, person.psn_no)
    return Declined(
        "ADMISSION_ELSEWHERE_NOT_CANCELLED",
        "他院住院登记未撤销 an admission elsewhere, never cancelled",
        person.psn_name,
        f"20天前在{OTHER_HOSPITAL}入院，自费离开，登记未撤销；现在{HOSPITAL}办理入院登记 admission (2401)",
        _refused(lambda: ward.admit(stage.window.now())),
    )


def _filed_to_province(stage: Stage) -> Declined:
    window = stage.window
    person = window.person(INSURED_PLACE, "DEMO-0005").baseinfo
    mdtrt_id = window.register(INSURED_PLACE, person.psn_no)
    uploaded = window.upload(INSURED_PLACE, person.psn_no, mdtrt_id, CHRONIC_LINES[:3], dise_codg=HYPERTENSION)
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    return Declined(
        "FILED_TO_PROVINCE_NOT_CITY",
        "备案到省未到市 filed to the province, not the city",
        person.psn_name,
        f"门诊慢特病预结算 chronic out-patient quote (2206) at {HOSPITAL}",
        _refused(lambda: window.quote(INSURED_PLACE, person.psn_no, mdtrt_id, total_fen)),
    )


def _refused(call: Callable[[], object]) -> Refusal | None:
    """What a call was refused with; None when it was not refused."""
    try:
        call()
    except grpc.RpcError as error:
        status = status_in(error)
        metadata = info_of(status).metadata
        return Refusal(reason_in(error), fault_of(status), metadata["who"], metadata["next_en"])
    return None
