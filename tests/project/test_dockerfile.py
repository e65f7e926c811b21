"""The image is built from locked packages and runs as nobody in particular."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    """The Dockerfile with its continued lines joined."""
    return (root / "Dockerfile").read_text("utf-8").replace("\\\n", " ")


def test_hadolint_finds_nothing(root: Path) -> None:
    """The Dockerfile is clean by the rules of the trade."""
    hadolint = shutil.which("hadolint", path=sysconfig.get_path("scripts")) or "hadolint"
    done = subprocess.run([hadolint, root / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout == ""


def test_every_package_comes_by_hash(dockerfile: str) -> None:
    """Nothing is installed that no lock file vouches for."""
    for call in re.findall(r"pip install ([^&\n]*)", dockerfile):
        assert "--require-hashes -r requirements-" in call or "--no-deps --no-index" in call, call


def test_base_image_has_a_tag(dockerfile: str) -> None:
    """The base image is a Python with a version, never `latest`."""
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])


def test_hub_does_not_run_as_root(dockerfile: str) -> None:
    """The last user set is a number, and not 0."""
    assert int(re.findall(r"^USER (\d+)$", dockerfile, re.MULTILINE)[-1]) > 0


def test_image_serves_and_tells_its_health(dockerfile: str) -> None:
    """A container started without arguments serves, and the engine can ask whether it is well."""
    assert 'ENTRYPOINT ["yidi"]' in dockerfile
    assert 'CMD ["serve", "--config", "/etc/yidi/hub.toml"]' in dockerfile
    assert 'CMD ["yidi", "health", "--config", "/etc/yidi/hub.toml"]' in dockerfile


def test_image_is_built_from_the_files_that_it_copies(root: Path) -> None:
    """.dockerignore lets through what the build needs, each of which exists."""
    let_through = re.findall(r"^!(\S+)$", (root / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert {"pyproject.toml", "requirements-runtime.lock", "requirements-build.lock"} <= set(let_through)
    assert [name for name in let_through if not (root / name).exists()] == []
