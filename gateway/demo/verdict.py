"""Whether what was played is right: sums, repeats, declines, and the books of all hubs. Says what is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pysqlite3

from gateway.demo.network import Network
from gateway.demo.scenes import ChronicVisit, Declined, Repeat, Reversal, Stay
from gateway.money import broken_identities, line_amount_fen, yuan
from yidi.v1.fee_pb2 import SplitResult
from yidi.v1.header_pb2 import Translation
from yidi.v1.options_pb2 import CODE_KIND_CATALOGUE, CODE_KIND_CHRONIC_DISEASE
from yidi.v1.settlement_types_pb2 import SettlementDetail, SettlementInfo

NATIONAL = "CN"
KINDS = {CODE_KIND_CHRONIC_DISEASE: "chronic_disease", CODE_KIND_CATALOGUE: "catalogue"}
TOTALS = ("fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen")
PARTS = ("fulamt_ownpay_amt_fen", "overlmt_amt_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen")
MONEY = (
    "medfee_sumamt_fen", *TOTALS, "act_pay_dedc_fen", "fund_pay_sumamt_fen", "psn_part_amt_fen", "acct_pay_fen",
    "psn_cash_pay_fen", "hosp_part_amt_fen",
)  # fmt: skip
_ENTRIES = "SELECT method, setl_id, medfee_fen, fund_fen, account_fen, cash_fen, hospital_fen FROM book ORDER BY entry"


class Entry(NamedTuple):
    """One row of a hub's book, as far as hubs must agree on it."""

    method: str
    setl_id: str
    medfee_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    hospital_fen: int


