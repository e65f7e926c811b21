"""The image of an edition: both directions as one table of bytes, built once from the rows and never changed.

An image is either an LMDB file, which all workers of a hub map into memory and share, or a dict with the same keys
and values for the small editions that come with Yidi. The file is opened read-only and without locks: nobody
writes to it, so a reader that is killed leaves nothing behind.

    key      the local code as it is; 0xfe and the national code for the way back (neither 0xfe nor 0xff is in UTF-8)
    value    the other code and the place of the row (see ``Place``); where several rows come into question, or one
             that holds for some cases only or names no other code, 0x00 and a list of them
"""

import errno
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import lmdb
import msgspec

from codemaps import conditions
from codemaps.conditions import Conditions
from codemaps.csvfile import TableError
from codemaps.editions import RELATIONSHIPS, Located, locate_rows

FORMAT = 1
HOME = b"\xfe"
"""In front of a national code: the way back."""
SEVERAL = 0
"""First byte of a value that lists several rows; no code begins with it."""
PREFERRED, CONFIRMED, PASSED = 8, 16, 5
_META = b"\xff"
_TAIL = struct.Struct("<IQB")
TAIL = _TAIL.size
"""Bytes behind the code: line, offset and flags."""
NO_ROW = _TAIL.pack(0, 0, PASSED)
_BETWEEN = b"\x00"


class ImageBroken(Exception):
    """Occurs when an image cannot be read or is not the one that was built."""


class Meta(msgspec.Struct, frozen=True):
    """What an image says of itself."""

    format: int
    rows: int
    rows_sha256: str
    shared_out: int
    """Local codes with several targets."""
    shared_home: int
    """National codes with several local ones."""


class Place(NamedTuple):
    """Where a row stands, and what kind of row it is."""

    line: int
    offset: int
    relationship: int
    preferred: bool
    confirmed: bool


class Option(NamedTuple):
    """One of several rows that come into question for a code."""

    to_code: str
    tail: bytes
    conditions: Conditions | None


def place_of(tail: bytes) -> Place:
    """Read the bytes behind the code."""
    line, offset, flags = _TAIL.unpack(tail)
    return Place(line, offset, flags & 7, bool(flags & PREFERRED), bool(flags & CONFIRMED))


def options_of(value: bytes) -> list[Option]:
    """The rows of a value, also where there is only one."""
    if value[0] == SEVERAL:
        return _SEVERAL.decode(value[1:])
    return [Option(value[:-TAIL].decode(), value[-TAIL:], None)]


_SEVERAL: "msgspec.msgpack.Decoder[list[Option]]" = msgspec.msgpack.Decoder(list[Option])
_encode = msgspec.msgpack.Encoder().encode


# --- building -------------------------------------------------------------------------------------------------------


def entries(rows: Iterable[Located], rows_sha256: str) -> Iterator[tuple[bytes, bytes]]:
    """Every key and value of an image, in the order of the keys. Rows not sorted by local code raise TableError."""
    building = _Building()
    yield from building.grouped(building.outward(rows), b"")
    building.home.sort()
    yield from building.grouped(building.homeward(), HOME)
    meta = Meta(FORMAT, building.count, rows_sha256, building.shared[b""], building.shared[HOME])
    yield _META, msgspec.json.encode(meta)


