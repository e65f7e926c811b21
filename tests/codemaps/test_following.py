"""Following another hub: what is wanted, what is gone, and that only what was checked is kept."""

import hashlib
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from codemaps.csvfile import TableError
from codemaps.depot import Depot, following, lifecycle, serving
from codemaps.depot.following import Offered
from codemaps.editions import EditionRow, digest_of
from tests.codemaps.builders import (
    BEGIN,
    DAY,
    MAP,
    PUBLISHER,
    content_of,
    draft,
    files,
    manifest,
    outward,
    publish,
    refusal,
    reviewed,
    row,
)  # fmt: skip

ROW = row("A1", "M03900")


def offer(
    *rows: EditionRow,
    begin: date = BEGIN,
    end: date | None = None,
    withdrawn: bool = False,
    origin: str = "320000",
    **said: object,
) -> Offered:
    """What another hub offers."""
    content, count, sha256 = content_of(rows or [ROW])
    return Offered(manifest(**said), begin, end, withdrawn, count, len(content), sha256, origin)


def download(depot: Depot, offered: Offered, content: bytes) -> Path:
    """What has arrived of it."""
    part = following.part_file(depot, offered)
    part.write_bytes(content)
    return part


def adopt(depot: Depot, offered: Offered, *rows: EditionRow, content: bytes | None = None) -> str:
    """Take over an edition whose download is complete."""
    part = download(depot, offered, content if content is not None else content_of(rows or [ROW])[0])
    return following.adopt(depot.directory, offered, part)


def test_an_adopted_edition_is_published_as_it_was_there(depot: Depot):
    """It bears the same digest and dates, counts as published from now on, and history says from which hub."""
    offered = offer(end=DAY)
    before_ms = int(time.time() * 1000)
    digest = adopt(depot, offered)
    [record] = depot.editions()
    assert digest == record.digest == digest_of(offered.manifest, offered.sha256)
    assert (record.state, record.effective_from, record.effective_to) == ("published", BEGIN, DAY)
    assert (record.origin, record.manifest, depot.damage(record)) == ("320000", offered.manifest, "")
    assert before_ms <= record.published_ms <= time.time() * 1000
    [entry] = depot.history()
    assert (entry.action, entry.actor) == ("follow", "hub 320000")
    assert outward(serving.maps(depot), "A1").to_code == "M03900"
    assert files(depot) == ["depot.db", f"editions/{MAP}/2026.1.csv", f"editions/{MAP}/2026.1.lmdb"]


def test_what_is_new_is_wanted_and_what_is_withdrawn_there_goes(depot: Depot):
    """Only maps that are followed, only what is not here, and only what came from there is withdrawn."""
    adopt(depot, offer(edition="1", end=DAY))
    publish(depot, row("A1", "C22.900"), map="own", kind="diagnosis", edition="1")
    known, fresh = offer(edition="1", withdrawn=True), offer(edition="2")
    never, other = offer(edition="3", withdrawn=True), offer(map="other", edition="1")
    twin, stranger = offer(map="own", edition="1", withdrawn=True), offer(edition="1", withdrawn=True, origin="330000")
    listed = [known, fresh, never, other, twin, stranger]
    assert following.wanted(depot, listed, (MAP,)) == ([fresh], [known])
    assert following.wanted(depot, listed, ("*",)) == ([fresh, other], [known])
    assert following.wanted(depot, listed, ()) == ([], [])
    following.withdraw(depot, known)
    assert depot.find(MAP, "1").state == "withdrawn"
    assert following.wanted(depot, [known], ("*",)) == ([], [])
    assert depot.history()[-1].actor == "hub 320000"
    before = depot.history()
    following.withdraw(depot, known)
    assert depot.history() == before


def test_a_download_goes_on_where_it_stopped(depot: Depot):
    """The beginning of a download has one name for one content, and survives until nobody offers it any more."""
    one, other = offer(), offer(row("A1", "M00101"))
    part = download(depot, one, b"begin")
    assert following.part_file(depot, one) == part
    assert following.part_file(depot, other) != part
    assert part.parent.parent == depot.directory
    with depot.incoming():
        pass
    following.forget_parts(depot, [one, other])
    assert part.read_bytes() == b"begin"
    following.forget_parts(depot, [one._replace(withdrawn=True), other])
    assert not part.exists()


@pytest.mark.parametrize("content", [b"", content_of([ROW])[0] + b"\n", content_of([row("A1", "M00101")])[0]])
def test_a_wrong_checksum_is_thrown_away(depot: Depot, content: bytes):
    """Content of another length or another digest is refused, and the next attempt begins anew."""
    offered = offer()
    assert refusal(lambda: adopt(depot, offered, content=content)).reason == "CHECKSUM_WRONG"
    assert not following.part_file(depot, offered).exists()
    assert (depot.editions(), files(depot)) == ([], ["depot.db"])


def test_an_overlap_is_refused_before_anything_is_stored(depot: Depot):
    """An edition that cannot stand beside a published one is refused, and what is in force stays."""
    publish(depot, row("A1", "M00101"), edition="own", begin=DAY)
    before = depot.editions(), depot.history()
    assert refusal(lambda: following.refuse_conflicts(depot, offer(begin=DAY))).reason == "DATES_OVERLAP"
    assert refusal(lambda: adopt(depot, offer(begin=DAY))).reason == "DATES_OVERLAP"
    assert refusal(lambda: adopt(depot, offer(begin=BEGIN, end=DAY))).reason == "DATES_OVERLAP"
    assert (depot.editions(), depot.history()) == before
    assert adopt(depot, offer(end=DAY - timedelta(days=1)))


