"""All of a file, or nothing and words: what holds whatever the file holds."""

import errno
import hashlib
import io
import random
import tempfile
import zipfile
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codemaps import shipped
from codemaps.direction import Published
from codemaps.editions import EditionRow, read_rows, write_rows
from codemaps.intake import Order, Report, limits, problems, take_in

ORDER = Order("chronic", "CN-320000", "CN", date(2026, 1, 1), source="s")
HEADER = "地方编码,地方名称,国家编码,国家名称,对应关系,有效标志\n".encode()


def taken(content: bytes, name: str = "t.csv", order: Order = ORDER) -> tuple[Report, bytes]:
    """Take in some bytes; the report and the rows, if there are any."""
    with tempfile.TemporaryDirectory() as place:
        file, rows_file = Path(place) / name, Path(place) / "rows.out"
        file.write_bytes(content)
        report = take_in(file, order, rows_file, rejects=Path(place) / f"rejects{file.suffix}")
        assert report.ok == rows_file.exists()
        assert not list(Path(place).glob(".*"))
        msgspec.json.decode(msgspec.json.encode(report), type=Report)
        return report, rows_file.read_bytes() if report.ok else b""


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(['"', ",", "\n", "\r", "A1", "糖尿病", "M01600", "equal", "\u3000", "\ufeff", "1E+5"]).map(
            str.encode
        ),
    ),
    max_size=40,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(PIECES, st.booleans(), st.sampled_from(["t.csv", "t.xlsx", "t"]))
@example(content=b"\xff\xfe\x00", headed=False, name="t.csv")
def test_whatever_a_file_holds_there_is_a_report(content: bytes, headed: bool, name: str) -> None:
    """Any bytes make a report, never an exception, and rows only when nothing was rejected."""
    report, _ = taken((HEADER if headed else b"") + content, name)
    assert report.ok or report.problems


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"]))
def test_whatever_a_workbook_holds_there_is_a_report(content: bytes, part: str) -> None:
    """Any bytes as a part of a workbook make a report."""
    import openpyxl

    whole, broken = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(broken, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, content if entry.filename == part else old.read(entry))
    assert not taken(broken.getvalue(), "t.xlsx")[0].ok


CODES = st.integers(0, 99).map(lambda n: f"A{n:02d}")
TABLE = st.dictionaries(
    CODES, st.tuples(st.text('糖尿病,"x y', min_size=1, max_size=5), st.integers(0, 99999)), min_size=1
)


@settings(deadline=None)
@given(TABLE, st.randoms(use_true_random=False))
def test_the_fixed_form_does_not_depend_on_the_order_of_the_rows(
    rows: dict[str, tuple[str, int]], chance: random.Random
) -> None:
    """The same rows in another order have the same bytes, and so have they when they are imported again."""
    import csv

    def table(codes: list[str]) -> bytes:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(("地方编码", "地方名称", "国家编码", "关系"))
        writer.writerows((code, rows[code][0], f"M{rows[code][1]:05d}", "inexact") for code in codes)
        return buffer.getvalue().encode()

    codes = list(rows)
    first, out = taken(table(codes))
    chance.shuffle(codes)
    second, _ = taken(table(codes))
    assert first.rows_sha256 == second.rows_sha256
    if first.ok:
        assert hashlib.sha256(out).hexdigest() == first.rows_sha256
        again, _ = taken(out)
        assert (again.rows_sha256, again.repaired) == (first.rows_sha256, 0)


@pytest.mark.parametrize("edition", shipped.editions(), ids=lambda edition: edition.manifest.map)
def test_shipped_editions_are_valid_input(edition: Published, tmp_path: Path) -> None:
    """An exported edition imports again with the same digest."""
    said = edition.manifest
    assert edition.rows_file is not None
    order = Order(said.kind, said.from_system, said.to_system, edition.effective_from)
    report = take_in(edition.rows_file, order, tmp_path / "rows.out")
    assert report.ok, report.problems[:3]
    assert report.rows_sha256 == hashlib.sha256(edition.rows_file.read_bytes()).hexdigest()


