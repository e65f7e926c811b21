"""Fee lines: each is judged by itself, split, kept until settled or revoked, and shown again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.clock import text
from gateway.demo.network import OTHER_HOSPITAL
from gateway.demo.scenes import CHRONIC_LINES
from gateway.money import line_amount_fen
from tests.support.window import CHRONIC_PERSON, LINES, STAY_PERSON, WARD_LINES, Window
from tests.support.world import ZHENJIANG, World, copy_of, refused

Change = Callable[[Any, World], None]


def put(field: str, value: Any) -> Change:
    """Set a field of a line."""

    def change(line: Any, _: World) -> None:
        setattr(line, field, value)

    return change


def at(**ago: float) -> Change:
    """Move the line in time."""

    def change(line: Any, world: World) -> None:
        line.fee_ocur_time = text(world.clock.china() + timedelta(**ago))

    return change


def zero(line: Any, _: World) -> None:
    """A line of nothing."""
    line.cnt_e4, line.det_item_fee_sumamt_fen = 0, 0


BAD_LINES: dict[str, tuple[Change, str]] = {
    "negative amount": (put("det_item_fee_sumamt_fen", -100), "NUMBER_NEGATIVE"),
    "negative quantity": (put("cnt_e4", -1_0000), "NUMBER_NEGATIVE"),
    "negative price": (put("pric_e6", -1), "NUMBER_NEGATIVE"),
    "huge amount": (put("det_item_fee_sumamt_fen", 10**16), "NUMBER_TOO_LARGE"),
    "largest integer": (put("pric_e6", 2**63 - 1), "NUMBER_TOO_LARGE"),
    "no product": (put("det_item_fee_sumamt_fen", 1), "LINE_AMOUNT_WRONG"),
    "no quantity": (zero, "LINE_QUANTITY_ZERO"),
    "before the visit": (at(hours=-1), "LINE_DATE_BEFORE_VISIT"),
    "in the future": (at(days=1), "LINE_DATE_IN_FUTURE"),
    "no such day": (put("fee_ocur_time", "2026-02-30 08:00:00"), "DATE_INVALID"),
    "unknown code": (put("med_list_codg", "JS-XY-9999"), "CATALOGUE_CODE_UNKNOWN"),
    "no code": (put("med_list_codg", ""), "FIELD_MISSING"),
    "no serial": (put("feedetl_sn", ""), "FIELD_MISSING"),
    "long serial": (put("feedetl_sn", "9" * 31), "FIELD_TOO_LONG"),
    "another person": (put("psn_no", STAY_PERSON), "LINE_FOREIGN"),
    "another visit": (put("mdtrt_id", "OTHER"), "LINE_FOREIGN"),
    "another disease": (put("dise_codg", "JS-MT-0160"), "LINE_DISEASE_DIFFERS"),
    "repeated serial": (put("feedetl_sn", "B1-0001"), "SERIAL_REPEATED"),
}


@pytest.mark.parametrize("name", BAD_LINES)
async def test_one_bad_line_does_not_spoil_the_others(world: World, window: Window, name: str):
    """A bad line gets its own verdict with its place in the list; the good ones are kept and can be settled."""
    change, reason = BAD_LINES[name]
    request = window.lines(await window.register(), CHRONIC_LINES[:4])
    change(request.feedetail[2], world)
    reply = await window.call("UploadOutpatientFees", request)
    assert [(verdict.index, verdict.fault.reason) for verdict in reply.rejected] == [(2, reason)]
    assert reply.rejected[0].fault.text_zh
    assert reply.rejected[0].fault.code
    assert [line.feedetl_sn for line in reply.result] == ["B1-0001", "B1-0002", "B1-0004"]
    assert world.rows(ZHENJIANG, "SELECT feedetl_sn FROM fee_line ORDER BY 1") == [
        ("B1-0001",),
        ("B1-0002",),
        ("B1-0004",),
    ]
    total_fen = sum(line.det_item_fee_sumamt_fen for line in reply.result)
    quote = await window.call("QuoteOutpatient", window.quotation(request.feedetail[0].mdtrt_id, total_fen))
    assert (await window.call("SettleOutpatient", window.settlement(quote))).setlinfo.setl_id


@pytest.mark.parametrize("name", BAD_LINES)
async def test_all_or_nothing_keeps_nothing(world: World, window: Window, name: str):
    """When the sender asks for all or nothing, one bad line refuses the batch, names itself, and nothing is stored."""
    change, _ = BAD_LINES[name]
    request = window.lines(await window.register(), CHRONIC_LINES[:4])
    good = copy_of(request)
    request.all_or_nothing = True
    change(request.feedetail[2], world)
    before = world.contents()
    refusal = await refused(window.call("UploadOutpatientFees", request))
    assert (refusal.reason, refusal.params["rejected"], refusal.fields) == ("BATCH_REFUSED", "1", ["feedetail[2]"])
    assert world.contents() == before
    good.all_or_nothing = True
    assert len((await window.call("UploadOutpatientFees", good)).result) == 4


async def test_a_verdict_shows_no_personal_data(world: World, window: Window):
    """The texts of verdicts do not carry the person number."""
    request = window.lines(await window.register(), CHRONIC_LINES[:2])
    for name in ("another person", "no product", "unknown code"):
        other = copy_of(request)
        other.header.msgid = window.msgid()
        BAD_LINES[name][0](other.feedetail[1], world)
        reply = await window.call("UploadOutpatientFees", other)
        assert all(CHRONIC_PERSON not in str(verdict) for verdict in reply.rejected)
        assert all(STAY_PERSON not in str(verdict) for verdict in reply.rejected)


async def test_the_first_line_decides_which_visit_it_is(world: World, window: Window):
    """An upload whose first line names no visit of ours is refused as a whole."""
    request = window.lines(await window.register())
    request.feedetail[0].mdtrt_id = "NOWHERE"
    before = world.contents()
    assert (await refused(window.call("UploadOutpatientFees", request))).reason == "ENCOUNTER_NOT_FOUND"
    assert world.contents() == before


async def test_serials_are_unique_over_batches_of_a_visit(window: Window):
    """A serial that an earlier batch used is rejected in a later one."""
    mdtrt_id = await window.register()
    await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    second = window.lines(mdtrt_id, LINES[:2], "B2")
    second.feedetail[0].feedetl_sn = "B1-0002"
    reply = await window.call("UploadOutpatientFees", second)
    assert [(v.index, v.fault.reason) for v in reply.rejected] == [(0, "SERIAL_REPEATED")]
    assert len(reply.result) == 1


async def test_a_rejected_serial_may_come_again_in_the_same_upload(window: Window):
    """Only accepted lines use up their serial."""
    request = window.lines(await window.register(), LINES[:2])
    request.feedetail[0].det_item_fee_sumamt_fen += 1
    request.feedetail[1].feedetl_sn = request.feedetail[0].feedetl_sn
    reply = await window.call("UploadOutpatientFees", request)
    assert [v.index for v in reply.rejected] == [0]
    assert [line.feedetl_sn for line in reply.result] == ["B1-0001"]


async def test_a_catalogue_row_that_is_not_in_force_is_said_so(window: Window):
    """A code that the catalogue has, but not on the day of the fee, is told apart from an unknown one."""
    request = window.registration()
    request.data.begntime = "2025-12-01 08:00:00"
    mdtrt_id = (await window.call("RegisterOutpatient", request)).data.mdtrt_id
    upload = window.lines(mdtrt_id, LINES[:1])
    upload.feedetail[0].fee_ocur_time = "2025-12-31 23:59:59"
    reply = await window.call("UploadOutpatientFees", upload)
    assert [v.fault.reason for v in reply.rejected] == ["CATALOGUE_ROW_EXPIRED"]


async def test_a_settled_batch_takes_no_more_lines(window: Window):
    """Lines for a settled batch are rejected naming its settlement; another batch of the visit is open."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    more = window.lines(info.mdtrt_id, LINES[:1])
    more.feedetail[0].feedetl_sn = "B1-0099"
    reply = await window.call("UploadOutpatientFees", more)
    assert reply.rejected[0].fault.reason == "BATCH_SETTLED"
    assert info.setl_id in reply.rejected[0].fault.text_en + reply.rejected[0].fault.text_zh
    other = await window.call("UploadOutpatientFees", window.lines(info.mdtrt_id, LINES, "B2"))
    assert len(other.result) == len(LINES)


