"""The embedded store: SQLite, one process, one writer, group commit.

Units of work that arrive while a commit is under way run together in the next transaction and share its commit.
The event loop runs the statements, which are short; only the commit, which waits for the disk, leaves the loop.
That costs two thread switches for a whole group instead of several for each statement.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import pysqlite3
import sqlalchemy as sa

from gateway.store.statement import Tx

T = TypeVar("T")
Unit = Callable[[Tx], T]

GROUP_LIMIT = 512
"""Most units in one transaction; keeps the loop responsive while a group runs."""
GATHER_S = 0.002
"""Under load, how long a group waits for more units. One commit for many costs far less than one for each; a lone
request is not kept waiting, because the group before it was a lone one too."""
CHECKPOINT_PAGES = 8_000
"""About 32 MB of log between two checkpoints: a page that changes often is copied to the database once."""
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={CHECKPOINT_PAGES}", "temp_store=MEMORY")
LOCK_PATIENCE_S = 10.0
"""How long a group waits for another program (a maintenance command) that holds the database."""


class StoreUnavailable(Exception):
    """The store could not make a unit durable; nothing of it was kept."""


class GroupObserver:
    """Told about each group that was committed."""

    def committed(self, units: int, seconds: float) -> None:
        """A group of ``units`` reached the disk after ``seconds``."""


class SqliteStore:
    """Runs units of work; what ``submit`` returns is on disk."""

    def __init__(self, path: str, observer: GroupObserver | None = None) -> None:
        self.path = path
        self._observer = observer or GroupObserver()
        self._engine = sa.create_engine(f"sqlite:///{path}", module=pysqlite3)
        self._dialect = self._engine.dialect
        self._waiting: list[tuple[Unit[Any], asyncio.Future[Any]]] = []
        self._busy = False
        self._scheduled = False
        self._last_group = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._commits: SimpleQueue[list[tuple[asyncio.Future[Any], Any]] | None] = SimpleQueue()
        self._disk = Thread(target=self._commit_groups, name="commit", daemon=True)

    def open(self, schemas: Sequence[sa.MetaData]) -> None:
        """Create what is missing and open the two connections: one writes, one reads."""
        if self.path != ":memory:":
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        with self._engine.begin() as connection:
            for schema in schemas:
                schema.create_all(connection)
        self._engine.dispose()
        self._writer = self._connect()
        self._cursor = self._writer.cursor()
        self._tx = Tx(self._cursor, self._dialect)
        self._reader = self._connect()
        self._read_cursor = self._reader.cursor()
        self._read_tx = Tx(self._read_cursor, self._dialect)

    def _connect(self) -> Any:
        connection = pysqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=0)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    @property
    def waiting(self) -> int:
        """Units that wait for the next transaction."""
        return len(self._waiting)

    async def submit(self, unit: Unit[T]) -> T:
        """Run a unit in the next transaction; return its result once the commit is on disk.

        A unit that raises is rolled back alone. Raises StoreUnavailable when the commit itself fails.
        """
        loop = asyncio.get_running_loop()
        if not self._disk.is_alive():
            self._loop = loop
            self._disk.start()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((unit, future))
        if not self._busy and not self._scheduled:
            self._schedule(GATHER_S if self._last_group > 1 else 0.0)
        return await future

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads, on one snapshot of what is committed."""
        cursor = self._read_cursor
        try:
            cursor.execute("BEGIN")
            try:
                return unit(self._read_tx)
            finally:
                cursor.execute("COMMIT")
        except pysqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error

    def _run_group(self, give_up: float) -> None:
        self._scheduled = False
        if self._busy or not self._waiting:
            return
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except pysqlite3.OperationalError as error:
            if time.monotonic() < give_up and "locked" in str(error):
                self._scheduled = True
                self._loop.call_later(0.01, self._run_group, give_up)
            else:
                self._fail([future for _, future in self._take()], error)
                if self._waiting:
                    self._schedule(0.0)
            return
        self._busy = True
        self._idle.clear()
        self._commits.put(self._run_units(self._take()))

    def _take(self) -> list[tuple[Unit[Any], asyncio.Future[Any]]]:
        group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
        return group

    def _run_units(self, group: list[tuple[Unit[Any], asyncio.Future[Any]]]) -> list[tuple[asyncio.Future[Any], Any]]:
        execute = self._cursor.execute
        done: list[tuple[asyncio.Future[Any], Any]] = []
        for number, (unit, future) in enumerate(group):
            if future.cancelled():
                continue  # its caller gave up before its turn
            execute("SAVEPOINT unit")
            try:
                result = unit(self._tx)
            except Exception as error:  # noqa: BLE001  # whatever a unit raises belongs to its caller
                if not self._writer.in_transaction:
                    # A full or broken disk makes SQLite give up the whole transaction. The commit that follows fails
                    # for want of one, and so does every unit of the group.
                    return [*done, *((lost, None) for _, lost in group[number:])]
                execute("ROLLBACK TO unit")
                execute("RELEASE unit")
                unavailable = isinstance(error, pysqlite3.OperationalError)
                future.set_exception(StoreUnavailable(str(error)) if unavailable else error)
            else:
                execute("RELEASE unit")
                done.append((future, result))
        return done

    def _commit_groups(self) -> None:
        """The commit thread: waits for the disk, so that the event loop does not."""
        while (done := self._commits.get()) is not None:
            began = time.perf_counter()
            error: Exception | None = None
            try:
                self._cursor.execute("COMMIT")
            except Exception as caught:  # noqa: BLE001  # whatever went wrong, the units of the group must hear of it
                error = caught
                with suppress(pysqlite3.Error):
                    self._cursor.execute("ROLLBACK")
            self._loop.call_soon_threadsafe(self._committed, done, error, time.perf_counter() - began)

    def _committed(self, done: list[tuple[asyncio.Future[Any], Any]], error: Exception | None, seconds: float) -> None:
        self._busy = False
        if error is None:
            self._observer.committed(len(done), seconds)
            for future, result in done:
                if not future.cancelled():
                    future.set_result(result)
        else:
            self._fail([future for future, _ in done], error)
        if self._waiting:
            self._schedule(GATHER_S if len(done) > 1 else 0.0)
        self._last_group = len(done)
        if not self._busy:
            self._idle.set()

    def _schedule(self, delay: float) -> None:
        """Run the next group soon; under load a moment later, so that more units share its commit."""
        self._scheduled = True
        give_up = time.monotonic() + LOCK_PATIENCE_S
        if delay:
            self._loop.call_later(delay, self._run_group, give_up)
        else:
            self._loop.call_soon(self._run_group, give_up)

    @staticmethod
    def _fail(futures: list[asyncio.Future[Any]], error: BaseException) -> None:
        for future in futures:
            if not future.done():
                future.set_exception(StoreUnavailable(str(error)))

    async def close(self) -> None:
        """Finish what waits, then let go of the file."""
        while self._waiting or self._busy:
            await self._idle.wait()
            await asyncio.sleep(0)
        if self._disk.is_alive():
            self._commits.put(None)
            self._disk.join()
        self._reader.close()
        self._writer.close()
