"""The embedded store: what submit returns is on disk, and what fails leaves nothing behind."""

import asyncio
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from gateway.store import sqlite
from gateway.store.sqlite import GROUP_LIMIT, SqliteStore, StoreUnavailable
from gateway.store.statement import Tx
from tests.store.notes import COUNT, Groups, Refusing, count, notes, on_disk, write


async def test_what_submit_returns_is_on_disk(store: SqliteStore, file: Path):
    """After every submit another connection sees what was written."""
    for number in range(5):
        assert await store.submit(write(f"n{number}")) == f"n{number}"
        assert on_disk(file)[-1] == f"n{number}"


async def test_nobody_sees_a_unit_before_its_commit(store: SqliteStore, file: Path):
    """While a group is open, neither our readers nor another process see it."""
    seen: list[Any] = []

    def look(tx: Tx) -> None:
        write("first")(tx)
        seen.append(on_disk(file))
        reader = store._read_tx.one(COUNT)
        seen.append(reader)

    await store.submit(look)
    assert seen == [[], (0,)]
    assert await store.read(count) == 1


async def test_units_that_come_together_share_a_commit(store: SqliteStore, groups: Groups):
    """A hundred units submitted at once need far fewer commits than a hundred."""
    names = await asyncio.gather(*(store.submit(write(f"n{number}")) for number in range(100)))
    assert names == [f"n{number}" for number in range(100)]
    assert sum(groups.units) == 100
    assert len(groups.units) <= 3


async def test_units_run_in_the_order_they_came(store: SqliteStore, file: Path):
    """Whatever group they fall into, units run first come, first served."""
    await asyncio.gather(*(store.submit(write(f"n{number:03d}")) for number in range(200)))
    assert on_disk(file) == [f"n{number:03d}" for number in range(200)]


async def test_a_group_has_a_limit(store: SqliteStore, groups: Groups):
    """No transaction holds more units than the limit, and none is forgotten."""
    many = GROUP_LIMIT * 2 + 10
    await asyncio.gather(*(store.submit(write(f"n{number}")) for number in range(many)))
    assert max(groups.units) <= GROUP_LIMIT
    assert sum(groups.units) == many


async def test_a_unit_that_fails_is_rolled_back_alone(store: SqliteStore, file: Path):
    """In one group, the units beside a failing one are kept, and its caller gets its own error."""

    def broken(tx: Tx) -> None:
        write("broken")(tx)
        raise LookupError("mine")

    results = await asyncio.gather(
        store.submit(write("before")), store.submit(broken), store.submit(write("after")), return_exceptions=True
    )
    assert [results[0], results[2]] == ["before", "after"]
    assert isinstance(results[1], LookupError)
    assert on_disk(file) == ["before", "after"]


async def test_a_broken_constraint_fails_its_own_unit(store: SqliteStore, file: Path):
    """A second row under the same key is refused, and the rest of the group stands."""
    results = await asyncio.gather(
        store.submit(write("same")), store.submit(write("same")), store.submit(write("other")), return_exceptions=True
    )
    assert [isinstance(result, Exception) for result in results] == [False, True, False]
    assert on_disk(file) == ["same", "other"]


async def test_a_nested_part_is_undone_alone(store: SqliteStore, file: Path):
    """A part that fails inside a unit leaves the rest of the unit."""

    def broken(tx: Tx) -> None:
        write("undone")(tx)
        raise LookupError

    def unit(tx: Tx) -> None:
        write("kept")(tx)
        with pytest.raises(LookupError), tx.nested():
            broken(tx)

    await store.submit(unit)
    assert on_disk(file) == ["kept"]


