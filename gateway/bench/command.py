"""``yidi bench``: measurements that anyone can repeat on their own machine."""

import json

import click

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")


@click.group()
def bench() -> None:
    """Measure, on this machine, in one run, as ratios where a ratio tells more."""


@bench.command()
@click.option("--lines", type=click.IntRange(1, 5000), help="Fee lines of each settlement.  [default: 20, then 200]")
@click.option("--seconds", type=click.FloatRange(0.5), default=3.0, show_default=True, help="Length of each turn.")
@click.option(
    "--rounds", type=click.IntRange(1), default=6, show_default=True, help="Rounds; both take a turn in each."
)
@click.option("--clients", type=click.IntRange(1), default=16, show_default=True, help="Callers at the same time.")
@click.option("--profile", is_flag=True, help="Show where the hub spends its time instead.")
@JSON
def relay(lines: int | None, seconds: float, rounds: int, clients: int, profile: bool, as_json: bool) -> None:
    """Compare a hub doing its whole work with a bare grpcio pass-through that does none.

    The hub identifies, checks, journals on disk, routes, translates every code, forwards and records; both stand
    between the same callers and the same backend with mutual TLS on both sides, and take turns under load.
    """
    from gateway.bench import profiled, show  # noqa: PLC0415  # as in cli: a command imports what it needs
    from gateway.bench import relay as runs  # noqa: PLC0415

    try:
        for count in (lines,) if lines else (20,) if as_json or profile else (20, 200):
            if profile:
                click.echo(profiled.report(count, seconds=seconds, clients=clients))
                continue
            told = runs.measure(count, rounds=rounds, seconds=seconds, clients=clients)
            if as_json:
                click.echo(json.dumps(told, ensure_ascii=False))
            else:
                show.relay(told)
    except (runs.BenchError, TimeoutError) as error:
        raise click.ClickException(str(error)) from None


@bench.command()
@click.option("--rows", type=click.IntRange(1000), default=2_000_000, show_default=True, help="Rows of the edition.")
@click.option("--clients", type=click.IntRange(1), default=8, show_default=True, help="Callers during the publication.")
@JSON
def codemap(rows: int, clients: int, as_json: bool) -> None:
    """Import, publish and look up an edition of millions of rows, as operators and hubs do.

    The look-up is compared with a Python dict of the same rows, in the same process and order. The second edition is
    published while a hub settles through the first.
    """
    from gateway.bench import codemap as runs  # noqa: PLC0415
    from gateway.bench import show  # noqa: PLC0415
    from gateway.bench.relay import BenchError  # noqa: PLC0415

    try:
        told = runs.measure(rows=rows, clients=clients)
    except (BenchError, TimeoutError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show.codemap(told)
    if told["failed_requests_during_publish"]:
        raise SystemExit(1)


@bench.command()
@click.option("--seconds", type=click.FloatRange(1), default=20.0, show_default=True, help="Length of the load.")
@click.option("--clients", type=click.IntRange(1, 200), default=8, show_default=True, help="Windows at the same time.")
@click.option("--lines", type=click.IntRange(1, 5000), default=20, show_default=True, help="Fee lines of each visit.")
@click.option("--kill", type=click.FloatRange(0), default=0.0, metavar="HZ", help="SIGKILL a random hub at this rate.")
@click.option("--down", type=click.FloatRange(0), default=0.0, metavar="S", help="How long a killed hub stays down.")
@JSON
def network(seconds: float, clients: int, lines: int, kill: float, down: float, as_json: bool) -> None:
    """Settle through five hubs as processes, and compare everybody's books afterwards, to the fen.

    A visit is registered, its fees uploaded, quoted and settled. Exit status 1 when any book differs.
    """
    from gateway.bench import network as runs  # noqa: PLC0415
    from gateway.bench import show  # noqa: PLC0415

    try:
        told = runs.measure(seconds=seconds, clients=clients, lines=lines, kill=kill, down=down)
    except TimeoutError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show.network(told)
    for difference in told["differences"]:
        click.echo(difference, err=True)
    if not told["books_equal"] or told["unfinished"]:
        raise SystemExit(1)
