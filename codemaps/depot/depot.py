"""The depot on disk: a small database of what is known, and for each edition its rows and its image.

    depot.db                       editions, overrides, history (see ``records``)
    editions/<map>/<edition>.csv   the rows in the fixed form; read-only, never changed
    editions/<map>/<edition>.lmdb  the image built from them; can be built again
    incoming/                      what is being imported; emptied when nothing is

Files get their names before the row in the database that speaks of them is committed; what has a name and no row is
left over from a crash, and the next import removes it.
"""

import getpass
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import sqlalchemy as sa

from codemaps import image
from codemaps.depot import records
from codemaps.depot.record import Entry, Record, record_of
from codemaps.depot.records import Records, translated_errors
from codemaps.editions import Manifest, digest_of
from codemaps.refusals import Refused
from codemaps.timeline import CHINA

_STALE_S = 24 * 3600
"""What lies in ``incoming`` for longer belongs to an import that died."""


class Depot:
    """One depot. Commands of several operators and all workers of a hub may use it at the same time."""

    def __init__(self, directory: Path, now_ms: Callable[[], int] | None = None) -> None:
        self.directory = directory
        self.now_ms = now_ms or (lambda: int(time.time() * 1000))
        self._editions = directory / "editions"
        self._incoming = directory / "incoming"
        self.records = Records(directory / "depot.db")

    @classmethod
    def open(cls, directory: Path, now_ms: Callable[[], int] | None = None) -> "Depot":
        """A depot that is there; refused where there is none."""
        if not (directory / "depot.db").is_file():
            raise Refused("DEPOT_MISSING", directory=directory)
        return cls(directory, now_ms)

    @classmethod
    def create(cls, directory: Path, now_ms: Callable[[], int] | None = None) -> "Depot":
        """A depot, made where there is none."""
        with translated_errors():
            for each in (directory, directory / "editions", directory / "incoming"):
                each.mkdir(parents=True, exist_ok=True)
        depot = cls(directory, now_ms)
        depot.records.create()
        return depot

    def today(self) -> date:
        """The day in China."""
        return datetime.fromtimestamp(self.now_ms() / 1000, CHINA).date()

    # --- reading ---------------------------------------------------------------------------------------------------

    def editions(self, map_: str = "") -> list[Record]:
        """The editions, by map, day they begin, and import."""
        table = records.edition
        query = sa.select(table).order_by(table.c.map, table.c.effective_from, table.c.imported_ms)
        with self.records.read() as connection:
            rows = connection.execute(query.where(table.c.map == map_) if map_ else query).all()
        return [record_of(row) for row in rows]

    def find(self, map_: str, edition: str) -> Record:
        """One edition; refused where there is none."""
        found = next((record for record in self.editions(map_) if record.manifest.edition == edition), None)
        if found is None:
            raise Refused("EDITION_UNKNOWN", map=map_, edition=edition)
        return found

    def history(self, map_: str = "") -> list[Entry]:
        """Everything that was done, in its order."""
        table = records.history
        query = sa.select(table).order_by(table.c.id)
        with self.records.read() as connection:
            rows = connection.execute(query.where(table.c.map == map_) if map_ else query).all()
        return [Entry(**{**row._asdict(), "detail": json.loads(row.detail)}) for row in rows]

    def generation(self) -> int:
        """A number that grows with every change."""
        with self.records.read() as connection:
            return connection.execute(sa.select(sa.func.max(records.history.c.id))).scalar() or 0

    def rows_file(self, record: Record) -> Path:
        """Where the rows of an edition are."""
        return self._editions / record.manifest.map / f"{record.manifest.edition}.csv"

    def image_file(self, record: Record) -> Path:
        """Where the image of an edition is."""
        return self._editions / record.manifest.map / f"{record.manifest.edition}.lmdb"

    # --- bringing in -----------------------------------------------------------------------------------------------

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A place of its own for an import; nothing of it stays."""
        self._sweep()
        place = self._incoming / secrets.token_hex(8)
        with translated_errors():
            place.mkdir(parents=True)
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)

    def bring_in(
        self, manifest: Manifest, rows_file: Path, rows: int, rows_sha256: str, actor: str,
        refuse: Callable[[], None] | None = None, **published: Any,
    ) -> Record:  # fmt: skip
        """Keep a new edition as a draft; its rows are in the fixed form, in a place from ``incoming``.

        ``published`` carries the state of an edition that another hub has published already, and ``refuse`` raises
        where it cannot stand beside what is here by the time it is stored.
        """
        image_file = rows_file.with_suffix(".lmdb")
        image.build(rows_file, rows_sha256, image_file)
        facts: dict[str, Any] = {
            "map": manifest.map,
            "edition": manifest.edition,
            "state": "draft",
            "manifest": msgspec.json.encode(manifest, order="sorted").decode(),
            "digest": digest_of(manifest, rows_sha256),
            "rows": rows,
            "rows_sha256": rows_sha256,
            "rows_size": rows_file.stat().st_size,
            "image_sha256": sha256_of(image_file),
            "image_size": image_file.stat().st_size,
            "imported_ms": self.now_ms(),
            **published,
        }
        detail = {"rows": rows, "digest": facts["digest"], "source": manifest.source}
        placed: list[Path] = []
        try:
            with self.records.write() as connection:
                self._refuse_taken(connection, manifest, rows_sha256)
                if refuse is not None:
                    refuse()
                connection.execute(sa.insert(records.edition).values(facts))
                action = "follow" if published else "import"
                self.note(connection, actor, action, manifest.map, manifest.edition, **detail)
                self._put(manifest, (rows_file, image_file), placed)
        except BaseException:
            if placed:
                self._take_back(manifest, placed)
            raise
        return self.find(manifest.map, manifest.edition)

    def refuse_taken(self, manifest: Manifest, rows_sha256: str = "") -> None:
        """Refuse a name, a way or a content that the depot has already."""
        with self.records.read() as connection:
            self._refuse_taken(connection, manifest, rows_sha256)

    def _refuse_taken(self, connection: sa.Connection, manifest: Manifest, rows_sha256: str) -> None:
        for row in connection.execute(sa.select(records.edition)).all():
            record = record_of(row)
            other = record.manifest
            way = (manifest.kind, manifest.from_system, manifest.to_system)
            same_way = (other.kind, other.from_system, other.to_system) == way
            if record.key == (manifest.map, manifest.edition):
                raise Refused("EDITION_EXISTS", map=manifest.map, edition=manifest.edition)
            if other.map == manifest.map and not same_way:
                raise Refused("MAP_CHANGED", map=manifest.map)
            if other.map != manifest.map and same_way and manifest.to_system:
                facts = {"from_system": other.from_system, "to_system": other.to_system, "kind": other.kind}
                raise Refused("MAP_TAKEN", map=other.map, **facts)
            if other.map == manifest.map and record.rows_sha256 == rows_sha256 and record.state != "withdrawn":
                raise Refused("SAME_CONTENT", map=other.map, edition=other.edition)

    def _put(self, manifest: Manifest, files: tuple[Path, ...], placed: list[Path]) -> None:
        """Give the files their names, on disk before the database speaks of them."""
        place = self._editions / manifest.map
        place.mkdir(exist_ok=True)
        for file in files:
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
            file.chmod(0o444)
            placed.append(place / (manifest.edition + file.suffix))
            file.rename(placed[-1])
        _sync_directory(place)

    def _take_back(self, manifest: Manifest, placed: list[Path]) -> None:
        """Remove what an import that failed has placed, unless its row was committed all the same."""
        with suppress(Refused), self.records.write():
            if (manifest.map, manifest.edition) not in {record.key for record in self.editions(manifest.map)}:
                for file in placed:
                    file.unlink(missing_ok=True)
                with suppress(OSError):  # other editions are there
                    (self._editions / manifest.map).rmdir()

    def _sweep(self) -> None:
        """Remove what imports that died have left: files without a row, and old places."""
        with self.records.write():
            known = {record.key for record in self.editions()}
            for file in self._editions.glob("*/*"):
                if (file.parent.name, file.stem) not in known:
                    file.unlink(missing_ok=True)
        for place in self._incoming.glob("*"):
            with suppress(OSError):
                if time.time() - place.stat().st_mtime > _STALE_S:
                    shutil.rmtree(place, ignore_errors=True)

    # --- keeping ---------------------------------------------------------------------------------------------------

    def note(
        self, connection: sa.Connection, actor: str, action: str, map_: str, edition: str = "", **detail: Any
    ) -> None:
        """Add to the history, in the transaction that does what is noted."""
        connection.execute(
            sa.insert(records.history).values(
                at_ms=self.now_ms(),
                actor=actor,
                account=account(),
                action=action,
                map=map_,
                edition=edition,
                detail=json.dumps(detail, ensure_ascii=False, default=str),
            )
        )

    def change(self, connection: sa.Connection, record: Record, **values: Any) -> None:
        """Change where an edition stands in its life; its content never changes."""
        table = records.edition
        where = (table.c.map == record.manifest.map) & (table.c.edition == record.manifest.edition)
        connection.execute(sa.update(table).where(where).values(**values))

    def damage(self, record: Record) -> str:
        """What is wrong with the files of an edition, read in full; empty when nothing is."""
        for file, sha256 in ((self.rows_file(record), record.rows_sha256),
                             (self.image_file(record), record.image_sha256)):  # fmt: skip
            if not file.is_file():
                return f"{file.name} is missing"
            if sha256_of(file) != sha256:
                return f"{file.name} is not what was stored"
        return ""

    def rebuild(self, record: Record, actor: str) -> None:
        """Build the image again from the rows, which must be what was stored."""
        rows_file, target = self.rows_file(record), self.image_file(record)
        if not rows_file.is_file() or sha256_of(rows_file) != record.rows_sha256:
            facts = {"map": record.manifest.map, "edition": record.manifest.edition}
            raise Refused("EDITION_BROKEN", detail=f"{rows_file.name} is not what was stored", **facts)
        with self.incoming() as place:
            fresh = place / target.name
            image.build(rows_file, record.rows_sha256, fresh)
            values = {"image_sha256": sha256_of(fresh), "image_size": fresh.stat().st_size}
            with self.records.write() as connection:
                self.change(connection, record, **values)
                self.note(connection, actor, "rebuild", *record.key)
                fresh.chmod(0o444)
                fresh.replace(target)


def account() -> str:
    """The account of the operating system that a command runs under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return _digest(opened)


def _digest(opened: IO[bytes]) -> str:
    return hashlib.file_digest(opened, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary file will do


def _sync_directory(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
