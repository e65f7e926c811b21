"""The ``yidi codemap`` commands on a depot of a test's own."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from gateway.codemap.command import codemap

HEADER = ("省编码", "省目录名称", "国家医保编码", "国家名称", "对应关系")
DRUGS = (
    ("JS-1", "消旋卡多曲颗粒", "XA07XAX061N001010101521", "消旋卡多曲颗粒", "equal"),
    ("JS-2", "奥扎格雷钠注射液", "XB01AXA223B002010100156", "奥扎格雷钠注射液", "equal"),
    ("JS-3", "葛根素注射液", "XC01EBG072B002010100151", "葛根素注射液", "equal"),
)
SYSTEM = ("--kind", "drug", "--system", "CN-320000")
MAP = "CN-320000.drug"


class Told(NamedTuple):
    """What a command answered."""

    code: int
    text: str

    @property
    def json(self) -> Any:
        """The answer, when it was asked as JSON."""
        return json.loads(self.text)


class Desk:
    """An operator at the keyboard."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.depot = place / "depot"

    def run(self, *words: str, depot: bool = True) -> Told:
        """Type a command."""
        done = CliRunner().invoke(codemap, [*words, *(("--depot", str(self.depot)) if depot else ())])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Told(done.exit_code, done.output)

    def ask(self, *words: str) -> Told:
        """Type a command and ask for JSON."""
        return self.run(*words, "--json")

    def table(self, rows: Sequence[Sequence[str]], name: str = "table.csv", header: Sequence[str] = HEADER) -> str:
        """A spreadsheet."""
        file = self.place / name
        with file.open("w", encoding="utf-8-sig", newline="") as opened:
            csv.writer(opened).writerows([header, *rows])
        return str(file)

    def publish(self, rows: Sequence[Sequence[str]], edition: str, begin: str, *words: str) -> None:
        """A spreadsheet, all the way."""
        file = self.table(rows, f"{edition}.csv")
        steps = (
            ("import", file, *SYSTEM, "--edition", edition, "--by", "王芳"),
            ("review", MAP, edition, "--by", "李强"),
            ("publish", MAP, edition, "--from", begin, "--by", "李强", *words),
        )
        for step in steps:
            told = self.run(*step)
            assert told.code == 0, told.text


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An operator with an empty directory."""
    return Desk(tmp_path)