async def test_another_process_that_holds_the_database_is_waited_for(store: SqliteStore, file: Path):
    """A maintenance command that writes for a moment only delays us."""
    other = pysqlite3.connect(str(file), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(store.submit(write("patient")))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    assert await waiting == "patient"


async def test_a_lock_that_never_ends_is_said(store: SqliteStore, file: Path, monkeypatch: pytest.MonkeyPatch):
    """When another process does not let go, every waiting unit fails as StoreUnavailable, and the store lives on."""
    monkeypatch.setattr(sqlite, "LOCK_PATIENCE_S", 0.05)
    other = pysqlite3.connect(str(file), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    many = GROUP_LIMIT + 5
    async with asyncio.timeout(5):
        results = await asyncio.gather(
            *(store.submit(write(f"n{number}")) for number in range(many)), return_exceptions=True
        )
    assert all(isinstance(result, StoreUnavailable) for result in results)
    other.execute("COMMIT")
    other.close()
    assert await store.submit(write("later")) == "later"
    assert on_disk(file) == ["later"]


async def test_a_commit_that_fails_keeps_nothing(store: SqliteStore, file: Path):
    """When the file system refuses the commit, all units of the group fail as StoreUnavailable; nothing is kept."""
    store._cursor = Refusing(store._cursor, "COMMIT")
    results = await asyncio.gather(*(store.submit(write(f"n{n}")) for n in range(3)), return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert on_disk(file) == []
    store._cursor.statement = "nothing"
    assert await store.submit(write("later")) == "later"
    assert on_disk(file) == ["later"]


async def test_a_transaction_that_cannot_begin_keeps_nothing(store: SqliteStore, file: Path):
    """When not even a transaction can be opened, its units fail as StoreUnavailable at once."""
    store._cursor = Refusing(store._cursor, "BEGIN")
    async with asyncio.timeout(5):
        with pytest.raises(StoreUnavailable):
            await store.submit(write("lost"))
    store._cursor.statement = "nothing"
    assert await store.submit(write("later")) == "later"
    assert on_disk(file) == ["later"]


async def test_a_full_disk_is_a_store_that_is_unavailable(store: SqliteStore, file: Path):
    """When a statement finds the disk full, its unit fails as StoreUnavailable; the store serves on afterwards."""
    await store.submit(write("before"))
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")

    def big(tx: Tx) -> None:
        for number in range(10_000):
            write(f"{number:0500d}")(tx)

    async with asyncio.timeout(10):
        results = await asyncio.gather(store.submit(big), store.submit(write("beside")), return_exceptions=True)
    assert isinstance(results[0], StoreUnavailable), results
    store._writer.execute("PRAGMA max_page_count = 1000000")
    assert await store.submit(write("after")) == "after"
    expected = ["before", "after"] if isinstance(results[1], StoreUnavailable) else ["before", "beside", "after"]
    assert on_disk(file) == expected


async def test_a_transaction_lost_in_the_middle_fails_all_its_units(store: SqliteStore, file: Path):
    """When the database gives up a transaction by itself, no unit of it counts, and the store lives on."""

    def lose(tx: Tx) -> None:
        write("lost")(tx)
        store._cursor.execute("ROLLBACK")
        raise pysqlite3.OperationalError("disk I/O error")

    async with asyncio.timeout(5):
        results = await asyncio.gather(
            store.submit(write("before")), store.submit(lose), store.submit(write("after")), return_exceptions=True
        )
    assert all(isinstance(result, StoreUnavailable) for result in results[:2]), results
    kept = [] if isinstance(results[2], StoreUnavailable) else ["after"]
    assert on_disk(file) == kept
    async with asyncio.timeout(5):
        assert await store.submit(write("later")) == "later"
    assert on_disk(file) == [*kept, "later"]


async def test_closing_finishes_what_waits(file: Path):
    """Units that wait when the store is closed are still carried out."""
    store = SqliteStore(str(file))
    store.open([notes])
    waiting = [asyncio.ensure_future(store.submit(write(f"n{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*waiting) == [f"n{n}" for n in range(20)]
    assert len(on_disk(file)) == 20


async def test_a_store_that_was_never_used_closes(file: Path):
    """Opening and closing without work is fine."""
    store = SqliteStore(str(file))
    store.open([notes])
    await store.close()
    assert on_disk(file) == []


async def test_a_caller_that_gave_up_before_its_turn_has_no_effect(store: SqliteStore, file: Path):
    """A unit whose caller is gone before it could run is not run."""
    gone = asyncio.ensure_future(store.submit(write("gone")))
    stays = asyncio.ensure_future(store.submit(write("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "stays"
    await asyncio.gather(gone, return_exceptions=True)
    assert on_disk(file) in (["stays"], ["gone", "stays"])
    second = asyncio.ensure_future(store.submit(write("second")))
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await store.submit(write("last"))
    assert "second" not in on_disk(file)


async def test_a_reader_sees_one_snapshot(store: SqliteStore):
    """What is committed while a reader works does not show in the middle of its work."""
    await store.submit(write("one"))
    writer = pysqlite3.connect(store.path, isolation_level=None)

    def twice(tx: Tx) -> tuple[int, int]:
        first = count(tx)
        writer.execute("INSERT INTO note VALUES ('two', 1)")
        return first, count(tx)

    assert await store.read(twice) == (1, 1)
    writer.close()
    assert await store.read(count) == 2


async def test_a_reader_that_fails_leaves_the_next_one_working(store: SqliteStore):
    """An error in a reading unit goes to its caller and nowhere else."""

    def broken(_: Tx) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.read(broken)
    assert await store.read(count) == 0


async def test_a_store_keeps_its_contents_over_a_restart(file: Path):
    """Closing and opening again finds everything, and opening makes no table twice."""
    for number in range(3):
        store = SqliteStore(str(file))
        store.open([notes])
        await store.submit(write(f"n{number}"))
        await store.close()
    assert on_disk(file) == ["n0", "n1", "n2"]


async def test_the_database_is_as_safe_as_it_claims(store: SqliteStore):
    """The log is written ahead, and a commit waits until it is on disk."""
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_the_sqlite_inside_has_no_known_corruption():
    """SQLite below 3.51.3 can corrupt a log that two connections write."""
    assert pysqlite3.sqlite_version_info >= (3, 51, 3)
