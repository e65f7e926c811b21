"""The tables that come with Yidi say where they come from and lead there and back."""

import hashlib
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps import chronic, divisions, shipped
from codemaps.catalogue import NO_END, Catalogue
from codemaps.check import check
from codemaps.direction import Published
from codemaps.editions import EditionRow, read_rows, write_rows
from codemaps.kinds import KINDS, is_national
from codemaps.port import CATALOGUE, CHRONIC, DIAGNOSIS, NATIONAL, Ambiguous, Unmapped

MAPS = shipped.maps()
DAY = date(2026, 11, 22)
JIANGSU, LIAONING, NANJING = "CN-320000", "CN-210000", "CN-320100"
EXAMPLE = shipped.DIRECTORY.parent / "catalogue" / "zhenjiang_example.csv"


def rows_of(edition: Published) -> list[EditionRow]:
    """The rows of an edition."""
    assert edition.rows_file is not None
    return list(read_rows(edition.rows_file))


ROWS = {(each.manifest.map, each.manifest.edition): rows_of(each) for each in MAPS.editions}


def of(map_: str, name: str = "2026.1") -> list[EditionRow]:
    """The rows of an edition by its name."""
    return ROWS[map_, name]


def mapped() -> Iterator[tuple[Published, int, EditionRow]]:
    """Every row that translates, with its edition and line."""
    for edition in MAPS.editions:
        for line, row in enumerate(ROWS[edition.manifest.map, edition.manifest.edition], 2):
            if row.national_code:
                yield edition, line, row


MAPPED = list(mapped())


@given(st.sampled_from(MAPPED))
def test_round_trip(case: tuple[Published, int, EditionRow]):
    """To the nation and back leads home, or to the preferred code; where none is preferred it is refused."""
    edition, line, row = case
    manifest, on = edition.manifest, edition.effective_from
    way = KINDS[manifest.kind].wire
    out = MAPS.translate(way, row.local_code, manifest.from_system, NATIONAL, on)
    assert (out.to_code, out.map, out.edition, out.row) == (row.national_code, manifest.map, manifest.edition, line)
    assert out.relationship == row.relationship
    assert out.details() == row
    sharing = [each for each in ROWS[manifest.map, manifest.edition] if each.national_code == row.national_code]
    home = [each.local_code for each in sharing if each.preferred == "true"] or [each.local_code for each in sharing]
    if len(home) > 1:
        with pytest.raises(Ambiguous) as caught:
            MAPS.translate(way, out.to_code, NATIONAL, manifest.from_system, on)
        assert caught.value.candidates == tuple(sorted(home))
    else:
        assert MAPS.translate(way, out.to_code, NATIONAL, manifest.from_system, on).to_code == home[0]


def test_nothing_shipped_is_confirmed():
    """No shipped edition is official: neither its manifest nor a row says so, and every translation shows it."""
    for edition in MAPS.editions:
        assert not edition.manifest.confirmed
        assert {row.confirmed for row in rows_of(edition)} == {"false"}
    for edition, _, row in MAPPED:
        wire, system = KINDS[edition.manifest.kind].wire, edition.manifest.from_system
        assert not MAPS.translate(wire, row.local_code, system, NATIONAL, edition.effective_from).confirmed


def test_examples_call_themselves_examples():
    """The editions of Jiangsu and Liaoning say in manifest and rows that they are not official."""
    for edition in MAPS.editions:
        if edition.manifest.from_system in (JIANGSU, LIAONING):
            assert "not an official table" in edition.manifest.source
            assert all("not an official table" in row.source for row in rows_of(edition))
    assert "not an official catalogue" in EXAMPLE.read_text(encoding="utf-8").splitlines()[1]


@pytest.mark.parametrize("edition", MAPS.editions, ids=lambda each: each.manifest.map)
def test_every_row_is_well_shaped(edition: Published):
    """A shipped edition passes the check that an imported one must pass, and names a source in each row."""
    file, manifest = edition.rows_file, edition.manifest
    assert file is not None
    upper = shipped.DIRECTORY / f"CN.{manifest.kind}" / "handbook.1.csv" if manifest.to_system else None
    report = check(file, manifest, effective_from=edition.effective_from, upper_list=upper, upper_complete=False)
    assert [finding.code for finding in report.findings if finding.severity == "error"] == []
    assert all(row.source and row.local_name for row in rows_of(edition))
    if manifest.kind == "chronic":  # of catalogue codes we have seen but a few
        assert "target_not_listed" not in [finding.code for finding in report.findings]


