"""What the commands share: where the depot is, who is at the keyboard, and one way to answer and to refuse."""

import asyncio
import functools
import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from codemaps.csvfile import TableError
from codemaps.depot import Depot, serving
from codemaps.depot.depot import account
from codemaps.editions import Manifest
from codemaps.kinds import KINDS
from codemaps.lookup import EditionMaps
from codemaps.refusals import Refused
from codemaps.traffic import Use, read_uses
from gateway import config as configuration
from gateway.config import Config, ConfigError

DEFAULT_DEPOT = "yidi-codemaps"
RECENT_DAYS = 90
"""How far back the hub's own traffic weighs a map."""


class Place:
    """Where a command works."""

    def __init__(self, depot: str, config_file: str, as_json: bool) -> None:
        self.config = _load(config_file) if config_file else None
        self.directory = self._directory(depot)
        self.as_json = as_json
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)

    def _directory(self, named: str) -> Path:
        if named or self.config is None:
            return Path(named or DEFAULT_DEPOT)
        if not self.config.codemaps.depot:
            raise click.ClickException(f"{self.config.file}: key `codemaps.depot`: this hub has no depot")
        return self.config.path(self.config.codemaps.depot)

    def depot(self) -> Depot:
        """The depot that is there."""
        return Depot.open(self.directory)

    def new_depot(self) -> Depot:
        """The depot, made when there is none."""
        return Depot.create(self.directory)

    def maps(self) -> EditionMaps:
        """What answers look-ups here: the depot if there is one, and what comes with Yidi."""
        with_shipped = self.config is None or self.config.codemaps.shipped
        there = (self.directory / "depot.db").is_file()
        return serving.maps(self.depot() if there else None, with_shipped=with_shipped)

    def uses(self, manifest: Manifest, file: Path | None) -> list[Use]:
        """Recent traffic: from a file, or from the books of the hub whose configuration was given."""
        if file is not None:
            wire = wire_name(manifest.kind)
            return list(read_uses(file, wire, manifest.from_system, manifest.to_system))
        return _traffic(self.config) if self.config is not None else []

    def answer(self, result: Any, show: Callable[[], None]) -> None:
        """One JSON object, or text."""
        if self.as_json:
            click.echo(json.dumps(msgspec.to_builtins(result, enc_hook=str), ensure_ascii=False))
        else:
            show()


def wire_name(kind: str) -> str:
    """The kind as traffic knows it: every part of the catalogue is ``catalogue``."""
    return next(each.name for each in reversed(KINDS.values()) if each.wire == KINDS[kind].wire)


def _load(file: str) -> Config:
    try:
        return configuration.load(file)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _traffic(config: Config) -> list[Use]:
    from gateway.codemap import uses  # noqa: PLC0415  # opens the store of the hub: only where it is asked for
    from gateway.store import tables  # noqa: PLC0415
    from gateway.store.sqlite import SqliteStore  # noqa: PLC0415

    path = config.path(config.store.path)
    if not path.exists():
        return []

    async def read() -> list[Use]:
        store = SqliteStore(str(path))
        store.open([tables.metadata])
        try:
            since = (date.today() - timedelta(days=RECENT_DAYS)).isoformat()  # noqa: DTZ011  # a day more or less
            return await store.read(lambda tx: uses.read(tx, since))
        finally:
            await store.close()

    return asyncio.run(read())


def at_depot(command: Callable[..., None]) -> Callable[..., None]:
    """Options every command has, and what becomes of a refusal: its text, as JSON when asked, and exit 1."""

    @click.option(
        "--depot",
        default="",
        envvar="YIDI_DEPOT",
        metavar="DIR",
        help=f"Directory of the depot; without it that of --config, else ./{DEFAULT_DEPOT}.",
    )
    @click.option(
        "--config",
        "config_file",
        default="",
        type=click.Path(dir_okay=False),
        help="A hub's TOML file: its depot, and its recent traffic.",
    )
    @click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
    @functools.wraps(command)
    def run(depot: str, config_file: str, as_json: bool, **rest: Any) -> None:
        try:
            command(Place(depot, config_file, as_json), **rest)
        except Refused as refused:
            _refuse(as_json, refused.reason, refused.zh, refused.en)
        except TableError as error:
            _refuse(as_json, "TABLE_REFUSED", f"表格有误：{error}", str(error))

    return run


def _refuse(as_json: bool, reason: str, zh: str, en: str) -> None:
    if as_json:
        refusal = {"ok": False, "reason": reason, "text_zh": zh, "text_en": en}
        click.echo(json.dumps(refusal, ensure_ascii=False))
    else:
        click.echo(f"{zh}\n{en}", err=True)
    sys.exit(1)


BY = click.option("--by", "who", default=account, metavar="NAME", help="Who does this; without it the account.")


def day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    """A day as yyyy-MM-dd."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value) if len(value) == 10 else _no_day(value)
    except ValueError:
        return _no_day(value)


def _no_day(value: str) -> date:
    raise click.BadParameter(f"{value!r} is no day; expected yyyy-MM-dd")
