"""The table of the store tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysqlite3
import sqlalchemy as sa

from gateway.store.sqlite import GroupObserver
from gateway.store.statement import Statement, Tx

notes = sa.MetaData()
note = sa.Table("note", notes, sa.Column("name", sa.Text, primary_key=True), sa.Column("size", sa.BigInteger))
INSERT = Statement(sa.insert(note))
COUNT = Statement(sa.select(sa.func.count()).select_from(note))


class Groups(GroupObserver):
    """Remembers how many units each commit had."""

    def __init__(self) -> None:
        self.units: list[int] = []

    def committed(self, units: int, seconds: float) -> None:
        """A group was committed."""
        assert seconds >= 0
        self.units.append(units)


def write(name: str, size: int = 1) -> Callable[[Tx], str]:
    """A unit that writes a note and returns its name."""

    def unit(tx: Tx) -> str:
        tx.run(INSERT, name=name, size=size)
        return name

    return unit


def count(tx: Tx) -> int:
    """A unit that counts the notes."""
    row = tx.one(COUNT)
    assert row is not None
    return int(row[0])


def on_disk(file: Path) -> list[str]:
    """The names another process would see."""
    connection = pysqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM note ORDER BY rowid")]
    finally:
        connection.close()


class Refusing:
    """A cursor that refuses some statements as a broken file system would."""

    def __init__(self, cursor: Any, statement: str) -> None:
        self._cursor = cursor
        self.statement = statement

    def execute(self, sql: str, params: Any = ()) -> Any:
        """Run a statement, or refuse it."""
        if sql.startswith(self.statement):
            raise pysqlite3.OperationalError("disk I/O error")
        return self._cursor.execute(sql, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
