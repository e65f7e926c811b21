"""Bad input at each stage: refused with the exact reason, nothing stored, and the next good request works."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.clock import text
from gateway.demo.network import OTHER_HOSPITAL
from gateway.errors.status import STATUS_LIMIT_BYTES
from tests.support.window import CHRONIC_PERSON, LINES, STAY_PERSON, Window
from tests.support.world import (
    FUSHUN,
    JIANGSU,
    LIAONING,
    NATION,
    ZHENJIANG,
    Refused,
    World,
    build,
    copy_of,
    refused,
)
from yidi.v1.settlement_pb2 import SettleOutpatientRequest

FIRST = LINES[:1]


async def refused_without_trace(world: World, window: Window, name: str, request: Any) -> Refused:
    """A refusal that leaves every row of every hub as it was, and after which a visit can be settled."""
    before = world.contents()
    refusal = await refused(window.call(name, request))
    assert world.contents() == before
    assert len(refusal.status.SerializeToString()) <= STATUS_LIMIT_BYTES
    info = (await window.call("SettleOutpatient", await window.to_settle(FIRST))).setlinfo
    assert info.setl_id
    return refusal


# --- the header and who sends it ------------------------------------------------------------------------------------


async def test_a_request_without_a_header_is_refused(world: World, window: Window):
    """A request without a header is told exactly that."""
    request = window.registration()
    request.ClearField("header")
    refusal = await refused_without_trace(world, window, "RegisterOutpatient", request)
    assert refusal.reason == "HEADER_MISSING"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("msgid", "", "FIELD_MISSING"),
        ("msgid", "   ", "FIELD_MISSING"),
        ("msgid", "1" * 31, "FIELD_TOO_LONG"),
        ("msgid", "a b", "MSGID_MALFORMED"),
        ("msgid", "号1", "MSGID_MALFORMED"),
        ("msgid", "a\nb", "MSGID_MALFORMED"),
        ("insuplc_admdvs", "", "FIELD_MISSING"),
        ("insuplc_admdvs", "21040", "DIVISION_MALFORMED"),
        ("insuplc_admdvs", "２１０４００", "DIVISION_MALFORMED"),
        ("insuplc_admdvs", "219999", "DIVISION_UNKNOWN"),
        ("insuplc_admdvs", "710000", "DIVISION_WITHOUT_INSURANCE"),
        ("mdtrtarea_admvs", "999999", "DIVISION_UNKNOWN"),
        ("mdtrtarea_admvs", "320100", "IDENTITY_MISMATCH"),
        ("fixmedins_code", OTHER_HOSPITAL, "IDENTITY_MISMATCH"),
        ("fixmedins_code", "", "FIELD_MISSING"),
        ("inf_time", "", "FIELD_MISSING"),
        ("inf_time", "2026-02-30 08:00:00", "DATE_INVALID"),
        ("inf_time", "2026-06-20T10:00:00", "DATE_INVALID"),
        ("inf_time", "2026-06-20 10:00+08", "DATE_INVALID"),
        ("inf_time", "2026-06-20", "DATE_INVALID"),
        ("inf_time", "2099-01-01 00:00:00", "REQUEST_TIME_IMPLAUSIBLE"),
        ("opter", "x" * 31, "FIELD_TOO_LONG"),
    ],
)
async def test_a_bad_header_is_refused(world: World, window: Window, field: str, value: str, reason: str):
    """Each field of the header is held to its rule."""
    request = window.registration()
    setattr(request.header, field, value)
    refusal = await refused_without_trace(world, window, "RegisterOutpatient", request)
    assert refusal.reason == reason


@pytest.mark.parametrize("insured", ["321100", "320100", "110000"])
async def test_a_place_that_nobody_serves_has_no_route(world: World, window: Window, insured: str):
    """A person of a division that no hub of the network serves is told that there is no way there."""
    request = window.request("GetPerson")
    request.header.insuplc_admdvs = insured
    request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", "X"
    refusal = await refused_without_trace(world, window, "GetPerson", request)
    assert (refusal.reason, refusal.params["division"]) == ("ROUTE_MISSING", insured)


async def test_an_unknown_institution_is_refused(world: World, window: Window):
    """A certificate of an institution that the hub does not serve opens nothing."""
    before = world.contents()
    raw = window.registration().SerializeToString()
    assert (await refused(world.answer("RegisterOutpatient", raw, "H32110000009"))).reason == "IDENTITY_UNKNOWN"
    assert world.contents() == before


@pytest.mark.parametrize("field", ["hops", "translations", "codes_as_of"])
async def test_a_header_field_of_hubs_is_refused_from_an_institution(world: World, window: Window, field: str):
    """What only hubs may write in a header is refused from a hospital."""
    request = window.registration()
    if field == "hops":
        request.header.hops.append("320000")
    elif field == "codes_as_of":
        request.header.codes_as_of = "2026-06-20 10:00:00"
    else:
        request.header.translations.add(from_code="X")
    refusal = await refused_without_trace(world, window, "RegisterOutpatient", request)
    assert (refusal.reason, refusal.params["field"]) == ("FIELD_FOR_HUBS", f"header.{field}")


async def test_facts_from_an_institution_are_refused(world: World, window: Window):
    """An institution cannot vouch for the split of its own lines."""
    request = await window.to_settle()
    request.facts.inscp_scp_amt_fen = 1
    refusal = await refused_without_trace(world, window, "SettleOutpatient", request)
    assert (refusal.reason, refusal.params["field"]) == ("FIELD_FOR_HUBS", "facts")


# --- hubs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "at", "treat", "insured", "reason"),
    [
        (JIANGSU, NATION, "330100", FUSHUN, "TERRITORY_MISMATCH"),
        (ZHENJIANG, JIANGSU, "320100", FUSHUN, "TERRITORY_MISMATCH"),
        (NATION, LIAONING, ZHENJIANG, "220100", "TERRITORY_MISMATCH"),
        (NATION, LIAONING, "210100", FUSHUN, "TERRITORY_MISMATCH"),
        (JIANGSU, LIAONING, ZHENJIANG, FUSHUN, "IDENTITY_UNKNOWN"),
        ("330000", NATION, "330100", FUSHUN, "IDENTITY_UNKNOWN"),
    ],
)
async def test_a_hub_speaks_only_for_its_own_territory(
    world: World, window: Window, sender: str, at: str, treat: str, insured: str, reason: str
):
    """A child may speak for treat places below it, a parent only towards insured places below us, a stranger never."""
    request = window.request("GetPerson")
    request.header.mdtrtarea_admvs, request.header.insuplc_admdvs = treat, insured
    request.header.hops.append(sender)
    request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", "DEMO-0001"
    before = world.contents()
    refusal = await refused(world.answer("GetPerson", request.SerializeToString(), sender, at=at))
    assert refusal.reason == reason
    assert world.contents() == before


async def test_a_loop_is_cut(world: World, window: Window):
    """A request that has been at a hub before is refused there, naming its way."""
    request = window.request("GetPerson")
    request.header.hops.extend([ZHENJIANG, JIANGSU, NATION])
    request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", "DEMO-0001"
    refusal = await refused(world.answer("GetPerson", request.SerializeToString(), JIANGSU, at=NATION))
    assert refusal.reason == "ROUTE_LOOP"
    assert refusal.params["hops"] == "321100 → 320000 → 100000 → 100000"


async def test_fees_are_taken_by_the_treat_place_only(world: World, window: Window):
    """A request for the treat place's books that comes from another hub finds no treat place there."""
    request = window.registration()
    request.header.hops.append(ZHENJIANG)
    before = world.contents()
    refusal = await refused(world.answer("RegisterOutpatient", request.SerializeToString(), ZHENJIANG, at=JIANGSU))
    assert refusal.reason == "ROUTE_NOT_TREAT_PLACE"
    assert world.contents() == before


