"""What is installed is what is in the tree, under the licence that it says."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """The project table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def test_licence_is_said_and_shipped(root: Path, project: dict[str, Any]) -> None:
    """The metadata names Apache-2.0 and the tree holds its whole text."""
    assert project["license"] == "Apache-2.0"
    text = (root / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_entry_points_are_where_users_look(project: dict[str, Any]) -> None:
    """The command is `yidi`, and the shipped core is found as a city's own would be."""
    assert project["scripts"] == {"yidi": "gateway.cli:main"}
    assert project["entry-points"]["yidi.cores"] == {"reference": "adapters.reference_core:create"}


def test_wheel_holds_code_data_and_contract(root: Path, tmp_path: Path) -> None:
    """The wheel carries every module, table and stub of the tree, and the protos for other languages."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, root], check=True)
    (wheel,) = tmp_path.glob("yidi-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    expected = {
        str(path.relative_to(base))
        for base, folder in (
            (root, "gateway"),
            (root, "adapters"),
            (root, "codemaps"),
            (root / "protos/python", "yidi"),
            (root / "protos", "yidi"),
        )
        for path in (base / folder).rglob("*")
        if path.is_file() and path.suffix in {".py", ".pyi", ".toml", ".csv", ".proto", ".typed"}
    }
    assert expected <= inside
    assert not [name for name in inside if name.startswith("tests/")]
