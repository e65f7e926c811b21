"""The tables that come with Yidi say where they come from and lead there and back."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps import chronic, divisions, published, shapes
from codemaps.catalogue import NO_END, Catalogue
from codemaps.editions import KINDS, Edition, EditionRow
from codemaps.port import CATALOGUE, CHRONIC, NATIONAL, Ambiguous, Unmapped

MAPS = published.shipped()
DAY = date(2026, 11, 22)
EXAMPLE = published.SHIPPED.parent / "catalogue" / "zhenjiang_example.csv"


def mapped() -> Iterator[tuple[Edition, EditionRow]]:
    """Every row that translates, with its edition."""
    for edition in MAPS.editions:
        for row in edition.rows:
            if row.national_code:
                yield edition, row


@given(st.sampled_from(list(mapped())))
def test_round_trip(case: tuple[Edition, EditionRow]) -> None:
    """From the province to the nation and back leads home, or to the preferred code of the same meaning."""
    edition, row = case
    manifest = edition.manifest
    kind, on = KINDS[manifest.kind], manifest.effective_from
    out = MAPS.translate(kind, row.local_code, manifest.from_system, NATIONAL, on)
    assert (out.to_code, out.map, out.edition, out.row) == (
        row.national_code, manifest.map, manifest.edition, row.line,
    )  # fmt: skip
    back = MAPS.translate(kind, out.to_code, NATIONAL, manifest.from_system, on)
    sharing = [other for other in edition.rows if other.national_code == row.national_code]
    home = next((other.local_code for other in sharing if other.preferred), row.local_code)
    assert back.to_code == home
    assert MAPS.translate(kind, back.to_code, manifest.from_system, NATIONAL, on).to_code == out.to_code


@given(st.sampled_from(list(mapped())))
def test_everything_shipped_is_unconfirmed(case: tuple[Edition, EditionRow]) -> None:
    """No shipped edition is official, and every translation by one shows it."""
    edition, row = case
    manifest = edition.manifest
    kind = KINDS[manifest.kind]
    found = MAPS.translate(kind, row.local_code, manifest.from_system, NATIONAL, manifest.effective_from)
    assert not manifest.confirmed
    assert not found.confirmed


def test_examples_call_themselves_examples() -> None:
    """The editions of Jiangsu and Liaoning say in manifest and rows that they are not official."""
    for edition in MAPS.editions:
        if edition.manifest.from_system in ("CN-320000", "CN-210000"):
            assert "not an official table" in edition.manifest.source
            assert all("not an official table" in row.source for row in edition.rows)
    assert "not an official catalogue" in EXAMPLE.read_text(encoding="utf-8").splitlines()[1]


@pytest.mark.parametrize("system", ["CN-320000", "CN-210000"])
def test_the_ten_open_diseases_are_covered(system: str) -> None:
    """Each disease open across provinces has a way into and out of both example provinces."""
    diseases = chronic.open_across_provinces()
    assert len(diseases) == 10
    for disease in diseases:
        local = MAPS.translate(CHRONIC, disease.code, NATIONAL, system, DAY)
        assert MAPS.translate(CHRONIC, local.to_code, system, NATIONAL, DAY).to_code == disease.code


def test_the_edition_follows_the_date_of_service() -> None:
    """A hepatitis code of Jiangsu exists from 2026 on, a hypertension code before as well."""
    before = date(2025, 12, 31)
    assert MAPS.translate(CHRONIC, "JS-MT-0390", "CN-320000", NATIONAL, before).edition == "2025.1"
    assert MAPS.translate(CHRONIC, "JS-MT-0390", "CN-320000", NATIONAL, DAY).edition == "2026.1"
    with pytest.raises(Unmapped):
        MAPS.translate(CHRONIC, "JS-MT-0020", "CN-320000", NATIONAL, before)


def test_shared_national_code_has_a_preferred_way_back() -> None:
    """Two diabetes codes of Jiangsu become one national code, which comes back as the preferred one."""
    narrow = MAPS.translate(CHRONIC, "JS-MT-0161", "CN-320000", NATIONAL, DAY)
    assert (narrow.to_code, narrow.relationship) == ("M01600", "wider")
    assert MAPS.translate(CHRONIC, "M01600", NATIONAL, "CN-320000", DAY).to_code == "JS-MT-0160"


def test_province_to_province_goes_through_the_nation() -> None:
    """A Jiangsu code reaches Liaoning by two traced steps."""
    national = MAPS.translate(CHRONIC, "JS-MT-0390", "CN-320000", NATIONAL, DAY)
    local = MAPS.translate(CHRONIC, national.to_code, NATIONAL, "CN-210000", DAY)
    assert (national.to_code, local.to_code) == ("M03900", "LN-MB-39")


@pytest.mark.parametrize(
    ("system", "code"),
    [("CN-532524", "0002"), ("CN-532524", "9000"), ("CN-131100", "HBLB101"), ("CN-131100", "M03900")],
)
def test_no_counterpart_is_invented(system: str, code: str) -> None:
    """Collected local codes without a national counterpart are refused."""
    with pytest.raises(Unmapped):
        MAPS.translate(CHRONIC, code, system, NATIONAL, DAY)


def test_collected_tables_keep_every_row() -> None:
    """The Jianshui and Hengshui tables have all rows of the handbook."""
    sizes = {edition.manifest.from_system: len(edition.rows) for edition in MAPS.editions}
    assert sizes["CN-532524"] == 23
    assert sizes["CN-131100"] == 4


def test_the_service_item_keeps_the_tail_as_local_code() -> None:
    """What follows the dash in the sample is the province's own item code."""
    found = MAPS.translate(CATALOGUE, "110200001", "CN-320000", NATIONAL, DAY)
    assert found.to_code == "001102000010000"


