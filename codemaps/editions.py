"""An edition of a code map: what it says of itself, and its rows in one fixed form.

The fixed form is CSV in UTF-8 with the columns below, sorted, one row a line, each cell quoted only where it must
be. The same rows therefore have the same bytes and the same SHA-256 wherever they came from; that file is what is
kept, served to the hubs below and exported. A row is known by its line in it, the header being line 1.

The ``local_*`` columns hold the lower side (a city's or a province's own code), the ``national_*`` columns the upper
side, which for the map of a city is its province. A *list* has no upper side: it names the codes of one system, with
what the catalogue says of their payment.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Literal, NamedTuple

import msgspec

from codemaps.csvfile import TableError
from codemaps.kinds import KINDS
from codemaps.port import NATIONAL

RELATIONSHIPS = ("equal", "wider", "narrower", "inexact")
"""How the upper code stands to the lower one."""
SYSTEM = re.compile(r"CN(-\d{6})?", re.ASCII)
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._\-]{0,63}", re.ASCII)
"""Maps and editions name directories and files, so no name may lead out of them."""


class EditionRow(NamedTuple):
    """One row, every cell as text; empty where the table says nothing."""

    local_code: str
    local_name: str = ""
    national_code: str = ""
    """Empty in a list; in a map it says that the local code is known and has no counterpart."""
    national_name: str = ""
    relationship: str = ""
    preferred: str = "false"
    """``true``: the local code to choose where several share the national one and nothing else decides."""
    confirmed: str = "false"
    """``true``: somebody named in ``source`` vouches for the row."""
    list_type: str = ""
    insutype: str = ""
    """Holds for these insurance types only, separated by ``|``."""
    admdvs: str = ""
    """Holds for persons insured in these divisions only, by their leading digits, separated by ``|``."""
    med_type: str = ""
    """Holds for these medical types only, separated by ``|``."""
    valid_from: str = ""
    """First day of service, yyyy-MM-dd; empty: as the edition."""
    valid_to: str = ""
    """Last day of service, yyyy-MM-dd; empty: as the edition."""
    chrgitm_lv: str = ""
    """Class: 01 A, 02 B, 03 C (self-paid), 04 C payable locally."""
    selfpay_prop: str = ""
    """First-pay ratio, 0 to 1, up to four decimals."""
    pric_uplmt_amt: str = ""
    """Ceiling of the unit price in yuan, up to six decimals; 999999 means none."""
    lmt_used_flag: str = ""
    """1 when paid only for a stated indication."""
    source: str = ""
    """Who says so; empty: as the edition."""
    remark: str = ""

    @property
    def target(self) -> tuple[str, str]:
        """What a change of this row would change in a settlement."""
        return self.national_code, self.relationship


COLUMNS = EditionRow._fields
HEADER = (",".join(COLUMNS) + "\n").encode()
CONDITIONS = ("insutype", "admdvs", "med_type", "valid_from", "valid_to")
"""Columns that say for which cases a row holds."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an edition says of itself; fixed when it is imported."""

    map: str
    edition: str
    kind: str
    from_system: str
    to_system: str
    """Empty for a list."""
    source: str
    author: str
    note: str = ""
    confirmed: bool = False
    """False where the whole edition has no official source; then no row of it is confirmed."""
    unmapped: Literal["reject", "hold", "pass"] = "reject"
    """What happens to a code without a row: refuse it, hold it until the map is completed, or let it through when it
    is a code of the other side."""
    complete: bool = False
    """For a list: that a code missing from it does not exist."""

    @property
    def is_list(self) -> bool:
        """Whether it names the codes of one system and maps nothing."""
        return not self.to_system


def refuse_manifest(manifest: Manifest, file: str) -> None:
    """Raise TableError, which names the key, where a manifest cannot be right."""
    for column in ("map", "edition"):
        if not NAME.fullmatch(getattr(manifest, column)):
            raise TableError(file, 0, column, "expected 1 to 64 letters, digits, dots, dashes or underscores")
    if manifest.kind not in KINDS:
        raise TableError(file, 0, "kind", f"expected one of {', '.join(KINDS)}, found {manifest.kind!r}")
    if not SYSTEM.fullmatch(manifest.from_system):
        raise TableError(file, 0, "from_system", "expected CN, or CN- and six digits")
    if manifest.to_system and not SYSTEM.fullmatch(manifest.to_system):
        raise TableError(file, 0, "to_system", "expected CN, or CN- and six digits")
    if manifest.from_system == manifest.to_system or (manifest.to_system and manifest.from_system == NATIONAL):
        raise TableError(file, 0, "to_system", "expected the system above from_system, or none for a list")


def write_rows(rows: Iterable[EditionRow], file: IO[bytes]) -> tuple[int, str]:
    """Write rows, sorted already, in the fixed form; how many, and the SHA-256 of the bytes."""
    digest, count = hashlib.sha256(HEADER), 0
    file.write(HEADER)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows:
        writer.writerow(row)
        count += 1
        if not count % 4096:
            _spill(buffer, file, digest)
    _spill(buffer, file, digest)
    return count, digest.hexdigest()


def _spill(buffer: io.StringIO, file: IO[bytes], digest: "hashlib._Hash") -> None:
    piece = buffer.getvalue().encode()
    digest.update(piece)
    file.write(piece)
    buffer.seek(0)
    buffer.truncate()


def read_rows(file: Path) -> Iterator[EditionRow]:
    """The rows of a file in the fixed form, one after another."""
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        _refuse_header(next(reader, None), file.name)
        yield from map(EditionRow._make, reader)


class Located(NamedTuple):
    """A row with the place where it stands."""

    row: EditionRow
    line: int
    offset: int
    """Where its line begins, in bytes."""


def locate_rows(file: Path) -> Iterator[Located]:
    """The rows of a file in the fixed form, with their places; no cell of that form spans lines."""
    with file.open("rb") as source:
        header = source.readline()
        _refuse_header(next(csv.reader([header.decode()]), None), file.name)
        places: list[int] = []

        def lines() -> Iterator[str]:
            at = len(header)
            for raw in source:
                places.append(at)
                at += len(raw)
                yield raw.decode()

        for number, cells in enumerate(csv.reader(lines(), strict=True)):
            yield Located(EditionRow._make(cells), number + 2, places.pop())


def row_at(file: Path, offset: int) -> EditionRow:
    """The row whose line begins at a byte."""
    with file.open("rb") as source:
        source.seek(offset)
        return EditionRow._make(next(csv.reader([source.readline().decode()])))


def by_code(rows: Iterable[EditionRow]) -> Iterator[tuple[str, list[EditionRow]]]:
    """The rows of each local code together; they are sorted by it."""
    for code, group in groupby(rows, itemgetter(0)):
        yield code, list(group)


def _refuse_header(header: list[str] | None, name: str) -> None:
    if header is None or tuple(header) != COLUMNS:
        raise TableError(name, 1, "", "this is not a file of an edition in its fixed form")


def digest_of(manifest: Manifest, rows_sha256: str) -> str:
    """What proves an edition: SHA-256 over what it says of itself and over its rows."""
    content = msgspec.json.encode(manifest, order="sorted") + b"\n" + rows_sha256.encode()
    return "sha256:" + hashlib.sha256(content).hexdigest()
