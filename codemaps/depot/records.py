"""The tables of a depot: what is known of each edition, the overrides, and a history that only grows."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3
import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from codemaps.refusals import Refused

PATIENCE_S = 10.0
"""How long a command waits for another one that is writing."""

metadata = MetaData()

edition = Table(
    "edition",
    metadata,
    Column("map", Text, primary_key=True),
    Column("edition", Text, primary_key=True),
    Column("state", Text, nullable=False),  # draft, reviewed, published, withdrawn
    Column("manifest", Text, nullable=False),  # JSON, fixed at import
    Column("digest", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("rows_sha256", Text, nullable=False),
    Column("rows_size", BigInteger, nullable=False),
    Column("image_sha256", Text, nullable=False),
    Column("image_size", BigInteger, nullable=False),
    Column("imported_ms", BigInteger, nullable=False),
    Column("reviewer", Text, nullable=False, server_default=""),
    Column("effective_from", Text, nullable=False, server_default=""),
    Column("effective_to", Text, nullable=False, server_default=""),
    Column("published_ms", BigInteger, nullable=False, server_default="0"),
    Column("withdrawn_ms", BigInteger, nullable=False, server_default="0"),
    Column("origin", Text, nullable=False, server_default=""),  # hub it was followed from
)

override = Table(
    "override",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("map", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("to_code", Text, nullable=False),  # empty: refuse the code
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("hours", Integer, nullable=False),
    Column("approved_by", Text, nullable=False, server_default=""),
    Column("expires_ms", BigInteger, nullable=False, server_default="0"),
    Column("ended_ms", BigInteger, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # who says to have done it
    Column("account", Text, nullable=False),  # account of the operating system it was done under
    Column("action", Text, nullable=False),
    Column("map", Text, nullable=False),
    Column("edition", Text, nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)


class Records:
    """The database of a depot. One writes at a time; a transaction is all or nothing."""

    def __init__(self, path: Path) -> None:
        self._engine = sa.create_engine(
            f"sqlite:///{path}", module=pysqlite3, connect_args={"timeout": PATIENCE_S, "isolation_level": None}
        )
        sa.event.listen(self._engine, "connect", _prepare)
        self._writing = self._engine.execution_options(immediate=True)
        sa.event.listen(self._engine, "begin", _begin)

    def create(self) -> None:
        """Make the tables that are missing."""
        with translated_errors():
            metadata.create_all(self._engine)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes; whoever comes second waits, then sees what the first one did."""
        with translated_errors(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that reads one state."""
        with translated_errors(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _prepare(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the disk and the database say into words."""
    try:
        yield
    except sa.exc.OperationalError as error:
        text = str(error.orig)
        if "locked" in text or "busy" in text:
            raise Refused("DEPOT_BUSY") from None
        if "full" in text:
            raise Refused("DISK_FULL") from None
        raise Refused("DEPOT_UNREADABLE", detail=text) from None
    except sa.exc.DatabaseError as error:
        raise Refused("DEPOT_UNREADABLE", detail=str(error.orig)) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Refused("DISK_FULL") from None
        raise Refused("DEPOT_UNREADABLE", detail=error.strerror or type(error).__name__) from None