# --- bytes ----------------------------------------------------------------------------------------------------------


async def test_a_message_that_is_too_large_is_refused_by_its_size(world: World, window: Window):
    """A request above the limit of its method is refused before it is read."""
    raw = window.registration().SerializeToString() + b"\x00" * (1 << 20)
    before = world.contents()
    refusal = await refused(world.answer("RegisterOutpatient", raw, window.code))
    assert (refusal.reason, refusal.params["limit"]) == ("MESSAGE_TOO_LARGE", str(1 << 20))
    assert world.contents() == before


@pytest.mark.parametrize("cut", [1, 2, 5, 20, 100])
async def test_a_truncated_message_is_refused(world: World, window: Window, cut: int):
    """Bytes that break off in the middle are refused; never is half a request taken for a whole one."""
    raw = window.lines(await window.register()).SerializeToString()
    before = world.contents()
    refusal = await refused(world.answer("UploadOutpatientFees", raw[:-cut], window.code))
    assert refusal.reason == "MESSAGE_UNREADABLE"
    assert world.contents() == before


@pytest.mark.parametrize(
    ("find", "field"), [("001", "header.opter"), ("MZ1", "data.ipt_otp_no"), (CHRONIC_PERSON, "data.psn_no")]
)
async def test_text_that_is_not_utf8_is_refused_by_its_field(world: World, window: Window, find: str, field: str):
    """A GBK text in a field is refused naming the field, and not showing what is in it."""
    before = world.contents()
    good, bad = find.encode(), b"\xb2" * len(find)
    raw = window.registration().SerializeToString()
    spoiled = raw.replace(bytes([len(good)]) + good, bytes([len(good)]) + bad)
    assert spoiled != raw
    refusal = await refused(world.answer("RegisterOutpatient", spoiled, window.code))
    assert (refusal.reason, refusal.params["field"]) == ("TEXT_NOT_UTF8", field)
    assert world.contents() == before


