"""The translator of one exchange: what it asks of the maps, what it refuses, what it counts."""

from datetime import date
from typing import Any

import pytest

from codemaps.direction import Published
from codemaps.lookup import EditionMaps
from codemaps.port import CATALOGUE, CHRONIC, DIAGNOSIS, NATIONAL, NOTHING_GIVEN, Given
from gateway.errors import Decline
from gateway.exchange.case import case_of
from gateway.exchange.translate import EntitlementNeeded, Translator, is_valid
from tests.exchange.maps import edition, pair
from yidi.v1.eligibility_pb2 import ChronicEntitlement, GetPersonRequest
from yidi.v1.encounter_pb2 import AdmitRequest, AdmitResponse
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.settlement_pb2 import (
    ReverseOutpatientRequest,
    SettleInpatientRequest,
    SettleOutpatientRequest,
    SettleOutpatientResponse,
)

LN = "CN-210000"
ON = "2026-06-20"
REGISTERED = "2026-06-20 09:30:00"
TWO = edition(LN, pair("LN-A", "M03900"), pair("LN-B", "M03900", preferred=True), pair("LN-C", "M01600"))


def inward(*editions: Published, given: Given = NOTHING_GIVEN, entitlements: Any = ()) -> Translator:
    """From national codes into those of Liaoning."""
    return Translator(EditionMaps(editions), "210000", "CN", LN, given, entitlements)


def outward(*editions: Published, given: Given = NOTHING_GIVEN) -> Translator:
    """From the codes of Liaoning into national ones."""
    return Translator(EditionMaps(editions), "210000", LN, "CN", given)


def settlement(dise: str = "", *lines: tuple[str, int]) -> SettleOutpatientRequest:
    """A settlement of a disease with lines of code and fen."""
    request = SettleOutpatientRequest()
    request.facts.dise_codg = dise
    for code, fen in lines:
        request.facts.lines.add(med_list_codg=code, det_item_fee_sumamt_fen=fen)
    return request


def entitled(code: str, begndate: str = "2020-01-01", enddate: str = "") -> ChronicEntitlement:
    """One chronic disease of a person."""
    return ChronicEntitlement(opsp_dise_code=code, begndate=begndate, enddate=enddate)


# --- the case ---------------------------------------------------------------------------------------------------------


def test_a_case_is_read_from_header_and_node():
    """Insurance type, medical category, insured place, person, total and the time of registration are read once."""
    request = SettleOutpatientRequest()
    data = request.data
    data.psn_no, data.insutype, data.med_type, data.medfee_sumamt_fen = "P", "310", "14", 12_345
    header = RequestHeader(insuplc_admdvs="210400", codes_as_of=REGISTERED)
    as_of_ms = 1_781_919_000_000
    assert case_of(request, header) == (Given(as_of_ms, "310", "210400", "14"), "P", 12_345)


def test_a_case_is_read_from_an_admission():
    """An admission calls its node otherwise."""
    request = AdmitRequest()
    info = request.mdtrtinfo
    info.psn_no, info.insutype, info.med_type = "P", "390", "21"
    assert case_of(request, RequestHeader(insuplc_admdvs="210400")) == (Given(None, "390", "210400", "21"), "P", 0)


@pytest.mark.parametrize("request_", [ReverseOutpatientRequest(), GetPersonRequest(), SettleInpatientRequest()])
def test_a_case_without_facts_is_empty(request_: Any):
    """What a message has no field for, or leaves empty, is not given."""
    assert case_of(request_, RequestHeader(insuplc_admdvs="210400")) == (Given(None, "", "210400", ""), "", 0)


@pytest.mark.parametrize(("insutype", "expected"), [("310", "LN-A"), ("390", "LN-B")])
def test_what_is_given_chooses_the_row(insutype: str, expected: str):
    """A row that holds for one insurance type only is chosen by that of the request."""
    both = edition(LN, pair("LN-A", "M03900", insutype="310"), pair("LN-B", "M03900", insutype="390"))
    request = settlement("M03900")
    inward(both, given=Given(None, insutype, "210400")).outward(request, ON)
    assert request.facts.dise_codg == expected


# --- entitlements -----------------------------------------------------------------------------------------------------


def test_a_disease_with_several_counterparts_asks_for_the_entitlement():
    """The preferred row does not decide before somebody was asked what the person is entitled for."""
    with pytest.raises(EntitlementNeeded):
        inward(TWO, entitlements=None).outward(settlement("M03900"), ON)


