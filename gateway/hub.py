"""A hub put together from its configuration, in the order in which it starts and stops."""

import asyncio
import secrets
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any, Protocol

import sqlalchemy as sa

from codemaps.catalogue import Catalogue
from codemaps.csvfile import TableError
from codemaps.depot import Depot, serving
from codemaps.lookup import EditionMaps
from codemaps.refusals import Refused
from codemaps.shipped import DIRECTORY as SHIPPED
from gateway.clock import Clock
from gateway.codemap.follow import Follower
from gateway.codemap.live import Gauges, LiveMaps
from gateway.codemap.service import CodeMapService
from gateway.config import Config, ConfigError
from gateway.delivery.grpc_link import GrpcLink
from gateway.exchange.identify import Neighbours
from gateway.exchange.link import Desk
from gateway.exchange.route import Routes, prefix_of
from gateway.exchange.state import Hub
from gateway.observe.health import AdminPort, Health
from gateway.observe.log import FLUSH_S, Log
from gateway.observe.metrics import Metrics
from gateway.server import TRANSPORT_MAX_BYTES, Server
from gateway.store import journal, tables
from gateway.store.sqlite import SqliteStore
from gateway.store.statement import Tx
from gateway.treatplace.desk import TreatPlace

EXAMPLE_CATALOGUES = SHIPPED.parent / "catalogue"


class Core(Desk, Protocol):
    """A core adapter: a desk with tables of its own in the hub's store."""

    metadata: sa.MetaData

    def load(self, tx: Tx, content: bytes) -> dict[str, int]:
        """Load persons, enrolments, filings and entitlements; how many of each."""
        ...


def make_core(config: Config) -> Core | None:
    """The core named in the configuration, found among the installed adapters."""
    if config.core is None:
        return None
    found = {point.name: point for point in entry_points(group="yidi.cores")}
    if config.core.adapter not in found:
        names = ", ".join(sorted(found)) or "none is installed"
        raise ConfigError(f"{config.file}: key `core.adapter`: expected one of {names}, got `{config.core.adapter}`")
    settings = dict(config.core.settings)
    if "policy" in settings and str(settings["policy"]).endswith(".toml"):
        settings["policy"] = str(config.path(str(settings["policy"])))
    try:
        core: Core = found[config.core.adapter].load()(config.hub.division, settings)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{config.file}: table [core.settings]: {error}") from None
    return core


def open_depot(config: Config, *, make: bool = True) -> Depot | None:
    """The depot that the configuration names; made where there is none yet, so that a hub can start before its maps."""
    if not config.codemaps.depot:
        return None
    directory = config.path(config.codemaps.depot)
    try:
        if make:
            return Depot.create(directory)
        return Depot.open(directory) if directory.exists() else None
    except Refused as error:
        raise ConfigError(f"{config.file}: key `codemaps.depot`: {error.en}") from None


def read_tables(config: Config, depot: Depot | None) -> tuple[EditionMaps, Catalogue | None]:
    """The code maps and the treat place's catalogue that the configuration names."""
    try:
        return serving.maps(depot, with_shipped=config.codemaps.shipped), _catalogue(config)
    except (TableError, Refused) as error:
        raise ConfigError(f"{config.file}: {error}") from None


def _catalogue(config: Config) -> Catalogue | None:
    if config.catalogue is None:
        return None
    name = config.catalogue.file
    if not name.startswith("example:"):
        return Catalogue.load(config.path(name))
    shipped = EXAMPLE_CATALOGUES / f"{name.removeprefix('example:')}_example.csv"
    if not shipped.is_file():
        raise ConfigError(f"{config.file}: key `catalogue.file`: there is no shipped catalogue `{name}`")
    return Catalogue.load(shipped)


def make_routes(config: Config) -> Routes:
    """The routing table."""
    return Routes(
        config.hub.division,
        has_core=config.core is not None,
        children={child.division: prefix_of(child.division) for child in config.children},
        parent=config.parent.division if config.parent else "",
    )