def test_systems_are_divisions() -> None:
    """The number in the name of a system is a known division."""
    assert all(divisions.is_known(edition.manifest.from_system[3:]) for edition in MAPS.editions)


def test_marks_of_the_handbook_are_kept() -> None:
    """A national disease says how far it is confirmed, in the list and beside the example rows."""
    assert chronic.get("M99999") is None
    marks = {disease.code: disease.mark for disease in chronic.open_across_provinces()}
    assert marks["M00200"] == "code_unconfirmed"
    assert marks["M00500"] == "name_unconfirmed"
    assert marks["M03900"] == "confirmed"
    table = published.SHIPPED / "CN-320000.chronic" / "2026.1.csv"
    with table.open(encoding="utf-8") as file:
        assert all(row["handbook_mark"] == marks[row["national_code"]] for row in csv.DictReader(file))


def test_national_chronic_codes_have_their_shape() -> None:
    """Every national disease is M and five digits, in a file with one row for each code."""
    with (published.SHIPPED.parent / "chronic_national.csv").open(encoding="utf-8") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    assert len(codes) == len(set(codes)) == 63
    assert all(shapes.is_chronic(code) for code in codes)
    assert all(chronic.get(code) for code in codes)


def test_the_example_catalogue_covers_the_example_edition() -> None:
    """Every Jiangsu code of the example edition has one row in the treat place's catalogue, all classes among them."""
    catalogue = Catalogue.load(EXAMPLE)
    edition = MAPS.edition(CATALOGUE, "CN-320000", NATIONAL, DAY)
    assert edition is not None
    items = [catalogue.find(row.local_code, "2026-11-22") for row in edition.rows]
    found = [item for item in items if item is not None]
    assert len(found) == len(edition.rows) == len(catalogue)
    assert {item.chrgitm_lv for item in found} == {"01", "02", "03"}
    assert {item.selfpay_prop_e4 for item in found} == {0, 1000, 2000, 10_000}
    assert {item.lmt_used_flag for item in found} == {"0", "1"}
    assert {item.pric_uplmt_e6 == 999_999_000_000 for item in found} == {True, False}
    assert {item.enddate for item in found} == {NO_END}
    assert catalogue.edition == "CN-320000.example.2026.1"


def test_no_shipped_code_is_ambiguous() -> None:
    """Every national code that a shipped edition reaches has one way back."""
    for edition, row in mapped():
        manifest = edition.manifest
        try:
            MAPS.translate(
                KINDS[manifest.kind], row.national_code, NATIONAL, manifest.from_system, manifest.effective_from
            )
        except Ambiguous as error:
            pytest.fail(str(error))


def test_shipped_files_stand_beside_the_package() -> None:
    """The shipped directory holds a manifest and a table for each published edition and nothing unlisted."""
    names = {path.relative_to(published.SHIPPED).with_suffix("") for path in published.SHIPPED.glob("*/*")}
    assert len(names) == len(published.published(published.SHIPPED)) == len(MAPS.editions)
    assert Path(published.SHIPPED / published.LIST).exists()