async def test_noise_is_refused_as_noise(world: World, window: Window):
    """No bytes whatever bring the hub out of its way."""
    before = world.contents()
    for size in range(1, 60):
        for first in (0x00, 0x0A, 0x7F, 0xFF):
            noise = bytes((first + 37 * i * size) % 256 for i in range(size))
            refusal = await refused(world.answer("SettleOutpatient", noise, window.code))
            assert refusal.reason in ("MESSAGE_UNREADABLE", "TEXT_NOT_UTF8", "HEADER_MISSING", "FIELD_MISSING")
    assert world.contents() == before


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begntime", "reason"),
    [
        ("2026-02-30 08:00:00", "DATE_INVALID"),
        ("2026-06-20 24:00:00", "DATE_INVALID"),
        ("2026-06-21 08:00:00", "REQUEST_TIME_IMPLAUSIBLE"),
        ("", "FIELD_MISSING"),
    ],
)
async def test_a_visit_begins_on_a_day_that_exists_and_has_come(
    world: World, window: Window, begntime: str, reason: str
):
    """A visit that begins at an impossible time or in the future is refused."""
    request = window.registration()
    request.data.begntime = begntime
    refusal = await refused_without_trace(world, window, "RegisterOutpatient", request)
    assert refusal.reason == reason


async def test_a_clock_that_runs_ahead_a_little_is_forgiven(world: World, window: Window):
    """The clock of a hospital may be some minutes ahead."""
    request = window.registration()
    request.header.inf_time = text(world.clock.china() + timedelta(minutes=9))
    assert (await window.call("RegisterOutpatient", request)).data.mdtrt_id


# --- quotes and settlements -----------------------------------------------------------------------------------------

Change = Callable[[Any], None]


def _set(field: str, value: Any) -> Change:
    def change(request: Any) -> None:
        setattr(request.data, field, value)

    return change


