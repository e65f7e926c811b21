"""The journal: states, and that terminal ones absorb what comes late."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.store import journal, tables
from gateway.store.journal import Key
from gateway.store.sqlite import SqliteStore
from gateway.store.statement import Tx
from gateway.store.tables import State
from gateway.treatplace.ids import next_serial
from yidi.v1.header_pb2 import RequestHeader

KEY = Key("H32110000001", "M1")
HEADER = RequestHeader(msgid="M1", mdtrtarea_admvs="321100", insuplc_admdvs="210400", fixmedins_code="H32110000001")
PATH = "/yidi.v1.SettlementService/SettleOutpatient"


@pytest_asyncio.fixture
async def store(file: Path) -> AsyncIterator[SqliteStore]:
    """A store with the tables of a hub."""
    made = SqliteStore(str(file))
    made.open([tables.metadata])
    yield made
    await made.close()


def enter(tx: Tx, key: Key = KEY, state: State = State.RUNNING, owner: str = "me") -> None:
    """Write down a request."""
    journal.enter(tx, key, PATH, HEADER, b"digest", state, owner, 1)


async def test_a_request_is_found_as_it_was_entered(store: SqliteStore):
    """What was entered is found under its sender and id, and under no other."""
    await store.submit(enter)
    found = await store.read(lambda tx: journal.find(tx, KEY))
    assert found is not None
    assert (found.path, found.state, found.digest, found.insuplc) == (PATH, State.RUNNING, b"digest", "210400")
    assert await store.read(lambda tx: journal.find(tx, Key("OTHER", "M1"))) is None
    assert await store.read(lambda tx: journal.find(tx, Key(KEY.sender, "M2"))) is None


@pytest.mark.parametrize("first", [State.DONE, State.DECLINED, State.RELEASED])
@pytest.mark.parametrize("late", [State.DONE, State.DECLINED, State.UNKNOWN, State.RELEASED])
async def test_what_is_finished_absorbs_what_comes_late(store: SqliteStore, first: State, late: State):
    """Once a request has ended, a late reply changes neither its state nor its answer."""
    await store.submit(enter)
    assert await store.submit(lambda tx: journal.finish(tx, KEY, first, 2, answer=b"first"))
    assert not await store.submit(lambda tx: journal.finish(tx, KEY, late, 3, answer=b"late"))
    found = await store.read(lambda tx: journal.find(tx, KEY))
    assert found is not None
    assert (found.state, found.answer) == (first, b"first")


async def test_only_evidence_leaves_unknown(store: SqliteStore):
    """An unknown outcome ends with an answer; one that is sealed never runs and keeps its answer on record."""
    await store.submit(enter)
    await store.submit(lambda tx: journal.finish(tx, KEY, State.UNKNOWN, 2))
    assert await store.submit(lambda tx: journal.finish(tx, KEY, State.DONE, 3, answer=b"told"))
    await store.submit(lambda tx: journal.seal(tx, KEY, 4))
    assert not await store.submit(lambda tx: journal.finish(tx, KEY, State.DONE, 5, answer=b"late"))
    found = await store.read(lambda tx: journal.find(tx, KEY))
    assert found is not None
    assert (found.state, found.answer) == (State.SEALED, b"told")


async def test_only_runs_of_earlier_processes_are_abandoned(store: SqliteStore):
    """At start, what an earlier process left running becomes unknown; our own runs and what has ended do not."""
    keys = [Key(KEY.sender, f"M{number}") for number in range(4)]

    def unit(tx: Tx) -> None:
        enter(tx, keys[0], State.RUNNING, "earlier")
        enter(tx, keys[1], State.RUNNING, "me")
        enter(tx, keys[2], State.DONE, "earlier")
        enter(tx, keys[3], State.UNKNOWN, "earlier")

    await store.submit(unit)
    assert await store.submit(lambda tx: journal.abandon_earlier_runs(tx, "me")) == 1
    found = await store.read(lambda tx: [journal.find(tx, key) for key in keys])
    assert [entry.state for entry in found if entry] == [State.UNKNOWN, State.RUNNING, State.DONE, State.UNKNOWN]
    assert await store.read(journal.unknown_outcomes) == 2


async def test_unfinished_requests_are_found_by_their_index(store: SqliteStore):
    """Looking for what is unknown does not walk through a journal of millions."""
    sql, _ = journal._UNKNOWN.compiled(store._dialect)
    plan = store._reader.execute("EXPLAIN QUERY PLAN " + sql, [int(State.UNKNOWN)] * sql.count("?")).fetchall()
    assert any("journal_unfinished" in row[-1] for row in plan), plan


async def test_a_serial_is_never_given_twice(store: SqliteStore):
    """Serials count without a gap or a repeat, each name by itself; a unit that fails gives its number back."""

    def fail(tx: Tx) -> None:
        next_serial(tx, "a")
        raise LookupError

    numbers = [await store.submit(lambda tx: next_serial(tx, "a")) for _ in range(3)]
    with pytest.raises(LookupError):
        await store.submit(fail)
    numbers.append(await store.submit(lambda tx: next_serial(tx, "a")))
    assert numbers == [1, 2, 3, 4]
    assert await store.submit(lambda tx: next_serial(tx, "b")) == 1
