"""A depot, its clock and its log."""

from pathlib import Path

import pytest

from codemaps.depot import Depot
from tests.codemap_service.depots import Hands, Lines


@pytest.fixture
def hands() -> Hands:
    """A clock that is moved by hand."""
    return Hands()


@pytest.fixture
def depot(tmp_path: Path, hands: Hands) -> Depot:
    """An empty depot."""
    return Depot.create(tmp_path / "depot", hands)


@pytest.fixture
def log() -> Lines:
    """A log that is looked at."""
    return Lines()