def _add(field: str, value: int) -> Change:
    def change(request: Any) -> None:
        setattr(request.data, field, getattr(request.data, field) + value)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("medfee_sumamt_fen", -1), "NUMBER_NEGATIVE"),
        (_set("medfee_sumamt_fen", 10**16), "NUMBER_TOO_LARGE"),
        (_set("medfee_sumamt_fen", 2**63 - 1), "NUMBER_TOO_LARGE"),
        (_add("medfee_sumamt_fen", 1), "TOTAL_MISMATCH"),
        (_add("inscp_scp_amt_fen", 1), "TOTAL_MISMATCH"),
        (_add("preselfpay_amt_fen", 1), "TOTAL_MISMATCH"),
        (_set("fulamt_ownpay_amt_fen", 999), "TOTAL_MISMATCH"),
        (_set("chrg_bchno", "B9"), "BATCH_NOT_FOUND"),
        (_set("chrg_bchno", ""), "FIELD_MISSING"),
        (_set("mdtrt_id", "321100260620" + "9" * 10), "ENCOUNTER_NOT_FOUND"),
        (_set("psn_no", STAY_PERSON), "ENCOUNTER_NOT_FOUND"),
        (_set("psn_no", ""), "FIELD_MISSING"),
        (_set("mdtrt_id", "x" * 31), "FIELD_TOO_LONG"),
        (_set("exp_content", "{" * 4001), "FIELD_TOO_LONG"),
    ],
)
async def test_a_settlement_that_does_not_fit_its_lines_is_refused(
    world: World, window: Window, change: Change, reason: str
):
    """Amounts must be those of the stored lines, and the batch, visit and person those of the quote."""
    request = await window.to_settle()
    change(request)
    refusal = await refused_without_trace(world, window, "SettleOutpatient", request)
    assert refusal.reason == reason


async def test_a_visit_of_another_insured_place_is_refused(world: World, window: Window):
    """A settlement must name the insured place that the visit was registered with."""
    request = await window.to_settle()
    request.header.insuplc_admdvs = "210402"
    refusal = await refused_without_trace(world, window, "SettleOutpatient", request)
    assert refusal.reason == "INSURED_PLACE_DIFFERS"


async def test_a_settlement_without_a_quote_is_refused(world: World, window: Window):
    """Only what was quoted is settled."""
    quote = await window.quoted()
    fresh = await window.register()
    await window.call("UploadOutpatientFees", window.lines(fresh))
    request = window.settlement(quote)
    request.data.mdtrt_id = fresh
    refusal = await refused_without_trace(world, window, "SettleOutpatient", request)
    assert refusal.reason == "QUOTE_MISSING"


async def test_a_quote_of_other_lines_is_outdated(world: World, window: Window):
    """When lines are added after the quote, the settlement needs a new one."""
    quote = await window.quoted()
    more = window.lines(quote.setlinfo.mdtrt_id, FIRST)
    more.feedetail[0].feedetl_sn = "B1-0009"
    await window.call("UploadOutpatientFees", more)
    refusal = await refused_without_trace(world, window, "SettleOutpatient", window.settlement(quote))
    assert refusal.reason == "QUOTE_OUTDATED"


async def test_a_quote_of_revoked_lines_is_gone(world: World, window: Window):
    """When the lines of a quote are revoked, there is nothing to settle."""
    quote = await window.quoted()
    revocation = window.request("RevokeOutpatientFees")
    data = revocation.data
    data.mdtrt_id, data.psn_no, data.chrg_bchno = quote.setlinfo.mdtrt_id, CHRONIC_PERSON, "B1"
    await window.call("RevokeOutpatientFees", revocation)
    refusal = await refused_without_trace(world, window, "SettleOutpatient", window.settlement(quote))
    assert refusal.reason == "BATCH_NOT_FOUND"


async def test_a_quote_is_checked_like_a_settlement(world: World, window: Window):
    """A quote whose total is not that of the lines is refused."""
    mdtrt_id = await window.register()
    await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    refusal = await refused_without_trace(world, window, "QuoteOutpatient", window.quotation(mdtrt_id, 1))
    assert refusal.reason == "TOTAL_MISMATCH"


# --- codes ----------------------------------------------------------------------------------------------------------


async def quote_of(window: Window, dise: str, psn_no: str = CHRONIC_PERSON) -> Any:
    """A 2206 request for lines of a disease."""
    mdtrt_id = await window.register(psn_no)
    uploaded = await window.call("UploadOutpatientFees", window.lines(mdtrt_id, psn_no=psn_no, dise=dise))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    return window.quotation(mdtrt_id, total_fen, psn_no=psn_no)