async def test_lines_of_an_upload_may_belong_to_several_batches(world: World, window: Window):
    """One upload fills two batches, each of its own disease, and each is settled by itself."""
    request = window.lines(await window.register(), LINES[:2])
    request.feedetail[1].chrg_bchno, request.feedetail[1].dise_codg = "B2", "JS-MT-0160"
    reply = await window.call("UploadOutpatientFees", request)
    assert len(reply.result) == 2
    assert world.rows(ZHENJIANG, "SELECT chrg_bchno, dise_codg FROM batch ORDER BY 1") == [
        ("B1", "JS-MT-0390"),
        ("B2", "JS-MT-0160"),
    ]


async def test_revoking_a_batch_frees_its_serials(world: World, window: Window):
    """Revoked lines are gone, and their serials and their batch name can be used anew."""
    mdtrt_id = await window.register()
    upload = window.lines(mdtrt_id)
    await window.call("UploadOutpatientFees", upload)
    assert (await window.call("RevokeOutpatientFees", revocation(window, mdtrt_id, "B1"))).revoked == len(LINES)
    assert world.rows(ZHENJIANG, "SELECT count(*) FROM fee_line") == [(0,)]
    again = copy_of(upload)
    again.header.msgid = window.msgid()
    assert len((await window.call("UploadOutpatientFees", again)).result) == len(LINES)


