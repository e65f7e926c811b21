"""A newcomer finds with make what the project promises."""

import re
import subprocess
from pathlib import Path

import pytest

PROMISED = ("help", "demo", "test", "lint", "stubs", "bench", "lock", "clean", "baseline")


def targets(root: Path) -> set[str]:
    """The targets that the Makefile names for people."""
    return set(re.findall(r"^([a-z]+):.*## ", (root / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("target", PROMISED)
def test_promised_target_exists(root: Path, target: str) -> None:
    """Each target that the documents name is there."""
    assert target in targets(root)


def test_help_tells_every_target(root: Path) -> None:
    """Plain `make` lists each target with what it does, and makes nothing."""
    done = subprocess.run(["make", "-C", root], capture_output=True, text=True, check=True)
    told = set(re.findall(r"^  make ([a-z]+) +\S", done.stdout, re.MULTILINE))
    assert told == targets(root)


def test_ci_runs_the_tests_that_people_run(root: Path) -> None:
    """The gate is `make test` and nothing that only it knows."""
    script = root / ".ci/run"
    subprocess.run(["bash", "-n", script], check=True)
    assert script.read_text("utf-8").rstrip().endswith("exec make test")
