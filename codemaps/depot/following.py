"""Taking over editions that another hub has published: what was downloaded is checked, then kept as it was there."""

import hashlib
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from codemaps.csvfile import TableError
from codemaps.depot import lifecycle, serving
from codemaps.depot.depot import Depot, sha256_of
from codemaps.editions import Manifest, digest_of, read_rows, refuse_manifest
from codemaps.refusals import Refused


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
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise TableError("manifest", 0, "", str(error)) from None
    refuse_manifest(manifest, "manifest")
    return manifest


def wanted(depot: Depot, offered: list[Offered], maps: tuple[str, ...]) -> tuple[list[Offered], list[Offered]]:
    """What to download and what to withdraw, so that this depot stands as the other one."""
    mine = {record.key: record for record in depot.editions()}
    followed = [each for each in offered if "*" in maps or each.manifest.map in maps]
    new = [each for each in followed if each.key not in mine and not each.withdrawn]
    gone = [each for each in followed if each.withdrawn and each.key in mine and mine[each.key].state == "published"]
    return new, gone


def part_file(depot: Depot, offer: Offered) -> Path:
    """Where the download of an edition grows; it survives a restart, and the download goes on where it stopped."""
    name = hashlib.sha256("/".join((*offer.key, offer.sha256)).encode()).hexdigest()[:32]
    place = depot.directory / "following"
    place.mkdir(parents=True, exist_ok=True)
    return place / f"{name}.part"


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
    rows = sum(1 for _ in read_rows(part))
    begin = offer.effective_from
    lifecycle.refuse_overlap(depot, map_, edition, begin, offer.effective_to)
    with depot.incoming() as place:
        file = part.rename(place / "rows.csv")
        end = offer.effective_to.isoformat() if offer.effective_to else ""
        record = depot.bring_in(
            offer.manifest, file, rows, offer.sha256, f"hub {offer.origin}", state="published",
            effective_from=begin.isoformat(), effective_to=end, published_ms=depot.now_ms(), origin=offer.origin,
        )  # fmt: skip
    return digest_of(record.manifest, record.rows_sha256)


def withdraw(depot: Depot, offer: Offered) -> None:
    """Withdraw what the other hub has withdrawn."""
    with depot.records.write() as connection:
        for record in serving.standing(depot):
            if record.key == offer.key:
                depot.change(connection, record, state="withdrawn", withdrawn_ms=depot.now_ms())
                depot.note(connection, f"hub {offer.origin}", "rollback", *record.key, reason="withdrawn there")