@pytest.mark.parametrize(
    ("dise", "reason"),
    [
        ("JS-MT-9999", "CODE_UNMAPPED"),
        ("M03900", "CODE_UNMAPPED"),
        ("LN-MB-39", "CODE_UNMAPPED"),
        ("JS-MT-0460", "CHRONIC_NOT_ENTITLED"),
        ("", "CHRONIC_DISEASE_MISSING"),
    ],
)
async def test_a_disease_must_be_known_and_granted(world: World, window: Window, dise: str, reason: str):
    """A disease without a translation is refused at the border, one not granted to the person at the insured place."""
    refusal = await refused_without_trace(world, window, "QuoteOutpatient", await quote_of(window, dise))
    assert refusal.reason == reason


async def test_a_disease_not_granted_is_named_in_the_words_of_the_insured_place(world: World, window: Window):
    """The refusal names the disease, the person never."""
    refusal = await refused(window.call("QuoteOutpatient", await quote_of(window, "JS-MT-0460")))
    assert refusal.params["dise_codg"] == "LN-MB-46"
    assert CHRONIC_PERSON.encode() not in refusal.status.SerializeToString()


async def test_a_filing_to_the_province_is_not_one_to_the_city(world: World, window: Window):
    """A person filed to Jiangsu and not to Zhenjiang is told so."""
    request = await quote_of(window, "JS-MT-0390", "FUSHUN-DEMO-0005")
    refusal = await refused_without_trace(world, window, "QuoteOutpatient", request)
    assert refusal.reason == "FILED_TO_PROVINCE_NOT_CITY"


# --- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "reason"), [(0, "LIST_EMPTY"), (5001, "LIST_TOO_LONG")])
async def test_an_upload_has_one_to_5000_lines(world: World, window: Window, count: int, reason: str):
    """No line and too many lines are refused as a whole."""
    request = window.lines(await window.register(), FIRST)
    line = copy_of(request.feedetail[0])
    del request.feedetail[:]
    request.feedetail.extend([line] * count)
    refusal = await refused_without_trace(world, window, "UploadOutpatientFees", request)
    assert (refusal.reason, refusal.params["field"]) == (reason, "feedetail")


async def test_all_broken_rules_are_listed(world: World, window: Window):
    """A request that breaks several rules is told all of them at once, the first one leading."""
    request = window.registration()
    request.header.opter = "x" * 31
    request.data.psn_no, request.data.begntime = "", "yesterday"
    refusal = await refused(window.call("RegisterOutpatient", request))
    assert refusal.fields == ["header.opter", "data.psn_no", "data.begntime"]
    assert refusal.params["field"] == "header.opter"


# --- what hubs tell each other --------------------------------------------------------------------------------------


async def test_a_hub_holds_its_child_to_the_contract(world: World, window: Window):
    """Facts that do not add up are refused by the insured place even when a hub vouches for them."""
    request = await window.to_settle()
    await window.call("SettleOutpatient", request)
    sent = SettleOutpatientRequest.FromString(world.link(3).sent[-1].request)
    sent.header.msgid = window.msgid()
    sent.facts.inscp_scp_amt_fen += 1
    refusal = await refused(world.answer("SettleOutpatient", sent.SerializeToString(), LIAONING, at=FUSHUN))
    assert refusal.reason in ("FACTS_DO_NOT_ADD_UP", "ALREADY_SETTLED")
    assert len(world.book(FUSHUN)) == 1


async def test_an_empty_request_is_refused_for_every_method(world: World, window: Window):
    """No method accepts an empty message."""
    from gateway.contract import BY_NAME

    for name in BY_NAME:
        assert (await refused(window.call(name, build(name)))).reason == "HEADER_MISSING"


async def test_a_long_way_does_not_make_a_long_refusal(world: World, window: Window):
    """A hub that writes nonsense into the hops gets a refusal of ordinary size."""
    request = window.request("GetPerson")
    request.header.hops.extend(["9" * 2000] * 10)
    request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", "DEMO-0001"
    refusal = await refused(world.answer("GetPerson", request.SerializeToString(), JIANGSU, at=NATION))
    assert refusal.status.ByteSize() <= STATUS_LIMIT_BYTES
