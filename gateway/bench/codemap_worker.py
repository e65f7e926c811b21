"""A worker of ``bench codemap``: attaches the maps of a depot, looks up, and tells what that costs it.

``python -m gateway.bench.codemap_worker DEPOT ROWS hold|measure``; ``hold`` looks up and then waits for a line of
standard input, so that another worker can be measured beside it.
"""

import gc
import json
import random
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median

import psutil

from codemaps.depot import Depot, serving
from codemaps.lookup import EditionMaps
from codemaps.port import CATALOGUE, NATIONAL
from gateway.bench.codemap import local_code
from gateway.bench.sample import PROVINCE_CODES

ASKED = 200_000
ROUNDS = 7


def own_mb() -> float:
    """Memory that this process alone has, in MB; what the workers share is not in it."""
    gc.collect()
    return float(psutil.Process().memory_full_info().uss / 1e6)


def fresh(codes: list[str]) -> list[str]:
    """The same texts as new objects, whose hash nobody knows yet, as they come from a request."""
    return [(code + " ")[:-1] for code in codes]


def look_up(maps: EditionMaps, codes: list[str], on: date) -> float:
    """Seconds for the look-up of some codes."""
    translate = maps.translate
    began = time.perf_counter()
    for code in codes:
        translate(CATALOGUE, code, PROVINCE_CODES, NATIONAL, on).to_code  # noqa: B018  # reading it is the point
    return time.perf_counter() - began


def look_up_in_dict(rows: dict[str, tuple[str, int, str]], codes: list[str]) -> float:
    """Seconds for the same in a dict."""
    began = time.perf_counter()
    for code in codes:
        rows[code][0]
    return time.perf_counter() - began


def main(depot: Path, rows: int, part: str) -> None:
    """Attach, look up, and tell."""
    before = own_mb()
    began = time.perf_counter()
    maps = serving.maps(Depot.open(depot))
    attach_ms = (time.perf_counter() - began) * 1e3
    chosen = random.Random(1)
    on = date.today()  # noqa: DTZ011  # any day on which the edition is in force
    for _ in range(ASKED):
        maps.translate(CATALOGUE, local_code(chosen.randrange(rows - 1000)), PROVINCE_CODES, NATIONAL, on)
    extra_mb = own_mb() - before
    if part == "hold":
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return
    same: dict[str, tuple[str, int, str]] = {}
    codes = [local_code(chosen.randrange(rows - 1000)) for _ in range(ASKED)]
    for number in range(rows - 1000):
        code = local_code(number)
        row = maps.translate(CATALOGUE, code, PROVINCE_CODES, NATIONAL, on)
        same[code] = (row.to_code, row.row, row.relationship)
    gc.freeze()
    pairs = [(look_up(maps, fresh(codes), on), look_up_in_dict(same, fresh(codes))) for _ in range(ROUNDS)]
    told = {
        "attach_ms": round(attach_ms, 2),
        "lookup_us": round(median(ours for ours, _ in pairs) / ASKED * 1e6, 3),
        "dict_lookup_us": round(median(theirs for _, theirs in pairs) / ASKED * 1e6, 3),
        "lookup_ratio": round(median(ours / theirs for ours, theirs in pairs), 2),
        "extra_worker_mb": round(extra_mb, 1),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
