"""In-patient stays from admission to settlement and back again."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.clock import text
from gateway.demo.network import OTHER_HOSPITAL
from gateway.money import broken_identities
from gateway.store.tables import Batch, State, Visit
from tests.support.window import CHRONIC_PERSON, STAY_PERSON, WARD_LINES, Window
from tests.support.world import ZHENJIANG, Fate, World, refused
from yidi.v1.settlement_pb2 import (
    OUTCOME_DONE,
    OUTCOME_NOT_RECEIVED,
    SettleInpatientRequest,
)


async def ready(window: Window) -> tuple[str, int]:
    """A stay that is admitted, charged and discharged; its id and total."""
    mdtrt_id = await window.admit()
    uploaded = await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    assert not uploaded.rejected
    await window.call("Discharge", window.discharge(mdtrt_id))
    return mdtrt_id, sum(line.det_item_fee_sumamt_fen for line in uploaded.result)


async def settled(window: Window) -> Any:
    """A settled stay."""
    mdtrt_id, total_fen = await ready(window)
    await window.call("QuoteInpatient", window.stay("QuoteInpatient", mdtrt_id, total_fen))
    reply = await window.call("SettleInpatient", window.stay("SettleInpatient", mdtrt_id, total_fen))
    return reply.setlinfo


def visit_state(world: World, mdtrt_id: str) -> int:
    """Where a stay stands at the treat place."""
    state: int = world.rows(ZHENJIANG, "SELECT state FROM encounter WHERE mdtrt_id = ?", mdtrt_id)[0][0]
    return state


async def test_the_whole_way_there_and_back(world: World, window: Window):
    """Admitted, charged, discharged, quoted, settled, reversed, reopened, revoked, cancelled: each step in its turn."""
    mdtrt_id, total_fen = await ready(window)
    quote = await window.call("QuoteInpatient", window.stay("QuoteInpatient", mdtrt_id, total_fen))
    reply = await window.call("SettleInpatient", window.stay("SettleInpatient", mdtrt_id, total_fen))
    info = reply.setlinfo
    assert info.fund_pay_sumamt_fen == quote.setlinfo.fund_pay_sumamt_fen
    assert broken_identities(info) == []
    assert world.batch(mdtrt_id, "") == (Batch.SETTLED, "", info.setl_id)

    reversal = window.stay("ReverseInpatient", mdtrt_id, 0)
    reversal.data.setl_id = info.setl_id
    mirror = (await window.call("ReverseInpatient", reversal)).setlinfo
    assert mirror.medfee_sumamt_fen == -total_fen

    await window.call("CancelDischarge", window.stay("CancelDischarge", mdtrt_id, 0))
    assert visit_state(world, mdtrt_id) == Visit.OPEN
    revocation = window.request("RevokeInpatientFees")
    revocation.data.add(feedetl_sn="0000", mdtrt_id=mdtrt_id, psn_no=STAY_PERSON)
    assert (await window.call("RevokeInpatientFees", revocation)).revoked == len(WARD_LINES)
    await window.call("CancelAdmission", window.stay("CancelAdmission", mdtrt_id, 0))
    assert visit_state(world, mdtrt_id) == Visit.CANCELLED
    books = world.books()
    assert books == [books[0]] * 5
    assert sum(entry[8] for entry in books[0]) == 0
    assert await window.admit()


async def test_the_lines_of_a_stay_stay_at_home(world: World, window: Window):
    """A stay travels as totals by charge category that add up; its lines do not leave the treat place."""
    info = await settled(window)
    facts = SettleInpatientRequest.FromString(world.link(0).sent[-1].request).facts
    assert list(facts.lines) == []
    assert sum(category.amt_fen for category in facts.categories) == info.medfee_sumamt_fen
    for category in facts.categories:
        assert category.amt_fen == (
            category.claa_sumfee_fen + category.clab_amt_fen + category.fulamt_ownpay_amt_fen + category.oth_amt_fen
        )
    assert (facts.begntime[:10], facts.endtime[:10]) == ("2026-06-14", "2026-06-20")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("QuoteInpatient", "ENCOUNTER_NOT_DISCHARGED"),
        ("SettleInpatient", "ENCOUNTER_NOT_DISCHARGED"),
        ("CancelDischarge", "ENCOUNTER_NOT_DISCHARGED"),
        ("CancelAdmission", "ENCOUNTER_HAS_FEES"),
    ],
)
async def test_what_comes_before_the_discharge_is_refused(world: World, window: Window, name: str, reason: str):
    """An open stay with fees is neither quoted, settled, reopened nor cancelled."""
    mdtrt_id = await window.admit()
    uploaded = await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))
    total_fen = sum(line.det_item_fee_sumamt_fen for line in uploaded.result)
    before = world.contents()
    assert (await refused(window.call(name, window.stay(name, mdtrt_id, total_fen)))).reason == reason
    assert world.contents() == before


async def test_what_comes_after_the_discharge_is_refused(world: World, window: Window):
    """A discharged stay takes no lines, no second discharge and no cancelling."""
    mdtrt_id, _ = await ready(window)
    before = world.contents()
    lines = window.ward_lines(mdtrt_id, at=50)
    assert (await refused(window.call("UploadInpatientFees", lines))).reason == "ENCOUNTER_DISCHARGED"
    assert (await refused(window.call("Discharge", window.discharge(mdtrt_id)))).reason == "ENCOUNTER_DISCHARGED"
    cancel = window.stay("CancelAdmission", mdtrt_id, 0)
    assert (await refused(window.call("CancelAdmission", cancel))).reason == "ENCOUNTER_DISCHARGED"
    assert world.contents() == before


async def test_a_settled_stay_is_not_reopened(world: World, window: Window):
    """A settled stay must be reversed before its discharge is cancelled."""
    info = await settled(window)
    before = world.contents()
    refusal = await refused(window.call("CancelDischarge", window.stay("CancelDischarge", info.mdtrt_id, 0)))
    assert refusal.reason in ("BATCH_SETTLED", "ENCOUNTER_SETTLED")
    assert world.contents() == before


async def test_a_stay_whose_settlement_is_unknown_is_not_reopened(world: World, window: Window):
    """While the settlement of a stay is under way its discharge stands."""
    mdtrt_id, total_fen = await ready(window)
    await window.call("QuoteInpatient", window.stay("QuoteInpatient", mdtrt_id, total_fen))
    world.link(2).otherwise = Fate.LOSE_ANSWER
    await refused(window.call("SettleInpatient", window.stay("SettleInpatient", mdtrt_id, total_fen)))
    before = world.contents()
    refusal = await refused(window.call("CancelDischarge", window.stay("CancelDischarge", mdtrt_id, 0)))
    assert refusal.reason in ("BATCH_BUSY", "ENCOUNTER_BUSY")
    assert world.contents() == before


async def test_a_quote_does_not_outlive_new_lines(window: Window):
    """Lines added after a discharge was cancelled make the quote outdated."""
    mdtrt_id, total_fen = await ready(window)
    await window.call("QuoteInpatient", window.stay("QuoteInpatient", mdtrt_id, total_fen))
    await window.call("CancelDischarge", window.stay("CancelDischarge", mdtrt_id, 0))
    await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id, WARD_LINES[:1], at=50))
    await window.call("Discharge", window.discharge(mdtrt_id))
    refusal = await refused(window.call("SettleInpatient", window.stay("SettleInpatient", mdtrt_id, total_fen)))
    assert refusal.reason == "QUOTE_OUTDATED"


async def test_an_interim_settlement_is_not_offered(world: World, window: Window):
    """A settlement in the middle of a stay is refused in plain words."""
    mdtrt_id, total_fen = await ready(window)
    request = window.stay("QuoteInpatient", mdtrt_id, total_fen)
    request.data.mid_setl_flag = "1"
    before = world.contents()
    assert (await refused(window.call("QuoteInpatient", request))).reason == "INTERIM_NOT_OFFERED"
    assert world.contents() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"days": -30}, "ENCOUNTER_TIME"),
        ({"days": 1}, "REQUEST_TIME_IMPLAUSIBLE"),
    ],
)
async def test_a_stay_ends_after_it_began_and_not_in_the_future(
    world: World, window: Window, change: dict[str, int], reason: str
):
    """A discharge before the admission or after now is refused."""
    mdtrt_id = await window.admit()
    request = window.discharge(mdtrt_id)
    request.dscginfo.endtime = text(world.clock.china() + timedelta(**change))
    before = world.contents()
    assert (await refused(window.call("Discharge", request))).reason == reason
    assert world.contents() == before


async def test_an_admission_in_the_future_is_refused(world: World, window: Window):
    """A stay begins on a day that has come."""
    before = world.contents()
    assert (await refused(window.call("Admit", window.admission(days=-2)))).reason == "REQUEST_TIME_IMPLAUSIBLE"
    assert world.contents() == before


async def test_a_stay_that_was_refused_takes_no_lines(world: World, window: Window):
    """When the insured place refuses the admission, the stay is closed at the treat place."""
    request = window.admission("FUSHUN-DEMO-0003")
    assert (await refused(window.call("Admit", request))).reason == "ENROLLED_IN_TWO_PLACES"
    mdtrt_id = world.rows(ZHENJIANG, "SELECT mdtrt_id FROM encounter")[0][0]
    lines = window.ward_lines(mdtrt_id, psn_no="FUSHUN-DEMO-0003")
    assert (await refused(window.call("UploadInpatientFees", lines))).reason == "ENCOUNTER_CLOSED"


@pytest.mark.parametrize("number", range(4))
async def test_an_admission_whose_answer_is_lost_is_found(world: World, window: Window, number: int):
    """While an admission is unknown its stay takes no lines; once the outcome is told it is open, under the same id."""
    request = window.admission()
    world.link(number).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("Admit", request))).reason == "OUTCOME_UNKNOWN"
    mdtrt_id = world.rows(ZHENJIANG, "SELECT mdtrt_id FROM encounter")[0][0]
    busy = await refused(window.call("UploadInpatientFees", window.ward_lines(mdtrt_id)))
    assert (busy.reason, busy.params["msgid"]) == ("ENCOUNTER_BUSY", request.header.msgid)
    world.link(number).otherwise = Fate.DELIVER
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_DONE
    assert (await window.call("Admit", request)).result.mdtrt_id == mdtrt_id
    assert (await window.call("UploadInpatientFees", window.ward_lines(mdtrt_id))).result
    assert world.states(request.header.msgid) == [State.DONE] * 5


async def test_an_admission_that_never_arrived_may_run_again_with_the_same_encounter(world: World, window: Window):
    """One request id opens one stay, however often it has to be sent."""
    request = window.admission()
    world.link(0).otherwise = Fate.LOSE_REQUEST
    await refused(window.call("Admit", request))
    world.link(0).otherwise = Fate.DELIVER
    assert (await window.outcome(request.header.msgid)).outcome == OUTCOME_NOT_RECEIVED
    mdtrt_id = (await window.call("Admit", request)).result.mdtrt_id
    assert world.rows(ZHENJIANG, "SELECT mdtrt_id FROM encounter") == [(mdtrt_id,)]
    assert visit_state(world, mdtrt_id) == Visit.OPEN


@pytest.mark.parametrize("number", range(4))
async def test_a_lost_cancelling_is_done_once(world: World, window: Window, number: int):
    """A cancelled admission whose answer is lost is cancelled at both places when it is sent again."""
    mdtrt_id = await window.admit()
    request = window.stay("CancelAdmission", mdtrt_id, 0)
    world.link(number).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("CancelAdmission", request))).reason == "OUTCOME_UNKNOWN"
    assert visit_state(world, mdtrt_id) == Visit.CANCELLING
    world.link(number).otherwise = Fate.DELIVER
    await window.call("CancelAdmission", request)
    assert visit_state(world, mdtrt_id) == Visit.CANCELLED
    assert await window.admit()


async def test_a_cancelling_that_never_left_leaves_the_stay_open(world: World, window: Window):
    """A cancelling that certainly was not sent changes nothing."""
    mdtrt_id = await window.admit()
    world.link(0).otherwise = Fate.REFUSE
    refusal = await refused(window.call("CancelAdmission", window.stay("CancelAdmission", mdtrt_id, 0)))
    assert refusal.reason == "PEER_UNREACHABLE"
    assert visit_state(world, mdtrt_id) == Visit.OPEN


async def test_a_person_is_in_one_hospital_at_a_time(world: World, window: Window):
    """A second hospital is told where and since when the person is admitted."""
    await window.admit()
    other = Window(world, OTHER_HOSPITAL)
    refusal = await refused(other.call("Admit", other.admission(days=1)))
    assert refusal.reason == "ADMISSION_ELSEWHERE_NOT_CANCELLED"
    assert (refusal.params["institution"], refusal.params["date"]) == (window.code, "2026-06-14")


async def test_a_visit_is_not_a_stay(world: World, window: Window):
    """In-patient transactions on an out-patient visit are refused, and the other way round."""
    visit = await window.register()
    lines = window.ward_lines(visit, psn_no=CHRONIC_PERSON)
    assert (await refused(window.call("UploadInpatientFees", lines))).reason == "ENCOUNTER_KIND"
    stay = await window.admit()
    upload = window.lines(stay, psn_no=STAY_PERSON, dise="")
    assert (await refused(window.call("UploadOutpatientFees", upload))).reason == "ENCOUNTER_KIND"


async def test_a_visit_without_fees_is_cancelled(world: World, window: Window):
    """A registration is cancelled while it has no fees, and then takes none."""
    mdtrt_id = await window.register()
    request = window.request("CancelOutpatientRegistration")
    request.data.mdtrt_id, request.data.psn_no = mdtrt_id, CHRONIC_PERSON
    await window.call("CancelOutpatientRegistration", request)
    assert (await refused(window.call("UploadOutpatientFees", window.lines(mdtrt_id)))).reason == "ENCOUNTER_CLOSED"


async def test_a_visit_with_fees_is_not_cancelled(world: World, window: Window):
    """A registration with fees stays, and nothing is stored."""
    mdtrt_id = await window.register()
    await window.call("UploadOutpatientFees", window.lines(mdtrt_id))
    request = window.request("CancelOutpatientRegistration")
    request.data.mdtrt_id, request.data.psn_no = mdtrt_id, CHRONIC_PERSON
    before = world.contents()
    assert (await refused(window.call("CancelOutpatientRegistration", request))).reason == "ENCOUNTER_HAS_FEES"
    assert world.contents() == before


async def test_encounter_ids_are_never_given_twice(window: Window):
    """Every visit and stay has an id of its own, of at most 30 characters."""
    ids = [await window.register() for _ in range(20)] + [await window.admit()]
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 30 for one in ids)
