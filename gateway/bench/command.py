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
