"""The list of published editions: what has been published keeps its content for ever.

``published.csv`` stands in the directory of the editions and holds one line for each: map, edition, digest. Lines
are only added, by ``python -m codemaps.published <directory>``, after all editions have passed their checks.
"""

import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from codemaps.csvfile import TableError, read_rows
from codemaps.editions import Edition, read_edition
from codemaps.lookup import EditionMaps

LIST = "published.csv"
SHIPPED = Path(__file__).parent / "tables" / "editions"
_COLUMNS = ("map", "edition", "digest")


def load(*directories: Path) -> EditionMaps:
    """Read the editions of some directories; refuse what is not published or differs from what was."""
    editions: list[Edition] = []
    for directory in directories:
        digests = published(directory)
        found = _read(directory)
        refuse_changed(found, digests)
        for edition in found:
            if (edition.manifest.map, edition.manifest.edition) not in digests:
                raise TableError(edition.file, 0, "edition", f"{edition.manifest.map} is not in {LIST}: publish it")
        missing = digests.keys() - {(edition.manifest.map, edition.manifest.edition) for edition in found}
        if missing:
            raise TableError(LIST, 0, "", f"published and gone: {' '.join(min(missing))}")
        editions += found
    return EditionMaps(editions)


@cache
def shipped() -> EditionMaps:
    """The editions that come with Yidi: examples and collected tables, none of them confirmed."""
    return load(SHIPPED)


def published(directory: Path) -> dict[tuple[str, str], str]:
    """The digests of what has been published in a directory."""
    file = directory / LIST
    if not file.exists():
        return {}
    digests: dict[tuple[str, str], str] = {}
    for line, cells in read_rows(file, _COLUMNS):
        key = cells["map"], cells["edition"]
        if key in digests:
            raise TableError(LIST, line, "edition", f"{key[0]} {key[1]} is listed twice")
        digests[key] = cells["digest"]
    return digests


def refuse_changed(editions: Iterable[Edition], digests: dict[tuple[str, str], str]) -> None:
    """Raise where the content of a published edition is no longer what was published."""
    for edition in editions:
        key = edition.manifest.map, edition.manifest.edition
        if digests.get(key, edition.digest) != edition.digest:
            raise TableError(
                edition.file, 0, "", f"{key[0]} {key[1]} was published with other content; give it a new edition name"
            )


def publish(directory: Path) -> list[Edition]:
    """Check all editions of a directory together and list the new ones; nothing is listed when one is refused."""
    digests = published(directory)
    found = _read(directory)
    refuse_changed(found, digests)
    EditionMaps(found)
    new = [edition for edition in found if (edition.manifest.map, edition.manifest.edition) not in digests]
    lines = [] if (directory / LIST).exists() else [",".join(_COLUMNS)]
    lines += [f"{edition.manifest.map},{edition.manifest.edition},{edition.digest}" for edition in new]
    if new:
        with (directory / LIST).open("a", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines) + "\n")
    return new


def _read(directory: Path) -> list[Edition]:
    editions: dict[tuple[str, str], Edition] = {}
    for file in sorted(directory.glob("*/*.toml")):
        edition = read_edition(file)
        key = edition.manifest.map, edition.manifest.edition
        if key in editions:
            raise TableError(file.name, 0, "edition", f"{key[0]} {key[1]} stands in two directories")
        editions[key] = edition
    return list(editions.values())


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for edition in publish(Path(name)):
            sys.stdout.write(f"{edition.manifest.map} {edition.manifest.edition} {edition.digest}\n")
