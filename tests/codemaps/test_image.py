"""The image of an edition: what it holds, what is refused, and that readers do not disturb each other."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import lmdb
import msgspec
import pytest

from codemaps import image
from codemaps.csvfile import TableError
from codemaps.editions import RELATIONSHIPS, EditionRow, locate_rows, row_at
from codemaps.image import HOME, Image, ImageBroken, Meta, attach, build, in_memory, options_of, place_of
from tests.codemaps.builders import content_of, row

ROWS = [
    row("A1", "M00101"), row("A2", "M00102", "wider"), row("A3", "M00102", "narrower", preferred="true"), row("A4"),
    row("药5", "M00103", "inexact", confirmed="false"), row("A6", "M00104", insutype="310", admdvs="32|11"),
]  # fmt: skip


def rows_file(place: Path, *rows: EditionRow) -> tuple[Path, str]:
    """A file of rows, and its SHA-256."""
    content, _, sha256 = content_of(rows or ROWS)
    file = place / "rows.csv"
    file.write_bytes(content)
    return file, sha256


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, str]:
    """An image file of the rows above, and the SHA-256 of the rows."""
    file, sha256 = rows_file(tmp_path)
    build(file, sha256, tmp_path / "rows.lmdb")
    return tmp_path / "rows.lmdb", sha256


def opened(built: tuple[Path, str]) -> Image:
    """The image, attached."""
    return attach(built[0], built[0].stat().st_size, built[1])


def test_every_row_is_found_from_both_sides_at_its_place(built: tuple[Path, str]):
    """Each row can be read back by its code and by its target, from the line and byte the image names."""
    found, file = opened(built), built[0].with_suffix(".csv")
    lines = file.read_text(encoding="utf-8").splitlines()
    for each in sorted(ROWS):
        for key, other in ((each.local_code.encode(), each.national_code), (HOME + each.national_code.encode(),
                                                                          each.local_code)):  # fmt: skip
            if key == HOME:
                continue
            value = found.get(key)
            assert value is not None
            [option] = [o for o in options_of(value) if o.to_code == other]
            place = place_of(option.tail)
            assert row_at(file, place.offset) == each
            assert lines[place.line - 1].startswith(each.local_code + ",")
            assert (place.preferred, place.confirmed) == (each.preferred == "true", each.confirmed == "true")
            assert not each.relationship or RELATIONSHIPS[place.relationship] == each.relationship
            assert (option.conditions is None) == (not each.insutype)


def test_an_image_says_what_it_was_built_from(built: tuple[Path, str]):
    """The count of rows, their digest and the codes that are shared stand in the image itself."""
    assert opened(built).meta == Meta(image.FORMAT, 6, built[1], 0, 1)


def test_keys_stand_in_order(built: tuple[Path, str]):
    """A table of bytes is filled in the order of its keys, whatever script the codes are in."""
    file = built[0].with_suffix(".csv")
    keys = [key for key, _ in image.entries(locate_rows(file), built[1])]
    assert keys == sorted(set(keys))


def test_rows_out_of_order_are_not_built(tmp_path: Path):
    """Rows that are not sorted never become an image that lacks some of them."""
    file, sha256 = rows_file(tmp_path)
    header, first, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([header, *rest, first]))
    for refuse in (lambda: build(file, sha256, tmp_path / "bad.lmdb"), lambda: in_memory(locate_rows(file), sha256)):
        with pytest.raises(TableError, match="row 7, column local_code"):
            refuse()


def test_a_missing_image_is_refused(tmp_path: Path):
    """No file is no image."""
    with pytest.raises(ImageBroken, match=r"gone\.lmdb"):
        attach(tmp_path / "gone.lmdb", 1, "")


@pytest.mark.parametrize("keep", [0, 1, 4096, -4096, -1])
def test_a_truncated_image_is_refused(built: tuple[Path, str], keep: int):
    """A file that lost its end is never mapped, since touching the missing pages would end the process."""
    size = built[0].stat().st_size
    os.truncate(built[0], keep if keep >= 0 else size + keep)
    with pytest.raises(ImageBroken, match=rf"bytes, expected {size}"):
        attach(built[0], size, built[1])


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"local_code,"])
def test_a_file_of_the_right_size_that_is_no_image_is_refused(built: tuple[Path, str], fill: bytes):
    """Other content under the name of an image is refused, and the right one is taken after it."""
    whole = built[0].read_bytes()
    built[0].write_bytes((fill * len(whole))[: len(whole)])
    with pytest.raises(ImageBroken):
        opened(built)
    built[0].unlink()
    built[0].write_bytes(whole)
    assert opened(built).get(b"A1") is not None


def test_an_image_of_other_rows_is_refused(built: tuple[Path, str]):
    """An image that was built from other rows than the ones recorded is not taken for theirs."""
    with pytest.raises(ImageBroken, match="other rows"):
        attach(built[0], built[0].stat().st_size, "0" * 64)
    assert opened(built).meta.rows_sha256 == built[1]


@pytest.mark.parametrize("meta", [None, b"", b"{}", b"[]", b"\xff", msgspec.json.encode({"format": 1})])
def test_a_table_without_a_note_of_its_own_is_refused(tmp_path: Path, meta: bytes | None):
    """An LMDB file that is not an image of an edition is refused."""
    path = tmp_path / "other.lmdb"
    with lmdb.open(str(path), subdir=False, lock=False) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"A1", b"x" * 20)
        if meta is not None:
            transaction.put(b"\xff", meta)
    with pytest.raises(ImageBroken, match="not an image"):
        attach(path, path.stat().st_size, "")


def test_an_image_of_another_format_is_refused(built: tuple[Path, str]):
    """An image of a later program is refused by its number, not misread."""
    meta = msgspec.json.encode(Meta(image.FORMAT + 1, 6, built[1], 0, 0))
    with pytest.raises(ImageBroken, match=f"format {image.FORMAT + 1}"):
        Image({b"\xff": meta}.get, "x")


def test_a_file_attached_twice_is_shared(built: tuple[Path, str]):
    """Two sets of maps in one process map one file once; when both have gone, it can be attached anew."""
    first = opened(built)
    assert opened(built) is first
    del first
    assert opened(built).get(b"A1") is not None


def test_a_reader_keeps_its_image_while_the_file_is_replaced(built: tuple[Path, str], tmp_path: Path):
    """Who mapped the old file goes on reading it; who comes after the replacement reads the new one."""
    old = opened(built)
    (tmp_path / "new").mkdir()
    file, sha256 = rows_file(tmp_path / "new", row("A1", "M00999"))
    build(file, sha256, fresh := tmp_path / "new" / "rows.lmdb")
    fresh.replace(built[0])
    new = opened((built[0], sha256))
    assert new is not old
    assert (old.get(b"A1") or b"")[:6] == b"M00101"
    assert (new.get(b"A1") or b"")[:6] == b"M00999"
    built[0].unlink()
    assert (old.get(b"A2") or b"")[:6] == b"M00102"
    assert (new.get(HOME + b"M00999") or b"")[:2] == b"A1"


def _read_for_ever(path: str, size: int, sha256: str, pipe: Connection) -> None:
    found = attach(Path(path), size, sha256)
    pipe.send("ready")
    while True:
        assert found.get(b"A1")


@contextmanager
def reader(built: tuple[Path, str]) -> Iterator[multiprocessing.context.SpawnProcess]:
    """A process that does nothing but look-ups."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_read_for_ever, args=(str(built[0]), built[0].stat().st_size, built[1], there))
    process.start()
    try:
        assert here.recv() == "ready"
        yield process
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()
        there.close()


def test_a_reader_that_is_killed_leaves_nothing_behind(built: tuple[Path, str]):
    """A process killed amid look-ups leaves no lock and no file, and others read and attach as before."""
    found = opened(built)
    before = built[0].read_bytes()
    with reader(built) as process:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert sorted(each.name for each in built[0].parent.iterdir()) == ["rows.csv", "rows.lmdb"]
    assert built[0].read_bytes() == before
    assert found.get(b"A1")
    del found
    assert opened(built).get(b"A1")


def test_a_look_up_in_one_process_needs_no_permission_to_write(built: tuple[Path, str]):
    """Images are read from files that nobody may write to."""
    built[0].chmod(0o444)
    assert opened(built).get(b"A1")
