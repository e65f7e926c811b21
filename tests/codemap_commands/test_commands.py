"""From a spreadsheet to a published edition with the commands alone, and what they refuse."""

import csv
import json
from pathlib import Path

import pytest

from codemaps.depot import Depot
from gateway.codemap.command import codemap
from tests.codemap_commands.conftest import DRUGS, MAP, SYSTEM, Desk

TRANSLATE = ("translate", *SYSTEM, "--code", "JS-1", "--on")


@pytest.mark.parametrize(
    "name", [name for name in codemap.commands if name not in ("list", "history", "verify", "follow")]
)
def test_a_command_given_nothing_explains_itself(desk: Desk, name: str) -> None:
    """Every command that needs something shows its help, and touches nothing."""
    told = desk.run(name, depot=False)
    assert "Usage:" in told.text
    assert told.code in (0, 2)
    assert not list(desk.place.iterdir())


def test_all_the_way(desk: Desk) -> None:
    """Imported by one, reviewed and published by another: then it translates, and the history says who did what."""
    imported = desk.ask("import", desk.table(DRUGS), *SYSTEM, "--edition", "2026.1", "--by", "王芳")
    assert imported.code == 0, imported.text
    assert (imported.json["stored"], imported.json["state"], imported.json["kept"]) == (True, "draft", 3)
    checked = desk.ask("check", MAP, "2026.1")
    assert (checked.code, checked.json["ok"]) == (0, True)
    assert desk.ask("review", MAP, "2026.1", "--by", "李强").json["state"] == "reviewed"
    published = desk.ask("publish", MAP, "2026.1", "--from", "2099-01-01", "--by", "李强")
    assert (published.json["state"], published.json["effective_from"]) == ("published", "2099-01-01")
    told = desk.ask(*TRANSLATE, "2099-02-01").json
    assert (told["to_code"], told["map"], told["edition"], told["row"]) == (DRUGS[0][2], MAP, "2026.1", 2)
    assert (told["name"], told["to_name"], told["relationship"], told["confirmed"]) == (
        DRUGS[0][1], DRUGS[0][3], "equal", False
    )  # fmt: skip
    history = desk.ask("history").json["history"]
    assert [(entry["actor"], entry["action"]) for entry in history] == [
        ("王芳", "import"), ("李强", "review"), ("李强", "publish")
    ]  # fmt: skip


def test_the_date_of_service_chooses_the_edition(desk: Desk) -> None:
    """The same code goes elsewhere under another edition, and the answer names which one it was."""
    desk.publish(DRUGS, "first", "2099-01-01")
    changed = [("JS-1", "消旋卡多曲颗粒", DRUGS[1][2], DRUGS[1][3], "inexact"), DRUGS[2]]
    desk.publish(changed, "second", "2099-06-01")
    before, after = (desk.ask(*TRANSLATE, day).json for day in ("2099-05-31", "2099-06-01"))
    assert (before["edition"], before["to_code"]) == ("first", DRUGS[0][2])
    assert (after["edition"], after["to_code"]) == ("second", DRUGS[1][2])
    missing = desk.ask("translate", *SYSTEM, "--code", "JS-2", "--on", "2099-06-01")
    assert (missing.code, missing.json["reason"], missing.json["edition"]) == (1, "CODE_UNMAPPED", "second")
    differing = desk.ask("diff", MAP, "first", "second").json
    assert (differing["changes"]["removed"]["count"], differing["changes"]["retargeted"]["count"]) == (1, 1)


def test_a_rejected_import_stores_nothing_and_its_rejects_import_when_corrected(desk: Desk) -> None:
    """Every problem is named with row and column; the corrected file makes the import whole."""
    bad = [
        *DRUGS,
        ("ＪＳ-4 ", "缩宫素注射液", "xh01bbs194b002010100112", "缩宫素注射液", "equal"),
        ("JS-5", "菊花", "T000100467", "菊花", "equal"),
        ("JS-6", "烯丙雌醇片", "XG03DCX035A001010101389", "烯丙雌醇", "equal"),
    ]
    file = desk.table(bad)
    told = desk.ask("import", file, *SYSTEM)
    assert told.code == 1
    problems = {(problem["row"], problem["column"], problem["code"]) for problem in told.json["problems"]}
    assert {
        (5, "省编码", "full_width"), (5, "省编码", "stray_space"), (5, "国家医保编码", "lower_case"),
        (6, "国家医保编码", "wrong_kind"), (7, "国家名称", "name_disagrees"),
    } <= problems  # fmt: skip
    assert not told.json["stored"]
    assert not desk.depot.exists()
    rejects = Path(told.json["rejects"])
    with rejects.open(encoding="utf-8-sig", newline="") as opened:
        header, *rows = csv.reader(opened)
    rows[0][header.index("国家医保编码")], rows[0][header.index("国家名称")] = "XG01AFM085A009010104141", "菊花"
    rows[1][header.index("国家名称")] = "烯丙雌醇片"
    corrected = desk.table(rows, "corrected.csv", header)
    assert desk.ask("import", file, *SYSTEM, "--corrected", corrected, "--accept", "name_disagrees").json["kept"] == 6
    alone = desk.ask("import", corrected, *SYSTEM, "--edition", "alone", "--accept", "name_disagrees")
    assert (alone.code, alone.json["kept"]) == (0, 2)