async def test_revoking_all_leaves_what_is_settled(world: World, window: Window):
    """0000 revokes every unsettled line of the visit, and no settled one."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    await window.call("UploadOutpatientFees", window.lines(info.mdtrt_id, LINES[:2], "B2"))
    await window.call("UploadOutpatientFees", window.lines(info.mdtrt_id, LINES[:1], "B3"))
    assert (await window.call("RevokeOutpatientFees", revocation(window, info.mdtrt_id, "0000"))).revoked == 3
    assert world.rows(ZHENJIANG, "SELECT DISTINCT chrg_bchno FROM fee_line") == [("B1",)]


async def test_a_settled_batch_is_not_revoked(world: World, window: Window):
    """Revoking a settled batch is refused naming the settlement."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    before = world.contents()
    refusal = await refused(window.call("RevokeOutpatientFees", revocation(window, info.mdtrt_id, "B1")))
    assert (refusal.reason, refusal.params["setl_id"]) == ("BATCH_SETTLED", info.setl_id)
    assert world.contents() == before


@pytest.mark.parametrize("name", ["B9", ""])
async def test_a_batch_that_does_not_exist_is_not_revoked(window: Window, name: str):
    """Revoking needs the name of a batch that has lines."""
    mdtrt_id = await window.register()
    refusal = await refused(window.call("RevokeOutpatientFees", revocation(window, mdtrt_id, name)))
    assert refusal.reason == ("BATCH_NOT_FOUND" if name else "FIELD_MISSING")


def revocation(window: Window, mdtrt_id: str, name: str) -> Any:
    """A 2205 request."""
    request = window.request("RevokeOutpatientFees")
    request.data.mdtrt_id, request.data.psn_no, request.data.chrg_bchno = mdtrt_id, CHRONIC_PERSON, name
    return request


# --- listing --------------------------------------------------------------------------------------------------------


async def test_lines_are_shown_page_by_page(window: Window):
    """All lines come back in the order of their serials, each once, over as many pages as it takes."""
    info = (await window.call("SettleOutpatient", await window.to_settle(CHRONIC_LINES))).setlinfo
    found: list[str] = []
    token = ""
    while True:
        request = window.request("ListFees")
        request.data.mdtrt_id, request.data.psn_no = info.mdtrt_id, CHRONIC_PERSON
        request.page_size, request.page_token = 4, token
        page = await window.call("ListFees", request)
        assert len(page.output) <= 4
        assert all(line.setl_id == info.setl_id for line in page.output)
        found += [line.feedetl_sn for line in page.output]
        token = page.next_page_token
        if not token:
            break
    assert found == [f"B1-{number:04d}" for number in range(1, len(CHRONIC_LINES) + 1)]


