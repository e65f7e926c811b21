"""The error catalogue: complete, used, readable, and free of personal data."""

import re
from pathlib import Path

import pytest

from gateway.contract import FILES, rule_of
from gateway.errors import CATALOGUE, Decline, Entry
from gateway.errors.catalogue import load
from yidi.v1.options_pb2 import MASK_UNSPECIFIED

each_entry = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.reason)


def decline_of(entry: Entry) -> Decline:
    """A decline with a telling value for each parameter."""
    return Decline(entry.reason, **{name: f"<{name}>" for name in entry.params})


def sources(root: Path) -> str:
    """All Python of the gateway and the adapters."""
    files = [*root.joinpath("gateway").rglob("*.py"), *root.joinpath("adapters").rglob("*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@each_entry
def test_every_entry_renders(entry: Entry):
    """Each text of an entry is filled with its parameters, and no placeholder is left."""
    decline = decline_of(entry)
    for text in (decline.text_zh, decline.text_en, decline.next_zh, decline.next_en):
        assert text.strip() == text
        assert text
        assert "{" not in text
        assert "}" not in text
    assert str(decline).startswith(f"{entry.code} {entry.reason}: ")


@each_entry
def test_every_entry_says_what_the_window_reads(entry: Entry):
    """The texts for the window are Chinese sentences, those for the engineer are not, and both say what to do next."""
    assert re.search(r"[\u4e00-\u9fff]", entry.zh)
    assert re.search(r"[\u4e00-\u9fff]", entry.next_zh)
    assert not re.search(r"[\u4e00-\u9fff]", re.sub(r"\{.*?\}", "", entry.en + entry.next_en))
    assert entry.zh.endswith(("。", "！"))
    assert entry.next_zh.endswith(("。", "！"))
    assert entry.en.endswith(".")
    assert len(re.sub(r"\{.*?\}", "", entry.zh)) <= 60


@each_entry
def test_no_parameter_is_personal_data(entry: Entry):
    """What the contract masks is never a parameter of an error, which travels and is logged."""
    personal = {
        field.name
        for file in FILES
        for message in file.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if rule_of(field).mask != MASK_UNSPECIFIED
    } | {"psn_no", "psn_name", "certno", "tel", "brdy", "person", "name"}
    assert not set(entry.params) & personal


@each_entry
def test_every_parameter_is_shown_or_is_worth_knowing(entry: Entry):
    """A declared parameter appears in one of the texts."""
    texts = entry.zh + entry.en + entry.next_zh + entry.next_en
    assert [name for name in entry.params if "{" + name + "}" not in texts] == []


def test_every_raised_reason_is_catalogued(root: Path):
    """Whatever the code declines with has an entry."""
    raised = set(re.findall(r'Decline\(\s*"([A-Z0-9_]+)"', sources(root)))
    assert raised
    assert raised <= set(CATALOGUE)


def test_every_entry_is_used(root: Path):
    """Each entry is raised somewhere, or is kept with a reason."""
    named = set(re.findall(r'["\']([A-Z][A-Z0-9_]{3,})["\']', sources(root)))
    assert set(CATALOGUE) - named == set()


def test_codes_and_reasons_are_unique_and_well_formed():
    """A code is a letter and four digits, the first of which says where it comes from; none is used twice."""
    codes = [entry.code for entry in CATALOGUE.values()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"Y[123459]\d{3}", code) for code in codes)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", reason) for reason in CATALOGUE)


@each_entry
def test_the_retry_rule_fits_the_class(entry: Entry):
    """What is worth sending again is technical, or waits for somebody else; what the sender must correct never is."""
    if entry.klass == "business":
        assert entry.retry == "never" or entry.reason in ("STILL_RUNNING", "CODE_HELD")
    if entry.retry == "enquire":
        assert entry.infcode == -1 or entry.reason == "STILL_RUNNING"
    if entry.retry == "same_id":
        assert entry.retry_after_s > 0


def test_loading_again_gives_the_same():
    """The catalogue is read from data, and reading it again changes nothing."""
    assert load() == CATALOGUE


def test_an_unknown_reason_is_a_bug():
    """A decline without an entry cannot be made."""
    with pytest.raises(KeyError):
        Decline("NO_SUCH_REASON")


def test_a_missing_parameter_is_a_bug():
    """A decline needs all parameters of its entry."""
    with pytest.raises(KeyError):
        Decline("DIVISION_UNKNOWN", field="x")


def test_the_detail_stays_at_home():
    """Raw material for operators is not in any text or status that travels."""
    from gateway.errors.status import to_status

    decline = Decline("STORE_UNAVAILABLE", detail="disk /dev/secret is full")
    assert b"secret" not in to_status(decline).SerializeToString()
    assert "secret" not in str(decline) + str(decline.fault())
