"""What the documents tell a reader to type works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.codemap.command import codemap
from tests.project.test_makefile import targets

DOCUMENTS = (
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    "docs/journey.md",
    "docs/operations.md",
    "docs/stubs.md",
    "docs/errors.md",
    "docs/decisions.md",
    "docs/codemaps.md",
    "docs/codemaps.zh-CN.md",
)

each_document = pytest.mark.parametrize("name", DOCUMENTS)


def commands(path: Path, program: str) -> set[str]:
    """The word after a program's name, wherever a document shows the program being run."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    shown = [line for block in blocks for line in block.splitlines()] + re.findall("`([^`\n]+)`", text)
    found = (re.match(rf"\s*(?:\$ )?(?:\S*/)?{program} ([a-z][a-z-]*)", line) for line in shown)
    return {match[1] for match in found if match}


@each_document
def test_make_targets_named_exist(root: Path, name: str) -> None:
    """Every `make` command in a document has its target."""
    assert commands(root / name, "make") <= targets(root)


@each_document
def test_yidi_commands_named_exist(root: Path, name: str) -> None:
    """Every `yidi` command in a document answers to --help."""
    for command in sorted(commands(root / name, "yidi")):
        call = [sys.executable, "-c", "from gateway.cli import main; main()", command, "--help"]
        done = subprocess.run(call, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


@each_document
def test_codemap_commands_named_exist(root: Path, name: str) -> None:
    """Every `yidi codemap` command in a document is one."""
    assert commands(root / name, "yidi codemap") <= set(codemap.commands)


@each_document
def test_files_named_exist(root: Path, name: str) -> None:
    """Every file that a document links to is there."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (root / name).read_text("utf-8")):
        assert ((root / name).parent / link).exists(), link