def test_a_publication_during_the_adoption_is_seen(depot: Depot, monkeypatch: pytest.MonkeyPatch):
    """Dates are compared once more when the edition is stored, so that an operator at once leaves no overlap."""
    key = reviewed(depot, row("A1", "M00101"), edition="own").key
    whole = following.refuse_conflicts

    def meanwhile(depot_: Depot, offered: Offered) -> None:
        whole(depot_, offered)
        lifecycle.publish(depot, *key, PUBLISHER, BEGIN, backdated=True)

    monkeypatch.setattr(following, "refuse_conflicts", meanwhile)
    assert refusal(lambda: adopt(depot, offer())).reason == "DATES_OVERLAP"
    assert [record.manifest.edition for record in serving.standing(depot)] == ["own"]
    assert len(serving.maps(depot, with_shipped=False).editions) == 1
    assert not [name for name in files(depot) if "2026.1" in name or "incoming" in name]


def test_a_name_or_way_that_is_taken_is_refused(depot: Depot):
    """What an operator of this hub has imported under the same name, or for the same codes, is never replaced."""
    draft(depot, row("A1", "M00101"))
    assert refusal(lambda: adopt(depot, offer())).reason == "EDITION_EXISTS"
    assert refusal(lambda: adopt(depot, offer(map="other"))).reason == "MAP_TAKEN"
    assert len(depot.editions()) == 1


@dataclass
class Wrong:
    """Content with the right checksum that must not be kept."""

    content: bytes
    rows: int


GOOD = content_of([ROW, row("A2", "M00101")])[0]
HEADER, FIRST, SECOND = GOOD.splitlines(keepends=True)


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(b"", 0), Wrong(HEADER, 0), Wrong(b"a,b\n1,2\n", 1), Wrong(GOOD, 3), Wrong(GOOD[:-1], 2),
        Wrong(HEADER + SECOND + FIRST, 2), Wrong(HEADER + FIRST + FIRST, 2), Wrong(GOOD.replace(b"\n", b"\r\n"), 2),
        Wrong(GOOD + b"A3\n", 3), Wrong(GOOD.replace("国家".encode(), b"\xb9\xfa"), 2),
        Wrong(GOOD.replace(b"A2,", b'"A2",'), 2), Wrong(GOOD.replace(b"M00101", b"M0010"), 2),
        Wrong(GOOD.replace(b"A2,", b"A 2,"), 2), Wrong(GOOD.replace(b"equal", b"same"), 2),
        Wrong(GOOD.replace(b"test,\n", b'test,"a\nb"\n'), 2), Wrong(b"\xef\xbb\xbf" + GOOD, 2), Wrong(b"\0" * 500, 1),
        Wrong(GOOD.replace(b"A2,", b"A" * 600 + b","), 2), Wrong(GOOD.replace(b"A2,", b"A\x002,"), 2),
    ],
)  # fmt: skip
def test_a_file_that_is_not_in_order_is_refused_whatever_its_checksum(depot: Depot, wrong: Wrong):
    """Rows that are not in the fixed form, or could not have been published here, never become an image."""
    sha256 = hashlib.sha256(wrong.content).hexdigest()
    offered = offer()._replace(rows=wrong.rows, size=len(wrong.content), sha256=sha256)
    with pytest.raises(TableError):
        adopt(depot, offered, content=wrong.content)
    assert depot.editions() == []
    assert [name for name in files(depot) if not name.startswith("following/")] == ["depot.db"]


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "a/b", "..", "", "a\u0000b"])
@pytest.mark.parametrize("part", ["map", "edition"])
def test_a_manifest_with_a_hostile_name_is_refused(part: str, name: str):
    """No name that another hub sends leads out of the depot."""
    text = msgspec.json.encode(manifest(**{part: name})).decode()
    with pytest.raises(TableError, match=f"column {part}"):
        following.manifest_of(text)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "{" * 2000, "x" * (following.MOST_MANIFEST + 1), '{"map": 1}', '{"colour": "red"}']
)
def test_a_manifest_that_is_none_is_refused(text: str):
    """What another hub sends is read as a manifest or not at all."""
    with pytest.raises(TableError, match="manifest"):
        following.manifest_of(text)


def test_a_manifest_survives_the_journey():
    """What was written by the hub above is read as it was."""
    said = manifest(note='注"\n', unmapped="hold")
    assert following.manifest_of(msgspec.json.encode(said).decode()) == said


@pytest.mark.parametrize("text", ["", "2026-1-1", "20260101", "2026-02-30", "2026-01-01T00:00", "2026-W01-1"])
def test_a_day_is_read_in_one_form_only(text: str):
    """A date in another form is refused, not understood otherwise."""
    with pytest.raises(TableError):
        following.day_of(text)
    assert following.day_of("2026-01-01") == date(2026, 1, 1)


@pytest.mark.parametrize(
    "change",
    [{"size": 0}, {"size": -1}, {"size": following.MOST_BYTES + 1}, {"sha256": ""}, {"sha256": "A" * 64},
     {"sha256": "../" * 21 + "x"}, {"effective_to": BEGIN - timedelta(days=1)}],
)  # fmt: skip
def test_an_offer_that_cannot_be_right_is_refused(change: dict[str, object]):
    """Sizes, digests and dates are looked at before anything is downloaded."""
    following.refuse_offer(offer(end=BEGIN))
    with pytest.raises(TableError):
        following.refuse_offer(offer()._replace(**change))  # type: ignore[arg-type]  # wrong on purpose
