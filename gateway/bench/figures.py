"""Arithmetic of measurements, and what they were taken on."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import google.protobuf
import grpc


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    if not 0 < share <= 1:
        raise ValueError(f"a share lies above 0 and not above 1, got {share}")
    return sorted(values)[math.ceil(share * len(values)) - 1]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side did in its turn of a round."""

    finished: int
    seconds: float
    cpu_seconds: float
    """User and system time of the measured process alone."""
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Requests finished each second."""
        return self.finished / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU for each finished request, in microseconds."""
        return self.cpu_seconds * 1e6 / self.finished


FIGURES = {"cpu": "cpu_us", "throughput": "per_second", "p50": "p50_ms", "p99": "p99_ms"}
"""The name of a ratio and the figure it divides."""


def ratios(rounds: Sequence[tuple[Turn, Turn]]) -> dict[str, float]:
    """Medians over the rounds of second side ÷ first side. Both sides of a round saw the same noise."""
    return {
        f"{name}_ratio": round(median(getattr(b, figure) / getattr(a, figure) for a, b in rounds), 3)
        for name, figure in FIGURES.items()
    }


def medians(turns: Sequence[Turn]) -> dict[str, float]:
    """The median of each absolute figure over the rounds."""
    return {figure: round(median(getattr(turn, figure) for turn in turns), 2) for figure in FIGURES.values()}


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "grpcio": grpc.__version__,
        "protobuf": google.protobuf.__version__,
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
