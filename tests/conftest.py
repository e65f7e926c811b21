"""What every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Two cores are shared by all workers, so a slow example says nothing; CI draws the same examples every time.
settings.register_profile("yidi", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "yidi")


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the source tree."""
    return Path(__file__).resolve().parent.parent
