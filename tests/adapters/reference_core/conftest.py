"""An insured place in memory."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pysqlite3
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from adapters.reference_core import policy
from adapters.reference_core.core import ReferenceCore
from gateway.store.statement import Tx
from tests.adapters.reference_core.world import FUSHUN, PEOPLE, World, filing_target


@pytest.fixture
def new_world() -> Iterator[Callable[..., World]]:
    """Makes places, each with a store of its own; ``change`` rewrites the policy text."""
    connections = []

    def make(change: Callable[[str], str] = lambda text: text) -> World:
        engine = create_engine("sqlite://", module=pysqlite3, poolclass=StaticPool)
        ReferenceCore.metadata.create_all(engine)
        connection = engine.raw_connection()
        connections.append((engine, connection))
        text = (policy.SHIPPED.joinpath("fushun_2022.toml")).read_bytes().decode()
        core = ReferenceCore(FUSHUN, policy.decode(change(text).encode()), filing_target)
        world = World(Tx(cast("Any", connection.cursor()), engine.dialect), core)
        world.load(PEOPLE)
        return world

    yield make
    for engine, connection in connections:
        connection.close()
        engine.dispose()


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """Fushun as shipped."""
    return new_world()
