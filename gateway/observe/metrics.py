"""Prometheus metrics. Labels are bounded by the configuration and the contract: methods, peers, stages, maps.

Names and units follow the Prometheus conventions: base units, ``_total`` on counters, ``yidi_`` in front.
"""

import threading
from functools import lru_cache
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from gateway.codemap.uses import KINDS
from gateway.errors import CATALOGUE
from gateway.store.sqlite import GroupObserver

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
UNITS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics(GroupObserver):
    """All metrics of one hub, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._exchanges = Counter(
            "yidi_exchanges",
            "Exchanges answered, by method, calling peer and outcome (success, business or technical decline).",
            ("method", "peer", "outcome"),
            registry=registry,
        )
        self._declines = Counter(
            "yidi_declines", "Exchanges declined, by reason in the error catalogue.", ("reason",), registry=registry
        )
        self._duration = Histogram(
            "yidi_exchange_duration_seconds",
            "Time from receiving a request to answering it.",
            ("method",),
            buckets=SECONDS,
            registry=registry,
        )
        self._stage = Histogram(
            "yidi_stage_duration_seconds",
            "Time spent in a stage of an exchange.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self._link = Histogram(
            "yidi_link_duration_seconds",
            "Time a neighbouring hub took to answer, retries included.",
            ("peer",),
            buckets=SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge("yidi_exchanges_in_flight", "Exchanges being worked on.", registry=registry)
        self._repeats = Counter(
            "yidi_repeats", "Requests that came again under their id, by what they got.", ("result",), registry=registry
        )
        self._translations = Counter(
            "yidi_translations",
            "Codes translated, by code map and relationship of the row.",
            ("map", "result"),
            registry=registry,
        )
        self._missing = Counter(
            "yidi_codemap_unmapped",
            "Codes of requests that were refused or held for want of one counterpart, by kind of code.",
            ("kind",),
            registry=registry,
        )
        self._missing_yuan = Counter(
            "yidi_codemap_unmapped_yuan",
            "Money in yuan that hung on codes refused or held, by kind of code.",
            ("kind",),
            registry=registry,
        )
        for kind in KINDS.values():  # from nought, so that an alert sees the first one
            self._missing.labels(kind)
            self._missing_yuan.labels(kind)
        self._group_units = Histogram(
            "yidi_commit_group_units", "Units of work that shared one commit.", buckets=UNITS, registry=registry
        )
        self._group_seconds = Histogram(
            "yidi_commit_duration_seconds", "Time a commit took to reach the disk.", buckets=SECONDS, registry=registry
        )
        self.store_waiting = Gauge(
            "yidi_store_queue_units", "Units of work waiting for the next commit.", registry=registry
        )
        self.unknown = Gauge(
            "yidi_unknown_outcomes", "Requests whose outcome is unknown, in the journal.", registry=registry
        )
        self.healthy = Gauge(
            "yidi_health", "1 when a check of the hub's health passes, else 0.", ("check",), registry=registry
        )
        self._cached = lru_cache(maxsize=4096)(lambda family, *labels: family.labels(*labels))

    def answered(self, method: str, peer: str, outcome: str, seconds: float) -> None:
        """An exchange was answered."""
        self._cached(self._exchanges, method, peer, outcome).inc()
        self._cached(self._duration, method).observe(seconds)

    def declined(self, reason: str) -> None:
        """A decline went out; a peer's reason that our catalogue does not know counts as ``other``."""
        self._cached(self._declines, reason if reason in CATALOGUE else "other").inc()

    def stage(self, name: str, seconds: float) -> None:
        """A stage took this long."""
        self._cached(self._stage, name).observe(seconds)

    def link(self, peer: str, seconds: float) -> None:
        """A neighbour answered, or did not, after this long."""
        self._cached(self._link, peer).observe(seconds)

    def repeat(self, kind: str) -> None:
        """A request came again."""
        self._cached(self._repeats, kind).inc()

    def translated(self, map_id: str, result: str, count: int) -> None:
        """So many codes of a request were translated, or could not be."""
        self._cached(self._translations, map_id, result).inc(count)

    def missing(self, kind: str, amount_fen: int) -> None:
        """A code of a request was refused or held. What the lines of a refund take back is no money that waits."""
        self._missing.labels(kind).inc()
        self._missing_yuan.labels(kind).inc(max(0, amount_fen) / 100)

    def committed(self, units: int, seconds: float) -> None:
        """A group of units reached the disk."""
        self._group_units.observe(units)
        self._group_seconds.observe(seconds)

    def serve(self, host: str, port: int) -> tuple[WSGIServer, threading.Thread]:
        """Serve /metrics from a thread."""
        return start_http_server(port, host, registry=self.registry)
