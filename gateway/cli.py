"""The ``yidi`` command."""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path

import click

from codemaps import divisions
from gateway import config as configuration
from gateway.bench.command import bench
from gateway.config import Config, ConfigError
from gateway.demo.command import demo

CONFIG = click.option(
    "--config", "config_file", required=True, type=click.Path(dir_okay=False), help="The hub's TOML file."
)


def _load(file: str) -> Config:
    try:
        return configuration.load(file)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="yidi", prog_name="yidi")
def main() -> None:
    """Yidi: cross-region medical insurance settlement, from the hospital window to the insured place and back."""


@main.command()
@CONFIG
def serve(config_file: str) -> None:
    """Run a hub until SIGTERM or SIGINT; what is in flight is finished first."""
    import uvloop

    from gateway.hub import RunningHub

    config = _load(config_file)

    async def run() -> None:
        try:
            hub = RunningHub(config)
        except ConfigError as error:
            raise click.ClickException(str(error)) from None
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await hub.start()
        # What is loaded by now stays; a request leaves nothing cyclic behind, so rare collections are enough.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        await stop.wait()
        await hub.stop()

    uvloop.run(run())


@main.command("check-config")
@CONFIG
def check_config(config_file: str) -> None:
    """Check a configuration without starting: keys, divisions, files, certificates, code maps, policies."""
    from gateway import hub
    from gateway.tls import server_credentials

    config = _load(config_file)
    try:
        hub.make_core(config)
        maps, catalogue = hub.read_tables(config, hub.open_depot(config, make=False))
        server_credentials(config.tls_files())
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{config_file}: good")
    click.echo(f"  hub          {config.hub.division} {config.hub.name}, {config.hub.level}, {config.hub.code_system}")
    click.echo(f"  parent       {config.parent.division + ' at ' + config.parent.address if config.parent else 'none'}")
    click.echo(f"  children     {', '.join(child.division for child in config.children) or 'none'}")
    click.echo(f"  institutions {len(config.institutions)}")
    click.echo(f"  core         {config.core.adapter if config.core else 'none'}")
    click.echo(f"  code maps    {len(maps.editions)} editions, depot {config.codemaps.depot or 'none'}")
    click.echo(f"  catalogue    {catalogue.edition + f', {len(catalogue)} items' if catalogue else 'none'}")


@main.command()
@CONFIG
def health(config_file: str) -> None:
    """Ask a running hub how it is; exit 0 when it serves. Made for container health checks."""
    from gateway.observe.health import ask

    name = ask(_load(config_file).listen.admin)
    click.echo(name)
    sys.exit(0 if name == "SERVING" else 1)


@main.group()
def route() -> None:
    """How exchanges find their way."""


@route.command("explain")
@click.option(
    "--config",
    "config_files",
    required=True,
    multiple=True,
    type=click.Path(dir_okay=False),
    help="A hub's TOML file; give those of several hubs to see their decisions too.",
)
@click.option("--from", "treat", required=True, help="Treat place division.")
@click.option("--to", "insured", required=True, help="Insured place division.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def route_explain(config_files: tuple[str, ...], treat: str, insured: str, as_json: bool) -> None:
    """Print every hop between two places, and why."""
    from gateway.explain import explain

    try:
        hops = explain([_load(file) for file in config_files], treat, insured)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps([hop._asdict() for hop in hops], ensure_ascii=False))
        return
    for number, hop in enumerate(hops):
        click.echo(f"{number}  {hop.division}  {divisions.full_name(hop.division)}  ({hop.known})")
        click.echo(f"   {hop.why}")


@main.group()
def core() -> None:
    """The core of an insured place."""


@core.command("load")
@CONFIG
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def core_load(config_file: str, file: Path, as_json: bool) -> None:
    """Load persons, enrolments, filings and entitlements from FILE; all or nothing, and again without harm."""
    from gateway import hub
    from gateway.store import tables
    from gateway.store.sqlite import SqliteStore

    config = _load(config_file)
    try:
        adapter = hub.make_core(config)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    if adapter is None:
        raise click.ClickException(f"{config_file}: table [core]: this hub has no core")

    async def run() -> dict[str, int]:
        store = SqliteStore(str(config.path(config.store.path)))
        store.open([tables.metadata, adapter.metadata])
        try:
            return await store.submit(lambda tx: adapter.load(tx, file.read_bytes()))
        finally:
            await store.close()

    try:
        counts = asyncio.run(run())
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from None
    if as_json:
        click.echo(json.dumps(counts))
    else:
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))


@main.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def codemap(words: tuple[str, ...]) -> None:
    """Code maps: import, check, publish, look up (编码对照)."""
    from gateway.codemap.command import codemap as commands

    commands.main(list(words), prog_name="yidi codemap")


main.add_command(demo)
main.add_command(bench)
