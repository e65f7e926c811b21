"""A chronic out-patient visit through five hubs: codes, sums, books."""

from gateway.demo.scenes import CHRONIC_LINES, HYPERTENSION
from gateway.money import broken_identities
from gateway.store.tables import State
from tests.support.window import LINES, Window
from tests.support.world import FUSHUN, JIANGSU, LIAONING, NATION, WAY, World
from yidi.v1.options_pb2 import CODE_KIND_CHRONIC_DISEASE
from yidi.v1.settlement_pb2 import SettleOutpatientRequest

NATIONAL_HYPERTENSION = "M03900"
LIAONING_HYPERTENSION = "LN-MB-39"


async def test_the_answer_is_in_the_callers_own_codes(window: Window):
    """A settlement comes back with the disease code that the hospital sent, and with sums that hold."""
    reply = await window.call("SettleOutpatient", await window.to_settle(CHRONIC_LINES))
    assert reply.setlinfo.dise_codg == HYPERTENSION
    assert reply.setlinfo.setl_id
    assert broken_identities(reply.setlinfo) == []
    assert reply.setlinfo.fund_pay_sumamt_fen > 0


async def test_each_province_translates_at_its_own_border(world: World, window: Window):
    """The nation sees national codes, and Fushun sees those of Liaoning, for the disease and for every line."""
    await window.call("SettleOutpatient", await window.to_settle())
    seen = {
        peer: SettleOutpatientRequest.FromString(link.sent[-1].request)
        for (caller, peer), link in world.links.items()
        if link.sent
    }
    assert seen[JIANGSU].facts.dise_codg == HYPERTENSION
    assert seen[NATION].facts.dise_codg == seen[LIAONING].facts.dise_codg == NATIONAL_HYPERTENSION
    assert seen[FUSHUN].facts.dise_codg == LIAONING_HYPERTENSION
    for before, national, after in zip(
        seen[JIANGSU].facts.lines, seen[LIAONING].facts.lines, seen[FUSHUN].facts.lines, strict=True
    ):
        assert before.med_list_codg != national.med_list_codg != after.med_list_codg
        assert before.feedetl_sn == national.feedetl_sn == after.feedetl_sn


async def test_every_translated_code_is_traced_to_its_row(window: Window):
    """Each code travels with the code before, the code after, the map, the edition, the row and the hub."""
    reply = await window.call("SettleOutpatient", await window.to_settle())
    traces = reply.header.translations
    assert len(traces) == 2 * (len(LINES) + 1)
    for trace in traces:
        assert trace.from_code
        assert trace.to_code
        assert trace.map
        assert trace.edition == "2026.1"
        assert trace.row > 0
    diseases = [t for t in traces if t.kind == CODE_KIND_CHRONIC_DISEASE]
    assert [(t.admdvs, t.from_system, t.from_code, t.to_system, t.to_code) for t in diseases] == [
        (JIANGSU, "CN-320000", HYPERTENSION, "CN", NATIONAL_HYPERTENSION),
        (LIAONING, "CN", NATIONAL_HYPERTENSION, "CN-210000", LIAONING_HYPERTENSION),
    ]


async def test_every_hub_on_the_way_is_named_in_the_answer(window: Window):
    """The hops of an answer are the hubs it passed, the one that answered first."""
    reply = await window.call("SettleOutpatient", await window.to_settle())
    assert [hop.admdvs for hop in reply.header.hops] == list(reversed(WAY))


async def test_every_book_has_the_same_entry(world: World, window: Window):
    """All five hubs write down the settlement that the hospital was told, once."""
    request = await window.to_settle()
    info = (await window.call("SettleOutpatient", request)).setlinfo
    books = world.books()
    assert books == [books[0]] * 5
    assert len(books[0]) == 1
    msgid, *_, setl_id, _, medfee, fund, account, cash, hospital = books[0][0]
    assert (msgid, setl_id) == (request.header.msgid, info.setl_id)
    assert medfee == info.medfee_sumamt_fen == fund + account + cash + hospital
    assert world.states(request.header.msgid) == [State.DONE] * 5


async def test_the_quote_is_what_is_settled(window: Window):
    """A settlement right after its quote has the amounts of the quote."""
    quote = await window.quoted()
    info = (await window.call("SettleOutpatient", window.settlement(quote))).setlinfo
    for name in ("medfee_sumamt_fen", "fund_pay_sumamt_fen", "psn_cash_pay_fen", "acct_pay_fen", "inscp_scp_amt_fen"):
        assert getattr(info, name) == getattr(quote.setlinfo, name)


async def test_a_settlement_can_be_looked_up(window: Window):
    """The insured place shows a settlement again, with the disease in the hospital's own code."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    request = window.request("GetSettlement")
    request.data.psn_no, request.data.setl_id, request.data.mdtrt_id = info.psn_no, info.setl_id, info.mdtrt_id
    found = (await window.call("GetSettlement", request)).setlinfo
    assert (found.setl_id, found.medfee_sumamt_fen, found.dise_codg) == (
        info.setl_id,
        info.medfee_sumamt_fen,
        HYPERTENSION,
    )


async def test_a_query_leaves_no_trace(world: World, window: Window):
    """Asking for a person or a settlement changes no row of any hub."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    before = world.contents()
    await window.person()
    request = window.request("GetSettlement")
    request.data.psn_no, request.data.setl_id, request.data.mdtrt_id = info.psn_no, info.setl_id, info.mdtrt_id
    await window.call("GetSettlement", request)
    assert world.contents() == before


async def test_the_treat_place_vouches_for_the_lines(world: World, window: Window):
    """The lines that travel with a settlement are those the hospital uploaded, with the split of the treat place."""
    await window.call("SettleOutpatient", await window.to_settle())
    facts = SettleOutpatientRequest.FromString(world.link(0).sent[-1].request).facts
    assert [line.med_list_codg for line in facts.lines] == [code for code, *_ in LINES]
    for line in facts.lines:
        assert line.det_item_fee_sumamt_fen == (
            line.fulamt_ownpay_amt_fen + line.overlmt_amt_fen + line.preselfpay_amt_fen + line.inscp_scp_amt_fen
        )
    assert facts.inscp_scp_amt_fen == sum(line.inscp_scp_amt_fen for line in facts.lines)
    assert facts.hosp_lv == "02"