def test_a_disease_with_one_counterpart_asks_nobody():
    """Where the code is clear there is nothing to ask."""
    request = settlement("M01600")
    inward(TWO, entitlements=None).outward(request, ON)
    assert request.facts.dise_codg == "LN-C"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([entitled("LN-A")], "LN-A"),
        ([entitled("LN-A"), entitled("LN-B", enddate="2026-06-19")], "LN-A"),
        ([entitled("LN-A", begndate="2026-06-21")], "LN-B"),
        ([entitled("LN-A"), entitled("LN-B")], "LN-B"),
        ([entitled("LN-C")], "LN-B"),
        ([], "LN-B"),
    ],
)
def test_the_entitlement_of_the_day_decides_before_the_preference(known: list[ChronicEntitlement], expected: str):
    """An entitlement that holds on the date of service decides; the preferred row only where it does not."""
    request = settlement("M03900")
    inward(TWO, entitlements=known).outward(request, ON)
    assert request.facts.dise_codg == expected


def test_without_preference_nothing_is_picked_by_chance():
    """Neither entitled nor preferred: ambiguous, and refused."""
    neither = edition(LN, pair("LN-A", "M03900"), pair("LN-B", "M03900"))
    with pytest.raises(Decline, match="CODE_AMBIGUOUS"):
        inward(neither, entitlements=[]).outward(settlement("M03900"), ON)


@pytest.mark.parametrize(
    ("begin", "end", "holds"),
    [
        ("2026-06-20", "", True),
        ("2026-06-20", "2026-06-20", True),
        ("", "2026-06-19", False),
        ("2026-06-21", "", False),
    ],
)
def test_an_entitlement_holds_from_its_first_to_its_last_day(begin: str, end: str, holds: bool):
    """Both days are inclusive, and no last day is no end."""
    assert is_valid(entitled("LN-A", begin, end), ON) is holds


# --- diagnoses --------------------------------------------------------------------------------------------------------


def admission() -> AdmitRequest:
    """With a diagnosis, a main diagnosis and an operation."""
    request = AdmitRequest()
    request.mdtrtinfo.dscg_maindiag_code, request.mdtrtinfo.oprn_oprt_code = "I63.900", "85.5300x001"
    request.diseinfo.add(diag_code="I63.900")
    return request


def test_diagnoses_pass_without_a_map():
    """Both sides use the national ICD: diagnosis and operation codes pass unchanged and untraced."""
    request = admission()
    translator = outward(TWO)
    assert translator.outward(request, ON) == []
    assert request == admission()
    assert not translator.results()
    reply = AdmitResponse()
    translator.homeward(reply, ON)
    assert reply == AdmitResponse()


def test_diagnoses_are_translated_where_a_map_exists():
    """A map of diagnoses is used like any other, and operations still pass."""
    icd = edition(LN, pair("I63.900", "I63.901"), kind="diagnosis")
    request = admission()
    (trace,) = outward(TWO, icd).outward(request, ON)
    assert (trace.kind, trace.from_code, trace.to_code, trace.map) == (
        DIAGNOSIS,
        "I63.900",
        "I63.901",
        f"{LN}.diagnosis",
    )
    assert request.mdtrtinfo.dscg_maindiag_code == request.diseinfo[0].diag_code == "I63.901"
    assert request.mdtrtinfo.oprn_oprt_code == "85.5300x001"


def test_a_diagnosis_that_its_map_lacks_is_refused():
    """Once there is a map, what it does not hold does not slip through."""
    icd = edition(LN, pair("I64.x00", "I64.x01"), kind="diagnosis")
    with pytest.raises(Decline, match="CODE_UNMAPPED"):
        outward(TWO, icd).outward(admission(), ON)


# --- held -------------------------------------------------------------------------------------------------------------


def test_a_code_on_hold_is_refused_for_now():
    """An edition that holds what it lacks refuses with CODE_HELD, and the same request may come again."""
    holding = edition(LN, pair("LN-A", "M03900"), unmapped="hold")
    with pytest.raises(Decline, match="CODE_HELD") as refused:
        outward(holding).outward(settlement("LN-X"), ON)
    assert (refused.value.entry.retry, refused.value.entry.klass) == ("same_id", "business")


def test_what_is_refused_for_good_is_said_before_what_is_held():
    """A request with a held and an unmapped code cannot be saved by completing one map."""
    diseases = edition(LN, pair("LN-A", "M03900"), unmapped="hold")
    catalogue = edition(LN, pair("LN-1", "XA01AAA001A001010100001"), kind="catalogue")
    with pytest.raises(Decline, match="CODE_UNMAPPED"):
        outward(diseases, catalogue).outward(settlement("LN-X", ("LN-9", 1)), ON)


def publications(rule: Any) -> tuple[Published, Published]:
    """An edition that lacks LN-X, and one of an hour after the registration that has it and changes LN-A."""
    later = case_of(SettleOutpatientRequest(), RequestHeader(codes_as_of=REGISTERED)).given.as_of_ms
    assert later is not None
    return edition(LN, pair("LN-A", "M03900"), unmapped=rule), edition(
        LN, pair("LN-A", "M01600"), pair("LN-X", "M03900"), name="test.2", begin=date(2026, 6, 1),
        published_ms=later + 3_600_000, unmapped=rule,
    )  # fmt: skip