@pytest.mark.parametrize("edition", MAPS.editions, ids=lambda each: each.manifest.map)
def test_every_file_is_in_the_fixed_form(edition: Published):
    """Sorting and writing the rows of a shipped edition gives the very same bytes."""
    assert edition.rows_file is not None
    out = io.BytesIO()
    count, sha256 = write_rows(sorted(rows_of(edition)), out)
    assert out.getvalue() == edition.rows_file.read_bytes()
    assert sha256 == hashlib.sha256(out.getvalue()).hexdigest()
    assert count == edition.image.meta.rows


@pytest.mark.parametrize("system", [JIANGSU, LIAONING])
def test_the_ten_open_diseases_are_covered(system: str):
    """Each disease open across provinces has a way into and out of both example provinces."""
    diseases = chronic.open_across_provinces()
    assert len(diseases) == 10
    for disease in diseases:
        local = MAPS.translate(CHRONIC, disease.code, NATIONAL, system, DAY)
        assert MAPS.translate(CHRONIC, local.to_code, system, NATIONAL, DAY).to_code == disease.code


def test_the_edition_follows_the_date_of_service():
    """A hepatitis code of Jiangsu exists from 2026 on, a hypertension code before as well."""
    before = date(2025, 12, 31)
    assert MAPS.translate(CHRONIC, "JS-MT-0390", JIANGSU, NATIONAL, before).edition == "2025.1"
    assert MAPS.translate(CHRONIC, "JS-MT-0390", JIANGSU, NATIONAL, DAY).edition == "2026.1"
    with pytest.raises(Unmapped):
        MAPS.translate(CHRONIC, "JS-MT-0020", JIANGSU, NATIONAL, before)


def test_shared_national_code_has_a_preferred_way_back():
    """Two diabetes codes of Jiangsu become one national code, which comes back as the preferred one."""
    narrow = MAPS.translate(CHRONIC, "JS-MT-0161", JIANGSU, NATIONAL, DAY)
    assert (narrow.to_code, narrow.relationship) == ("M01600", "wider")
    assert MAPS.translate(CHRONIC, "M01600", NATIONAL, JIANGSU, DAY).to_code == "JS-MT-0160"


def test_province_to_province_goes_through_the_nation():
    """A Jiangsu code reaches Liaoning by two traced steps."""
    national = MAPS.translate(CHRONIC, "JS-MT-0390", JIANGSU, NATIONAL, DAY)
    local = MAPS.translate(CHRONIC, national.to_code, NATIONAL, LIAONING, DAY)
    assert (national.to_code, local.to_code) == ("M03900", "LN-MB-39")
    assert not MAPS.connects(CHRONIC, JIANGSU, LIAONING)


@pytest.mark.parametrize(
    ("system", "code"),
    [("CN-532524", "0002"), ("CN-532524", "9000"), ("CN-131100", "HBLB101"), ("CN-131100", "M03900")],
)
def test_no_counterpart_is_invented(system: str, code: str):
    """Collected local codes without a national counterpart are refused."""
    with pytest.raises(Unmapped):
        MAPS.translate(CHRONIC, code, system, NATIONAL, DAY)


def test_only_the_collected_table_of_nanjing_leaves_the_way_back_open():
    """Its categories share a national code and nobody said which is preferred; no other shipped map is ambiguous."""
    open_ = set()
    for edition, _, row in MAPPED:
        way = KINDS[edition.manifest.kind].wire, row.national_code, NATIONAL, edition.manifest.from_system
        if len(MAPS.candidates(*way, edition.effective_from)) > 1:
            try:
                MAPS.translate(*way, edition.effective_from)
            except Ambiguous:
                open_.add((edition.manifest.from_system, row.national_code))
    assert open_ == {(NANJING, "M00500")}


