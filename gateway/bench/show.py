"""What was measured, for people: a table, and on what."""

from typing import Any

from rich.console import Console
from rich.table import Table


def relay(told: dict[str, Any]) -> None:
    """Print one run of ``bench relay``."""
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
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "The hub does all its work: checks, journals, translates every code, forwards, records. Looked at: a caller"
        f" without a certificate was refused by all ({_yes(told['mtls'])}); commits are WAL, FULL, and after SIGKILL"
        f" everything the hub had answered was in its journal and its book, once ({_yes(told['durable'])})."
    )
    console.print(
        f"Medians of {told['rounds']} rounds of {told['seconds_per_turn']:g} s for each side,"
        f" {told['clients']} callers, {told['request_bytes']:,} bytes asked, {told['answer_bytes']:,} answered;"
        f" {_machine(told['machine'])}. Callers and backend share its cores."
    )


def codemap(told: dict[str, Any]) -> None:
    """Print one run of ``bench codemap``."""
    table = Table(title=f"an edition of {told['rows']:,} rows", show_header=False)
    rows: list[tuple[str, str]] = [
        ("import of a CSV, whole command", f"{told['import_seconds']:.1f} s"),
        ("publish, its check included", f"{told['publish_seconds']:.1f} s"),
        ("a worker attaches all maps", f"{told['attach_ms']:.1f} ms"),
        ("look-up", f"{told['lookup_us']:.2f} µs"),
        ("a Python dict of the same rows", f"{told['dict_lookup_us']:.2f} µs"),
        ("look-up ÷ dict", f"{told['lookup_ratio']:.2f}"),
        ("memory of its own of a further worker", f"{told['extra_worker_mb']:.1f} MB"),
        ("settlements while the next edition was published", f"{told['requests_during_publish']:,}"),
        ("of these failed", str(told["failed_requests_during_publish"])),
    ]
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Codes are asked at random over all rows; {_machine(told['machine'])}.")


def network(told: dict[str, Any]) -> None:
    """Print one run of ``bench network``."""
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
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{_machine(told['machine'])}. Hospital and hubs share its cores.")


def _yes(fact: bool) -> str:
    return "yes" if fact else "NO"


def _machine(facts: dict[str, Any]) -> str:
    return (
        f"{facts['cores']} cores, {facts['cpu']}, Python {facts['python']}, grpcio {facts['grpcio']},"
        f" protobuf {facts['protobuf']}"
    )
