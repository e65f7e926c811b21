"""What a depot knows of an edition, and one line of its history."""

from datetime import date
from typing import Any, NamedTuple

import msgspec

from codemaps.editions import Manifest

STATES_ZH = {"draft": "草稿", "reviewed": "已复核", "published": "已发布", "withdrawn": "已撤回"}


class Record(NamedTuple):
    """What the depot knows of one edition."""

    manifest: Manifest
    state: str
    digest: str
    rows: int
    rows_sha256: str
    rows_size: int
    image_sha256: str
    image_size: int
    imported_ms: int
    reviewer: str
    effective_from: date | None
    effective_to: date | None
    published_ms: int
    withdrawn_ms: int
    origin: str

    @property
    def key(self) -> tuple[str, str]:
        """Map and edition."""
        return self.manifest.map, self.manifest.edition


class Entry(NamedTuple):
    """One line of the history."""

    id: int
    at_ms: int
    actor: str
    account: str
    action: str
    map: str
    edition: str
    detail: dict[str, Any]


def record_of(row: Any) -> Record:
    """A row of the table as what it says."""
    return Record(
        manifest=msgspec.json.decode(row.manifest, type=Manifest),
        state=row.state,
        digest=row.digest,
        rows=row.rows,
        rows_sha256=row.rows_sha256,
        rows_size=row.rows_size,
        image_sha256=row.image_sha256,
        image_size=row.image_size,
        imported_ms=row.imported_ms,
        reviewer=row.reviewer,
        effective_from=date.fromisoformat(row.effective_from) if row.effective_from else None,
        effective_to=date.fromisoformat(row.effective_to) if row.effective_to else None,
        published_ms=row.published_ms,
        withdrawn_ms=row.withdrawn_ms,
        origin=row.origin,
    )
