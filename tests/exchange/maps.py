"""Code maps of a test: real editions with a few rows, in place of shipped ones."""

import hashlib
import io
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from codemaps import shipped
from codemaps.direction import Published
from codemaps.editions import EditionRow, Manifest, locate_rows, write_rows
from codemaps.image import in_memory
from codemaps.kinds import KINDS
from codemaps.lookup import EditionMaps
from codemaps.port import NATIONAL


def pair(local: str, national: str, *, preferred: bool = False, **conditions: str) -> EditionRow:
    """One row of a map."""
    flag = "true" if preferred else "false"
    return EditionRow(local, "", national, "", "equal", flag, "true", source="test", **conditions)


def edition(
    system: str,
    *rows: EditionRow,
    kind: str = "chronic",
    name: str = "test.1",
    begin: date = date(2026, 1, 1),
    published_ms: int = 0,
    unmapped: Literal["reject", "hold", "pass"] = "reject",
) -> Published:
    """An edition of the map between a system and the national one."""
    manifest = Manifest(
        map=f"{system}.{kind}", edition=name, kind=kind, from_system=system, to_system=NATIONAL, source="test",
        author="test", confirmed=True, unmapped=unmapped,
    )  # fmt: skip
    content = io.BytesIO()
    write_rows(sorted(rows), content)
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    with TemporaryDirectory() as directory:
        file = Path(directory) / "rows.csv"
        file.write_bytes(content.getvalue())
        image = in_memory(locate_rows(file), sha256)
    return Published(manifest, begin, None, published_ms, image, None, sha256)


def with_editions(*editions: Published) -> EditionMaps:
    """The shipped maps, but these in place of those between the same systems."""
    ways = {_way(each) for each in editions}
    return EditionMaps([each for each in shipped.editions() if _way(each) not in ways] + list(editions))


def _way(each: Published) -> tuple[int, str, str]:
    return KINDS[each.manifest.kind].wire, each.manifest.from_system, each.manifest.to_system
