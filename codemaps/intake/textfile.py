"""A text file before it is read: whether it is a table at all, and in which encoding it is written.

The whole file is decoded once, piece by piece, so that a wrong byte in the last line is found before the first row is
judged. What is valid UTF-8 is UTF-8; everything else that Chinese systems write is GB18030, which holds GBK and
GB2312.
"""

import codecs
from pathlib import Path

from codemaps.intake.limits import MAX_LINE_BYTES
from codemaps.intake.problems import FileRefused

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_OTHER = (b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"SQLite format", b"PK\x05\x06")
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head", b"<body", b"<workbook", b"<style", b"<div")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PIECE = MAX_LINE_BYTES


def is_workbook(file: Path) -> bool:
    """Whether a file is a zip, which XLSX is; what is neither that nor text is refused."""
    start = _start(file)
    if start.startswith(_ZIP):
        return True
    if not start:
        raise FileRefused("empty_file")
    if start.startswith(_OLE):
        raise FileRefused("old_xls")
    text = start.decode("utf-16", "ignore").encode() if start[:2] in (b"\xff\xfe", b"\xfe\xff") else start
    if text.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(_MARKUP):
        raise FileRefused("html_file")
    if start.startswith(_OTHER):
        raise FileRefused("binary_file")
    if file.suffix.lower() in (".xlsx", ".xlsm"):
        raise FileRefused("not_xlsx")
    return False


def find_encoding(file: Path, named: str) -> str:
    """The encoding of a text file, tried on all of it; ``named`` is what the operator says, or nothing."""
    start = _start(file)
    if named:
        return _check(file, _known(named))
    bom = next((name for mark, name in _BOMS if start.startswith(mark)), "")
    if bom:
        return _check(file, bom)
    refusals = []
    for encoding in ("utf-8", "gb18030"):
        try:
            return _check(file, encoding)
        except FileRefused as refusal:
            if refusal.fault.code != "bad_encoding":
                raise
            refusals.append(refusal)
    # The encoding that came further is the one that was meant, and its place the one to look at.
    raise max(refusals, key=lambda refusal: refusal.fault.row)


def _known(named: str) -> str:
    try:
        "".encode(named)
        return codecs.lookup(named).name
    except (LookupError, ValueError):
        raise FileRefused("bad_encoding", 0, named, encoding=named, byte=0) from None


def _start(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(2048)
    except OSError as error:
        raise FileRefused("unreadable", why=error.strerror or str(error)) from None


def _check(file: Path, encoding: str) -> str:
    """Decode everything; a NUL or a line without end is found on the way."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = encoding.startswith(("utf-16", "utf-32"))
    line, read = 1, 0
    try:
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE):
                _refuse_piece(piece, line, wide=wide)
                decoder.decode(piece)
                line += piece.count(b"\n")
                read += len(piece)
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        row = line + piece.count(b"\n", 0, at)
        raise FileRefused("bad_encoding", row, encoding=encoding, byte=read + at + 1) from None
    except OSError as error:
        raise FileRefused("unreadable", why=error.strerror or str(error)) from None
    return encoding


def _refuse_piece(piece: bytes, line: int, *, wide: bool) -> None:
    if not wide and b"\0" in piece:
        raise FileRefused("nul_bytes", line + piece.count(b"\n", 0, piece.index(b"\0")))
    if len(piece) == _PIECE and b"\n" not in piece and b"\r" not in piece:
        raise FileRefused("line_too_long", line)