async def test_lines_of_one_settlement_are_shown_alone(window: Window):
    """With a settlement id only its lines are shown."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    await window.call("UploadOutpatientFees", window.lines(info.mdtrt_id, LINES[:2], "B2"))
    request = window.request("ListFees")
    request.data.mdtrt_id, request.data.psn_no, request.data.setl_id = info.mdtrt_id, CHRONIC_PERSON, info.setl_id
    page = await window.call("ListFees", request)
    assert [line.feedetl_sn for line in page.output] == [f"B1-{number:04d}" for number in range(1, len(LINES) + 1)]


async def test_anothers_lines_are_not_shown(world: World, window: Window):
    """To another institution an encounter looks as if it did not exist."""
    mdtrt_id = await window.register()
    other = Window(world, OTHER_HOSPITAL)
    request = other.request("ListFees")
    request.data.mdtrt_id, request.data.psn_no = mdtrt_id, CHRONIC_PERSON
    assert (await refused(other.call("ListFees", request))).reason == "ENCOUNTER_NOT_FOUND"


# --- refunds of in-patients -----------------------------------------------------------------------------------------


def refund(window: Window, mdtrt_id: str, serial: str, original: str, cnt_e4: int) -> Any:
    """A 2301 request with one row; a negative quantity takes back."""
    code, _, _, pric_e6 = WARD_LINES[0]
    request = window.ward_lines(mdtrt_id, [(code, "", cnt_e4, pric_e6)])
    line = request.feedetail[0]
    line.feedetl_sn, line.init_feedetl_sn = serial, original
    line.det_item_fee_sumamt_fen = line_amount_fen(cnt_e4, pric_e6)
    return request


@pytest.mark.parametrize(
    ("original", "quantities", "rejected"),
    [
        ("ZY-0001", [-24_0000], []),
        ("ZY-0001", [-10_0000, -14_0000], []),
        ("ZY-0001", [-24_0001], [0]),
        ("ZY-0001", [-20_0000, -5_0000], [1]),
        ("ZY-0009", [-1_0000], [0]),
        ("", [-1_0000], [0]),
    ],
)
async def test_a_refund_takes_back_no_more_than_is_left(
    window: Window, original: str, quantities: list[int], rejected: list[int]
):
    """Refund rows name the row they take back, over several uploads, and never more than its quantity."""
    assert WARD_LINES[0][2] == 24_0000
    mdtrt_id = await window.admit()
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    found = []
    for number, quantity in enumerate(quantities):
        reply = await window.call("UploadInpatientFees", refund(window, mdtrt_id, f"R{number}", original, quantity))
        if reply.rejected:
            assert reply.rejected[0].fault.reason == "REFUND_WITHOUT_ORIGINAL"
            found.append(number)
        else:
            assert reply.result[0].det_item_fee_sumamt_fen < 0
    assert found == rejected


async def test_a_refund_may_follow_its_original_in_one_upload(window: Window):
    """Within one upload too a refund counts against what was accepted before it."""
    mdtrt_id = await window.admit()
    request = window.ward_lines(mdtrt_id, WARD_LINES[:1])
    for serial, quantity in (("R1", -20_0000), ("R2", -5_0000), ("R3", -4_0000)):
        request.feedetail.extend(refund(window, mdtrt_id, serial, "ZY-0001", quantity).feedetail)
    reply = await window.call("UploadInpatientFees", request)
    assert [(v.index, v.fault.reason) for v in reply.rejected] == [(2, "REFUND_WITHOUT_ORIGINAL")]
    assert sum(line.det_item_fee_sumamt_fen for line in reply.result) == 0


async def test_a_refund_is_not_itself_refunded(window: Window):
    """A refund row cannot be named by another refund."""
    mdtrt_id = await window.admit()
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    await window.call("UploadInpatientFees", refund(window, mdtrt_id, "R1", "ZY-0001", -1_0000))
    reply = await window.call("UploadInpatientFees", refund(window, mdtrt_id, "R2", "R1", -1_0000))
    assert reply.rejected[0].fault.reason == "REFUND_WITHOUT_ORIGINAL"


async def test_a_refund_takes_back_at_the_price_of_its_original(window: Window):
    """A refund of another item, or at another price than its original, is rejected: it could take back any sum."""
    mdtrt_id = await window.admit()
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    dearer = refund(window, mdtrt_id, "R1", "ZY-0001", -1_0000)
    dearer.feedetail[0].pric_e6 *= 100
    dearer.feedetail[0].det_item_fee_sumamt_fen *= 100
    assert (await window.call("UploadInpatientFees", dearer)).rejected[0].fault.reason == "REFUND_WITHOUT_ORIGINAL"
    other = refund(window, mdtrt_id, "R2", "ZY-0001", -1_0000)
    other.feedetail[0].med_list_codg = WARD_LINES[1][0]
    assert (await window.call("UploadInpatientFees", other)).rejected[0].fault.reason == "REFUND_WITHOUT_ORIGINAL"


async def test_a_refunded_line_is_not_revoked(world: World, window: Window):
    """A line that a refund names cannot be revoked before the refund; with all of them it can."""
    mdtrt_id = await window.admit()
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    await window.call("UploadInpatientFees", refund(window, mdtrt_id, "R1", "ZY-0001", -1_0000))
    before = world.contents()
    assert (await refused(revoke(window, mdtrt_id, "ZY-0001"))).reason == "LINE_NOT_REVOCABLE"
    assert world.contents() == before
    assert (await revoke(window, mdtrt_id, "R1", "ZY-0001")).revoked == 2
    assert (await revoke(window, mdtrt_id, "0000")).revoked == len(WARD_LINES) - 1


async def test_a_revocation_is_all_or_nothing(world: World, window: Window):
    """When one of the named lines is not there, no line is revoked."""
    mdtrt_id = await window.admit()
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    before = world.contents()
    refusal = await refused(revoke(window, mdtrt_id, "ZY-0001", "ZY-0099"))
    assert (refusal.reason, refusal.params["feedetl_sn"]) == ("LINE_NOT_REVOCABLE", "ZY-0099")
    assert world.contents() == before


async def revoke(window: Window, mdtrt_id: str, *serials: str) -> Any:
    """2302."""
    request = window.request("RevokeInpatientFees")
    for serial in serials:
        request.data.add(feedetl_sn=serial, mdtrt_id=mdtrt_id, psn_no=STAY_PERSON)
    return await window.call("RevokeInpatientFees", request)
