"""A depot for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from codemaps.depot import Depot
from tests.codemaps.builders import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that is moved by hand."""
    return Clock()


@pytest.fixture
def depot(tmp_path: Path, clock: Clock) -> Iterator[Depot]:
    """An empty depot."""
    made = Depot.create(tmp_path / "depot", clock)
    yield made
    made.records.close()