@dataclass
class Verdict:
    """What was found; ``line`` is the answer for machines."""

    problems: list[str] = field(default_factory=list)
    settlements: int = 0
    hops: int = 0
    declines: list[str] = field(default_factory=list)
    sums_hold: bool = False
    repeat_same_answer: bool = False
    translations: list[dict[str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing was wrong."""
        return not self.problems

    def demand(self, holds: bool, otherwise: str) -> bool:
        """Note a problem unless something holds."""
        if not holds:
            self.problems.append(otherwise)
        return holds

    def line(self) -> dict[str, Any]:
        """The answer for machines."""
        answer: dict[str, Any] = {
            "ok": self.ok,
            "settlements": self.settlements,
            "hops": self.hops,
            "declines": self.declines,
            "sums_hold": self.sums_hold,
            "repeat_same_answer": self.repeat_same_answer,
            "translations": self.translations,
        }
        return answer if self.ok else {**answer, "problems": self.problems}


class Journey(NamedTuple):
    """One code on its way: at the treat place, national, at the insured place, with the rows that translated it."""

    outward: Translation
    inward: Translation | None


def journeys(translations: Iterable[Translation]) -> list[Journey]:
    """Pair what the treat province translated with what the insured province made of it."""
    rows = list(translations)
    inward = {(row.kind, row.from_code): row for row in rows if row.from_system == NATIONAL}
    return [Journey(row, inward.get((row.kind, row.to_code))) for row in rows if row.to_system == NATIONAL]


def read_book(database: Path) -> list[Entry]:
    """The book of a running hub."""
    connection = pysqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return [Entry(*row) for row in connection.execute(_ENTRIES)]
    finally:
        connection.close()


def read_books(network: Network) -> dict[str, list[Entry]]:
    """The books of all hubs, by division."""
    return {division: read_book(hub.database) for division, hub in network.hubs.items()}


def judge_visit(verdict: Verdict, visit: ChronicVisit, lines: int, hubs: int) -> None:
    """Lines split, sums, hops and codes of the chronic visit."""
    info, header = visit.answer.setlinfo, visit.answer.header
    verdict.demand(not visit.uploaded.rejected, f"{len(visit.uploaded.rejected)} fee lines were rejected")
    verdict.demand(len(visit.uploaded.result) == lines, f"{len(visit.uploaded.result)} of {lines} fee lines were split")
    verdict.hops = len({hop.admdvs for hop in header.hops})
    verdict.demand(verdict.hops == hubs, f"the settlement passed {verdict.hops} hubs, not {hubs}")
    found = journeys(header.translations)
    verdict.demand(all(journey.inward for journey in found), "a code was translated only half the way")
    verdict.demand(len(found) == lines + 1, f"{len(found)} codes were translated, not {lines + 1}")
    verdict.demand(info.fund_pay_sumamt_fen > 0, "the fund paid nothing for the chronic visit")
    verdict.translations = [
        {
            "kind": KINDS[journey.outward.kind],
            "original": journey.outward.from_code,
            "national": journey.outward.to_code,
            "map": journey.outward.map,
            "edition": journey.outward.edition,
        }
        for journey in found
    ]


def judge_repeat(verdict: Verdict, visit: ChronicVisit, again: Repeat) -> None:
    """The same bytes under the same id; under a new id a refusal that names the settlement."""
    verdict.repeat_same_answer = visit.raw == again.raw
    verdict.demand(verdict.repeat_same_answer, "the same request got another answer")
    setl_id = visit.answer.setlinfo.setl_id
    named = again.fresh_id is not None and setl_id in again.fresh_id.fault.text_zh
    verdict.demand(named, f"the same charges under a new request id were not refused naming {setl_id}")


def judge_declines(verdict: Verdict, found: list[Declined]) -> None:
    """Each decline says what is the matter, and not something else."""
    verdict.declines = [case.refusal.reason if case.refusal else "NOT_DECLINED" for case in found]
    for case, reason in zip(found, verdict.declines, strict=True):
        verdict.demand(reason == case.expected, f"expected {case.expected}, got {reason}")


def judge_sums(verdict: Verdict, visit: ChronicVisit, back: Reversal, stay: Stay) -> None:
    """Every identity of every line and every amount, and the account before and after."""
    before = len(verdict.problems)
    for lines, quote, answer, balance_fen, what in (
        (visit.uploaded.result, visit.quote, visit.answer, balance_of(visit.person), "the chronic visit"),
        (stay.uploaded.result, stay.quote, stay.answer, balance_of(stay.person), "the stay"),
    ):
        info = answer.setlinfo
        _judge_lines(verdict, lines, info, what)
        _judge_amounts(verdict, info, answer.setldetail, what)
        same = all(getattr(quote.setlinfo, name) == getattr(info, name) for name in MONEY)
        verdict.demand(same, f"{what} was settled otherwise than quoted")
        verdict.demand(info.balc_fen == balance_fen - info.acct_pay_fen, f"{what}: the account does not add up")
    sum_fen = sum(row.amt_fen for row in stay.categories)
    verdict.demand(sum_fen == stay.answer.setlinfo.medfee_sumamt_fen, "the charge categories do not make the total")
    mirror, settled = back.answer.setlinfo, visit.answer.setlinfo
    _judge_amounts(verdict, mirror, back.answer.setldetail, "the reversal")
    mirrored = all(getattr(mirror, name) == -getattr(settled, name) for name in MONEY)
    verdict.demand(mirrored, "the reversal is not the mirror of the settlement")
    verdict.demand(balance_of(back.person) == balance_of(visit.person), "the account was not restored")
    verdict.sums_hold = len(verdict.problems) == before


def balance_of(person: Any) -> int:
    """The personal account of a person, in fen."""
    balance_fen: int = person.insuinfo[0].balc_fen
    return balance_fen


def _judge_lines(verdict: Verdict, lines: Iterable[SplitResult], info: SettlementInfo, what: str) -> None:
    sums = dict.fromkeys(PARTS, 0)
    for line in lines:
        amount_fen = line.det_item_fee_sumamt_fen
        verdict.demand(
            amount_fen == line_amount_fen(line.cnt_e4, line.pric_e6),
            f"{what}: {line.feedetl_sn} is not price times quantity",
        )
        verdict.demand(
            amount_fen == sum(getattr(line, part) for part in PARTS), f"{what}: {line.feedetl_sn} is not its parts"
        )
        for part in PARTS:
            sums[part] += getattr(line, part)
    for part, total in zip(PARTS, TOTALS, strict=True):
        verdict.demand(sums[part] == getattr(info, total), f"{what}: {total} is not the sum of the lines")


def _judge_amounts(verdict: Verdict, info: SettlementInfo, details: Iterable[SettlementDetail], what: str) -> None:
    for broken in broken_identities(info):
        verdict.demand(holds=False, otherwise=f"{what}: {broken} does not hold")
    paid_fen = sum(row.fund_payamt_fen for row in details)
    due_fen = info.fund_pay_sumamt_fen + info.acct_pay_fen
    verdict.demand(paid_fen == due_fen, f"{what}: the funds listed pay {yuan(paid_fen)}, not {yuan(due_fen)}")


def judge_books(verdict: Verdict, books: dict[str, list[Entry]], expected: list[SettlementInfo]) -> None:
    """All hubs wrote down the same entries, and those are the ones the hospital was told."""
    told = [
        (info.setl_id, info.medfee_sumamt_fen, info.fund_pay_sumamt_fen, info.acct_pay_fen, info.psn_cash_pay_fen)
        for info in expected
    ]
    before = len(verdict.problems)
    for division, entries in books.items():
        kept = [(row.setl_id, row.medfee_fen, row.fund_fen, row.account_fen, row.cash_fen) for row in entries]
        verdict.demand(kept == told, f"the book of {division} differs from what the hospital was told")
    distinct = {tuple(entries) for entries in books.values()}
    verdict.demand(len(distinct) == 1, "the books of the hubs differ")
    verdict.sums_hold = verdict.sums_hold and len(verdict.problems) == before
    first = next(iter(books.values()))
    verdict.settlements = sum(1 for row in first if "/Settle" in row.method)