def test_an_exported_edition_imports_as_the_same(desk: Desk) -> None:
    """What was exported has the same content, as CSV and as XLSX, and the depot says so."""
    desk.publish(DRUGS, "first", "2099-01-01")
    for name in ("out.csv", "out.xlsx"):
        output = str(desk.place / name)
        assert desk.run("export", MAP, "first", "-o", output).code == 0
        again = desk.ask("import", output, *SYSTEM, "--edition", "again")
        assert (again.code, again.json["reason"]) == (1, "SAME_CONTENT"), again.text


def test_errors_forbid_publishing_and_what_is_in_force_stays(desk: Desk) -> None:
    """An edition with a dead target is not published, and the one before goes on translating."""
    desk.publish(DRUGS, "first", "2099-01-01")
    listed = [(row[2], row[3]) for row in DRUGS[:2]]
    file = desk.table(listed, "list.csv", ("local_code", "local_name"))
    words = ("--kind", "drug", "--system", "CN", "--list", "--complete", "--edition", "all", "--by", "王芳")
    assert desk.run("import", file, *words).code == 0
    assert desk.run("review", "CN.drug", "all", "--by", "李强").code == 0
    assert desk.run("publish", "CN.drug", "all", "--from", "2020-01-01", "--backdated", "--by", "李强").code == 0
    changed = [*DRUGS[:2], ("JS-3", "葛根素注射液", "XC01EBG072B002010100999", "葛根素注射液", "equal")]
    assert desk.run("import", desk.table(changed), *SYSTEM, "--edition", "second", "--by", "王芳").code == 0
    assert desk.run("review", MAP, "second", "--by", "李强").code == 0
    checked = desk.ask("check", MAP, "second", "--from", "2099-06-01")
    assert checked.code == 1
    found = {finding["code"] for finding in checked.json["findings"] if finding["severity"] == "error"}
    assert "target_missing" in found or "missing_target" in found
    refused = desk.ask("publish", MAP, "second", "--from", "2099-06-01", "--by", "李强")
    assert (refused.code, refused.json["reason"]) == (1, "CHECK_FAILED")
    assert desk.ask(*TRANSLATE, "2099-07-01").json["edition"] == "first"


def test_rollback_brings_back_the_edition_before(desk: Desk) -> None:
    """After a rollback the day is translated by the edition before, and nothing is gone."""
    desk.publish(DRUGS, "first", "2099-01-01")
    desk.publish(DRUGS[:2], "second", "2099-06-01")
    told = desk.ask("rollback", MAP, "--reason", "缺少编码", "--by", "李强").json
    assert (told["edition"], told["state"], told["in_force"]) == ("second", "withdrawn", "first")
    assert desk.ask(*TRANSLATE, "2099-07-01").json["edition"] == "first"
    states = {each["edition"]: each["state"] for each in desk.ask("list", MAP).json["editions"]}
    assert states == {"first": "published", "second": "withdrawn"}


def test_an_override_takes_two_people_and_can_be_ended(desk: Desk) -> None:
    """Asked for it does nothing, approved it holds, ended the map holds again."""
    desk.publish(DRUGS, "first", "2099-01-01")
    words = (MAP, "--code", "JS-1", "--to", DRUGS[1][2], "--reason", "厂家停产")
    number = str(desk.ask("override", "ask", *words, "--by", "王芳").json["id"])
    assert desk.ask(*TRANSLATE, "2099-02-01").json["edition"] == "first"
    assert desk.ask("override", "approve", number, "--by", "王芳").json["reason"] == "SAME_PERSON"
    assert desk.ask("override", "approve", number, "--by", "李强").code == 0
    told = desk.ask(*TRANSLATE, "2099-02-01").json
    assert (told["edition"], told["to_code"], told["confirmed"]) == (f"override.{number}", DRUGS[1][2], False)
    assert desk.ask("override", "list").json["overrides"][0]["state"] == "in force"
    assert desk.ask("override", "end", number, "--by", "王芳").code == 0
    assert desk.ask(*TRANSLATE, "2099-02-01").json["edition"] == "first"


