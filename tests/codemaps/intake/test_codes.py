"""Codes and what is wrong with them."""

import pytest

from codemaps.intake.codes import in_case, judge
from codemaps.kinds import KINDS


@pytest.mark.parametrize(
    ("kind", "list_type", "code", "problem"),
    [
        ("chronic", "", "M03900", ""),
        ("chronic", "", "E11.900", "wrong_kind"),
        ("chronic", "", "M0390", "bad_shape"),
        ("drug", "101", "T000100057", "wrong_kind"),
        ("catalogue", "102", "XA10BAE032A001010202154", "wrong_kind"),
        ("service", "201", "1102000010000", "spreadsheet_number"),
        ("service", "201", "1.10200001E+12", "spreadsheet_number"),
        ("service", "201", "1102000010000.0", "spreadsheet_number"),
        ("operation", "", "0.65", "spreadsheet_number"),
        ("operation", "", "00.6500x008", ""),
        ("diagnosis", "", "M03900", "wrong_kind"),
        ("preparation", "103", "1.1E+12", "spreadsheet_number"),
    ],
)
def test_national_codes(kind: str, list_type: str, code: str, problem: str) -> None:
    """A wrong code is told from one of another kind and from one that a spreadsheet damaged."""
    assert judge(KINDS[kind], "CN", code, list_type)[0] == problem


@pytest.mark.parametrize(
    ("code", "problem"),
    [("JS-1", ""), ("opt_spdise", ""), ("1E05", ""), ("12.0", ""), ("1.1E+05", "spreadsheet_number"),
     ("A 1", "bad_shape"), ("110200001.0", "spreadsheet_number"), ("糖", "bad_shape")],
)  # fmt: skip
def test_local_codes(code: str, problem: str) -> None:
    """A province shapes its own codes, but no spreadsheet does."""
    assert judge(KINDS["chronic"], "CN-320000", code, "")[0] == problem


@pytest.mark.parametrize(
    ("kind", "system", "code", "cased"),
    [
        ("chronic", "CN", "m03900", "M03900"),
        ("diagnosis", "CN", "c49.900X003", "C49.900x003"),
        ("diagnosis", "CN", "k74.617+i98.3*", "K74.617+I98.3*"),
        ("operation", "CN", "00.6500X008", "00.6500x008"),
        ("service", "CN", "001102000010000-f1", "001102000010000-f1"),
        ("chronic", "CN-320000", "abc", "abc"),
        ("chronic", "CN", "m0", "m0"),
    ],
)
def test_case_is_changed_only_where_it_makes_a_code(kind: str, system: str, code: str, cased: str) -> None:
    """Letters are raised where the national list has them so, and nowhere else."""
    list_type = "201" if kind == "service" else ""
    assert in_case(KINDS[kind], system, code, list_type) == cased
