"""A depot, its clock and its log. Depots that many tests begin with are made once and copied: each commit costs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from codemaps.depot import Depot
from tests.codemap_service.depots import LATER, NEW, OLD, Begin, Hands, Lines, many, published, row, rows_of

Fill = Callable[[Depot], None]


def _one(depot: Depot) -> None:
    published(depot, "1", rows_of(OLD))


def _two(depot: Depot) -> None:
    wider = row("JS-W", "M01601", relationship="wider")
    published(depot, "1", [*rows_of(OLD), wider])
    published(depot, "2", [*rows_of(NEW), wider], LATER)


def _large(depot: Depot) -> None:
    published(depot, "1", many(9000))


_CONTENTS: dict[str, Fill] = {"empty": lambda _: None, "one": _one, "two": _two, "large": _large}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where a depot of some content lies; it is made when it is first asked for."""
    place = tmp_path_factory.mktemp("depots")

    def find(content: str) -> Path:
        directory = place / content
        if not directory.exists():
            depot = Depot.create(directory, Hands())
            _CONTENTS[content](depot)
            depot.records.close()
        return directory

    return find


@pytest.fixture
def hands() -> Hands:
    """A clock that is moved by hand."""
    return Hands()


@pytest.fixture
def begin(made: Callable[[str], Path], tmp_path: Path, hands: Hands) -> Begin:
    """Makes the depot of a test."""

    def copy(content: str) -> Depot:
        shutil.copytree(made(content), tmp_path / "depot")
        return Depot.open(tmp_path / "depot", hands)

    return copy


@pytest.fixture
def depot(begin: Begin) -> Depot:
    """An empty depot."""
    return begin("empty")


@pytest.fixture
def log() -> Lines:
    """A log that is looked at."""
    return Lines()
