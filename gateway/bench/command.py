"""``yidi bench``: measurements that anyone can repeat on their own machine."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")


@click.group()
def bench() -> None:
    """Measure, on this machine, in one run, as ratios where a ratio tells more."""


@bench.command()
@click.option("--lines", type=click.IntRange(1, 5000), help="Fee lines in each settlement.  [default: 20 and 200]")
@click.option("--seconds", type=click.FloatRange(0.5), default=3.0, show_default=True, help="Length of each turn.")
@click.option(
    "--rounds", type=click.IntRange(1), default=6, show_default=True, help="Rounds; both take a turn in each."
)
@click.option("--clients", type=click.IntRange(1), default=16, show_default=True, help="Callers at the same time.")
@click.option("--profile", is_flag=True, help="Show where the hub spends its time instead; slows it down.")
@JSON
def relay(lines: int | None, seconds: float, rounds: int, clients: int, profile: bool, as_json: bool) -> None:
    """Compare a hub doing its whole work with a bare grpcio pass-through that does none.

    The hub identifies, checks, journals on disk, routes, translates every code, forwards and records; both stand
    between the same callers and the same backend with mutual TLS on both sides, and take turns under load.
    """
    from gateway.bench import relay as runs

    try:
        for count in (lines,) if lines else (20,) if as_json or profile else (20, 200):
            if profile:
                from gateway.bench import profiled

                click.echo(profiled.report(count, seconds=seconds, clients=clients))
                continue
            told = runs.measure(count, rounds=rounds, seconds=seconds, clients=clients)
            if as_json:
                click.echo(json.dumps(told, ensure_ascii=False))
            else:
                _show_relay(told)
    except (runs.BenchError, TimeoutError) as error:
        raise click.ClickException(str(error)) from None


def _show_relay(told: dict[str, Any]) -> None:
    table = Table(title=f"one settlement of {told['lines']} fee lines through one hub")
    for heading in ("", "bare pass-through", "hub", "hub ÷ bare"):
        table.add_column(heading, justify="right" if heading else "left")
    bare, hub = told["bare"], told["hub"]
    rows = (
        ("CPU of its process, µs a request", "cpu_us", "cpu_ratio", ",.0f"),
        ("requests a second", "per_second", "throughput_ratio", ",.0f"),
        ("p50, ms", "p50_ms", "p50_ratio", ".1f"),
        ("p99, ms", "p99_ms", "p99_ratio", ".1f"),
    )
    for title, figure, ratio, form in rows:
        table.add_row(title, format(bare[figure], form), format(hub[figure], form), f"{told[ratio]:.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"The hub does all its work: checks, journals, translates, forwards, records. Mutual TLS on both sides of both"
        f" (a caller without a certificate was refused: {_yes(told['mtls'])}); every acceptance on disk before it is"
        f" answered (WAL, FULL, and after SIGKILL all {told['requests']['hub']:,} measured answers were there:"
        f" {_yes(told['durable'])}).",
        highlight=False,
    )
    console.print(
        f"Medians of {told['rounds']} rounds of {told['seconds_per_turn']:g} s for each side,"
        f" {told['clients']} callers, {told['request_bytes']:,} bytes asked, {told['answer_bytes']:,} answered;"
        f" {_machine(told['machine'])}. Callers and backend share its cores.",
        highlight=False,
    )


def _yes(fact: bool) -> str:
    return "yes" if fact else "NO"


def _machine(facts: dict[str, Any]) -> str:
    return (
        f"{facts['cores']} cores, {facts['cpu']}, Python {facts['python']}, grpcio {facts['grpcio']},"
        f" protobuf {facts['protobuf']}"
    )


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
    from gateway.bench import network as runs

    told = runs.measure(seconds=seconds, clients=clients, lines=lines, kill=kill, down=down)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show_network(told)
    for difference in told["differences"]:
        click.echo(difference, err=True)
    if not told["books_equal"] or told["unfinished"]:
        raise SystemExit(1)


def _show_network(told: dict[str, Any]) -> None:
    table = Table(title=f"visits of {told['lines']} fee lines through five hubs", show_header=False)
    rows: list[tuple[str, str]] = [
        ("settlements", f"{told['settlements']:,} in {told['seconds']:g} s by {told['clients']} windows"),
        ("a second and core", f"{told['per_second_per_core']:.1f}"),
        ("settlement as the hospital sees it", f"p50 {told['p50_ms']} ms, p99 {told['p99_ms']} ms"),
        ("kills, requests sent again", f"{told['kills']}, {told['resends']}"),
        ("failures after which nothing was known", f"{told['unknown']}"),
        ("entries compared in seven books", f"{told['entries_compared']:,}"),
        ("books equal", _yes(told["books_equal"])),
    ]
    rows += [(f"CPU of hub {key}", f"{ms:.1f} ms a visit") for key, ms in told.get("cpu_ms_per_settlement", {}).items()]
    rows += [("declined", text) for text in told["declined"][:5]]
    rows += [("no definite answer", text) for text in told["unfinished"][:5]]
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(f"{_machine(told['machine'])}. Hospital and hubs share its cores.", highlight=False)
