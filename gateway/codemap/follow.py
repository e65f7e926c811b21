"""Follows the code maps of the parent: new editions are downloaded, checked and served here by themselves.

What another hub sends may be wrong in any way. An edition that cannot be taken over is refused and logged; the others
are followed all the same, and the watch goes on.
"""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import IO, NamedTuple

from google.protobuf.message import DecodeError

from codemaps.csvfile import TableError
from codemaps.depot import Depot, following
from codemaps.depot.following import Offered
from codemaps.refusals import Refused
from gateway.codemap.live import LogLines
from gateway.delivery.grpc_link import GrpcLink
from gateway.exchange.link import NotSent, OutcomeUnknown
from yidi.v1 import codemap_pb2 as pb

EVERY_S = 60.0
PATIENCE_S = 30.0
"""For the list."""
DOWNLOAD_S = 1800.0
"""For an edition of millions of rows over a slow line; what has arrived by then is kept, the rest comes next time."""
LONGEST_PAUSE_S = 3600.0
"""An edition that was refused is tried again after a minute, then after twice as long each time, up to this: its
download may be hundreds of megabytes."""
PATH = "/yidi.v1.CodeMapService/"

Change = tuple[str, str, str]
"""What was done to which map and edition."""


class _Pause(NamedTuple):
    """How long an edition that was refused is left alone."""

    seconds: float
    until: float


class Follower:
    """Takes over the named maps (``*`` for all) of one neighbouring hub."""

    def __init__(
        self, depot: Depot, link: GrpcLink, maps: tuple[str, ...], log: LogLines, monotonic: Callable[[], float]
    ) -> None:
        self._depot = depot
        self._link = link
        self._maps = maps
        self._log = log
        self._monotonic = monotonic
        self._pauses: dict[Offered, _Pause] = {}

    async def run(self) -> None:
        """Follow again and again, until cancelled."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001  # whatever it was, the next time may do better
                self._log.write("warning", "code maps not followed", peer=self._link.division, why=_words(error))
            await asyncio.sleep(EVERY_S)

    async def once(self) -> list[Change]:
        """Follow once: what was done. Raises the first refusal, after everything else has been followed."""
        done, refusals = await self._follow()
        if refusals:
            raise refusals[0]
        return done

    async def _follow(self) -> tuple[list[Change], list[Exception]]:
        done: list[Change] = []
        refusals: list[Exception] = []
        offered = await self._offered(refusals)
        new, gone = await asyncio.to_thread(following.wanted, self._depot, offered, self._maps)
        await asyncio.to_thread(following.forget_parts, self._depot, offered)
        self._pauses = {offer: pause for offer, pause in self._pauses.items() if offer in new}
        for offer in gone:
            await asyncio.to_thread(following.withdraw, self._depot, offer)
            self._tell("withdrawn", offer, done)
        for offer in new:
            if offer in self._pauses and self._monotonic() < self._pauses[offer].until:
                continue
            try:
                await self._take_over(offer)
            except (NotSent, OutcomeUnknown):
                raise  # the line is down for the others too
            except Exception as error:  # noqa: BLE001  # one edition does not keep the others waiting
                self._refuse(*offer.key, error, refusals)
                seconds = min(2 * self._pauses[offer].seconds, LONGEST_PAUSE_S) if offer in self._pauses else EVERY_S
                self._pauses[offer] = _Pause(seconds, self._monotonic() + seconds)
            else:
                self._tell("published", offer, done)
        return done, refusals

    def _tell(self, what: str, offer: Offered, done: list[Change]) -> None:
        done.append((what, *offer.key))
        self._log.write("info", "code map followed", what=what, map=offer.key[0], edition=offer.key[1])

    def _refuse(self, map_: str, edition: str, error: Exception, refusals: list[Exception]) -> None:
        refusals.append(error)
        about = {"peer": self._link.division, "map": map_[:64], "edition": edition[:64]}
        self._log.write("warning", "code map not followed", why=_words(error), **about)

    async def _offered(self, refusals: list[Exception]) -> list[Offered]:
        request = pb.ListEditionsRequest().SerializeToString()
        raw = await self._link.call(PATH + "ListEditions", request, self._monotonic() + PATIENCE_S, "")
        try:
            editions = pb.ListEditionsResponse.FromString(raw).editions
        except DecodeError:
            raise TableError("list of editions", 0, "", "cannot be read") from None
        offered = []
        for edition in editions:
            try:
                offered.append(self._offer(edition))
            except TableError as error:
                self._refuse(edition.map, edition.edition, error, refusals)
        return offered

    def _offer(self, edition: pb.CodeMapEdition) -> Offered:
        offer = Offered(
            following.manifest_of(edition.manifest),
            following.day_of(edition.effective_from),
            following.day_of(edition.effective_to) if edition.effective_to else None,
            bool(edition.withdrawn),
            edition.rows,
            edition.size,
            edition.sha256,
            self._link.division,
        )
        following.refuse_offer(offer)
        return offer

    async def _take_over(self, offer: Offered) -> None:
        # What stands against it here is found out before anything is downloaded.
        await asyncio.to_thread(following.refuse_conflicts, self._depot, offer)
        with following.downloading(self._depot, offer) as file:
            await self._download(offer, file)
            await _adopt(self._depot.directory, offer, Path(file.name))

    async def _download(self, offer: Offered, file: IO[bytes]) -> None:
        """The rows of an edition, from where an earlier download stopped."""
        have = file.tell()
        request = pb.DownloadEditionRequest(map=offer.key[0], edition=offer.key[1], offset=have).SerializeToString()
        async with aclosing(self._link.stream(PATH + "DownloadEdition", request, DOWNLOAD_S)) as pieces:
            async for raw in pieces:
                piece = pb.DownloadEditionResponse.FromString(raw)
                if not piece.data:
                    continue
                have += len(piece.data)
                if piece.offset + len(piece.data) != have or have > offer.size:
                    file.truncate(0)
                    raise Refused("CHECKSUM_WRONG", map=offer.key[0], edition=offer.key[1])
                file.write(piece.data)
        file.flush()


async def _adopt(directory: Path, offer: Offered, part: Path) -> None:
    """In a process of its own: building the image of millions of rows must not keep requests waiting.

    It ends after its one task, also when this process is killed before it.
    """
    aside = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    try:
        work: Awaitable[str] = asyncio.get_running_loop().run_in_executor(
            aside, following.adopt, directory, offer, part
        )
        await work
    except asyncio.CancelledError:
        # The hub stops: what was half adopted is left out, and its download is kept for the next start.
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        aside.shutdown(wait=False, cancel_futures=True)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