def test_coverage_weighs_by_cases_and_money(desk: Desk) -> None:
    """A code that is missing weighs as much as it was used."""
    desk.publish(DRUGS, "first", "2099-01-01")
    uses = desk.place / "uses.csv"
    uses.write_text("code,cases,amount\nJS-1,3,10.50\nJS-9,1,89.50\n", encoding="utf-8")
    told = desk.ask("coverage", MAP, "first", "--uses", str(uses)).json
    assert (told["covered"]["cases"], told["covered"]["amount_fen"]) == (3, 1050)
    assert (told["not_covered"]["cases"], told["not_covered"]["amount_fen"]) == (1, 8950)


def test_a_page_of_the_check_can_be_mailed(desk: Desk) -> None:
    """The check writes one page that needs nothing from anywhere."""
    desk.publish(DRUGS, "first", "2099-01-01")
    page = desk.place / "page.html"
    assert desk.run("check", MAP, "first", "--html", str(page)).code == 0
    assert "http" not in page.read_text(encoding="utf-8")


def test_verify_finds_damage_and_repairs_images(desk: Desk) -> None:
    """A damaged image is named, and built again from its rows."""
    desk.publish(DRUGS, "first", "2099-01-01")
    depot = Depot.open(desk.depot)
    image = depot.image_file(depot.find(MAP, "first"))
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[:-4096])
    told = desk.ask("verify")
    assert (told.code, told.json["damaged"][0]["edition"]) == (1, "first")
    assert desk.ask(*TRANSLATE, "2099-02-01").json["reason"] == "EDITION_BROKEN"
    assert desk.ask("verify", "--repair").code == 0
    assert desk.ask(*TRANSLATE, "2099-02-01").json["edition"] == "first"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("review", MAP, "none", "--by", "x"), "EDITION_UNKNOWN"),
        (("review", MAP, "first", "--by", "x"), "WRONG_STATE"),
        (("publish", MAP, "first", "--from", "2099-01-01"), "WRONG_STATE"),
        (("rollback", "CN-320000.herb", "--reason", "x"), "NOTHING_TO_ROLL_BACK"),
        (("override", "approve", "99", "--by", "x"), "OVERRIDE_UNKNOWN"),
        (("import", "FILE", "--kind", "drug", "--system", "Jiangsu"), "TABLE_REFUSED"),
        (("import", "FILE", *SYSTEM, "--edition", "first"), "EDITION_EXISTS"),
        (("import", "FILE", *SYSTEM, "--map", "other"), "MAP_TAKEN"),
    ],
)
def test_refusals_have_a_reason_and_both_languages(desk: Desk, words: tuple[str, ...], reason: str) -> None:
    """What is refused says why in Chinese and in English, with exit 1, and changes nothing."""
    desk.publish(DRUGS, "first", "2099-01-01")
    file = desk.table(DRUGS[:1], "one.csv")
    entries = len(desk.ask("history").json["history"])
    told = desk.ask(*(file if word == "FILE" else word for word in words))
    assert (told.code, told.json["reason"]) == (1, reason)
    assert told.json["text_zh"]
    assert told.json["text_en"]
    assert len(desk.ask("history").json["history"]) == entries


def test_without_a_depot_the_shipped_editions_answer(desk: Desk) -> None:
    """A look-up needs no depot, and says that what it used is not confirmed."""
    told = desk.ask(
        "translate", "--kind", "chronic", "--system", "CN-320000", "--code", "JS-MT-0160", "--on", "2026-01-15"
    )
    assert (told.json["to_code"], told.json["edition"], told.json["confirmed"]) == ("M01600", "2026.1", False)
    earlier = desk.ask(
        "translate", "--kind", "chronic", "--system", "CN-320000", "--code", "JS-MT-0161", "--on", "2025-06-01"
    )
    assert (earlier.json["reason"], earlier.json["edition"]) == ("CODE_UNMAPPED", "2025.1")


def test_answers_are_one_json_object(desk: Desk) -> None:
    """With --json a command prints one object and nothing else."""
    desk.publish(DRUGS, "first", "2099-01-01")
    for words in (("list",), ("history",), ("verify",), ("override", "list"), ("check", MAP, "first")):
        assert isinstance(json.loads(desk.ask(*words).text), dict)
