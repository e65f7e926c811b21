"""The process that adopts an edition, when the hub it works for is killed."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from codemaps.depot import Depot
from tests.codemap_service.depots import MAP, Begin

PROGRAM = """
import asyncio, pathlib, sys
from codemaps.depot import Depot
from codemaps.depot.following import Offered
from gateway.codemap.follow import _adopt
above, city, part = map(pathlib.Path, sys.argv[1:])
(theirs,) = Depot.open(above).editions()
offer = Offered(theirs.manifest, theirs.effective_from, None, False, theirs.rows, theirs.rows_size,
                theirs.rows_sha256, "320000")
asyncio.run(_adopt(city, offer, part))
"""


@contextlib.contextmanager
def adopting(above: Depot, city: Depot, root: Path) -> Iterator[psutil.Process]:
    """A program that adopts the parent's edition from a file."""
    part = city.directory / "1.part"
    part.write_bytes(above.rows_file(above.find(MAP, "1")).read_bytes())
    files = [str(each) for each in (above.directory, city.directory, part)]
    paths = f"import sys; sys.path[:0] = [{str(root)!r}, {str(root / 'protos' / 'python')!r}]"
    process = subprocess.Popen([sys.executable, "-c", paths + PROGRAM, *files], cwd=root)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def test_a_killed_hub_leaves_no_process_behind(begin: Begin, tmp_path: Path, root: Path) -> None:
    """SIGKILL while an edition is adopted: what adopts it finishes the one edition, whole, and ends."""
    above, city = begin("one"), Depot.create(tmp_path / "city")
    with adopting(above, city, root) as hub:
        with city.records.write():  # it waits here, like behind a command
            worker = until_at_depot(hub, city)
            hub.kill()
        worker.wait(40)
    assert city.find(MAP, "1").state == "published"
    assert city.damage(city.find(MAP, "1")) == ""


def until_at_depot(hub: psutil.Process, city: Depot) -> psutil.Process:
    """The process beneath the hub that has opened the depot."""
    give_up = time.monotonic() + 40
    while time.monotonic() < give_up:
        for child in hub.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(file.path == str(city.directory / "depot.db") for file in child.open_files()):
                    return child
        time.sleep(0.01)
    raise AssertionError("nobody came to the depot")