def test_rows_of_an_earlier_attempt_do_not_stay(tmp_path: Path) -> None:
    """After a failure there is no file of rows, also where one was before."""
    rows_file = tmp_path / "rows.out"
    rows_file.write_text("old")
    (tmp_path / "t.csv").write_bytes(b"")
    assert not take_in(tmp_path / "t.csv", ORDER, rows_file).ok
    assert not rows_file.exists()


@pytest.mark.parametrize("good", [True, False])
def test_a_full_disk_is_raised_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, good: bool
) -> None:
    """When the disk is full, neither rows nor rejects nor a part of them stay."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    (tmp_path / "t.csv").write_bytes(HEADER + f"A1,x,{'M01600' if good else 'bad'},x,equal,1\n".encode())
    with pytest.raises(OSError, match="No space"):
        take_in(tmp_path / "t.csv", ORDER, tmp_path / "rows.out", rejects=tmp_path / "rejects.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Rows of two states of a file are never mixed."""
    file = tmp_path / "t.csv"
    row = b"A1,x,M01600,x,equal,1\n"
    file.write_bytes(HEADER + row)

    def change(_done: int, _total: int) -> None:
        file.write_bytes(HEADER + row * 2)

    report = take_in(file, ORDER, tmp_path / "rows.out", progress=change)
    assert "file_changed" in {entry.code for entry in report.problems}
    assert not report.ok


def test_limits_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many rows, or too many rejected ones, are said and nothing is written."""
    from codemaps.intake import report as report_module
    from codemaps.intake import take as take_module

    rows = b"".join(b"A%d,x,bad,x,equal,1\n" % n for n in range(20))
    monkeypatch.setattr(report_module, "MAX_REJECTED", 10)
    many, _ = taken(HEADER + rows)
    assert [entry.code for entry in many.problems][:2] == ["too_many_rejected", "bad_shape"]
    assert not many.rejects
    monkeypatch.setattr(take_module, "MAX_ROWS", 5)
    assert taken(HEADER + rows)[0].problems[0].code == "too_many_rows"


def test_progress_is_told(tmp_path: Path) -> None:
    """Progress grows and never passes the whole."""
    file = tmp_path / "t.csv"
    file.write_bytes(HEADER + b"".join(b"A%d,x,M01600,x,equal,1\n" % n for n in range(30_000)))
    told: list[tuple[int, int]] = []
    take_in(file, ORDER, tmp_path / "rows.out", progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert len(told) > 2
    assert all(0 <= done <= total for done, total in told)


def test_values_in_texts_are_cut() -> None:
    """No text quotes more than 60 characters of a cell."""
    report, _ = taken(HEADER + f"A1,x,{'M' * 500},x,equal,1\n".encode())
    assert all(len(entry.value) <= limits.SHOWN for entry in report.problems)


def test_every_problem_is_said_in_both_languages() -> None:
    """Problems are data: each has texts, and what hinders an import says what to do."""
    for code, problem in problems.PROBLEMS.items():
        assert problem.title_zh, code
        assert problem.title_en, code
        assert bool(problem.zh) == bool(problem.en), code
        assert bool(problem.todo_zh) == bool(problem.todo_en), code
        assert problem.severity not in ("rejected", "refused") or problem.todo_zh, code
        assert not problem.may_accept or code in problem.todo_zh, code


def test_rows_are_written_as_editions_writes_them(tmp_path: Path) -> None:
    """The rows are those of codemaps.editions, sorted."""
    report, out = taken(HEADER + b"B1,x,M01600,x,equal,1\nA1,x,M01600,x,equal,1\n")
    (tmp_path / "rows.csv").write_bytes(out)
    rows = list(read_rows(tmp_path / "rows.csv"))
    assert rows == sorted(rows)
    assert rows[0] == EditionRow("A1", "x", "M01600", "x", "equal")
    assert write_rows(rows, io.BytesIO()) == (report.kept, report.rows_sha256)
