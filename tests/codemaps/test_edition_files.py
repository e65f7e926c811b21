"""Editions on disk: what is refused, and how the refusal says where."""

from pathlib import Path

import pytest

from codemaps import published
from codemaps.csvfile import TableError
from codemaps.editions import read_edition

HEADER = "local_code,local_name,national_code,national_name,relationship,preferred,confirmed,source"
MANIFEST = {
    "map": '"CN-320000.chronic"',
    "edition": '"2026.1"',
    "kind": '"chronic"',
    "from_system": '"CN-320000"',
    "to_system": '"CN"',
    "effective_from": "2026-01-01",
    "source": '"test"',
    "author": '"test"',
    "note": '""',
    "confirmed": "true",
    "unmapped": '"reject"',
}
GOOD = "A1,高血压,M03900,高血压,equal,false,true,test"


def write(directory: Path, *rows: str, header: str = HEADER, **manifest: str) -> Path:
    """Write one edition and return its manifest file."""
    values = MANIFEST | manifest
    folder = directory / values["map"].strip('"')
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (values["edition"].strip('"') + ".toml")
    file.write_text("".join(f"{key} = {value}\n" for key, value in values.items()), encoding="utf-8")
    table = file.with_name(values["edition"].strip('"') + ".csv")
    table.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return file


def test_rows_are_known_by_their_line(tmp_path: Path) -> None:
    """The first row below the header is row 2."""
    edition = read_edition(write(tmp_path, GOOD, "A2,糖尿病,M01600,糖尿病,equal,false,true,test"))
    assert [(row.line, row.local_code) for row in edition.rows] == [(2, "A1"), (3, "A2")]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("A 1,n,M03900,n,equal,false,true,test", "local_code"),
        ("A１,n,M03900,n,equal,false,true,test", "local_code"),
        ("A1 ,n,M03900,n,equal,false,true,test", "local_code"),
        (",n,M03900,n,equal,false,true,test", "local_code"),
        ("A1,n,M0390,n,equal,false,true,test", "national_code"),
        ("A1,n,m03900,n,equal,false,true,test", "national_code"),
        ("A1,n,M03900,n,same,false,true,test", "relationship"),
        ("A1,n,M03900,n,,false,true,test", "relationship"),
        ("A1,n,M03900,n,passed,false,true,test", "relationship"),
        ("A1,n,M03900,n,equal,yes,true,test", "preferred"),
        ("A1,n,,,,true,true,test", "preferred"),
        ("A1,n,M03900,n,equal,false,,test", "confirmed"),
        ("A1,,M03900,n,equal,false,true,test", "local_name"),
        ("A1,n,M03900,n,equal,false,true,", "source"),
        ("A1,n,M03900,n,equal,false,true", ""),
        ('"A1\n",n,M03900,n,equal,false,true,test', ""),
        ("A0,n,M01600,n,equal,false,true,test", "local_code"),
        ("A0,n,M03900,n,equal,false,true,test", "local_code"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, column: str) -> None:
    """A refused row is named by file, row and column."""
    file = write(tmp_path, "A0,n,M03900,n,equal,false,true,test", row)
    with pytest.raises(TableError) as caught:
        read_edition(file)
    assert (caught.value.file, caught.value.row, caught.value.column) == ("2026.1.csv", 3, column)


def test_two_preferred_rows_conflict(tmp_path: Path) -> None:
    """One national code has at most one preferred local code."""
    rows = ("A1,n,M03900,n,equal,true,true,test", "A2,n,M03900,n,wider,true,true,test")
    with pytest.raises(TableError, match=r"row 3, column preferred: M03900 is preferred in row 2 already"):
        read_edition(write(tmp_path, *rows))


def test_confirmed_row_needs_a_confirmed_edition(tmp_path: Path) -> None:
    """A row cannot be confirmed in an edition that is not."""
    with pytest.raises(TableError, match="row 2, column confirmed"):
        read_edition(write(tmp_path, GOOD, confirmed="false"))