class RunningHub:
    """A hub with its store, links, server and admin port."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or Clock()
        self.metrics = Metrics()
        self.log = Log(config.hub.division, self.clock, config.log.level)
        self.core = make_core(config)
        depot = open_depot(config)
        maps, catalogue = read_tables(config, depot)
        tls = config.tls_files()
        self.store = SqliteStore(str(config.path(config.store.path)), self.metrics)
        neighbours: list[Any] = [*config.children, *([config.parent] if config.parent else [])]
        self.links = {
            n.division: GrpcLink(n.division, n.address, tls, self.clock, TRANSPORT_MAX_BYTES) for n in neighbours
        }
        self.hub = Hub(
            division=config.hub.division,
            owner=secrets.token_hex(8),
            clock=self.clock,
            store=self.store,
            neighbours=Neighbours(
                prefix=prefix_of(config.hub.division),
                institutions={item.code: item.division for item in config.institutions},
                children={child.division: prefix_of(child.division) for child in config.children},
                parent=config.parent.division if config.parent else "",
            ),
            routes=make_routes(config),
            links=self.links,
            core=self.core,
            treat_place=TreatPlace(catalogue, {item.code: item.hosp_lv for item in config.institutions})
            if catalogue is not None
            else None,
            maps=maps,
            code_systems=config.code_systems(),
            observer=self.metrics,
        )
        self.live = self._live_maps(depot, maps) if depot is not None else None
        self.metrics.registry.register(
            Gauges(lambda: self.live.maps if self.live else maps, lambda: self.live.broken if self.live else "")
        )
        self.follower = self._follower(depot) if depot is not None and config.codemaps.follow else None
        service = CodeMapService(
            config.hub.division, self.hub.neighbours, lambda: self.live.maps if self.live else maps, depot
        )
        self.server = Server(
            self.hub,
            service,
            self.metrics,
            self.log,
            in_flight=config.limits.in_flight,
            default_deadline_s=config.limits.default_deadline_s,
        )
        self.health = Health(
            self.store,
            self.links[config.parent.division] if config.parent else None,
            self.metrics,
        )
        self.admin = AdminPort(self.health)

    async def start(self) -> int:
        """Open the store, take up what an earlier process left, then listen; the port."""
        self.store.open(self._schemas())
        abandoned = await self.store.submit(lambda tx: journal.abandon_earlier_runs(tx, self.hub.owner))
        if abandoned:
            self.log.write("warning", "unknown outcomes taken up", count=abandoned)
        await self.admin.start(self.config.listen.admin)
        host, _, port = self.config.listen.metrics.rpartition(":")
        self._metrics_server, _ = self.metrics.serve(host, int(port))
        listening = await self.server.start(self.config.listen.address, self.config.tls_files())
        self._watch = asyncio.create_task(self.health.watch())
        self._flushing = asyncio.create_task(self._flush_log())
        self._counting = asyncio.create_task(
            self.hub.uses.keep(self.store, self.hub.now_ms, lambda: self.clock.china().date())
        )
        self._following = [asyncio.create_task(self.live.watch())] if self.live else []
        self._following += [asyncio.create_task(self.follower.run())] if self.follower else []
        self.log.write("info", "serving", address=self.config.listen.address, level_of_hub=self.config.hub.level)
        return listening

    def _live_maps(self, depot: Depot, maps: EditionMaps) -> LiveMaps:
        def swap(fresh: EditionMaps) -> None:
            self.hub.maps = fresh

        return LiveMaps(depot, maps, swap, self.log, with_shipped=self.config.codemaps.shipped)

    def _follower(self, depot: Depot) -> Follower | None:
        assert self.config.parent is not None  # the configuration was checked
        link = self.links[self.config.parent.division]
        return Follower(depot, link, self.config.codemaps.follow, self.log, self.clock.monotonic)

    async def _flush_log(self) -> None:
        while True:
            self.log.flush()
            await asyncio.sleep(FLUSH_S)

    def _schemas(self) -> Sequence[sa.MetaData]:
        return [tables.metadata] + ([self.core.metadata] if self.core is not None else [])

    async def stop(self) -> None:
        """Say that we go, finish what is in flight, close the store."""
        self.log.write("info", "draining")
        self._watch.cancel()
        for task in self._following:
            task.cancel()
        self.health.leave()
        await self.server.drain(self.config.limits.drain_s)
        self.hub.uses.end()
        await self._counting
        for link in self.links.values():
            await link.close()
        await self.store.close()
        await self.admin.stop()
        self._metrics_server.shutdown()
        self.log.write("info", "stopped")
        self._flushing.cancel()
        self.log.flush()
