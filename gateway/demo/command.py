"""``yidi demo``: five hubs on this machine, and the visits that pass through them."""

from pathlib import Path

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line for machines on stdout; the rest goes to stderr.")
@click.option(
    "--keep", "keep_running", is_flag=True, help="Leave the network running until Ctrl-C; tell how to call it."
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep certificates, databases and logs in this new or empty directory.",
)
def demo(*, as_json: bool, keep_running: bool, directory: Path | None) -> None:
    """Start five hubs on this machine and settle visits across them: Zhenjiang treats, Fushun pays."""
    from gateway.demo import play  # noqa: PLC0415  # as in cli: a command imports what it needs

    if not play.run(as_json=as_json, keep_running=keep_running, directory=directory):
        raise SystemExit(1)
