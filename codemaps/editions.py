"""An edition of a code map: a manifest that says what it is, and a table of rows.

``<map>/<edition>.toml`` holds the manifest and ``<map>/<edition>.csv`` beside it the rows. A row is known by its
line in the file. An edition never changes once it is published; its digest proves it (see ``codemaps.published``).
"""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from codemaps import shapes
from codemaps.csvfile import Source, TableError, flag, read_rows
from codemaps.port import CATALOGUE, CHRONIC, NATIONAL, Relationship

KINDS = {"chronic": CHRONIC, "catalogue": CATALOGUE}
_REQUIRED = (
    "local_code", "local_name", "national_code", "national_name", "relationship", "preferred", "confirmed", "source",
)  # fmt: skip
_OPTIONAL = {
    "chronic": ("handbook_mark",),
    "catalogue": ("list_type",),
}
"""``handbook_mark`` carries over how far the national code itself is confirmed; ``list_type`` names the shape a
national catalogue code must have."""
_RELATIONSHIPS: dict[str, Relationship] = {
    "equal": "equal",
    "wider": "wider",
    "narrower": "narrower",
    "inexact": "inexact",
}
_SYSTEM = re.compile(r"CN-\d{6}", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z._\-]{1,64}", re.ASCII)


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an edition says of itself."""

    map: str
    edition: str
    kind: Literal["chronic", "catalogue"]
    from_system: str
    to_system: str
    effective_from: date
    source: str
    author: str
    note: str
    confirmed: bool
    """False where the whole edition has no official source; then no row of it is confirmed."""
    unmapped: Literal["reject", "pass"]
    """What happens to a code without a row: refuse it, or let it through when it is a code of the other side."""
    effective_to: date | None = None
    """Last day of service; without it the edition is in force until the next one of its map begins."""


class EditionRow(NamedTuple):
    """One line of the table. An empty national code says that the local code is known and has no counterpart."""

    line: int
    local_code: str
    local_name: str
    national_code: str
    national_name: str
    relationship: Relationship
    """How the national code stands to the local one."""
    preferred: bool
    """The local code to choose where several share the national one."""
    confirmed: bool
    source: str


class Edition(NamedTuple):
    """A manifest, its rows, and the digest over both."""

    manifest: Manifest
    rows: tuple[EditionRow, ...]
    digest: str
    file: str


def read_edition(manifest_file: Source) -> Edition:
    """Read and check one edition; raises TableError, which names file, row and column."""
    manifest = _read_manifest(manifest_file)
    table = _beside(manifest_file)
    raw: list[list[str]] = []
    rows: list[EditionRow] = []
    for line, cells in read_rows(table, _REQUIRED, _OPTIONAL[manifest.kind]):
        rows.append(_read_row(table.name, line, cells, manifest))
        raw.append([str(line), *(value for _, value in sorted(cells.items()))])
    _refuse_conflicts(table.name, rows)
    # Over values and not over bytes, so that a checkout with other line ends is still the same edition.
    content = json.dumps([msgspec.to_builtins(manifest), raw], ensure_ascii=False, sort_keys=True)
    digest = "sha256:" + hashlib.sha256(content.encode()).hexdigest()
    return Edition(manifest, tuple(rows), digest, table.name)


def _beside(manifest_file: Source) -> Path:
    path = Path(str(manifest_file))
    # with_suffix would cut the edition 2026.1 to 2026.
    return path.with_name(path.name.removesuffix(".toml") + ".csv")


def _read_manifest(file: Source) -> Manifest:
    try:
        manifest = msgspec.toml.decode(file.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TableError(file.name, 0, "", str(error)) from None
    for column in ("map", "edition"):
        if not _NAME.fullmatch(getattr(manifest, column)):
            raise TableError(file.name, 0, column, "expected 1 to 64 letters, digits, dots, dashes or underscores")
    if file.name != manifest.edition + ".toml":
        raise TableError(file.name, 0, "edition", f"the file of edition {manifest.edition} has another name")
    if not _SYSTEM.fullmatch(manifest.from_system):
        raise TableError(file.name, 0, "from_system", "expected CN- and six digits")
    if manifest.to_system != NATIONAL:
        raise TableError(file.name, 0, "to_system", f"expected {NATIONAL}")
    if manifest.effective_to is not None and manifest.effective_to < manifest.effective_from:
        raise TableError(file.name, 0, "effective_to", "lies before effective_from")
    return manifest


def _read_row(name: str, line: int, cells: dict[str, str], manifest: Manifest) -> EditionRow:
    kind = KINDS[manifest.kind]
    row = EditionRow(
        line,
        cells["local_code"],
        cells["local_name"],
        cells["national_code"],
        cells["national_name"],
        _relationship(name, line, cells),
        flag(name, line, "preferred", cells["preferred"]),
        flag(name, line, "confirmed", cells["confirmed"]),
        cells["source"],
    )
    if not shapes.is_local(kind, row.local_code):
        raise TableError(name, line, "local_code", f"{row.local_code!r} does not have the shape of a code")
    if not row.local_name or not row.source:
        raise TableError(name, line, "source" if row.local_name else "local_name", "must not be empty")
    list_type = cells.get("list_type", "")
    if list_type and list_type not in shapes.LIST_TYPES:
        raise TableError(name, line, "list_type", f"{list_type!r} is not a kind of catalogue")
    if row.national_code and not shapes.is_national(kind, row.national_code, list_type):
        expected = f"{manifest.kind} code" + (f" of list type {list_type}" if list_type else "")
        raise TableError(name, line, "national_code", f"{row.national_code!r} does not have the shape of a {expected}")
    if row.preferred and not row.national_code:
        raise TableError(name, line, "preferred", "a row without a national code cannot be preferred")
    if row.confirmed and not manifest.confirmed:
        raise TableError(name, line, "confirmed", "the edition itself is not confirmed")
    return row


def _relationship(name: str, line: int, cells: dict[str, str]) -> Relationship:
    value = cells["relationship"]
    if value in _RELATIONSHIPS:
        return _RELATIONSHIPS[value]
    if not value and not cells["national_code"]:
        return "inexact"
    raise TableError(name, line, "relationship", f"expected equal, wider, narrower or inexact, found {value!r}")


def _refuse_conflicts(name: str, rows: list[EditionRow]) -> None:
    seen: dict[str, EditionRow] = {}
    preferred: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row.local_code, row)
        if first is not row:
            same = first.national_code == row.national_code
            problem = "occurs again" if same else f"has another national code, {first.national_code or 'none'}"
            raise TableError(name, row.line, "local_code", f"{row.local_code} {problem}; see row {first.line}")
        if row.preferred and preferred.setdefault(row.national_code, row.line) != row.line:
            other = preferred[row.national_code]
            raise TableError(name, row.line, "preferred", f"{row.national_code} is preferred in row {other} already")
