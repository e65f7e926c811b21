"""The depot: what it keeps, what it refuses, and what its files and its history are worth."""

import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from codemaps.csvfile import TableError
from codemaps.depot import Depot, lifecycle, records, serving
from codemaps.editions import read_rows, refuse_manifest
from codemaps.refusals import REASONS, Refused
from tests.codemaps.builders import (
    BEGIN,
    DAY,
    JIANGSU,
    LIAONING,
    MAP,
    PUBLISHER,
    Clock,
    content_of,
    draft,
    files,
    manifest,
    publish,
    refusal,
    reviewed,
    row,
    spoil,
)  # fmt: skip

ROW = row("A1", "M03900")


def test_an_edition_is_kept_as_it_came(depot: Depot, clock: Clock):
    """An import is a draft with its rows, its image, its digest and one line of history."""
    record = draft(depot, ROW, row("A2"), note="x")
    assert (record.state, record.rows, record.imported_ms) == ("draft", 2, clock.ms)
    assert list(read_rows(depot.rows_file(record))) == [ROW, row("A2")]
    assert (record.rows_sha256, record.digest[:7]) == (content_of([ROW, row("A2")])[2], "sha256:")
    assert depot.damage(record) == ""
    assert stat.S_IMODE(depot.rows_file(record).stat().st_mode) == 0o444
    [entry] = depot.history()
    assert (entry.action, entry.map, entry.edition, entry.at_ms) == ("import", MAP, "2026.1", clock.ms)
    assert (entry.detail["rows"], entry.detail["digest"]) == (2, record.digest)
    assert Depot.open(depot.directory, clock).editions() == [record]
    assert list((depot.directory / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "EDITION_EXISTS"),
        ({"map": "other"}, "MAP_TAKEN"),
        ({"edition": "2", "from_system": LIAONING}, "MAP_CHANGED"),
        ({"edition": "2", "kind": "drug"}, "MAP_CHANGED"),
        ({"edition": "2"}, "SAME_CONTENT"),
    ],
)
def test_what_the_depot_has_already_is_refused(depot: Depot, change: dict[str, str], reason: str):
    """A name, a way or a content that is taken is refused by its own reason, and nothing is left of the attempt."""
    draft(depot, ROW)
    before = files(depot), depot.editions(), depot.history()
    assert refusal(lambda: draft(depot, ROW, **change)).reason == reason
    assert refusal(lambda: depot.refuse_taken(manifest(**change), content_of([ROW])[2])).reason == reason
    assert (files(depot), depot.editions(), depot.history()) == before


def test_what_was_withdrawn_may_be_imported_again_under_another_name(depot: Depot):
    """The content of a withdrawn edition may come back; its name may not."""
    publish(depot, ROW)
    lifecycle.rollback(depot, MAP, PUBLISHER, "wrong")
    assert refusal(lambda: draft(depot, ROW)).reason == "EDITION_EXISTS"
    assert draft(depot, ROW, edition="2026.2").state == "draft"


def test_lists_of_one_system_stand_beside_each_other(depot: Depot):
    """Two lists of one system and kind are no contradiction, two maps are."""
    for name in ("one", "two"):
        draft(depot, row("M00101"), map=name, from_system="CN", to_system="")
    assert len(depot.editions()) == 2


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "/etc", "a\0b", ".hidden", "a" * 65, "名", "a\n"])
@pytest.mark.parametrize("part", ["map", "edition"])
def test_no_name_leads_out_of_the_directory(name: str, part: str):
    """Maps and editions name files, so a name that could lead elsewhere is refused by its manifest."""
    with pytest.raises(TableError, match=rf"column {part}"):
        refuse_manifest(manifest(**{part: name}), "f")


def test_an_edition_that_is_not_there_is_said_to_be_unknown(depot: Depot):
    """Asking for an unknown edition names it."""
    assert refusal(lambda: depot.find(MAP, "9")).reason == "EDITION_UNKNOWN"


