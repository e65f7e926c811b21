"""What a parent may send in malice or in error: it is refused, logged, and the hub goes on."""

import asyncio
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from codemaps.csvfile import TableError
from codemaps.depot import Depot
from codemaps.depot.following import MOST_BYTES, part_file
from codemaps.editions import HEADER, EditionRow, write_rows
from codemaps.refusals import Refused
from gateway.codemap import follow
from tests.codemap_service.depots import MAP, NEW, OLD, Begin, Hands, Lines, published, row, rows_of
from tests.codemap_service.parents import Child, Liar, Parent, adopt_here
from yidi.v1 import codemap_pb2 as pb


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adopted in a thread."""
    adopt_here(monkeypatch)


@pytest.fixture
def city(tmp_path: Path, hands: Hands) -> Depot:
    """The depot of the hub that follows."""
    return Depot.create(tmp_path / "city", hands)


def content_of(rows: list[EditionRow]) -> bytes:
    """Rows in the fixed form, in the order given."""
    content = io.BytesIO()
    write_rows(rows, content)
    return content.getvalue()


def offered(data: bytes, count: int, **said: Any) -> pb.CodeMapEdition:
    """An edition as it is listed, with the right checksum, whatever its rows are; ``said`` changes its manifest."""
    manifest = {"map": MAP, "edition": "1", "kind": "chronic", "from_system": "CN-320000", "to_system": "CN",
                "source": "test", "author": "author", **said}  # fmt: skip
    return pb.CodeMapEdition(
        map=manifest["map"], edition=manifest["edition"], effective_from="2026-01-01", rows=count, size=len(data),
        sha256=hashlib.sha256(data).hexdigest(), manifest=json.dumps(manifest),
    )  # fmt: skip


GOOD = content_of(rows_of(OLD))


def changed(**facts: Any) -> pb.CodeMapEdition:
    """A good edition of which some facts are wrong."""
    edition = offered(GOOD, len(OLD))
    for name, value in facts.items():
        setattr(edition, name, value)
    return edition


async def refused(city: Depot, log: Lines, edition: pb.CodeMapEdition, data: bytes = GOOD) -> Exception:
    """How an edition is refused; a good one beside it is taken over, and nothing of the bad one stays."""
    manifest = offered(GOOD, len(OLD), map="CN-210000.chronic", from_system="CN-210000", edition="good")
    child = Child(city, Liar(city, [edition, manifest], data), log)
    beside = data == GOOD
    with pytest.raises(Exception) as caught:  # the tests say which
        await child.follower.once()
    assert child.states() == ({"good": "published"} if beside else {})
    assert all("not followed" in line["event"] for line in log.of("warning"))
    assert len(log.of("warning")) == (1 if beside else 2)
    names = {file.name for file in city.directory.rglob("*") if file.is_file()}
    assert names <= {"depot.db", "depot.db-journal", "good.csv", "good.lmdb"} | _parts(city)
    assert not list(city.directory.parent.glob("*.csv"))
    return caught.value


def _parts(city: Depot) -> set[str]:
    return {file.name for file in (city.directory / "following").glob("*.part")}


@pytest.mark.parametrize(
    ("edition", "column"),
    [
        (changed(size=MOST_BYTES + 1), "size"),
        (changed(size=1 << 60), "size"),
        (changed(size=-1), "size"),
        (changed(size=0), "size"),
        (changed(sha256="x" * 64), "sha256"),
        (changed(sha256=""), "sha256"),
        (changed(effective_from=""), "effective_from"),
        (changed(effective_from="20260101"), "effective_from"),
        (changed(effective_from="2026-02-30"), "effective_from"),
        (changed(effective_to="soon"), "effective_from"),
        (changed(effective_to="2025-12-31"), "effective_to"),
        (changed(manifest=""), ""),
        (changed(manifest="[]"), ""),
        (changed(manifest="{" * 100_000), ""),
        (offered(GOOD, 2, later="unknown key"), ""),
        (offered(GOOD, 2, map="../../etc"), "map"),
        (offered(GOOD, 2, map="a/b"), "map"),
        (offered(GOOD, 2, map=".."), "map"),
        (offered(GOOD, 2, edition="../../1"), "edition"),
        (offered(GOOD, 2, edition="1\x00"), "edition"),
        (offered(GOOD, 2, edition=""), "edition"),
        (offered(GOOD, 2, edition="1" * 65), "edition"),
        (offered(GOOD, 2, kind="moon"), "kind"),
        (offered(GOOD, 2, from_system="CN-32"), "from_system"),
        (offered(GOOD, 2, to_system="CN-320000"), "to_system"),
        (offered(GOOD, 2, unmapped="guess"), ""),
    ],
)
async def test_a_list_that_cannot_be_right_is_refused_before_any_download(
    city: Depot, log: Lines, edition: pb.CodeMapEdition, column: str
):
    """Impossible sizes, checksums, dates, names and manifests: refused by name, and the edition beside it comes."""
    error = await refused(city, log, edition)
    assert isinstance(error, TableError)
    assert error.column == column


async def test_a_list_that_is_none_is_refused(city: Depot, log: Lines):
    """Bytes that are no list of editions end the attempt in words."""
    parent = Parent(city)
    parent.mad = b"\x0a\x7f\x01"
    with pytest.raises(TableError, match="cannot be read"):
        await Child(city, parent, log).follower.once()


A, B = rows_of(OLD)
ROW = b"JS-A,,M01600,,equal,false,false,,,,,,,,,,,,\n"


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"no header\n" + ROW, 1),
        (HEADER + b"JS-A,,M01600\n", 1),
        (HEADER + ROW[:-1] + b",,\n", 1),
        (HEADER + b'"JS-A' + ROW[4:], 1),
        (HEADER + b"\xff\xfe" + ROW, 1),
        (HEADER + ROW.replace(b"\n", b"\r\n"), 1),
        (HEADER + ROW[:-1], 1),
        (HEADER + b"\n" + ROW, 1),
        (HEADER + b'"JS-A"' + ROW[4:], 1),
        (HEADER + ROW, 2),
        (HEADER, 0),
        (b"\x00" * 1000, 1),
        (content_of([B, A]), 2),
        (content_of([A, A]), 2),
        (content_of([A, row("JS-A", "M03900")]), 2),
        (content_of([row("", "M01600")]), 1),
        (content_of([row("JS A", "M01600")]), 1),
        (content_of([row("J" * 600, "M01600")]), 1),
        (content_of([row("JS-A", "no national code")]), 1),
        (content_of([row("JS-A", "M01600", relationship="guess")]), 1),
        (content_of([row("JS-A", "M01600", insutype="||")]), 1),
        (content_of([row("JS-A", "M01600", valid_from="soon")]), 1),
        (content_of([row("JS-A", "M01600", selfpay_prop="-1")]), 1),
        (content_of([row("JS-A", "M01600", confirmed="true")]), 1),
        (content_of([row("JS-A", "M01600", local_name="two\nlines")]), 1),
    ],
)
async def test_rows_that_are_wrong_are_refused_although_their_checksum_is_right(
    city: Depot, log: Lines, data: bytes, count: int
):
    """No image is built of rows that are not in the fixed form, not sorted, not unique, or not of their kind."""
    error = await refused(city, log, offered(data, count), data)
    assert isinstance(error, TableError)
    assert error.file == f"{MAP} 1"
    assert not list(city.directory.rglob("*.lmdb"))


async def test_dates_that_overlap_are_refused(city: Depot, log: Lines):
    """Two editions of one map for the same days: the first one stands, the second is refused."""
    data = content_of(rows_of(OLD))
    editions = [offered(data, 2), offered(data, 2, edition="2")]
    editions[1].sha256 = "0" * 64
    liar = Liar(city, editions, data)
    with pytest.raises(Refused) as caught:
        await Child(city, liar, log).follower.once()
    assert caught.value.reason == "DATES_OVERLAP"
    assert len(liar.offsets) == 1


async def test_another_map_for_the_same_way_is_refused(city: Depot, log: Lines):
    """A second map between the same systems would make every code ambiguous."""
    published(city, "mine", rows_of(NEW), map_=MAP)
    liar = Liar(city, [offered(GOOD, 2, map="CN-320000.other")], GOOD)
    with pytest.raises(Refused) as caught:
        await Child(city, liar, log).follower.once()
    assert (caught.value.reason, liar.offsets) == ("MAP_TAKEN", [])


async def test_the_same_edition_listed_twice_is_adopted_once(city: Depot, log: Lines):
    """The second one has its name already and is refused."""
    child = Child(city, Liar(city, [offered(GOOD, 2), offered(GOOD, 2)], GOOD), log)
    with pytest.raises(Refused) as caught:
        await child.follower.once()
    assert caught.value.reason == "EDITION_EXISTS"
    assert child.states() == {"1": "published"}


async def test_a_stream_that_never_ends_is_cut_at_the_size_that_was_listed(city: Depot, log: Lines):
    """More bytes than listed are not written to the disk; the line is hung up and the beginning thrown away."""
    closed: list[bool] = []

    class Endless(Liar):
        """Sends for ever."""

        async def stream(self, *_: object) -> Any:
            """Pieces without end."""
            at = 0
            try:
                while True:
                    yield pb.DownloadEditionResponse(offset=at, data=b"x" * 100).SerializeToString()
                    at += 100
            finally:
                closed.append(True)

    child = Child(city, Endless(city, [offered(GOOD, 2)], b""), log)
    async with asyncio.timeout(20):
        with pytest.raises(Refused) as caught:
            await child.follower.once()
    assert caught.value.reason == "CHECKSUM_WRONG"
    assert (closed, child.parts()) == ([True], [0])


@pytest.mark.parametrize("by", [-10, 1])
async def test_pieces_from_another_place_are_not_put_together(city: Depot, log: Lines, by: int):
    """A parent that does not go on where it was asked to is refused, and the download begins anew."""

    class Forgetful(Liar):
        """Sends from elsewhere."""

        async def stream(self, _: str, request: bytes, *__: object) -> Any:
            """One piece, of another place than was asked for."""
            offset = by + pb.DownloadEditionRequest.FromString(request).offset
            yield pb.DownloadEditionResponse(offset=offset, data=self.data[offset:]).SerializeToString()

    child = Child(city, Forgetful(city, [offered(GOOD, 2)], GOOD), log)
    (offer,) = await child.follower._offered([])
    part_file(city, offer).write_bytes(GOOD[:10])
    with pytest.raises(Refused) as caught:
        await child.follower.once()
    assert caught.value.reason == "CHECKSUM_WRONG"
    assert (child.parts(), child.states()) == ([0], {})


async def test_a_refused_edition_is_left_alone_for_longer_each_time(city: Depot, log: Lines):
    """An edition of hundreds of megabytes is not downloaded every minute; another checksum is tried at once."""
    data = content_of([B, A])
    liar = Liar(city, [offered(data, 2)], data)
    child = Child(city, liar, log)
    watched = []
    for _ in range(600):  # ten hours
        await child.follower._follow()
        watched.append(len(liar.offsets))
        child.now += follow.EVERY_S
    assert watched[:8] == [1, 2, 2, 3, 3, 3, 3, 4]
    assert watched[-1] - watched[-61] == 1
    liar.editions, liar.data = [offered(GOOD, 2)], GOOD
    assert await child.follower.once() == [("published", MAP, "1")]


async def test_the_watch_goes_on_after_whatever_was_sent(
    begin: Begin, city: Depot, log: Lines, monkeypatch: pytest.MonkeyPatch
):
    """A parent that sends rubbish and then comes to its senses is followed by the same running watch."""
    monkeypatch.setattr(follow, "EVERY_S", 0.001)
    parent = Parent(begin("one"))
    parent.mad = RuntimeError("not what anybody expected")
    child = Child(city, parent, log)
    watching = asyncio.create_task(child.follower.run())
    async with asyncio.timeout(20):
        while not log.of("warning"):  # noqa: ASYNC110  # what is waited for is no event
            await asyncio.sleep(0.002)
        parent.mad = None
        while child.states() != {"1": "published"}:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    assert not watching.done()
    watching.cancel()