def test_collected_tables_keep_every_row():
    """The tables that were collected have all rows of the handbook."""
    assert [len(of(f"{system}.chronic", "collected.1")) for system in ("CN-532524", "CN-131100", NANJING)] == [23, 4, 3]


def test_the_service_item_keeps_the_tail_as_local_code():
    """What follows the dash in the sample is the province's own item code."""
    assert MAPS.translate(CATALOGUE, "110200001", JIANGSU, NATIONAL, DAY).to_code == "001102000010000"


def test_systems_are_divisions():
    """The number in the name of a system is a known division."""
    systems = {each.manifest.from_system for each in MAPS.editions} - {NATIONAL}
    assert len(systems) == 5
    assert all(divisions.is_known(system[3:]) for system in systems)


def test_marks_of_the_handbook_are_kept():
    """A national disease says how far it is confirmed, in the list and beside the example rows."""
    assert chronic.get("M99999") is None
    marks = {disease.code: disease.mark for disease in chronic.open_across_provinces()}
    assert (marks["M00200"], marks["M00500"], marks["M03900"]) == ("code_unconfirmed", "name_unconfirmed", "confirmed")
    for system in (JIANGSU, LIAONING):
        assert all(row.remark == marks[row.national_code] for row in of(f"{system}.chronic"))
    marked = {row.remark for row in of("CN.chronic", "handbook.1")}
    assert marked == {"confirmed", "name_unconfirmed", "code_unconfirmed", "seen", "name_not_found"}


def test_national_chronic_codes_have_their_shape():
    """Every national disease is M and five digits, in a list with one row for each code."""
    codes = [row.local_code for row in of("CN.chronic", "handbook.1")]
    assert len(codes) == len(set(codes)) == 63
    assert all(is_national(KINDS["chronic"], code) and chronic.get(code) for code in codes)


def test_lists_name_the_codes_of_the_nation():
    """A national code is named by the list of its kind, and not by that of another one."""
    found = MAPS.listed(CHRONIC, NATIONAL, "M01600", DAY)
    assert found is not None
    assert (found.local_name, found.national_code) == ("糖尿病", "")
    diagnosis = MAPS.listed(DIAGNOSIS, NATIONAL, "C22.900", DAY)
    assert diagnosis is not None
    assert diagnosis.local_name == "肝恶性肿瘤"
    assert MAPS.listed(DIAGNOSIS, NATIONAL, "M01600", DAY) is None
    assert MAPS.listed(CHRONIC, JIANGSU, "JS-MT-0390", DAY) is None
    assert MAPS.listed(CHRONIC, NATIONAL, "M01600", date(1999, 12, 31)) is None


def test_the_example_catalogue_covers_the_example_edition():
    """Every Jiangsu code of the example edition has one row in the treat place's catalogue, all classes among them."""
    catalogue, rows = Catalogue.load(EXAMPLE), of(f"{JIANGSU}.catalogue")
    found = [item for row in rows if (item := catalogue.find(row.local_code, "2026-11-22")) is not None]
    assert len(found) == len(rows) == len(catalogue)
    assert {item.chrgitm_lv for item in found} == {"01", "02", "03"}
    assert {item.selfpay_prop_e4 for item in found} == {0, 1000, 2000, 10_000}
    assert {item.lmt_used_flag for item in found} == {"0", "1"}
    assert {item.pric_uplmt_e6 == 999_999_000_000 for item in found} == {True, False}
    assert {item.enddate for item in found} == {NO_END}
    assert catalogue.edition == "CN-320000.example.2026.1"


def test_shipped_files_stand_beside_the_package():
    """The shipped directory holds a manifest and a table for each listed edition and nothing unlisted."""
    directory: Path = shipped.DIRECTORY
    found = sorted(str(path.relative_to(directory)) for path in directory.glob("*/*"))
    listed = (directory / shipped.LIST).read_text(encoding="utf-8").splitlines()[1:]
    pairs = [tuple(line.split(",")[:2]) for line in listed]
    assert found == sorted(f"{map_}/{name}.{suffix}" for map_, name in pairs for suffix in ("csv", "toml"))
    assert sorted(pairs) == sorted(ROWS)
