"""The comparison of books finds what is lost, doubled or changed."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.bench import books
from gateway.bench.books import Entry, differences, entry_of
from gateway.store import tables
from gateway.store.journal import Key
from gateway.store.sqlite import SqliteStore
from yidi.v1.header_pb2 import RequestHeader
from yidi.v1.settlement_types_pb2 import SettlementInfo

ONE = Entry("S1", "M1", "V1", 1000, 600, 300, 100, 0)
TWO = Entry("S2", "M2", "V2", 500, 500, 0, 0, 0)


def test_equal_books_have_no_differences():
    """The order of entries does not count."""
    assert differences({"hospital": [ONE, TWO], "hub": [TWO, ONE], "core": [ONE, TWO]}) == []


def test_a_lost_entry_is_named():
    """What the hospital was answered and a hub does not have is lost."""
    assert differences({"hospital": [ONE, TWO], "hub": [ONE]}) == ["hub: S2 is missing, hospital has it"]


def test_an_entry_nobody_was_told_of_is_named():
    """What the core settled and the hospital never heard of is a difference."""
    assert differences({"hospital": [ONE], "core": [ONE, TWO]}) == ["core: S2 is there, hospital does not have it"]


@pytest.mark.parametrize("book", ["hospital", "hub"])
def test_a_doubled_entry_is_named(book: str):
    """The same settlement twice in one book is a difference, in the first book too."""
    entries = {"hospital": [ONE], "hub": [ONE]}
    entries[book].append(ONE)
    assert differences(entries) == [f"{book}: S1 is there 2 times"]


@pytest.mark.parametrize("field", Entry._fields[1:])
def test_every_field_counts(field: str):
    """One fen, or one id, makes a difference, and it is said where."""
    was: Any = getattr(ONE, field)
    other = Entry(**{**ONE._asdict(), field: "X" if isinstance(was, str) else was + 1})
    (found,) = differences({"hospital": [ONE], "hub": [other]})
    assert found.startswith(f"hub: S1 has {field} ")


def test_a_settlement_made_twice_is_found():
    """One request settled twice shows as an entry that the hospital does not have."""
    again = ONE._replace(setl_id="S9")
    assert differences({"hospital": [ONE], "core": [ONE, again]}) == ["core: S9 is there, hospital does not have it"]


async def test_a_hub_writes_what_the_hospital_notes(tmp_path: Path):
    """A hub's book and the hospital's own notes of the same answer are the same entry."""
    from gateway.store import book

    info = SettlementInfo(
        setl_id="S1", mdtrt_id="V1", medfee_sumamt_fen=1000, fund_pay_sumamt_fen=600, acct_pay_fen=200,
        acct_mulaid_pay_fen=100, psn_cash_pay_fen=100,
    )  # fmt: skip
    store = SqliteStore(str(tmp_path / "hub.db"))
    store.open([tables.metadata])
    await store.submit(lambda tx: book.enter(tx, Key("H1", "M1"), "/path", RequestHeader(), info))
    await store.close()
    assert books.of_hub(tmp_path / "hub.db") == [entry_of("M1", info)] == [ONE]
    assert books.left_open(tmp_path / "hub.db") == 0


def test_accounts_hold_what_settlements_left(tmp_path: Path):
    """An account that lost more or less than its settlements took is named."""
    file = tmp_path / "core.db"
    connection = sqlite3.connect(file)
    connection.executescript(
        """
        CREATE TABLE core_person (psn_no TEXT, acct_balc_fen INTEGER);
        CREATE TABLE core_settlement (psn_no TEXT, acct_pay_fen INTEGER);
        INSERT INTO core_person VALUES ('P1', 900), ('P2', 1000), ('P3', 899);
        INSERT INTO core_settlement VALUES ('P1', 60), ('P1', 40), ('P3', 100);
        """
    )
    connection.close()
    assert books.account_differences(file, 1000) == ["account of P3: holds 899, opened with 1000, settlements took 100"]
