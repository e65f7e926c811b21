"""Editions as files: the fixed form, what proves an edition, and the directory of the shipped ones."""

import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemaps import shipped
from codemaps.csvfile import TableError
from codemaps.editions import (
    COLUMNS,
    EditionRow,
    by_code,
    digest_of,
    locate_rows,
    read_rows,
    refuse_manifest,
    row_at,
    write_rows,
)
from codemaps.lookup import EditionMaps
from codemaps.port import CHRONIC
from tests.codemaps.builders import content_of, edition, manifest, outward, row

# Intake leaves no control characters in cells.
CELLS = st.text(
    st.sampled_from("Aa0, '\"|;药（）\u3000\u2028\u0085\ufeff𠮷") | st.characters(exclude_categories=("Cc", "Cs")),
    max_size=8,
)
ROWS = st.lists(st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)).map(EditionRow._make), max_size=5)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED
@given(rows=ROWS)
def test_rows_survive_the_fixed_form(tmp_path: Path, rows: list[EditionRow]):
    """Whatever stands in a cell comes back as it was, each row on one line that can be read by itself."""
    file = tmp_path / "rows.csv"
    content, count, sha256 = content_of(rows)
    file.write_bytes(content)
    assert list(read_rows(file)) == sorted(rows)
    assert (count, content.count(b"\n")) == (len(rows), len(rows) + 1)
    for number, located in enumerate(locate_rows(file)):
        assert (located.row, located.line) == (sorted(rows)[number], number + 2)
        assert row_at(file, located.offset) == located.row
    again = io.BytesIO()
    assert write_rows(read_rows(file), again) == (count, sha256)
    assert again.getvalue() == content
    assert [each for _, group in by_code(read_rows(file)) for each in group] == sorted(rows)


def test_many_rows_are_written_in_pieces():
    """The digest is that of the whole file however many rows there are."""
    for count in (4095, 4096, 4097, 10_000):
        content, written, sha256 = content_of([row(f"A{number:05}", "M03900") for number in range(count)])
        assert (written, hashlib.sha256(content).hexdigest()) == (count, sha256)


@pytest.mark.parametrize(
    "header", ["", "a,b", ",".join(COLUMNS[:-1]), ",".join((*COLUMNS, "x")), "\ufeff" + ",".join(COLUMNS)]
)
def test_a_file_in_another_form_is_refused(tmp_path: Path, header: str):
    """A file without the very header of the fixed form is no file of an edition."""
    (tmp_path / "rows.csv").write_text(header + "\n", encoding="utf-8")
    for read in (read_rows, locate_rows):
        with pytest.raises(TableError, match="row 1"):
            list(read(tmp_path / "rows.csv"))


def test_the_digest_covers_what_an_edition_says_and_its_rows():
    """Any other word in the manifest, or any other row, is another edition."""
    said = manifest()
    digests = {digest_of(said, "a" * 64), digest_of(said, "b" * 64)}
    for column in ("map", "edition", "kind", "from_system", "to_system", "source", "author", "note", "unmapped"):
        digests.add(digest_of(manifest(**{column: "hold"}), "a" * 64))
    digests |= {digest_of(manifest(confirmed=False), "a" * 64), digest_of(manifest(complete=True), "a" * 64)}
    assert len(digests) == 13
    assert digest_of(manifest(), "a" * 64) in digests


@pytest.mark.parametrize(
    ("said", "column"),
    [({"kind": "colour"}, "kind"), ({"from_system": "CN"}, "to_system"), ({"from_system": "cn-320000"}, "from_system"),
     ({"from_system": ""}, "from_system"), ({"from_system": "CN-32000"}, "from_system"),
     ({"to_system": "US"}, "to_system"), ({"to_system": "CN-320000"}, "to_system"),
     ({"from_system": "CN", "to_system": "CN-320000"}, "to_system"), ({"from_system": "CN-32000٣"}, "from_system"),
     ({"map": "CN 320000"}, "map"), ({"edition": "a/b"}, "edition")],
)  # fmt: skip
def test_a_wrong_manifest_is_refused(said: dict[str, str], column: str):
    """A manifest names a known kind and two different systems, the upper one second."""
    with pytest.raises(TableError) as caught:
        refuse_manifest(manifest(**said), "f.toml")
    assert (caught.value.file, caught.value.column) == ("f.toml", column)


@pytest.mark.parametrize("said", [{}, {"to_system": ""}, {"from_system": "CN", "to_system": ""},
                                  {"from_system": "CN-320100", "to_system": "CN-320000"}])  # fmt: skip
def test_maps_and_lists_of_every_level_may_stand(said: dict[str, str]):
    """A province, a city below it, and lists of any system are fine."""
    refuse_manifest(manifest(**said), "f")
    assert manifest(**said).is_list == (said.get("to_system") == "")


# --- the directory of the shipped editions -------------------------------------------------------------------------


def write(directory: Path, *rows: EditionRow, **said: Any) -> Path:
    """Write one edition as it is shipped and return its manifest file."""
    values = {
        "map": "CN-320000.chronic", "edition": "2026.1", "kind": "chronic", "from_system": "CN-320000",
        "to_system": "CN", "effective_from": date(2026, 1, 1), "source": "test", "author": "test", "confirmed": True,
    } | said  # fmt: skip
    file = directory / str(values["map"]) / f"{values['edition']}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    toml = {key: str(value).lower() if isinstance(value, bool | date) else repr(value) for key, value in values.items()}
    file.write_text("".join(f"{key} = {value}\n" for key, value in toml.items()), encoding="utf-8")
    file.with_suffix(".csv").write_bytes(content_of(rows or [row("A1", "M03900")])[0])
    return file


