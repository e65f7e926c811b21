"""Policies are data that is read strictly."""

from pathlib import Path

import pytest

from adapters.reference_core import create, policy


def shipped():
    """The text of the shipped policy."""
    return policy.SHIPPED.joinpath("fushun_2022.toml").read_bytes().decode()


def test_figures_of_the_document_are_confirmed():
    """Deductible and ratios of article 21 are confirmed; everything local is an example and says so."""
    read = policy.read("fushun_2022")
    for row in read.inpatient.terms:
        assert row.deductible.confirmed == row.ratio.confirmed == (row.scale == "temporary")
    figures = [row.annual_cap for row in read.insurance]
    figures += [row.limit for row in (*read.ordinary.terms, *read.chronic.terms)]
    figures += [row.limit for row in read.supplement]
    assert not any(figure.confirmed for figure in figures)
    assert all("example" in figure.source for figure in figures)


def test_unknown_key_is_refused_with_its_place():
    """A misspelt key is refused, naming where it stands."""
    with pytest.raises(ValueError, match=r"unknown field `ratoi`.*\$\.inpatient\.terms\[7\]"):
        policy.decode(
            shipped()
            .replace("ratio = { e4 = 6000, confirmed = false", "ratoi = { e4 = 6000, confirmed = false", 1)
            .encode()
        )


def test_figure_without_source_is_refused():
    """Every figure names its source."""
    with pytest.raises(ValueError, match="source"):
        policy.decode(shipped().replace(', source = "Fushun 2022, art. 21"', "", 1).encode())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('standing = "student"', 'standing = "emergency"', "no row for student"),
        ("# Tertiary hospitals, and a level that is not told.", 'hosp_lv = ["01"]', "without hosp_lv"),
        ('dise_codg = ["M00500", "M07801", "M08300", "LN-MB-5", "LN-MB-51", "LN-MB-78", "LN-MB-83"]\n', "", None),
        ("threshold = { fen = 0,", "threshold = { fen = 5,", "only own_share counts"),
    ],
)
def test_policy_with_a_gap_is_refused(old: str, new: str, told: str | None):
    """A policy under which a settlement could find no row is refused when it is read."""
    assert old in shipped()
    text = shipped().replace(old, new, 1).encode()
    if told is None:
        policy.decode(text)
        return
    with pytest.raises(ValueError, match=told):
        policy.decode(text)


@pytest.mark.parametrize("table", ["ordinary", "chronic"])
def test_insurance_without_outpatient_terms_is_refused(table: str):
    """Every insurance of a policy has ordinary and chronic terms."""
    head, _, tail = shipped().partition(f'[[{table}.terms]]\ninsutype = "310"')
    text = f'{head}[[{table}.terms]]\ninsutype = "399"{tail}'
    if table == "chronic":
        text = text.replace('[[chronic.terms]]\ninsutype = "310"', '[[chronic.terms]]\ninsutype = "399"')
    with pytest.raises(ValueError, match=f"{table}.terms"):
        policy.decode(text.encode())


def test_factory_reads_a_shipped_policy_or_a_path(tmp_path: Path):
    """The setting names a shipped policy or the path of a city's own; other settings are refused."""
    assert create("210400", {}).place.policy.name == "fushun_2022"
    own = tmp_path / "own.toml"
    own.write_bytes(shipped().replace('name = "fushun_2022"', 'name = "own"').encode())
    core = create("210400", {"policy": str(own)})
    assert core.place.policy.name == "own"
    assert core.place.filing_needed("321102") == "321100"
    with pytest.raises(ValueError, match="polcy"):
        create("210400", {"polcy": "x"})


def test_place_without_a_known_filing_target_is_named_itself():
    """Where the table names no target, a filing must name the treat place."""
    assert create("210400", {}).place.filing_needed("659001") == "659001"
