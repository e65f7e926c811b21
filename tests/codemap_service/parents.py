"""Parents of a test: links that answer from a depot, and ones that say what no honest hub would."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from codemaps.depot import Depot, following
from codemaps.lookup import EditionMaps
from gateway.codemap import follow
from gateway.codemap.follow import Follower
from gateway.codemap.service import CodeMapService
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, status_of
from gateway.exchange.link import NotSent, OutcomeUnknown
from tests.codemap_service.depots import Lines
from tests.codemap_service.served import AROUND
from tests.support.world import JIANGSU, ZHENJIANG, certificates
from yidi.v1 import codemap_pb2 as pb


class Parent:
    """The link of a city to a province that answers from a depot; deadlines and traces are nothing to it."""

    division = JIANGSU

    def __init__(self, depot: Depot) -> None:
        self._service = CodeMapService(JIANGSU, AROUND, lambda: EditionMaps([]), depot)
        self.lists = 0
        self.offsets: list[int] = []
        """Where each download began."""
        self.cut_after: int | None = None
        """Pieces that come before the line breaks."""
        self.down = False
        self.mad: bytes | Exception | None = None
        """What it answers instead of a list."""
        self.change: Callable[[pb.CodeMapEdition], None] = lambda _: None
        """What a parent that lies makes of each edition it lists."""
        self.turn: Callable[[bytes], bytes] = lambda data: data
        """What it makes of each piece."""

    async def call(self, path: str, request: bytes, *_: object) -> bytes:
        """Send a request; see RemoteLink."""
        if self.down:
            raise NotSent(self.division)
        if isinstance(self.mad, Exception):
            raise self.mad
        if self.mad is not None:
            return self.mad
        self.lists += 1
        raw = await self._service.unary()[path.rpartition("/")[2]](request, certificates()[ZHENJIANG])
        told = pb.ListEditionsResponse.FromString(raw)
        for edition in told.editions:
            self.change(edition)
        return told.SerializeToString()

    async def stream(self, path: str, request: bytes, *_: object) -> AsyncIterator[bytes]:
        """The pieces of a download."""
        self.offsets.append(pb.DownloadEditionRequest.FromString(request).offset)
        sent = 0
        try:
            async for raw in self._service.streams()[path.rpartition("/")[2]](request, certificates()[ZHENJIANG]):
                piece = pb.DownloadEditionResponse.FromString(raw)
                if piece.data and sent == self.cut_after:
                    raise OutcomeUnknown(self.division)
                sent += bool(piece.data)
                piece.data = self.turn(piece.data)
                yield piece.SerializeToString()
        except Decline as decline:
            raise PeerDecline(status_of(decline)) from None


class Liar(Parent):
    """A parent that lists what a test says and sends the bytes that a test says, whatever is asked for."""

    def __init__(self, depot: Depot, editions: list[pb.CodeMapEdition], data: bytes) -> None:
        super().__init__(depot)
        self.editions = editions
        self.data = data

    async def call(self, *_: object) -> bytes:
        """The list."""
        return pb.ListEditionsResponse(editions=self.editions).SerializeToString()

    async def stream(self, _: str, request: bytes, *__: object) -> AsyncIterator[bytes]:
        """The same bytes for every download."""
        offset = pb.DownloadEditionRequest.FromString(request).offset
        self.offsets.append(offset)
        yield pb.DownloadEditionResponse(offset=offset, data=self.data[offset:]).SerializeToString()


class Child:
    """The depot of a city and what follows the parent for it."""

    def __init__(self, depot: Depot, parent: Parent, log: Lines, maps: tuple[str, ...] = ("*",)) -> None:
        self.depot = depot
        self.log = log
        self.now = 1000.0
        self.follower = Follower(depot, cast("Any", parent), maps, log, lambda: self.now)

    def states(self) -> dict[str, str]:
        """Where each edition stands, by name."""
        return {record.manifest.edition: record.state for record in self.depot.editions()}

    def parts(self) -> list[int]:
        """The sizes of downloads that lie unfinished."""
        return [part.stat().st_size for part in (self.depot.directory / "following").glob("*.part")]


def adopt_here(patch: pytest.MonkeyPatch) -> None:
    """Adopt in a thread: what a process of its own does is the same and takes a second."""

    async def adopt(*order: Any) -> None:
        await asyncio.to_thread(following.adopt, *order)

    patch.setattr(follow, "_adopt", adopt)


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
