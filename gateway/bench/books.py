"""The books of everybody who took part, entry by entry, to the fen.

The hospital's book is what its own program was answered. A hub's is its table ``book``, and the insured place's is the
ledger of its core. They were written by different processes, in different commits, before and after different kills.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pysqlite3

from gateway.store.tables import Batch, State
from yidi.v1.settlement_types_pb2 import SettlementInfo


class Entry(NamedTuple):
    """One settlement in one book."""

    setl_id: str
    msgid: str
    mdtrt_id: str
    medfee_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    hospital_fen: int


def entry_of(msgid: str, info: SettlementInfo) -> Entry:
    """The entry a hospital makes of an answer."""
    return Entry(
        info.setl_id,
        msgid,
        info.mdtrt_id,
        info.medfee_sumamt_fen,
        info.fund_pay_sumamt_fen,
        info.acct_pay_fen + info.acct_mulaid_pay_fen,
        info.psn_cash_pay_fen,
        info.hosp_part_amt_fen,
    )


_BOOK = f"SELECT {', '.join(Entry._fields)} FROM book"  # noqa: S608  # our own column names
_LEDGER = """
    SELECT setl_id, msgid, mdtrt_id, medfee_sumamt_fen, fund_pay_sumamt_fen, acct_pay_fen, psn_cash_pay_fen,
           hosp_part_amt_fen
    FROM core_settlement
"""
_BALANCES = "SELECT psn_no, acct_balc_fen FROM core_person"
_PAID = "SELECT psn_no, sum(acct_pay_fen) FROM core_settlement GROUP BY psn_no"
_OPEN_REQUESTS = "SELECT count(*) FROM journal WHERE state IN (?, ?)"
_OPEN_BATCHES = "SELECT count(*) FROM batch WHERE state IN (?, ?)"


def _rows(database: Path, sql: str, *values: int) -> list[Any]:
    connection = pysqlite3.connect(str(database))
    try:
        return list(connection.execute(sql, values))
    finally:
        connection.close()


def of_hub(database: Path) -> list[Entry]:
    """The book of a hub that does not run."""
    return [Entry(*row) for row in _rows(database, _BOOK)]


def of_core(database: Path) -> list[Entry]:
    """The ledger of a core whose hub does not run."""
    return [Entry(*row) for row in _rows(database, _LEDGER)]


def left_open(database: Path) -> int:
    """Requests and charge batches of a hub that have not come to an end."""
    ((requests,),) = _rows(database, _OPEN_REQUESTS, int(State.RUNNING), int(State.UNKNOWN))
    ((batches,),) = _rows(database, _OPEN_BATCHES, int(Batch.SETTLING), int(Batch.REVERSING))
    return int(requests) + int(batches)


def differences(books: Mapping[str, Sequence[Entry]]) -> list[str]:
    """What any book has otherwise than the first one; empty when all agree, entry by entry."""
    (first, reference), *others = books.items()
    found = [*_twice(first, reference)]
    expected = {entry.setl_id: entry for entry in reference}
    for name, entries in others:
        found += _twice(name, entries)
        there = {entry.setl_id: entry for entry in entries}
        found += [f"{name}: {lost} is missing, {first} has it" for lost in sorted(expected.keys() - there.keys())]
        found += [
            f"{name}: {more} is there, {first} does not have it" for more in sorted(there.keys() - expected.keys())
        ]
        for setl_id in sorted(expected.keys() & there.keys()):
            found += _differing(name, there[setl_id], first, expected[setl_id])
    return found


def _twice(name: str, entries: Iterable[Entry]) -> list[str]:
    counted = Counter(entry.setl_id for entry in entries)
    return [f"{name}: {setl_id} is there {count} times" for setl_id, count in sorted(counted.items()) if count > 1]


def _differing(name: str, entry: Entry, first: str, expected: Entry) -> list[str]:
    return [
        f"{name}: {entry.setl_id} has {field} {here}, {first} has {there}"
        for field, here, there in zip(Entry._fields, entry, expected, strict=True)
        if here != there
    ]


def account_differences(database: Path, opening_fen: int) -> list[str]:
    """Persons whose account does not hold its opening balance less what settlements took from it."""
    paid = dict(_rows(database, _PAID))
    return [
        f"account of {who}: holds {balance}, opened with {opening_fen}, settlements took {paid.get(who, 0)}"
        for who, balance in _rows(database, _BALANCES)
        if balance != opening_fen - paid.get(who, 0)
    ]
