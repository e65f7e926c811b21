"""Fixtures that several folders share; a conftest imports them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.window import Window
from tests.support.world import Template, World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Databases of a fresh world."""
    made = Template(tmp_path_factory.mktemp("template"))
    asyncio.run(made.make())
    return made


@pytest_asyncio.fixture
async def world(template: Template, tmp_path: Path) -> AsyncIterator[World]:
    """Five hubs."""
    async with template.world(tmp_path) as made:
        yield made


@pytest.fixture
def window(world: World) -> Window:
    """A window of the first hospital."""
    return Window(world)
