"""The editions that come with Yidi: lists of national codes, local tables as they were collected, and examples.

Each is a manifest ``<map>/<edition>.toml`` and its rows beside it in the fixed form. None of them is confirmed, and
whatever uses one says so. ``published.csv`` holds the digest of each: an edition that was shipped keeps its content
for ever, and ``python -m codemaps.shipped`` adds the lines of new ones.
"""

import csv
import hashlib
import sys
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from codemaps.csvfile import TableError, read_rows
from codemaps.direction import Published
from codemaps.editions import Manifest, digest_of, locate_rows, refuse_manifest
from codemaps.image import in_memory
from codemaps.lookup import EditionMaps

DIRECTORY = Path(__file__).parent / "tables" / "editions"
LIST = "published.csv"
_COLUMNS = ("map", "edition", "digest")


class ShippedManifest(Manifest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The manifest of a shipped edition says its dates too."""

    effective_from: date
    effective_to: date | None = None


def editions(directory: Path = DIRECTORY) -> tuple[Published, ...]:
    """The shipped editions; raises TableError where one is not what was published."""
    found = _read_all(directory)
    known = _digests(directory)
    for edition in found:
        key = edition.manifest.map, edition.manifest.edition
        if key not in known:
            raise TableError(LIST, 0, "edition", f"{key[0]} {key[1]} is not listed")
        if known[key] != edition.digest:
            raise TableError(LIST, 0, "digest", f"{key[0]} {key[1]} was published with other content")
    missing = known.keys() - {(edition.manifest.map, edition.manifest.edition) for edition in found}
    if missing:
        raise TableError(LIST, 0, "", f"published and gone: {' '.join(min(missing))}")
    return found


@cache
def maps() -> EditionMaps:
    """The shipped editions as code maps, read once."""
    return EditionMaps(editions())


def _read_all(directory: Path) -> tuple[Published, ...]:
    return tuple(_read(file) for file in sorted(directory.glob("*/*.toml")))


def _read(file: Path) -> Published:
    try:
        said = msgspec.toml.decode(file.read_bytes(), type=ShippedManifest)
    except msgspec.DecodeError as error:
        raise TableError(file.name, 0, "", str(error)) from None
    facts = {name: getattr(said, name) for name in Manifest.__struct_fields__}
    manifest = Manifest(**facts)
    refuse_manifest(manifest, file.name)
    if (file.parent.name, file.name) != (manifest.map, f"{manifest.edition}.toml"):
        raise TableError(file.name, 0, "edition", f"{manifest.map} {manifest.edition} stands in a file of another name")
    rows_file = file.with_name(f"{manifest.edition}.csv")
    sha256 = hashlib.sha256(rows_file.read_bytes()).hexdigest()
    image = in_memory(locate_rows(rows_file), sha256)
    digest = digest_of(manifest, sha256)
    return Published(manifest, said.effective_from, said.effective_to, 0, image, rows_file, digest)


def _digests(directory: Path) -> dict[tuple[str, str], str]:
    if not (directory / LIST).exists():
        return {}
    rows = read_rows(directory / LIST, _COLUMNS)
    return {(cells["map"], cells["edition"]): cells["digest"] for _, cells in rows}


def list_new(directory: Path = DIRECTORY) -> list[Published]:
    """Add the digests of editions that are not listed; those listed stay as they are, also when their files changed."""
    known = _digests(directory)
    found = _read_all(directory)
    EditionMaps(found)
    new = [edition for edition in found if (edition.manifest.map, edition.manifest.edition) not in known]
    with (directory / LIST).open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not known:
            writer.writerow(_COLUMNS)
        writer.writerows((e.manifest.map, e.manifest.edition, e.digest) for e in new)
    return new


if __name__ == "__main__":
    for edition in list_new():
        sys.stdout.write(f"{edition.manifest.map} {edition.manifest.edition} {edition.digest}\n")
