"""The committed stubs are what the contract generates, and load on what the project asks for."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.contract.descriptors import FILES


def test_committed_stubs_are_the_generated_ones(root: Path) -> None:
    """Generating the stubs again changes no file."""
    done = subprocess.run(
        [sys.executable, root / "protos/generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run `make stubs`:\n{done.stdout}{done.stderr}"


def test_every_proto_is_among_the_files_under_test(root: Path) -> None:
    """A new proto file cannot escape the tests of this folder."""
    on_disk = {str(path.relative_to(root / "protos")) for path in (root / "protos/yidi").rglob("*.proto")}
    assert on_disk == {file.name for file in FILES}


def test_floors_are_not_below_the_generators(root: Path) -> None:
    """The oldest grpcio and protobuf the project accepts are not too old to load the stubs."""
    dependencies = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    floors = dict(dependency.split(">=") for dependency in dependencies)
    for stub in (root / "protos/python").rglob("*_pb2*.py"):
        text = stub.read_text("utf-8")
        if generated := re.search(r"^# Protobuf Python Version: ([\d.]+)$", text, re.MULTILINE):
            assert version(floors["protobuf"]) >= version(generated[1]), stub.name
        if generated := re.search(r"^GRPC_GENERATED_VERSION = '([\d.]+)'$", text, re.MULTILINE):
            assert version(floors["grpcio"]) >= version(generated[1]), stub.name


def version(text: str) -> tuple[int, ...]:
    """A version that can be compared."""
    return tuple(int(part) for part in text.split("."))
