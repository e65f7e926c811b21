"""The code maps of a running hub: watched, and exchanged as a whole when the depot has changed.

Requests that run keep the set they began with. A set that cannot be built is refused, with an alarm; the one in
force stays.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from codemaps.csvfile import TableError
from codemaps.depot import Depot, serving
from codemaps.lookup import EditionMaps
from codemaps.refusals import Refused
from codemaps.timeline import CHINA

LOOK_S = 1.0
"""How often the depot is asked whether anything has changed; the question costs microseconds."""
LOOKS_BETWEEN = 30
"""Looks that a state with damaged files is left alone, unless the depot changes: its files are read in full."""


class LogLines(Protocol):
    """What the watch tells."""

    def write(self, level: str, event: str, **fields: object) -> None:
        """One line of the log."""


class LiveMaps:
    """Keeps ``maps`` as the depot has it. ``swap`` is told of each new set."""

    def __init__(self, depot: Depot, maps: EditionMaps, swap: Callable[[EditionMaps], None], log: LogLines,
                 *, with_shipped: bool) -> None:  # fmt: skip
        self.depot = depot
        self.maps = maps
        self.broken = ""
        """Why the newest state of the depot is not served; empty when it is."""
        self._swap = swap
        self._log = log
        self._with_shipped = with_shipped
        self._generation = -1  # what was published between reading the maps and here is found by the first look
        self._damaged_generation = -1
        self._looks_left = 0

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> bool:
        """Look once; whether a new set took the place of the old one."""
        generation = -1
        try:
            generation = await asyncio.to_thread(self.depot.generation)
            if generation == self._generation:
                self.broken = ""  # the depot could not be read for a moment, or has gone back to what is in force
                return False
            if generation == self._damaged_generation and self._looks_left:
                self._looks_left -= 1
                return False
            maps = await asyncio.to_thread(self._build)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with the new set, the old one stays
            self._refuse(generation, error)
            return False
        self.maps, self._generation, self.broken = maps, generation, ""
        self._swap(maps)
        in_force = [f"{edition.manifest.map} {edition.manifest.edition}" for edition in maps.editions]
        self._log.write("info", "code maps exchanged", generation=generation, editions=len(in_force))
        return True

    def _refuse(self, generation: int, error: Exception) -> None:
        why = str(error) if isinstance(error, Refused | TableError) else f"{type(error).__name__}: {error}"
        if why != self.broken:
            self._log.write("error", "code maps refused, those in force stay", why=why)
        self.broken = why
        if isinstance(error, Refused) and error.reason == "EDITION_BROKEN":
            self._damaged_generation, self._looks_left = generation, LOOKS_BETWEEN

    def _build(self) -> EditionMaps:
        """Read the files of what is new in full before anybody is translated by them."""
        known = {(edition.manifest.map, edition.manifest.edition) for edition in self.maps.editions}
        for record in serving.standing(self.depot):
            if record.key not in known and (damage := self.depot.damage(record)):
                raise Refused("EDITION_BROKEN", map=record.key[0], edition=record.key[1], detail=damage)
        return serving.maps(self.depot, with_shipped=self._with_shipped)


class Gauges(Collector):
    """What monitoring asks of code maps: which edition is in force, how old it is, and whether one was refused."""

    def __init__(self, maps: Callable[[], EditionMaps], broken: Callable[[], str]) -> None:
        self._maps = maps
        self._broken = broken

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        today = datetime.fromtimestamp(time.time(), CHINA).date()
        in_force = GaugeMetricFamily(
            "yidi_codemap_edition_in_force", "1 for the edition in force today.", labels=("map", "edition")
        )
        rows = GaugeMetricFamily("yidi_codemap_rows", "Rows of the edition in force today.", labels=("map",))
        age = GaugeMetricFamily(
            "yidi_codemap_age_seconds", "Time since an edition of the map was last published.", labels=("map",)
        )
        newest: dict[str, int] = {}
        for edition in self._maps().editions:
            if edition.published_ms:
                name = edition.manifest.map
                newest[name] = max(newest.get(name, 0), edition.published_ms)
        for edition in self._maps().in_force(today):
            in_force.add_metric((edition.manifest.map, edition.manifest.edition), 1)
            rows.add_metric((edition.manifest.map,), edition.image.meta.rows)
        for name, published_ms in newest.items():
            age.add_metric((name,), max(0.0, time.time() - published_ms / 1000))
        broken = GaugeMetricFamily("yidi_codemap_refused", "1 while a new state of the code maps cannot be served.")
        broken.add_metric((), 1 if self._broken() else 0)
        return in_force, rows, age, broken
