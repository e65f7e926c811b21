"""The kinds of codes: their names, their fields on the wire, and the shapes of their codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.kinds import KINDS, LIST_TYPES, is_local, is_national, kind_of_list_type
from codemaps.port import CATALOGUE, CHRONIC, DIAGNOSIS, OPERATION
from yidi.v1 import options_pb2

WESTERN = "XN07AAX001A001010100001"


def national(name: str, code: str) -> bool:
    """Whether a code has the national shape of a kind."""
    return is_national(KINDS[name], code)


@pytest.mark.parametrize(
    ("name", "code"),
    [("chronic", "M01600"), ("drug", WESTERN), ("herb", "T000100057"), ("service", "001102000010000"),
     ("service", "001102000010000-110200001"), ("diagnosis", "C22.900"), ("diagnosis", "C49.900x003"),
     ("diagnosis", "E11.x00"), ("operation", "00.65"), ("operation", "00.6500"), ("operation", "00.6500x008")],
)  # fmt: skip
def test_codes_of_a_kind_have_its_shape(name: str, code: str):
    """Codes as they are seen in the field are national codes of their kind."""
    assert national(name, code)


@pytest.mark.parametrize(
    ("name", "code"),
    [("chronic", "M0160"), ("chronic", "M016000"), ("chronic", "m01600"), ("chronic", "M0160X"), ("chronic", "01600"),
     ("drug", WESTERN[:-1]), ("drug", WESTERN + "1"), ("drug", WESTERN.lower()), ("drug", "T000100057"),
     ("herb", "T00010005"), ("service", "00110200001000"), ("service", "001102000010000-"), ("consumable", "C01"),
     ("diagnosis", "C22.9"), ("diagnosis", "C22900"), ("diagnosis", "C22.900x03"), ("diagnosis", "M01600"),
     ("operation", "0.65"), ("operation", "00.6500X008"), ("operation", "00.650")],
)  # fmt: skip
def test_other_codes_are_not_taken_for_national_ones(name: str, code: str):
    """A digit too many or too few, another case, or a code of another kind has not the shape."""
    assert not national(name, code)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "catalogue"])
@given(before=st.sampled_from(["", " ", "\n", "\0", "\u200b"]), after=st.sampled_from(["", " ", "\n", "\0", "\u3000"]))
def test_nothing_invisible_hides_beside_a_code(name: str, before: str, after: str):
    """A code with a space, a line end or an invisible character beside it is neither national nor local."""
    for code in {"chronic": "M01600", "drug": WESTERN, "herb": "T000100057", "service": "001102000010000",
                 "diagnosis": "C22.900", "operation": "00.65"}.get(name, "ABCD1234"), "A1":  # fmt: skip
        if before or after:
            assert not national(name, before + code + after)
            assert not is_local(before + code + after)


@given(st.sampled_from(["０", "٣", "߁", "𝟘", "Ｍ", "М", "ı", "ſ"]))
def test_only_ascii_letters_and_digits_count(letter: str):
    """Digits and letters of other scripts that look alike are not taken for the plain ones."""
    for name in KINDS:
        for code in ("M0160", "00.6", "T00010005", "00110200001000", "C22.90", "ABCD"):
            assert not national(name, code + letter)
            assert not national(name, letter + code)
    assert not is_local("A" + letter)


def test_the_look_of_a_code_never_tells_its_kind():
    """The same letters may be a code of several kinds, so the kind always comes from the field."""
    assert national("preparation", "M01600")
    assert national("chronic", "M01600")
    assert national("catalogue", "M01600")


def test_the_list_type_of_a_row_decides_in_a_mixed_catalogue():
    """With a list type only its shape counts, without one any; an unknown list type has no codes."""
    mixed = KINDS["catalogue"]
    assert is_national(mixed, WESTERN, "101")
    assert not is_national(mixed, WESTERN, "201")
    assert not is_national(mixed, "001102000010000", "101")
    assert is_national(mixed, "001102000010000", "201")
    assert is_national(mixed, WESTERN)
    assert is_national(mixed, "001102000010000")
    assert not is_national(mixed, WESTERN, "999")
    assert not is_national(mixed, "药品")


def test_kinds_and_fields_of_the_contract_belong_together():
    """Each kind travels in a field that the contract knows, and each kind of the contract has one that is mapped."""
    assert {kind.wire for kind in KINDS.values()} == {CATALOGUE, CHRONIC, DIAGNOSIS, OPERATION}
    known = {number for name, number in options_pb2.CodeKind.items() if number}
    assert {kind.wire for kind in KINDS.values()} <= known
    assert all(kind.name == name and kind.zh for name, kind in KINDS.items())
    assert {kind.wire for kind in KINDS.values() if kind.list_types} == {CATALOGUE}


def test_each_list_type_has_its_kind():
    """A list type leads to the kind that holds it alone, or to the mixed one."""
    assert {number: kind_of_list_type(number) for number in LIST_TYPES} == {
        "101": "drug", "102": "herb", "103": "preparation", "104": "catalogue", "105": "catalogue",
        "106": "catalogue", "201": "service", "301": "consumable", "501": "catalogue",
    }  # fmt: skip
    assert kind_of_list_type("999") == "catalogue"
    assert set(KINDS["catalogue"].list_types) == set(LIST_TYPES)


@pytest.mark.parametrize(
    ("code", "is_one"),
    [("A", True), ("0002", True), ("JS-MT-0390", True), ("opt_spdise_tmor", True), ("A.1/2+3*", True), ("A" * 50, True),
     ("A" * 51, False), ("", False), ("-A", False), ("A,B", False), ('A"', False), ("甲", False), ("A|B", False)],
)  # fmt: skip
def test_a_local_code_is_short_and_plain(code: str, is_one: bool):
    """A province shapes its own codes, as long as they are plain letters, digits and a few marks."""
    assert is_local(code) is is_one


@given(st.text(alphabet="MXZTC0123456789.x-+*A", max_size=200) | st.sampled_from("MX0C9.").map(lambda c: c * 10_000))
def test_every_national_code_fits_the_contract(code: str):
    """What has a national shape is at most fifty characters long, so that it fits its field."""
    assert len(code) <= 50 or not any(national(name, code) for name in KINDS)
