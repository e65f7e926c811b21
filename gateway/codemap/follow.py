"""Follows the code maps of the parent: new editions are downloaded, checked and served here by themselves."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from codemaps.csvfile import TableError
from codemaps.depot import Depot, following
from codemaps.depot.following import Offered
from codemaps.refusals import Refused
from gateway.codemap.live import LogLines
from gateway.delivery.grpc_link import GrpcLink
from gateway.errors.status import PeerDecline
from gateway.exchange.link import NotSent, OutcomeUnknown
from yidi.v1 import codemap_pb2 as pb

EVERY_S = 60.0
PATIENCE_S = 30.0
"""For the list."""
DOWNLOAD_S = 1800.0
"""For an edition of millions of rows over a slow line; what has arrived by then is kept, the rest comes next time."""
PATH = "/yidi.v1.CodeMapService/"


class Follower:
    """Takes over the named maps (``*`` for all) of one neighbouring hub."""

    def __init__(self, depot: Depot, link: GrpcLink, maps: tuple[str, ...], log: LogLines, monotonic: Any) -> None:
        self._depot = depot
        self._link = link
        self._maps = maps
        self._log = log
        self._monotonic = monotonic

    async def run(self) -> None:
        """Follow again and again, until cancelled."""
        while True:
            try:
                await self.once()
            except (NotSent, OutcomeUnknown, PeerDecline, Refused, TableError, OSError) as error:
                self._log.write("warning", "code maps not followed", peer=self._link.division, why=_words(error))
            await asyncio.sleep(EVERY_S)

    async def once(self) -> list[tuple[str, str, str]]:
        """Follow once: what was done to which map and edition."""
        done = []
        new, gone = await asyncio.to_thread(following.wanted, self._depot, await self._offered(), self._maps)
        for offer in gone:
            await asyncio.to_thread(following.withdraw, self._depot, offer)
            done.append(("withdrawn", *offer.key))
        for offer in new:
            part = await self._download(offer)
            await _adopt(self._depot.directory, offer, part)
            done.append(("published", *offer.key))
        for what, map_, edition in done:
            self._log.write("info", "code map followed", what=what, map=map_, edition=edition)
        return done

    async def _offered(self) -> list[Offered]:
        request = pb.ListEditionsRequest().SerializeToString()
        raw = await self._link.call(PATH + "ListEditions", request, self._monotonic() + PATIENCE_S, "")
        return [self._offer(edition) for edition in pb.ListEditionsResponse.FromString(raw).editions]

    def _offer(self, edition: pb.CodeMapEdition) -> Offered:
        return Offered(
            following.manifest_of(edition.manifest),
            date.fromisoformat(edition.effective_from),
            date.fromisoformat(edition.effective_to) if edition.effective_to else None,
            bool(edition.withdrawn),
            edition.rows,
            edition.size,
            edition.sha256,
            self._link.division,
        )

    async def _download(self, offer: Offered) -> Path:
        """The rows of an edition, from where an earlier download stopped."""
        part = following.part_file(self._depot, offer)
        have = part.stat().st_size if part.exists() else 0
        if have > offer.size:
            part.unlink()
            have = 0
        request = pb.DownloadEditionRequest(map=offer.key[0], edition=offer.key[1], offset=have)
        with part.open("ab") as file:
            async for raw in self._link.stream(PATH + "DownloadEdition", request.SerializeToString(), DOWNLOAD_S):
                piece = pb.DownloadEditionResponse.FromString(raw)
                if piece.data:
                    file.write(piece.data)
        return part


async def _adopt(directory: Path, offer: Offered, part: Path) -> None:
    """In a process of its own: building the image of millions of rows must not keep requests waiting."""
    aside = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    try:
        await asyncio.get_running_loop().run_in_executor(aside, following.adopt, directory, offer, part)
    finally:
        aside.shutdown(wait=False, cancel_futures=True)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
