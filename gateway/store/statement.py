"""SQL is written with SQLAlchemy Core, compiled once for each dialect, and given to the driver directly.

Columns hold only integers, text and bytes, so a row from the driver needs no conversion.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ClauseElement

Value = int | str | bytes | None
Row = tuple[Any, ...]


class Cursor(Protocol):
    """What we use of a DBAPI cursor."""

    @property
    def rowcount(self) -> int:
        """Rows the last statement touched."""

    def execute(self, sql: str, params: Any = (), /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, params: Any, /) -> Any:
        """Run one statement for each row of parameters."""

    def fetchone(self) -> Any:
        """The next row."""

    def fetchall(self) -> Any:
        """All rows that are left."""


class Statement:
    """One SQL statement with named parameters, made at import time and compiled when first used."""

    __slots__ = ("_compiled", "clause")

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause
        self._compiled: dict[str, tuple[str, Callable[[Mapping[str, Value]], Any]]] = {}

    def compiled(self, dialect: Dialect) -> tuple[str, Callable[[Mapping[str, Value]], Any]]:
        """The SQL text, and what turns named values into the driver's parameters."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Mapping[str, Value]], Any]]:
        compiled = self.clause.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        order = compiled.positiontup  # type: ignore[attr-defined]  # set on SQLCompiler, typed on its base
        if order is None:
            return compiled.string, lambda values: {**constants, **values}

        def positional(values: Mapping[str, Value]) -> tuple[Value, ...]:
            return tuple([values[name] if name in values else constants[name] for name in order])

        return compiled.string, positional


class Tx:
    """The open transaction of one unit of work."""

    __slots__ = ("_cursor", "_dialect")

    def __init__(self, cursor: Cursor, dialect: Dialect) -> None:
        self._cursor = cursor
        self._dialect = dialect

    def run(self, statement: Statement, **values: Value) -> int:
        """Run a statement that writes; the number of rows it touched."""
        sql, bind = statement.compiled(self._dialect)
        self._cursor.execute(sql, bind(values))
        return self._cursor.rowcount

    def run_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run a statement once for each row of values."""
        if rows:
            sql, bind = statement.compiled(self._dialect)
            self._cursor.executemany(sql, [bind(row) for row in rows])

    @contextmanager
    def nested(self) -> Iterator[None]:
        """A part of the unit that is undone alone when it raises."""
        self._cursor.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._cursor.execute("ROLLBACK TO SAVEPOINT part")
            self._cursor.execute("RELEASE SAVEPOINT part")
            raise
        self._cursor.execute("RELEASE SAVEPOINT part")

    def one(self, statement: Statement, **values: Value) -> Row | None:
        """The first row, or None."""
        sql, bind = statement.compiled(self._dialect)
        self._cursor.execute(sql, bind(values))
        row: Row | None = self._cursor.fetchone()
        return row

    def all(self, statement: Statement, **values: Value) -> list[Row]:
        """All rows."""
        sql, bind = statement.compiled(self._dialect)
        self._cursor.execute(sql, bind(values))
        rows: list[Row] = self._cursor.fetchall()
        return rows
