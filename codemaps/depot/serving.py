"""From the depot to what answers look-ups: the published editions that stand, their images attached."""

from typing import Any

import sqlalchemy as sa

from codemaps import image, shipped
from codemaps.depot import records
from codemaps.depot.depot import Depot
from codemaps.depot.record import Record
from codemaps.direction import Published
from codemaps.image import ImageBroken
from codemaps.kinds import KINDS
from codemaps.lookup import EditionMaps, Override
from codemaps.refusals import Refused


def maps(depot: Depot | None, *, with_shipped: bool = True) -> EditionMaps:
    """All code maps of a hub; raises Refused where an edition cannot be attached.

    A way that the depot publishes a map for, and the name of the map, are the depot's alone: the shipped editions are
    examples or collected tables, and nothing official falls back to them.
    """
    own = [attached(depot, record) for record in standing(depot)] if depot is not None else []
    ways, names = {_way(edition) for edition in own}, {edition.manifest.map for edition in own}
    given = shipped.editions() if with_shipped else ()
    editions = [each for each in given if _way(each) not in ways and each.manifest.map not in names] + own
    overrides = active_overrides(depot, editions) if depot is not None else []
    return EditionMaps(editions, overrides, **({"now_ms": depot.now_ms} if depot is not None else {}))


def standing(depot: Depot) -> list[Record]:
    """The editions that are published and not withdrawn."""
    return [record for record in depot.editions() if record.state == "published"]


def attached(depot: Depot, record: Record) -> Published:
    """An edition with its image; raises Refused where its files are not what was stored."""
    try:
        found = image.attach(depot.image_file(record), record.image_size, record.rows_sha256)
    except ImageBroken as error:
        raise Refused("EDITION_BROKEN", map=record.key[0], edition=record.key[1], detail=error) from None
    assert record.effective_from is not None
    return Published(
        record.manifest,
        record.effective_from,
        record.effective_to,
        record.published_ms,
        found,
        depot.rows_file(record),
        record.digest,
    )


def active_overrides(depot: Depot, editions: list[Published]) -> list[Override]:
    """The overrides that two people have agreed on and that have neither ended nor expired."""
    table = records.override
    active = (table.c.approved_by != "") & (table.c.ended_ms == 0) & (table.c.expires_ms > depot.now_ms())
    with depot.records.read() as connection:
        rows = connection.execute(sa.select(table).where(active).order_by(table.c.id)).all()
    manifests = {edition.manifest.map: edition.manifest for edition in editions}
    return [_override(row, manifests[row.map]) for row in rows if row.map in manifests]


def _override(row: Any, manifest: Any) -> Override:
    wire, ends = KINDS[manifest.kind].wire, (manifest.from_system, manifest.to_system)
    return Override(row.id, row.map, wire, *ends, row.code, row.to_code, row.expires_ms)


def _way(edition: Published) -> tuple[int, str, str]:
    manifest = edition.manifest
    return KINDS[manifest.kind].wire, manifest.from_system, manifest.to_system