def test_a_shipped_edition_is_read_with_its_dates(tmp_path: Path):
    """Manifest, dates and rows of a listed edition come out as they stand in its files."""
    write(tmp_path, effective_to=date(2026, 12, 31), note="n", unmapped="hold")
    [listed] = shipped.list_new(tmp_path)
    [found] = shipped.editions(tmp_path)
    assert (found.manifest.note, found.manifest.unmapped, found.published_ms) == ("n", "hold", 0)
    assert (found.effective_from, found.effective_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert found.digest == listed.digest
    assert outward(EditionMaps([found]), "A1").details() == row("A1", "M03900")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "said",
    [{"colour": "red"}, {"kind": "colour"}, {"unmapped": "guess"}, {"from_system": "CN"}, {"effective_from": "soon"},
     {"confirmed": "yes"}],
)  # fmt: skip
def test_a_wrong_shipped_manifest_is_refused(tmp_path: Path, said: dict[str, Any]):
    """A manifest that cannot be read is refused by its file name."""
    write(tmp_path, **said)
    with pytest.raises(TableError, match=r"2026\.1\.toml"):
        shipped.list_new(tmp_path)


def test_the_file_name_is_the_edition(tmp_path: Path):
    """A manifest that stands under another name than its edition is refused."""
    file = write(tmp_path)
    file.rename(file.with_name("2026.2.toml"))
    file.with_suffix(".csv").rename(file.with_name("2026.2.csv"))
    with pytest.raises(TableError, match="stands in a file of another name"):
        shipped.list_new(tmp_path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [([row("A1", "M01600")], {}), ([row("A1", "M03900", remark="x")], {}), ([], {"unmapped": "pass"}),
     ([], {"note": "other"}), ([], {"source": "other"})],
)  # fmt: skip
def test_a_listed_edition_cannot_change(tmp_path: Path, rows: list[EditionRow], said: dict[str, Any]):
    """Other rows or another manifest under a listed name are refused, and listing again does not accept them."""
    write(tmp_path)
    shipped.list_new(tmp_path)
    before = (tmp_path / shipped.LIST).read_bytes()
    write(tmp_path, *rows, **said)
    for _ in range(2):
        with pytest.raises(TableError, match="published with other content"):
            shipped.editions(tmp_path)
        assert shipped.list_new(tmp_path) == []
    assert (tmp_path / shipped.LIST).read_bytes() == before


def test_listing_adds_and_never_rewrites(tmp_path: Path):
    """A second edition adds one line and leaves the first as it was."""
    write(tmp_path)
    shipped.list_new(tmp_path)
    first = (tmp_path / shipped.LIST).read_text(encoding="utf-8")
    write(tmp_path, edition="2027.1", effective_from=date(2027, 1, 1))
    assert [found.manifest.edition for found in shipped.list_new(tmp_path)] == ["2027.1"]
    second = (tmp_path / shipped.LIST).read_text(encoding="utf-8")
    assert second.startswith(first)
    assert len(second.splitlines()) == 3
    assert shipped.list_new(tmp_path) == []
    assert (tmp_path / shipped.LIST).read_text(encoding="utf-8") == second
    assert len(shipped.editions(tmp_path)) == 2


def test_nothing_is_listed_when_one_is_refused(tmp_path: Path):
    """Editions that overlap leave the list as it was."""
    write(tmp_path, effective_to=date(2027, 6, 30))
    write(tmp_path, edition="2027.1", effective_from=date(2027, 1, 1))
    with pytest.raises(TableError, match="overlap"):
        shipped.list_new(tmp_path)
    assert not (tmp_path / shipped.LIST).exists()


def test_an_unlisted_or_missing_edition_is_refused(tmp_path: Path):
    """Loading refuses an edition that is not listed, and a listed one that is gone."""
    file = write(tmp_path)
    with pytest.raises(TableError, match="is not listed"):
        shipped.editions(tmp_path)
    shipped.list_new(tmp_path)
    file.unlink()
    with pytest.raises(TableError, match="published and gone"):
        shipped.editions(tmp_path)


def test_the_list_names_the_row_of_the_day(tmp_path: Path):
    """Where a list has several rows for one code, the one that holds on the day tells; without one the first does."""
    said: dict[str, Any] = {"map": "l", "from_system": "CN", "to_system": ""}
    rows = (
        row("M00101", local_name="old", valid_to="2026-01-31"),
        row("M00101", local_name="new", valid_from="2026-02-01"),
        row("M00102", local_name="gone", valid_to="2025-12-31"),
        row("M00104", local_name="a", valid_to="2026-01-31"), row("M00104", local_name="b"),
    )  # fmt: skip
    maps = EditionMaps([edition(*rows, place=tmp_path, **said)])

    def name(code: str, on: date) -> str | None:
        found = maps.listed(CHRONIC, "CN", code, on)
        return None if found is None else found.local_name

    assert (name("M00101", date(2026, 1, 31)), name("M00101", date(2026, 2, 1))) == ("old", "new")
    assert (name("M00104", date(2026, 1, 31)), name("M00104", date(2026, 2, 1))) == ("a", "b")
    assert (name("M00102", date(2026, 2, 1)), name("M00103", date(2026, 2, 1))) == ("gone", None)