@pytest.mark.parametrize("rule", ["hold", "reject"])
def test_a_later_publication_reaches_only_what_had_no_translation(rule: str):
    """A code that was missing sees the edition that has it; a translation that was there stays as it was."""
    registered = case_of(SettleOutpatientRequest(), RequestHeader(codes_as_of=REGISTERED)).given
    request = settlement("LN-A")
    outward(*publications(rule), given=registered).outward(request, ON)
    assert request.facts.dise_codg == "M03900"
    missing = settlement("LN-X")
    outward(*publications(rule), given=registered).outward(missing, ON)
    assert missing.facts.dise_codg == "M03900"


def test_the_first_publication_of_a_map_reaches_encounters_under_way():
    """Where no edition was in force nothing could have been quoted, so the first one serves who waits for it."""
    registered = case_of(SettleOutpatientRequest(), RequestHeader(codes_as_of=REGISTERED)).given
    _, first = publications("reject")
    request = settlement("LN-X")
    outward(first, given=registered).outward(request, ON)
    assert request.facts.dise_codg == "M03900"


def test_the_entitlement_decides_for_what_was_held_as_well():
    """A publication that gives a held disease several counterparts asks before it chooses."""
    registered = case_of(SettleOutpatientRequest(), RequestHeader(codes_as_of=REGISTERED)).given
    assert registered.as_of_ms is not None
    rows = pair("LN-A", "M03900"), pair("LN-B", "M03900", preferred=True)
    editions = edition(LN, pair("LN-C", "M01600"), unmapped="hold"), edition(
        LN, *rows, name="test.2", begin=date(2026, 6, 1), published_ms=registered.as_of_ms + 1, unmapped="hold"
    )  # fmt: skip
    with pytest.raises(EntitlementNeeded):
        inward(*editions, given=registered, entitlements=None).outward(settlement("M03900"), ON)
    request = settlement("M03900")
    inward(*editions, given=registered, entitlements=[entitled("LN-A")]).outward(request, ON)
    assert request.facts.dise_codg == "LN-A"


# --- what is counted --------------------------------------------------------------------------------------------------

ITEMS = edition(
    LN, pair("LN-1", "XA01AAA001A001010100001"), pair("LN-2", "XA01AAA001A001010100002"), kind="catalogue"
)  # fmt: skip


def test_each_code_is_counted_with_its_lines_and_its_money():
    """Lines of the same code add up; a disease stands for all that is charged."""
    translator = outward(TWO, ITEMS)
    translator.outward(settlement("LN-A", ("LN-1", 100), ("LN-2", 20), ("LN-1", -30)), ON)
    assert sorted(translator.translated(90)) == [
        ((CHRONIC, "LN-A", ON), 1, 90), ((CATALOGUE, "LN-1", ON), 2, 70), ((CATALOGUE, "LN-2", ON), 1, 20)
    ]  # fmt: skip
    assert sum(translator.results().values()) == 3


def test_all_that_is_missing_is_listed_at_once():
    """A refused request tells every code without translation, each with all its lines and money."""
    translator = outward(TWO, ITEMS)
    with pytest.raises(Decline, match="LN-8"):
        translator.outward(settlement("LN-A", ("LN-8", 100), ("LN-1", 5), ("LN-9", 20), ("LN-8", 1)), ON)
    assert translator.failed(126) == [
        ("unmapped", ((CATALOGUE, "LN-8", ON), 2, 101)), ("unmapped", ((CATALOGUE, "LN-9", ON), 1, 20))
    ]  # fmt: skip
    assert translator.results()[f"{LN}.catalogue", "unmapped"] == 2


def test_a_missing_edition_is_counted_as_such():
    """No edition in force on the date of service is another failure than a missing row."""
    translator = outward(TWO)
    with pytest.raises(Decline, match="CODE_MAP_MISSING"):
        translator.outward(settlement("LN-A"), "2025-12-31")
    assert [result for result, _ in translator.failed(1)] == ["no_edition"]
    assert translator.results() == {("", "no_edition"): 1}


def test_what_was_sent_comes_home_as_it_was():
    """An answer gets the codes of its own request back, and a code never sent is looked up in the same editions."""
    translator = inward(TWO, entitlements=[entitled("LN-A")])
    translator.outward(settlement("M03900"), ON)
    reply = SettleOutpatientResponse()
    reply.setlinfo.dise_codg = "LN-A"
    translator.homeward(reply, ON)
    assert reply.setlinfo.dise_codg == "M03900"
    assert not reply.header.translations
    reply.setlinfo.dise_codg = "LN-C"
    translator.homeward(reply, ON)
    assert reply.setlinfo.dise_codg == "M01600"
    (trace,) = reply.header.translations
    assert (trace.from_code, trace.to_code, trace.to_system) == ("LN-C", "M01600", NATIONAL)
