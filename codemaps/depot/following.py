"""Taking over editions that another hub has published: what was downloaded is checked, then kept as it was there."""

import csv
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from codemaps.check import check
from codemaps.csvfile import TableError
from codemaps.depot import lifecycle, serving
from codemaps.depot.depot import Depot, sha256_of
from codemaps.depot.records import translated_errors
from codemaps.editions import Manifest, digest_of, read_rows, refuse_manifest, write_rows
from codemaps.refusals import Refused

MOST_BYTES = 4 << 30
"""Largest edition that is downloaded: twenty million rows of two hundred bytes."""
MOST_MANIFEST = 64 << 10
"""Longest manifest: names, systems and some sentences."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Offered(NamedTuple):
    """A published edition of another hub, as it lists it."""

    manifest: Manifest
    effective_from: date
    effective_to: date | None
    withdrawn: bool
    rows: int
    size: int
    sha256: str
    origin: str
    """Division of the hub that offers it."""

    @property
    def key(self) -> tuple[str, str]:
        """Map and edition."""
        return self.manifest.map, self.manifest.edition


def manifest_of(text: str) -> Manifest:
    """The manifest of an offered edition; raises TableError where it cannot be right."""
    if len(text) > MOST_MANIFEST:
        raise TableError("manifest", 0, "", f"longer than {MOST_MANIFEST} characters")
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise TableError("manifest", 0, "", str(error)) from None
    refuse_manifest(manifest, "manifest")
    return manifest


def day_of(text: str) -> date:
    """A day as yyyy-MM-dd; raises TableError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise TableError("list of editions", 0, "effective_from", "expected yyyy-MM-dd")
    return day


def refuse_offer(offer: Offered) -> None:
    """Raise TableError where what another hub says of an edition cannot be right."""
    if not 0 < offer.size <= MOST_BYTES:
        raise TableError("list of editions", 0, "size", f"expected 1 to {MOST_BYTES} bytes")
    if not _SHA256.fullmatch(offer.sha256):
        raise TableError("list of editions", 0, "sha256", "expected 64 hexadecimal digits")
    if offer.effective_to is not None and offer.effective_to < offer.effective_from:
        raise TableError("list of editions", 0, "effective_to", "lies before effective_from")


def refuse_conflicts(depot: Depot, offer: Offered) -> None:
    """Raise Refused where the depot holds something that an offered edition cannot stand beside."""
    depot.refuse_taken(offer.manifest, offer.sha256)
    lifecycle.refuse_overlap(depot, *offer.key, offer.effective_from, offer.effective_to)


def wanted(depot: Depot, offered: list[Offered], maps: tuple[str, ...]) -> tuple[list[Offered], list[Offered]]:
    """What to download and what to withdraw, so that this depot stands as the other one.

    Only what came from there is withdrawn with it; an edition of this hub's own may bear the same name.
    """
    mine = {record.key: record for record in depot.editions()}
    followed = [each for each in offered if "*" in maps or each.manifest.map in maps]
    new = [each for each in followed if each.key not in mine and not each.withdrawn]
    known = [each for each in followed if each.withdrawn and each.key in mine]
    gone = [each for each in known if (mine[each.key].state, mine[each.key].origin) == ("published", each.origin)]
    return new, gone


def part_file(depot: Depot, offer: Offered) -> Path:
    """Where the download of an edition grows; it survives a restart, and the download goes on where it stopped."""
    name = hashlib.sha256("/".join((*offer.key, offer.sha256)).encode()).hexdigest()[:32]
    place = depot.directory / "following"
    place.mkdir(parents=True, exist_ok=True)
    return place / f"{name}.part"


@contextmanager
def downloading(depot: Depot, offer: Offered) -> Iterator[IO[bytes]]:
    """The part file, to append to, for nobody else until the edition is adopted; Refused where somebody has it.

    The lock is the kernel's: it ends with the process that holds it.
    """
    part = part_file(depot, offer)
    with translated_errors(), part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("DEPOT_BUSY") from None
        if not part.exists() or not os.path.samestat(part.stat(), os.fstat(file.fileno())):
            raise Refused("DEPOT_BUSY")  # whoever had it has just adopted it
        yield file


def forget_parts(depot: Depot, offered: list[Offered]) -> None:
    """Remove the beginnings of downloads that nobody offers any more."""
    offers = {part_file(depot, offer).name for offer in offered if not offer.withdrawn}
    for part in (depot.directory / "following").glob("*.part"):
        if part.name not in offers:
            part.unlink(missing_ok=True)


def adopt(directory: Path, offer: Offered, part: Path) -> str:
    """Keep a downloaded edition as published from now on; its digest. Raises Refused or TableError.

    For encounters under way it counts as published when it arrived here: what was quoted by the old edition is not
    settled by the new one.
    """
    depot = Depot.open(directory)
    map_, edition = offer.key
    if part.stat().st_size != offer.size or sha256_of(part) != offer.sha256:
        part.unlink()
        raise Refused("CHECKSUM_WRONG", map=map_, edition=edition)
    rows = _checked(part, offer)
    begin = offer.effective_from
    refuse_conflicts(depot, offer)
    with depot.incoming() as place:
        file = part.rename(place / "rows.csv")
        end = offer.effective_to.isoformat() if offer.effective_to else ""
        record = depot.bring_in(
            offer.manifest, file, rows, offer.sha256, f"hub {offer.origin}",
            lambda: lifecycle.refuse_overlap(depot, map_, edition, begin, offer.effective_to), state="published",
            effective_from=begin.isoformat(), effective_to=end, published_ms=depot.now_ms(), origin=offer.origin,
        )  # fmt: skip
    return digest_of(record.manifest, record.rows_sha256)


def _checked(part: Path, offer: Offered) -> int:
    """How many rows there are; raises TableError unless they are in the fixed form and may be published.

    The hub above has checked them beside its lists. Here they are checked alone, since an image is built of nothing
    else than rows that are right.
    """
    name = " ".join(offer.key)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            rows, sha256 = write_rows(read_rows(part), nowhere)
    except (TableError, TypeError, csv.Error, UnicodeDecodeError):  # a row with more or fewer cells, or no text at all
        raise TableError(name, 0, "", "this is not a file of an edition in its fixed form") from None
    with part.open("rb") as opened:
        lines = sum(1 for _ in opened)
    if sha256 != offer.sha256 or (rows, rows + 1) != (offer.rows, lines):
        raise TableError(name, 0, "", "this is not a file of an edition in its fixed form")
    report = check(part, offer.manifest, effective_from=offer.effective_from, upper_list=None, upper_complete=False)
    for finding in report.findings:
        if finding.severity == "error":
            first = finding.first[0]
            raise TableError(name, first.line, first.column, finding.text_en)
    return rows


def withdraw(depot: Depot, offer: Offered) -> None:
    """Withdraw what the other hub has withdrawn."""
    with depot.records.write() as connection:
        for record in serving.standing(depot):
            if record.key == offer.key:
                depot.change(connection, record, state="withdrawn", withdrawn_ms=depot.now_ms())
                depot.note(connection, f"hub {offer.origin}", "rollback", *record.key, reason="withdrawn there")
