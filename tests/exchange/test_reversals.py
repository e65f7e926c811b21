"""History only grows: a settlement is taken back by a mirror entry."""

import pytest

from gateway.demo.network import OTHER_HOSPITAL
from gateway.money import broken_identities
from gateway.store.tables import Batch
from tests.support.window import Window
from tests.support.world import Fate, World, refused

MONEY = (
    "medfee_sumamt_fen",
    "fulamt_ownpay_amt_fen",
    "preselfpay_amt_fen",
    "inscp_scp_amt_fen",
    "fund_pay_sumamt_fen",
    "psn_part_amt_fen",
    "acct_pay_fen",
    "psn_cash_pay_fen",
)


async def test_a_reversal_is_the_negative_mirror(world: World, window: Window):
    """The answer to a reversal has every amount of the settlement with the other sign, and its sums hold."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    mirror = (await window.call("ReverseOutpatient", window.reversal(info))).setlinfo
    assert [getattr(mirror, name) for name in MONEY] == [-getattr(info, name) for name in MONEY]
    assert broken_identities(mirror) == []
    assert mirror.setl_id != info.setl_id
    books = world.books()
    assert books == [books[0]] * 5
    assert [(entry[6], entry[8]) for entry in books[0]] == [
        (info.setl_id, info.medfee_sumamt_fen),
        (mirror.setl_id, -info.medfee_sumamt_fen),
    ]


async def test_a_reversal_gives_the_account_back(window: Window):
    """The personal account has after a reversal what it had before the settlement."""
    before = (await window.person()).insuinfo[0].balc_fen
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    await window.call("ReverseOutpatient", window.reversal(info))
    assert (await window.person()).insuinfo[0].balc_fen == before


async def test_a_reversed_batch_can_be_settled_again(world: World, window: Window):
    """After a reversal the charges are open and can be corrected, quoted and settled anew."""
    quote = await window.quoted()
    info = (await window.call("SettleOutpatient", window.settlement(quote))).setlinfo
    await window.call("ReverseOutpatient", window.reversal(info))
    assert world.batch(info.mdtrt_id) == (Batch.OPEN, "", "")
    assert (await refused(window.call("SettleOutpatient", window.settlement(quote)))).reason == "QUOTE_MISSING"
    again = await window.call("QuoteOutpatient", window.quotation(info.mdtrt_id, info.medfee_sumamt_fen))
    assert (await window.call("SettleOutpatient", window.settlement(again))).setlinfo.setl_id != info.setl_id


async def test_a_second_reversal_is_refused(world: World, window: Window):
    """What is reversed is not reversed again, and nothing is stored."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    await window.call("ReverseOutpatient", window.reversal(info))
    before = world.contents()
    refusal = await refused(window.call("ReverseOutpatient", window.reversal(info)))
    assert (refusal.reason, refusal.params["setl_id"]) == ("SETTLEMENT_REVERSED_HERE", info.setl_id)
    assert world.contents() == before


async def test_a_mirror_entry_is_not_reversed(world: World, window: Window):
    """The id of a mirror entry is no settlement that could be reversed."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    mirror = (await window.call("ReverseOutpatient", window.reversal(info))).setlinfo
    before = world.contents()
    assert (
        await refused(window.call("ReverseOutpatient", window.reversal(mirror)))
    ).reason == "SETTLEMENT_UNKNOWN_HERE"
    assert world.contents() == before


async def test_anothers_settlement_looks_missing(world: World, window: Window):
    """To another institution a settlement looks exactly as if it did not exist."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    other = Window(world, OTHER_HOSPITAL)
    before = world.contents()
    foreign = await refused(other.call("ReverseOutpatient", other.reversal(info)))
    info.mdtrt_id = "321100260620" + "9" * 10
    missing = await refused(other.call("ReverseOutpatient", other.reversal(info)))
    assert foreign.reason == missing.reason == "ENCOUNTER_NOT_FOUND"
    assert world.contents() == before


@pytest.mark.parametrize("number", range(4))
async def test_a_lost_reversal_is_done_once(world: World, window: Window, number: int):
    """A reversal whose answer is lost and that is sent again reverses once."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    reversal = window.reversal(info)
    world.link(number).otherwise = Fate.LOSE_ANSWER
    assert (await refused(window.call("ReverseOutpatient", reversal))).reason == "OUTCOME_UNKNOWN"
    assert world.batch(info.mdtrt_id)[:2] == (Batch.REVERSING, reversal.header.msgid)
    world.link(number).otherwise = Fate.DELIVER
    other = await refused(window.call("ReverseOutpatient", window.reversal(info)))
    assert (other.reason, other.params["msgid"]) == ("BATCH_BUSY", reversal.header.msgid)
    await window.call("ReverseOutpatient", reversal)
    assert [len(book) for book in world.books()] == [2] * 5
    assert world.batch(info.mdtrt_id) == (Batch.OPEN, "", "")


async def test_a_reversal_that_never_left_leaves_the_settlement(world: World, window: Window):
    """A reversal that certainly was not sent leaves the batch settled."""
    info = (await window.call("SettleOutpatient", await window.to_settle())).setlinfo
    world.link(0).otherwise = Fate.REFUSE
    assert (await refused(window.call("ReverseOutpatient", window.reversal(info)))).reason == "PEER_UNREACHABLE"
    assert world.batch(info.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)
