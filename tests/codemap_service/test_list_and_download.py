"""ListEditions and DownloadEdition, through the handlers of the server."""

import hashlib
import json

import grpc
import pytest

from codemaps.depot import Depot, lifecycle, serving
from codemaps.editions import HEADER
from gateway.codemap.service import PIECE_BYTES
from gateway.demo.network import HOSPITAL
from gateway.errors.status import info_of
from tests.codemap_service.depots import BEGIN, LATER, MAP, NEW, OLD, Begin, Hands, draft, published, row, rows_of
from tests.codemap_service.served import Aborted, Context, Served
from yidi.v1 import codemap_pb2 as pb


@pytest.fixture
def depot(begin: Begin, request: pytest.FixtureRequest) -> Depot:
    """An empty depot, or with an edition of several pieces for tests that ask for its rows."""
    return begin("large" if "large" in request.fixturenames else "empty")


@pytest.fixture
def large(depot: Depot) -> bytes:
    """The rows of that edition as they lie on the disk."""
    return depot.rows_file(depot.find(MAP, "1")).read_bytes()


@pytest.fixture
def served(depot: Depot) -> Served:
    """A hub whose depot holds whatever a test puts there."""
    return Served(lambda: serving.maps(depot, with_shipped=False), depot)


def wanted(edition: str = "1", offset: int = 0, map_: str = MAP) -> pb.DownloadEditionRequest:
    """A request for the rows of an edition."""
    return pb.DownloadEditionRequest(map=map_, edition=edition, offset=offset)


async def listed(served: Served, map_: str = "") -> list[pb.CodeMapEdition]:
    """The editions as a neighbour sees them."""
    return list((await served.ask("ListEditions", pb.ListEditionsRequest(map=map_))).editions)


async def test_published_editions_are_listed_with_all_that_proves_them(served: Served, depot: Depot, hands: Hands):
    """An edition is listed with its dates, size, checksum and manifest, and the time when it was published in China."""
    record = published(depot, "1", rows_of(OLD), BEGIN, LATER)
    (edition,) = await listed(served)
    assert (edition.map, edition.edition, edition.kind) == (MAP, "1", "chronic")
    assert (edition.from_system, edition.to_system) == ("CN-320000", "CN")
    assert (edition.effective_from, edition.effective_to) == ("2026-01-01", "2026-04-01")
    assert (edition.published, edition.withdrawn) == ("2026-06-20 10:00:00", "")
    content = depot.rows_file(record).read_bytes()
    assert (edition.rows, edition.size) == (len(OLD), len(content))
    assert edition.sha256 == hashlib.sha256(content).hexdigest()
    assert json.loads(edition.manifest)["author"] == "author"


async def test_a_withdrawn_edition_stays_on_the_list(served: Served, depot: Depot, hands: Hands):
    """Who follows must see a withdrawal, so the edition is listed with its time; the one before has none."""
    published(depot, "1", rows_of(OLD))
    published(depot, "2", rows_of(NEW), LATER)
    hands.forward(1)
    lifecycle.rollback(depot, MAP, "operator", "test")
    assert [(each.edition, each.withdrawn) for each in await listed(served)] == [
        ("1", ""),
        ("2", "2026-06-20 11:00:00"),
    ]


async def test_drafts_are_nobodys_business(served: Served, depot: Depot):
    """Neither a draft nor a reviewed edition is listed or downloaded."""
    draft(depot, "1", rows_of(OLD))
    lifecycle.review(depot, MAP, "1", "reviewer")
    draft(depot, "2", rows_of(NEW))
    assert await listed(served) == []
    assert await served.reason("DownloadEdition", wanted("1")) == "EDITION_UNKNOWN"
    assert await served.reason("DownloadEdition", wanted("2")) == "EDITION_UNKNOWN"


async def test_the_list_can_be_narrowed_to_one_map(served: Served, depot: Depot):
    """With a map only its editions are listed; without one all, by map and begin."""
    published(depot, "later", rows_of(NEW), LATER)
    published(depot, "first", rows_of(OLD))
    published(depot, "list", [row("M01600", "", relationship="", national_name="")], map_="CN.chronic")
    assert [(each.map, each.edition) for each in await listed(served)] == [
        (MAP, "first"), (MAP, "later"), ("CN.chronic", "list")
    ]  # fmt: skip
    assert [each.edition for each in await listed(served, "CN.chronic")] == ["list"]
    assert await listed(served, "CN-999999.chronic") == []
    assert await served.reason("ListEditions", pb.ListEditionsRequest(map="x" * 65)) == "FIELD_TOO_LONG"


