"""An XLSX file before it is opened: a zip whose content is read only when it cannot harm.

Sizes come from the directory of the zip, which a liar may understate; then reading an entry ends at the stated size
and its checksum is wrong, so that nothing is ever unpacked beyond it. No entry is written to disk.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from codemaps.intake.limits import XML_ELEMENTS, ZIP_BYTES, ZIP_ENTRIES, ZIP_RATIO, ZIP_RATIO_FROM, ZIP_STRINGS
from codemaps.intake.problems import FileRefused, shown

_INSIDE = (".zip", ".xlsx", ".xlsm", ".xlsb", ".xls", ".gz", ".rar", ".7z")
_PIECE = 1 << 20
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]{1,3}(\d{1,7})(?::[A-Z]{1,3}(\d{1,7}))?)[\"']")
_OVERLAP = 512
"""Bytes of the piece before that are looked at again, because a tag may lie across the border."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What the zip library raises for content that is not as it should be."""


def refuse_archive(file: Path) -> None:
    """Raise FileRefused where a workbook must not or cannot be opened."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _refuse_sizes(entries)
            _refuse_kinds(entries)
            for entry in entries:
                _refuse_declarations(archive, entry)
    except BROKEN:
        raise FileRefused("not_xlsx") from None
    except OSError as error:
        raise FileRefused("unreadable", why=error.strerror or str(error)) from None


def _refuse_sizes(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > ZIP_ENTRIES:
        raise FileRefused("zip_bomb", entry=f"{len(entries)} entries")
    if sum(entry.file_size for entry in entries) > ZIP_BYTES:
        raise FileRefused("zip_bomb", entry=f"{sum(entry.file_size for entry in entries)} bytes")
    for entry in entries:
        grows = entry.file_size > ZIP_RATIO_FROM and entry.file_size > ZIP_RATIO * max(entry.compress_size, 1)
        texts = entry.filename.endswith("sharedStrings.xml") and entry.file_size > ZIP_STRINGS
        if grows or texts:
            raise FileRefused("zip_bomb", entry=shown(entry.filename))


def _refuse_kinds(entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        if entry.flag_bits & 1:
            raise FileRefused("encrypted")
        if entry.filename.lower().endswith(_INSIDE):
            raise FileRefused("zip_nested", entry=shown(entry.filename))
    if "[Content_Types].xml" not in {entry.filename for entry in entries}:
        raise FileRefused("not_xlsx")


class _Declared(Exception):
    pass


class _Swollen(Exception):
    pass


class _Counter:
    """Counts elements since the last row of a sheet or the last shared text, which are let go one by one."""

    def __init__(self) -> None:
        self.depth = self.held = 0

    def start(self, _name: str, _attributes: object) -> None:
        self.depth += 1
        self.held += 1
        if self.held > XML_ELEMENTS:
            raise _Swollen

    def end(self, name: str) -> None:
        self.depth -= 1
        if (self.depth == 2 and name.endswith("row")) or (self.depth == 1 and name.endswith("si")):
            self.held = 0


def _refuse_declarations(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """A document type is where entities come from; the parser itself finds it, in whatever encoding it hides.

    A relation may call any entry a sheet, so the names of entries say nothing.
    """
    parser = expat.ParserCreate()

    def declared(*_: object) -> None:
        raise _Declared

    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    counter = _Counter()
    parser.StartElementHandler, parser.EndElementHandler = counter.start, counter.end
    try:
        for piece in _pieces(archive, entry.filename):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except _Declared:
        raise FileRefused("xml_entities", 0, entry.filename) from None
    except _Swollen:
        raise FileRefused("zip_bomb", entry=shown(entry.filename)) from None
    except (expat.ExpatError, LookupError, UnicodeError):
        if entry.filename.endswith((".xml", ".rels")):
            raise FileRefused("broken_workbook", 0, entry.filename) from None


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as opened:
        while piece := opened.read(_PIECE):
            yield piece


def merged_ranges(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[str, int]]:
    """The merged ranges of a sheet, with the last row of each."""
    before = b""
    for piece in _pieces(archive, part):
        text = before + piece
        end = 0
        for match in _MERGED.finditer(text):
            end = match.end()
            yield match[1].decode(), max(int(match[2]), int(match[3] or 0))
        before = text[max(end, len(text) - _OVERLAP) :]
