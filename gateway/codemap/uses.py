"""What passes this hub, code by code: how often, for how much money, and what of it had no translation.

Counted in memory and added to the table ``code_use`` every few seconds. These are statistics and not money: a crash
loses what the last seconds added. Only commands count as traffic, when their answer comes, since a quote would double
its settlement; what could not be translated counts for quotes as well.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from codemaps.port import CATALOGUE, CHRONIC, DIAGNOSIS, OPERATION
from codemaps.traffic import Use
from gateway.store.sqlite import SqliteStore, StoreUnavailable
from gateway.store.statement import Statement, Tx, Value
from gateway.store.tables import code_use

KINDS: dict[int, str] = {
    CHRONIC: "chronic", CATALOGUE: "catalogue", DIAGNOSIS: "diagnosis", OPERATION: "operation"
}  # fmt: skip
"""How the kinds on the wire are called in statistics."""

MOST_KEYS = 50_000
"""Most sums kept in memory, about 20 MB; when there are so many they are written early."""
FLUSH_S = 5.0
MOST_FEN = 10**12
"""Ten billion yuan for one code of one exchange is nobody's bill: it counts as a case without money, so that no
request, refused ones included, brings a sum near what a column holds."""
KEPT_DAYS = 400
"""A year and the month in which it is looked back on."""
ROWS_AT_ONCE = 500
"""Rows written or deleted by one unit, some milliseconds: exchanges wait for the units before theirs."""

Key = tuple[int, str, str]
"""Kind on the wire, code, day of service."""
Used = tuple[Key, int, int]
"""A code of one exchange: how many lines of it, and for how much money in fen."""


class Way(NamedTuple):
    """Between which code systems, and what came of it."""

    from_system: str
    to_system: str
    result: str
    """translated, unmapped, held, ambiguous or no_edition."""


_PRIMARY = tuple(code_use.primary_key.columns)
_BEFORE = code_use.c.day < sa.bindparam("first_kept")
_UPSERT = insert(code_use)
_ADD = Statement(
    _UPSERT.on_conflict_do_update(
        index_elements=_PRIMARY,
        set_={
            "last_ms": _UPSERT.excluded.last_ms,
            **{name: code_use.c[name] + _UPSERT.excluded[name] for name in ("cases", "lines", "amount_fen")},
        },
    )
)
_PURGE = Statement(
    sa.delete(code_use).where(sa.tuple_(*_PRIMARY).in_(sa.select(*_PRIMARY).where(_BEFORE).limit(ROWS_AT_ONCE)))
)
_GROUP = (code_use.c.kind, code_use.c.from_system, code_use.c.to_system, code_use.c.code, code_use.c.result)
_READ = Statement(
    sa.select(*_GROUP, *(sa.func.sum(code_use.c[name]) for name in ("cases", "lines", "amount_fen")))
    .where(code_use.c.day >= sa.bindparam("since"))
    .group_by(*_GROUP)
    .order_by(*_GROUP)
)


def read(tx: Tx, since_day: str) -> list[Use]:
    """What was used for services since a day, yyyy-MM-dd, as far as it is written."""
    return [Use(*row) for row in tx.all(_READ, since=since_day)]


class Uses:
    """The sums since they were last written."""

    def __init__(self) -> None:
        self._sums: dict[Way, dict[Key, list[int]]] = {}
        """Cases, lines and fen."""
        self._size = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._purged_on = ""
        self.lost = 0
        """Sums that found no room, all told."""

    def add(self, way: Way, used: Iterable[Used]) -> None:
        """Count the codes of one exchange."""
        sums = self._sums.setdefault(way, {})
        for key, lines, amount in used:
            amount_fen = amount if -MOST_FEN < amount < MOST_FEN else 0
            found = sums.get(key)
            if found is not None:
                found[0] += 1
                found[1] += lines
                found[2] += amount_fen
            else:
                self._begin(sums, key, [1, lines, amount_fen])

    def _begin(self, sums: dict[Key, list[int]], key: Key, first: list[int]) -> None:
        if self._size >= MOST_KEYS:
            self.lost += 1
            return
        sums[key] = first
        self._size += 1
        if self._size == MOST_KEYS:
            self._wake.set()

    async def keep(self, store: SqliteStore, now_ms: Callable[[], int], today: Callable[[], date]) -> None:
        """Write the sums every few seconds, earlier when there are many, and once more at the end."""
        while not self._ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), FLUSH_S)
            with suppress(StoreUnavailable):  # they stay in memory; health tells of the store
                await self.flush(store, now_ms())
                await self.purge(store, today())
        with suppress(StoreUnavailable):
            await self.flush(store, now_ms())

    def end(self) -> None:
        """Nothing comes any more; ``keep`` writes what there is and returns."""
        self._ended = True
        self._wake.set()

    async def flush(self, store: SqliteStore, now_ms: int) -> None:
        """Add the sums to the table. What the store does not take comes back into memory."""
        taken, self._sums, self._size = self._sums, {}, 0
        self._wake.clear()
        rest = ((way, key, found) for way, sums in taken.items() for key, found in sums.items())
        while part := list(islice(rest, ROWS_AT_ONCE)):
            rows = [_row(way, key, found, now_ms) for way, key, found in part]
            try:
                await store.submit(partial(_write, rows))
            except StoreUnavailable:
                self._take_back((*part, *rest))
                raise

    def _take_back(self, sums: Iterable[tuple[Way, Key, list[int]]]) -> None:
        for way, key, taken in sums:
            ours = self._sums.setdefault(way, {})
            found = ours.get(key)
            if found is not None:
                ours[key] = [a + b for a, b in zip(found, taken, strict=True)]
            else:
                self._begin(ours, key, taken)

    async def purge(self, store: SqliteStore, today: date) -> None:
        """Once a day, delete what is older than anybody looks back."""
        if self._purged_on == today.isoformat():
            return
        first_kept = (today - timedelta(days=KEPT_DAYS)).isoformat()
        while await store.submit(lambda tx: tx.run(_PURGE, first_kept=first_kept)) == ROWS_AT_ONCE:
            pass
        self._purged_on = today.isoformat()


def _write(rows: list[dict[str, Value]], tx: Tx) -> None:
    tx.run_many(_ADD, rows)


def _row(way: Way, key: Key, found: list[int], now_ms: int) -> dict[str, Value]:
    kind, code, day = key
    return {
        "day": day,
        "kind": KINDS[kind],
        **way._asdict(),
        "code": code,
        "cases": found[0],
        "lines": found[1],
        "amount_fen": found[2],
        "last_ms": now_ms,
    }