class _Building:
    """What is gathered on the way out and needed on the way home."""

    def __init__(self) -> None:
        self.count = 0
        self.shared = {b"": 0, HOME: 0}
        self.home: list[bytes] = []
        self._held: dict[bytes, Conditions] = {}
        """Conditions by the tail of their row; few rows have any."""

    def outward(self, rows: Iterable[Located]) -> Iterator[tuple[bytes, bytes]]:
        last = b""
        for row, line, offset in rows:
            self.count += 1
            relationship = RELATIONSHIPS.index(row.relationship) if row.relationship else 3
            flags = relationship | (row.preferred == "true" and PREFERRED) | (row.confirmed == "true" and CONFIRMED)
            tail = _TAIL.pack(line, offset, flags)
            found = conditions.parse(row)
            if found is not None:
                self._held[tail] = found
            local, upper = row.local_code.encode(), row.national_code.encode()
            if local < last:  # LMDB would leave such a row out without a word
                raise TableError("rows", line, "local_code", "the rows are not in order")
            last = local
            if upper:
                self.home.append(upper + _BETWEEN + local + tail)
            yield local, upper + tail

    def homeward(self) -> Iterator[tuple[bytes, bytes]]:
        for packed in self.home:
            key, _, value = packed.partition(_BETWEEN)
            yield HOME + key, value

    def grouped(self, pairs: Iterable[tuple[bytes, bytes]], way: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, group in groupby(pairs, itemgetter(0)):
            values = [value for _, value in group]
            if len(values) == 1 and len(values[0]) > TAIL and values[0][-TAIL:] not in self._held:
                yield key, values[0]
                continue
            self.shared[way] += len(values) > 1
            options = [Option(v[:-TAIL].decode(), v[-TAIL:], self._held.get(v[-TAIL:])) for v in values]
            yield key, bytes([SEVERAL]) + _encode(options)


def build(rows_file: Path, rows_sha256: str, path: Path) -> None:
    """Build the image of a file of rows. The caller gives it its name once it is whole. Raises OSError, TableError."""
    room = rows_file.stat().st_size * 6 + (64 << 20)  # address space, not disk
    try:
        with lmdb.open(str(path), map_size=room, subdir=False, lock=False, sync=False, meminit=False) as environment:
            with environment.begin(write=True) as transaction:
                transaction.cursor().putmulti(entries(locate_rows(rows_file), rows_sha256), append=True)
            environment.sync(True)
    except lmdb.Error as error:
        _refuse_full(path)
        raise OSError(errno.EIO, _said(error, path)) from None


def _said(error: lmdb.Error, path: Path) -> str:
    """What LMDB says, without the path it may begin with."""
    return str(error).removeprefix(f"{path}: ")


def _refuse_full(path: Path) -> None:
    """Raise OSError where there is no room: LMDB calls a write that was cut short an input/output error."""
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), file.tell(), 16 << 20)


# --- reading --------------------------------------------------------------------------------------------------------


class Image:
    """An image that can be asked: ``get`` gives the value of a key, or None."""

    def __init__(self, get: Callable[[bytes], bytes | None], name: str) -> None:
        self.get = get
        raw = get(_META)
        try:
            self.meta = msgspec.json.decode(raw or b"", type=Meta)
        except msgspec.DecodeError:
            raise ImageBroken(f"{name}: not an image of an edition") from None
        if self.meta.format != FORMAT:
            raise ImageBroken(f"{name}: format {self.meta.format}, this program reads {FORMAT}")


def in_memory(rows: Iterable[Located], rows_sha256: str) -> Image:
    """An image in this process alone, for small editions."""
    return Image(dict(entries(rows, rows_sha256)).get, "memory")


_open: "WeakValueDictionary[tuple[str, int, int], Image]" = WeakValueDictionary()
"""A file may be mapped only once in a process; who asks again shares it."""


def attach(path: Path, size: int, rows_sha256: str) -> Image:
    """Map an image file; raises ImageBroken. ``size`` is what it had when it was built, from those rows.

    A file that has become shorter would end the process when its missing pages are touched, so that is looked at first.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ImageBroken(f"{path.name}: {error.strerror}") from None
    if status.st_size != size:
        raise ImageBroken(f"{path.name}: {status.st_size} bytes, expected {size}")
    key = str(path), status.st_ino, status.st_mtime_ns
    image = _open.get(key)
    if image is None:
        try:
            environment = lmdb.open(
                str(path), subdir=False, lock=False, readonly=True, readahead=False, create=False, max_spare_txns=0
            )
            image = Image(environment.begin().get, path.name)
        except lmdb.Error as error:
            raise ImageBroken(f"{path.name}: {_said(error, path)}") from None
        _open[key] = image
    if image.meta.rows_sha256 != rows_sha256:
        raise ImageBroken(f"{path.name}: built from other rows")
    return image
