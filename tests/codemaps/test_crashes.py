"""What is left of an import when its process dies, the disk is full, or it is interrupted."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from codemaps.depot import Depot
from codemaps.depot import depot as module
from codemaps.editions import EditionRow
from tests.codemaps.builders import MAP, content_of, draft, files, refusal, row

ROW = row("A1", "M03900")
_CHILD = """
import os, signal, sys
from pathlib import Path
from codemaps import image
from codemaps.depot import Depot, depot as module
from tests.codemaps.builders import draft, row
owner, name = sys.argv[2].split(".")
target = {"image": image, "module": module, "Depot": Depot, "Path": Path}[owner]
whole, left = getattr(target, name), int(sys.argv[3])
def dying(*args, **said):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*args, **said)
setattr(target, name, dying)
draft(Depot.open(Path(sys.argv[1])), *[row(f"A{n}", "M03900") for n in range(500)])
"""
POINTS = ["image.build 0", "module.sha256_of 0", "Depot._refuse_taken 0", "Depot.note 0", "Depot._put 0",
          "Path.chmod 0", "Path.rename 0", "Path.rename 1", "module._sync_directory 0", "Depot.find 0"]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_import_leaves_everything_or_nothing(tmp_path: Path, point: str):
    """After a kill at any point the depot can be read and has the whole edition or none; the next import cleans up."""
    depot = Depot.create(tmp_path / "depot")
    root = Path(__file__).parents[2]
    died = subprocess.run(
        [sys.executable, "-c", _CHILD, str(depot.directory), *point.split()],
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'protos' / 'python'}"}, check=False,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    found = depot.editions()
    assert len(found) == (point == "Depot.find 0")
    for record in found:
        assert (record.rows, depot.damage(record)) == (500, "")
    assert len(depot.history()) == len(found)
    record = draft(depot, ROW, edition="2026.2")
    kept = [f"{each.manifest.edition}{suffix}" for each in (*found, record) for suffix in (".csv", ".lmdb")]
    assert sorted(f.name for f in (depot.directory / "editions" / MAP).iterdir()) == sorted(kept)
    assert depot.damage(record) == ""
    depot.records.close()


def test_an_import_whose_row_was_committed_keeps_its_files(depot: Depot, monkeypatch: pytest.MonkeyPatch):
    """An interruption between the commit and the answer takes nothing back."""
    write = depot.records.write

    class Interrupted:
        def __init__(self) -> None:
            self.real = write()

        def __enter__(self) -> sa.Connection:
            return self.real.__enter__()

        def __exit__(self, *error: object) -> None:
            self.real.__exit__(*error)  # type: ignore[arg-type]  # whatever was raised
            if depot.editions():
                monkeypatch.undo()
                raise KeyboardInterrupt

    monkeypatch.setattr(depot.records, "write", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        draft(depot, ROW)
    [record] = depot.editions()
    assert depot.damage(record) == ""


# --- a full disk ---------------------------------------------------------------------------------------------------


MANY = [EditionRow(f"A{n:05}", "", f"M{n:05}", "", "equal") for n in range(2000)]
"""Rows whose image is larger than their file."""


@pytest.mark.parametrize("room", [24_576, len(content_of(MANY)[0]) - 1, len(content_of(MANY)[0]) + 4096])
def test_a_full_disk_leaves_no_trace(depot: Depot, room: int):
    """An import that runs out of room, while its rows or its image are written, says so and leaves nothing behind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = files(depot)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        assert refusal(lambda: draft(depot, *MANY)).reason == "DISK_FULL"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (files(depot), depot.editions(), depot.history()) == (before, [], [])
    assert list((depot.directory / "incoming").iterdir()) == []
    assert draft(depot, *MANY).rows == 2000


def test_a_database_that_cannot_grow_leaves_no_trace(depot: Depot, monkeypatch: pytest.MonkeyPatch):
    """Where only the database lacks room, the files that were placed already are taken back."""
    sync = module._sync_directory
    placed: list[list[str]] = []

    def no_more(place: Path) -> None:
        sync(place)
        placed.append(sorted(file.name for file in place.iterdir()))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_sync_directory", no_more)
    assert refusal(lambda: draft(depot, ROW)).reason == "DISK_FULL"
    assert placed == [["2026.1.csv", "2026.1.lmdb"]]
    assert (files(depot), depot.editions()) == (["depot.db"], [])
    assert list((depot.directory / "editions").iterdir()) == []
    monkeypatch.undo()

    def no_page(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")

    sa.event.listen(depot.records._engine, "begin", no_page)
    assert refusal(lambda: draft(depot, ROW, source="s" * 50_000)).reason == "DISK_FULL"
    assert (files(depot), depot.editions()) == (["depot.db"], [])
