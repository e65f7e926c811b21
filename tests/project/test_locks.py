"""The lock files install the same packages everywhere, from whatever index a machine uses."""

import re
import tomllib
from pathlib import Path

import pytest

LOCKS = ("requirements.lock", "requirements-runtime.lock", "requirements-build.lock")
REQUIREMENT = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")

each_lock = pytest.mark.parametrize("name", LOCKS)


def pins(path: Path) -> dict[str, str]:
    """The version that a lock file gives each package."""
    found = (REQUIREMENT.match(line) for line in path.read_text("utf-8").splitlines())
    return {match["name"]: match["version"] for match in found if match}


def names(requirements: list[str]) -> set[str]:
    """The packages a list of requirements asks for."""
    return {re.split("[<>=]", requirement)[0] for requirement in requirements}


@each_lock
def test_every_requirement_is_pinned_and_hashed(root: Path, name: str) -> None:
    """A lock holds exact versions, each followed by its hashes, and nothing else."""
    hashes_due = False
    for number, line in enumerate((root / name).read_text("utf-8").splitlines(), 1):
        where = f"{name}:{number}: {line}"
        if HASH.match(line):
            hashes_due = False
            continue
        assert not hashes_due, f"{where}: the requirement before has no hash"
        hashes_due = bool(REQUIREMENT.match(line))
        assert hashes_due or line.lstrip().startswith("#"), where
    assert not hashes_due


@each_lock
def test_no_index_and_no_path_is_named(root: Path, name: str) -> None:
    """A lock says which packages, not where one machine happened to find them."""
    text = (root / name).read_text("utf-8")
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links|(^|\s)/\w", text, re.MULTILINE)


def test_locks_hold_all_that_the_project_asks_for(root: Path) -> None:
    """Every dependency of a group stands in its lock, so `make lock` was not forgotten."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    runtime = names(project["project"]["dependencies"])
    groups = {
        group: names([each for each in wanted if isinstance(each, str)])
        for group, wanted in project["dependency-groups"].items()
    }
    assert runtime <= set(pins(root / "requirements-runtime.lock"))
    assert groups["build"] <= set(pins(root / "requirements-build.lock"))
    assert runtime | groups["build"] | groups["dev"] <= set(pins(root / "requirements.lock"))


def test_locks_agree(root: Path) -> None:
    """What is tested is what is shipped: the image installs the versions the tests ran with."""
    tested = pins(root / "requirements.lock")
    for name in LOCKS[1:]:
        shipped = pins(root / name)
        assert shipped
        assert shipped.items() <= tested.items(), name
