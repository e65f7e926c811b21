"""A store with one small table of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.store.sqlite import SqliteStore
from tests.store.notes import Groups, notes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store.db"


@pytest.fixture
def groups() -> Groups:
    """What the store tells about its groups."""
    return Groups()


@pytest_asyncio.fixture
async def store(file: Path, groups: Groups) -> AsyncIterator[SqliteStore]:
    """An open store."""
    made = SqliteStore(str(file), groups)
    made.open([notes])
    yield made
    await made.close()