async def test_a_download_comes_in_pieces_and_in_order(served: Served, large: bytes):
    """The first piece carries the edition; together the pieces are the file, each where the last one ended."""
    first, *pieces = await served.pieces(wanted())
    assert first.edition.size == len(large)
    assert not first.data
    assert len(pieces) > 2
    at = 0
    for piece in pieces:
        assert (piece.offset, piece.HasField("edition")) == (at, False)
        assert 0 < len(piece.data) <= PIECE_BYTES
        at += len(piece.data)
    content = b"".join(piece.data for piece in pieces)
    assert content == large
    assert content.startswith(HEADER)
    assert hashlib.sha256(content).hexdigest() == first.edition.sha256
    (line,) = served.lines()
    assert (line["method"], line["outcome"]) == ("DownloadEdition", "success")


@pytest.mark.parametrize("offset", [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
async def test_a_download_goes_on_at_any_byte(served: Served, large: bytes, offset: int):
    """From an offset on only the rest comes, and what was there before makes it whole."""
    first, *pieces = await served.pieces(wanted(offset=offset))
    assert (first.offset, pieces[0].offset) == (offset, offset)
    assert large[:offset] + b"".join(piece.data for piece in pieces) == large


async def test_from_the_end_nothing_is_left_to_send(served: Served, large: bytes):
    """Who has everything learns so from the edition in the first piece."""
    (only,) = await served.pieces(wanted(offset=len(large)))
    assert (only.edition.size, only.offset, only.data) == (len(large), len(large), b"")


async def test_past_the_end_is_refused_with_the_size(served: Served, large: bytes):
    """An offset behind the end says that the caller has another file; it is told the size."""
    context = await served.refused("DownloadEdition", wanted(offset=len(large) + 1))
    assert info_of(context.status).reason == "DOWNLOAD_OFFSET"
    assert info_of(context.status).metadata["param_size"] == str(len(large))
    assert context.code is grpc.StatusCode.OUT_OF_RANGE
    assert served.sample("yidi_declines_total", reason="DOWNLOAD_OFFSET") == 1
    assert served.sample("yidi_exchanges_in_flight") == 0


@pytest.mark.parametrize(
    ("request_", "reason", "code"),
    [
        (wanted("9"), "EDITION_UNKNOWN", "NOT_FOUND"),
        (wanted("1", map_="CN-999999.chronic"), "EDITION_UNKNOWN", "NOT_FOUND"),
        (wanted("../1"), "EDITION_UNKNOWN", "NOT_FOUND"),
        (wanted("1", map_="../depot.db"), "EDITION_UNKNOWN", "NOT_FOUND"),
        (wanted(""), "FIELD_MISSING", "INVALID_ARGUMENT"),
        (wanted("1", map_=""), "FIELD_MISSING", "INVALID_ARGUMENT"),
        (wanted("1", offset=-1), "NUMBER_NEGATIVE", "INVALID_ARGUMENT"),
    ],
)
async def test_what_was_not_published_cannot_be_downloaded(
    served: Served, large: bytes, request_: pb.DownloadEditionRequest, reason: str, code: str
):
    """Unknown names, names that lead elsewhere and broken requests are refused; no other file opens."""
    context = await served.refused("DownloadEdition", request_)
    assert (info_of(context.status).reason, context.code) == (reason, grpc.StatusCode[code])


async def test_a_withdrawn_edition_can_be_downloaded(served: Served, depot: Depot, large: bytes):
    """Its rows prove old translations, so they are still there for who asks."""
    lifecycle.rollback(depot, MAP, "operator", "test")
    first, *pieces = await served.pieces(wanted())
    assert first.edition.withdrawn
    assert b"".join(piece.data for piece in pieces) == large


async def test_a_download_that_has_begun_ends_whole(served: Served, depot: Depot, large: bytes):
    """The edition is withdrawn after the first piece: the rest comes all the same, of the same file."""
    download = served.download(wanted())
    content = (await anext(download)).data
    lifecycle.rollback(depot, MAP, "operator", "test")
    published(depot, "2", rows_of(NEW))
    async for piece in download:
        content += piece.data
    assert content == large


async def test_a_caller_that_hangs_up_leaves_nothing_running(served: Served, large: bytes):
    """A download that is given up in the middle is no longer counted as in flight."""
    download = served.download(wanted())
    await anext(download)
    assert served.sample("yidi_exchanges_in_flight") == 1
    await download.aclose()
    assert served.sample("yidi_exchanges_in_flight") == 0


async def test_rows_that_vanish_from_the_disk_are_a_refusal(served: Served, depot: Depot, large: bytes):
    """A file that is gone in the middle ends the download with a status from the catalogue, not with a short file."""
    context = Context(HOSPITAL)
    download = served.download(wanted(), context=context)
    assert (await anext(download)).edition.rows
    assert (await anext(download)).data
    depot.rows_file(depot.find(MAP, "1")).unlink()
    with pytest.raises(Aborted):
        await anext(download)
    assert info_of(context.status).reason == "INTERNAL"