@pytest.mark.parametrize(
    "manifest",
    [
        {"kind": '"operation"'},
        {"unmapped": '"hold"'},
        {"from_system": '"CN"'},
        {"to_system": '"CN-210000"'},
        {"effective_from": '"soon"'},
        {"effective_to": "2025-12-31"},
        {"map": '"CN 320000"'},
        {"colour": '"red"'},
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, manifest: dict[str, str]) -> None:
    """A manifest holds known values only, and its dates are in order."""
    with pytest.raises(TableError, match=r"2026\.1\.toml"):
        read_edition(write(tmp_path, GOOD, **manifest))


def test_the_file_name_is_the_edition(tmp_path: Path) -> None:
    """A manifest that stands under another name than its edition is refused."""
    file = write(tmp_path, GOOD)
    other = file.rename(file.with_name("2026.2.toml"))
    with pytest.raises(TableError, match="edition"):
        read_edition(other)


@pytest.mark.parametrize(
    ("code", "list_type"),
    [("T000100057", "101"), ("XA10BAE032A001010202154", "102"), ("M03900", "201"), ("T000100057", "999")],
)
def test_catalogue_codes_have_the_shape_of_their_list(tmp_path: Path, code: str, list_type: str) -> None:
    """The list type decides which shape a national catalogue code must have."""
    row = f"A1,n,{code},n,equal,false,true,test,{list_type}"
    file = write(tmp_path, row, header=HEADER + ",list_type", kind='"catalogue"')
    with pytest.raises(TableError, match=r"row 2, column (national_code|list_type)"):
        read_edition(file)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        (HEADER + ",colour", "colour"),
        (HEADER.replace("preferred,", ""), "preferred"),
        (HEADER + ",list_type", "list_type"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, column: str) -> None:
    """Columns that are missing, unknown or of another kind are named."""
    with pytest.raises(TableError) as caught:
        read_edition(write(tmp_path, GOOD, header=header))
    assert (caught.value.row, caught.value.column) == (1, column)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """A table in another encoding is refused before a name is misread."""
    file = write(tmp_path, GOOD)
    table = file.with_name("2026.1.csv")
    table.write_bytes((HEADER + "\n" + GOOD + "\n").encode("gb18030"))
    with pytest.raises(TableError, match="not UTF-8"):
        read_edition(file)


def test_digest_ignores_line_ends_and_sees_content(tmp_path: Path) -> None:
    """The digest is the same with other line ends, and another with other content."""
    file = write(tmp_path, GOOD)
    table = file.with_name("2026.1.csv")
    before = read_edition(file).digest
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    assert read_edition(file).digest == before
    table.write_text(table.read_text(encoding="utf-8").replace("M03900", "M01600"), encoding="utf-8")
    assert read_edition(file).digest != before


def test_a_published_edition_cannot_change(tmp_path: Path) -> None:
    """Other content under the name of a published edition is refused, by loading and by publishing."""
    write(tmp_path, GOOD)
    assert len(published.publish(tmp_path)) == 1
    assert len(published.load(tmp_path).editions) == 1
    write(tmp_path, GOOD.replace("M03900", "M01600"))
    with pytest.raises(TableError, match="published with other content"):
        published.load(tmp_path)
    with pytest.raises(TableError, match="published with other content"):
        published.publish(tmp_path)


@pytest.mark.parametrize("change", [{"effective_from": "2026-02-01"}, {"unmapped": '"pass"'}])
def test_a_published_manifest_cannot_change(tmp_path: Path, change: dict[str, str]) -> None:
    """The manifest belongs to what is published."""
    write(tmp_path, GOOD)
    published.publish(tmp_path)
    write(tmp_path, GOOD, **change)
    with pytest.raises(TableError, match="published with other content"):
        published.load(tmp_path)


def test_publishing_adds_and_never_rewrites(tmp_path: Path) -> None:
    """A second publication adds one line and leaves the first as it was."""
    write(tmp_path, GOOD)
    published.publish(tmp_path)
    first = (tmp_path / published.LIST).read_text(encoding="utf-8")
    write(tmp_path, GOOD, edition='"2027.1"', effective_from="2027-01-01")
    assert [edition.manifest.edition for edition in published.publish(tmp_path)] == ["2027.1"]
    second = (tmp_path / published.LIST).read_text(encoding="utf-8")
    assert second.startswith(first)
    assert published.publish(tmp_path) == []
    assert (tmp_path / published.LIST).read_text(encoding="utf-8") == second


def test_nothing_is_published_when_one_is_refused(tmp_path: Path) -> None:
    """Editions that overlap leave the list as it was."""
    write(tmp_path, GOOD, effective_to="2027-06-30")
    write(tmp_path, GOOD, edition='"2027.1"', effective_from="2027-01-01")
    with pytest.raises(TableError, match="overlap"):
        published.publish(tmp_path)
    assert not (tmp_path / published.LIST).exists()


def test_an_unpublished_or_missing_edition_is_refused(tmp_path: Path) -> None:
    """Loading refuses an edition that is not listed, and a listed one that is gone."""
    file = write(tmp_path, GOOD)
    with pytest.raises(TableError, match="publish it"):
        published.load(tmp_path)
    published.publish(tmp_path)
    file.unlink()
    with pytest.raises(TableError, match="published and gone"):
        published.load(tmp_path)
