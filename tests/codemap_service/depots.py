"""Depots of a test: a few made-up rows, an author, a reviewer, and a clock that is moved by hand."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from codemaps.depot import Depot, Record, lifecycle, serving
from codemaps.editions import EditionRow, Manifest, write_rows
from codemaps.lookup import EditionMaps
from codemaps.port import CHRONIC
from codemaps.timeline import CHINA
from gateway.codemap.live import LiveMaps

MAP, SYSTEM = "CN-320000.chronic", "CN-320000"
BEGIN, LATER, ON = date(2026, 1, 1), date(2026, 4, 1), date(2026, 6, 20)
START_MS = int(datetime(2026, 6, 20, 10, 0, tzinfo=CHINA).timestamp() * 1000)
OLD, NEW = {"JS-A": "M01600", "JS-B": "M03900"}, {"JS-A": "M07803", "JS-B": "M03900"}
"""What the first and the second edition of a test say."""

Begin = Callable[[str], Depot]
"""Makes the depot of a test, beginning with the content of this name (see conftest)."""


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ms = START_MS

    def __call__(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms

    def forward(self, hours: float) -> None:
        """Let time pass."""
        self.ms += int(hours * 3_600_000)


class Lines:
    """A log that is looked at."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def write(self, level: str, event: str, **fields: object) -> None:
        """One line of the log."""
        self.lines.append({"level": level, "event": event, **fields})

    def of(self, level: str) -> list[dict[str, Any]]:
        """The lines of a level."""
        return [line for line in self.lines if line["level"] == level]


def row(local: str, national: str, **cells: str) -> EditionRow:
    """One row; its names are the codes in words."""
    said = {"local_name": f"本地 {local}", "national_name": f"国家 {national}", "relationship": "equal", **cells}
    return EditionRow(local_code=local, national_code=national, **said)


def rows_of(targets: Mapping[str, str]) -> list[EditionRow]:
    """One row for each code."""
    return [row(local, national) for local, national in targets.items()]


def many(count: int) -> list[EditionRow]:
    """Rows enough for several pieces of a download."""
    return [row(f"JS-{number:05d}", f"M{number:05d}") for number in range(count)]


def manifest(edition: str, map_: str = MAP, unmapped: Literal["reject", "hold", "pass"] = "reject") -> Manifest:
    """The manifest of an edition of a map of Jiangsu, or of a list of national codes where the name says so."""
    system, kind = map_.split(".")
    upper = "CN" if system != "CN" else ""
    return Manifest(
        map=map_, edition=edition, kind=kind, from_system=system, to_system=upper, source="test", author="author",
        unmapped=unmapped,
    )  # fmt: skip


def draft(
    depot: Depot, edition: str, rows: Iterable[EditionRow], map_: str = MAP,
    unmapped: Literal["reject", "hold", "pass"] = "reject",
) -> Record:  # fmt: skip
    """An edition as it is after import."""
    with depot.incoming() as place:
        file = place / "rows.csv"
        with file.open("wb") as opened:
            count, sha256 = write_rows(sorted(rows), opened)
        return depot.bring_in(manifest(edition, map_, unmapped), file, count, sha256, "author")


def published(
    depot: Depot, edition: str, rows: Iterable[EditionRow], begin: date = BEGIN, end: date | None = None, **said: Any
) -> Record:
    """An edition in force from a day on."""
    key = draft(depot, edition, rows, **said).key
    lifecycle.review(depot, *key, "reviewer")
    return lifecycle.publish(depot, *key, "reviewer", begin, end, backdated=True)


def live_of(depot: Depot, log: Lines, swapped: list[EditionMaps]) -> LiveMaps:
    """The maps of a hub that runs on a depot, without the shipped ones."""
    return LiveMaps(depot, serving.maps(depot, with_shipped=False), swapped.append, log, with_shipped=False)


def says(maps: EditionMaps, code: str = "JS-A", on: date = ON) -> tuple[str, str]:
    """What a code is translated to, and by which edition."""
    found = maps.translate(CHRONIC, code, SYSTEM, "CN", on)
    return found.to_code, found.edition


def spoil(file: Path) -> bytes:
    """Turn one byte in the middle of a file round; the content as it was."""
    content = file.read_bytes()
    file.chmod(0o644)
    middle = len(content) // 2
    file.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    return content
