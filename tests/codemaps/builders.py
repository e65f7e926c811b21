"""Editions and depots of a test: a few made-up rows, two people, and a clock that is moved by hand."""

import io
import tempfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from codemaps import image
from codemaps.depot import Depot, Record, lifecycle
from codemaps.direction import Published
from codemaps.editions import EditionRow, Manifest, locate_rows, write_rows
from codemaps.lookup import EditionMaps, Override
from codemaps.port import CHRONIC, NATIONAL, NOTHING_GIVEN, Given, NotTranslated, Row
from codemaps.refusals import Refused
from codemaps.timeline import CHINA

JIANGSU, LIAONING = "CN-320000", "CN-210000"
DAY = date(2026, 6, 15)
BEGIN = date(2026, 1, 1)
MAP = "CN-320000.chronic"
AUTHOR, REVIEWER, PUBLISHER = "王芳", "李强", "赵敏"


def row(local: str, national: str = "", relationship: str = "equal", **cells: str) -> EditionRow:
    """One confirmed row; its names are its codes."""
    cells = {"local_name": f"本地{local}", "confirmed": "true", "source": "test", **cells}
    named = f"国家{national}" if national else ""
    return EditionRow(local, cells.pop("local_name"), national, named, relationship if national else "", **cells)


def manifest(**said: Any) -> Manifest:
    """What an edition of the Jiangsu chronic map says of itself, unless told otherwise."""
    values: dict[str, Any] = {
        "map": MAP, "edition": "2026.1", "kind": "chronic", "from_system": JIANGSU, "to_system": NATIONAL,
        "source": "test", "author": AUTHOR, "confirmed": True,
    }  # fmt: skip
    return Manifest(**(values | said))


def content_of(rows: Iterable[EditionRow]) -> tuple[bytes, int, str]:
    """The bytes of rows in the fixed form, how many there are, and their SHA-256."""
    out = io.BytesIO()
    count, sha256 = write_rows(sorted(rows), out)
    return out.getvalue(), count, sha256


def edition(
    *rows: EditionRow,
    begin: date = BEGIN,
    end: date | None = None,
    published_ms: int = 0,
    place: Path | None = None,
    **said: Any,
) -> Published:
    """A published edition: its image in memory, or in a file where ``place`` says in which directory."""
    about = manifest(**said)
    content, _, sha256 = content_of(rows)
    with tempfile.TemporaryDirectory() as scratch:
        file = (place or Path(scratch)) / f"{about.map}.{about.edition}.csv"
        file.write_bytes(content)
        if place is None:
            found, kept = image.in_memory(locate_rows(file), sha256), None
        else:
            path, kept = file.with_suffix(".lmdb"), file
            path.unlink(missing_ok=True)
            image.build(file, sha256, path)
            found = image.attach(path, path.stat().st_size, sha256)
    return Published(about, begin, end, published_ms, found, kept, sha256)


def outward(maps: EditionMaps, code: str, on: date = DAY, given: Given = NOTHING_GIVEN) -> Row:
    """Province to nation."""
    return maps.translate(CHRONIC, code, JIANGSU, NATIONAL, on, given)


def homeward(maps: EditionMaps, code: str, on: date = DAY, given: Given = NOTHING_GIVEN) -> Row:
    """Nation to province."""
    return maps.translate(CHRONIC, code, NATIONAL, JIANGSU, on, given)


def answer(
    maps: EditionMaps, code: str, *, home: bool = False, on: date = DAY, given: Given = NOTHING_GIVEN
) -> tuple[object, ...]:
    """All that a look-up says, so that two sets of maps can be compared: the row, or why there is none."""
    try:
        found = (homeward if home else outward)(maps, code, on, given)
    except NotTranslated as error:
        return type(error).__name__, {key: value for key, value in vars(error).items() if key != "args"}
    return (
        found.from_code, found.to_code, found.kind, found.from_system, found.to_system, found.map, found.edition,
        found.row, found.relationship, found.confirmed,
    )  # fmt: skip


def override(to_code: str, expires_ms: int, code: str = "A1", number: int = 1) -> Override:
    """An override of the Jiangsu chronic map."""
    return Override(number, MAP, CHRONIC, JIANGSU, NATIONAL, code, to_code, expires_ms)


def at_ms(on: date, hour: int = 10) -> int:
    """An instant of a day in China."""
    return int((datetime(on.year, on.month, on.day, tzinfo=CHINA) + timedelta(hours=hour)).timestamp() * 1000)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, on: date = DAY) -> None:
        self.ms = at_ms(on)

    def __call__(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms

    def forward(self, *, hours: float = 0, ms: int = 0) -> None:
        """Let time pass."""
        self.ms += int(hours * 3_600_000) + ms


def draft(depot: Depot, *rows: EditionRow, **said: Any) -> Record:
    """An edition as it is after import."""
    content, count, sha256 = content_of(rows)
    with depot.incoming() as place:
        file = place / "rows.csv"
        file.write_bytes(content)
        return depot.bring_in(manifest(**said), file, count, sha256, AUTHOR)


def reviewed(depot: Depot, *rows: EditionRow, **said: Any) -> Record:
    """An edition that a second person has reviewed."""
    return lifecycle.review(depot, *draft(depot, *rows, **said).key, REVIEWER)


def publish(depot: Depot, *rows: EditionRow, begin: date = BEGIN, end: date | None = None, **said: Any) -> Record:
    """An edition in force."""
    key = reviewed(depot, *rows, **said).key
    return lifecycle.publish(depot, *key, PUBLISHER, begin, end, backdated=True)


def spoil(file: Path, content: bytes) -> None:
    """Put other content where a file was that nobody should change."""
    file.chmod(0o644)
    file.unlink()
    file.write_bytes(content)


def files(depot: Depot) -> list[str]:
    """Everything that lies in the depot beside its database."""
    return sorted(str(f.relative_to(depot.directory)) for f in depot.directory.rglob("*") if f.is_file())


def refusal(does: Callable[[], object]) -> Refused:
    """How something is refused."""
    with pytest.raises(Refused) as caught:
        does()
    return caught.value