def test_a_depot_that_is_missing_broken_or_busy_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No directory, a file in its place, a damaged database and another writer are told apart."""
    assert refusal(lambda: Depot.open(tmp_path / "none")).reason == "DEPOT_MISSING"
    (tmp_path / "file").write_text("x")
    assert refusal(lambda: Depot.create(tmp_path / "file")).reason == "DEPOT_UNREADABLE"
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "depot.db").write_bytes(b"no database at all" * 100)
    assert refusal(Depot.open(tmp_path / "bad").editions).reason == "DEPOT_UNREADABLE"
    monkeypatch.setattr(records, "PATIENCE_S", 0.05)
    one, two = Depot.create(tmp_path / "busy"), Depot.create(tmp_path / "busy")
    with one.records.write():
        assert refusal(lambda: draft(two, ROW)).reason == "DEPOT_BUSY"
        assert two.editions() == []
    assert draft(two, ROW).state == "draft"
    for each in (one, two):
        each.records.close()


def test_history_only_grows(depot: Depot):
    """Every change adds to the history and to the generation, and no line of it ever changes."""
    seen = depot.history()
    assert depot.generation() == 0
    steps: list[Callable[[], object]] = [
        lambda: draft(depot, ROW),
        lambda: lifecycle.review(depot, MAP, "2026.1", "b"),
        lambda: lifecycle.review(depot, MAP, "2026.1", "b", back=True),
        lambda: lifecycle.review(depot, MAP, "2026.1", "b"),
        lambda: lifecycle.publish(depot, MAP, "2026.1", "c", DAY),
        lambda: lifecycle.ask_override(depot, manifest(), "A1", "M00101", "a", "r", 1),
        lambda: lifecycle.approve_override(depot, 1, "b"),
        lambda: lifecycle.end_override(depot, 1, "b"),
        lambda: depot.rebuild(depot.find(MAP, "2026.1"), "c"),
        lambda: lifecycle.rollback(depot, MAP, "c", "r"),
    ]
    for step in steps:
        generation = depot.generation()
        step()
        assert depot.generation() > generation
        now = depot.history()
        assert now[: len(seen)] == seen
        assert len(now) == len(seen) + 1
        seen = now
    assert [each.action for each in depot.history(MAP)] == [
        "import", "review", "return", "review", "publish", "override.ask", "override.approve", "override.end",
        "rebuild", "rollback",
    ]  # fmt: skip
    assert depot.history("other") == []
    refusal(lambda: lifecycle.publish(depot, MAP, "2026.1", "c", DAY))
    assert depot.history() == seen


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".lmdb"])
def test_damage_is_seen(depot: Depot, suffix: str):
    """A file that is changed or gone is named, and the edition is not published over it."""
    record = reviewed(depot, ROW)
    file = depot.rows_file(record).with_suffix(suffix)
    content = file.read_bytes()
    for damage in (lambda: spoil(file, content[:-1] + b"?"), file.unlink):
        damage()
        assert file.name in depot.damage(record)
        assert refusal(lambda: lifecycle.publish(depot, *record.key, "c", DAY)).reason == "EDITION_BROKEN"
    assert depot.find(*record.key).state == "reviewed"


def test_a_damaged_image_is_built_again_from_its_rows(depot: Depot):
    """The repaired image is what the depot says it is, and serves."""
    record = publish(depot, ROW)
    spoil(depot.image_file(record), b"x")
    assert refusal(lambda: serving.maps(depot)).reason == "EDITION_BROKEN"
    depot.rebuild(record, "c")
    assert depot.damage(depot.find(*record.key)) == ""
    assert serving.maps(depot).translate(1, "A1", JIANGSU, "CN", BEGIN).to_code == "M03900"


def test_an_image_is_never_built_from_damaged_rows(depot: Depot):
    """Rows that are not what was stored are refused, and the image stays as it is."""
    record = publish(depot, ROW)
    before = depot.image_file(record).read_bytes()
    spoil(depot.rows_file(record), content_of([row("A1", "M00101")])[0])
    assert refusal(lambda: depot.rebuild(record, "c")).reason == "EDITION_BROKEN"
    depot.rows_file(record).unlink()
    assert refusal(lambda: depot.rebuild(record, "c")).reason == "EDITION_BROKEN"
    assert depot.image_file(record).read_bytes() == before


def test_an_import_sweeps_what_dead_ones_left(depot: Depot):
    """Files without a row in the database and old places go; an import that is under way keeps its own."""
    record = draft(depot, ROW)
    kept = files(depot)
    for name in ("2026.9.csv", "2026.9.lmdb"):
        (depot.rows_file(record).parent / name).write_bytes(b"left")
    old, fresh = depot.directory / "incoming" / "old", depot.directory / "incoming" / "fresh"
    for place in (old, fresh):
        place.mkdir()
        (place / "rows.csv").write_bytes(b"")
    os.utime(old, (0, 0))
    with depot.incoming():
        assert files(depot) == sorted([*kept, "incoming/fresh/rows.csv"])


def test_refusals_cross_the_border_of_a_process():
    """A refusal and a table error arrive from a worker process as they were raised."""
    refused = Refused("DATES_OVERLAP", map=MAP, edition="1", other="2")
    again = pickle.loads(pickle.dumps(refused))
    assert (again.reason, again.facts, again.zh, again.en) == (refused.reason, refused.facts, refused.zh, refused.en)
    table = pickle.loads(pickle.dumps(TableError("f.csv", 3, "kind", "no")))
    assert (table.file, table.row, table.column, table.problem, str(table)) == (
        "f.csv", 3, "kind", "no", "f.csv, row 3, column kind: no",
    )  # fmt: skip


def test_every_reason_is_raised_by_a_test():
    """Each reason that can be given stands in a test beside this one or in those of the commands."""
    tests = Path(__file__).parents[1].rglob("test_*.py")
    said = "".join(file.read_text(encoding="utf-8") for file in tests)
    assert [reason for reason in REASONS if f'"{reason}"' not in said] == []
