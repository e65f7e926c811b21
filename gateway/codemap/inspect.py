"""``yidi codemap check | diff | coverage | translate | list | history``: what there is to know; nothing is changed."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich import box
from rich.console import Console
from rich.table import Table

from codemaps import shipped
from codemaps.check import CheckReport, check
from codemaps.coverage import cover
from codemaps.depot import Depot
from codemaps.depot.record import STATES_ZH
from codemaps.diff import diff
from codemaps.direction import Published
from codemaps.editions import Manifest
from codemaps.kinds import KINDS
from codemaps.port import NATIONAL, Given, NotTranslated
from codemaps.timeline import CHINA
from gateway.codemap import check_view
from gateway.codemap.place import Place, at_depot, day, wire_name
from gateway.exchange.translate import refusal_of

USES = click.option(
    "--uses",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of recent traffic (code, cases, amount), where no hub is named.",
)


class Found(NamedTuple):
    """An edition of the depot or of those that come with Yidi."""

    manifest: Manifest
    rows_file: Path
    begin: date | None


def find(place: Place, map_: str, edition: str) -> Found:
    """An edition by its name."""
    for each in shipped.editions():
        if (each.manifest.map, each.manifest.edition) == (map_, edition) and each.rows_file is not None:
            return Found(each.manifest, each.rows_file, each.effective_from)
    depot = place.depot()
    record = depot.find(map_, edition)
    return Found(record.manifest, depot.rows_file(record), record.effective_from)


# --- check ----------------------------------------------------------------------------------------------------------


def run_check(place: Place, depot: Depot, map_: str, edition: str, begin: date, uses: Path | None) -> CheckReport:
    """Check an edition of the depot as it would stand among the others on a day."""
    record = depot.find(map_, edition)
    manifest = record.manifest
    others = [each for each in place.maps().in_force(begin) if each.manifest.edition != edition or
              each.manifest.map != map_]  # fmt: skip
    upper = _list_of(others, manifest, manifest.to_system)
    lower = _list_of(others, manifest, manifest.from_system)
    same_way = [each for each in others if _way(each.manifest) == _way(manifest) and not manifest.is_list]
    before = next((each for each in same_way if each.manifest.map == map_), None)
    before = before or next((each for each in same_way if each.manifest.kind == manifest.kind), None)
    siblings = [(each.manifest.map, each.rows_file) for each in same_way if each is not before and
                each.published_ms and each.rows_file is not None]  # fmt: skip
    return check(
        depot.rows_file(record),
        manifest,
        effective_from=begin,
        upper_list=upper.rows_file if upper else None,
        upper_complete=bool(upper and upper.manifest.complete),
        lower_list=lower.rows_file if lower else None,
        before=before.rows_file if before else None,
        uses=place.uses(manifest, uses),
        siblings=siblings,
    )


def _way(manifest: Manifest) -> tuple[int, str, str]:
    return KINDS[manifest.kind].wire, manifest.from_system, manifest.to_system


def _list_of(editions: Sequence[Published], manifest: Manifest, system: str) -> Published | None:
    """The list that names the codes of a system: the complete one, else the official one, else what there is."""
    lists = [each for each in editions if each.manifest.is_list and each.manifest.from_system == system and
             each.manifest.kind in (manifest.kind, wire_name(manifest.kind)) and system]  # fmt: skip
    return max(lists, key=lambda each: (each.manifest.complete, each.published_ms, each.image.meta.rows), default=None)


@click.command("check", no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.argument("edition")
@click.option("--from", "begin", callback=day, metavar="DATE", help="Day it is meant to begin; without it today.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Also as a page to mail or print.")
@USES
@at_depot
def check_(place: Place, map_: str, edition: str, begin: date | None, html: Path | None, uses: Path | None) -> None:
    """Check an edition before it is published: codes, targets, conflicts, the way back, traffic. Exit 1 on errors."""
    depot = place.depot()
    report = run_check(place, depot, map_, edition, begin or depot.today(), uses)
    if html is not None:
        html.write_text(check_view.html(report, f"{map_} {edition}"), encoding="utf-8")
    place.answer(report, lambda: check_view.show_check(place.console, report))
    sys.exit(0 if report.ok else 1)


# --- diff and coverage ----------------------------------------------------------------------------------------------


@click.command("diff", no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.argument("before")
@click.argument("after")
@click.option("--limit", default=20, show_default=True, help="How many codes of each difference are told in full.")
@at_depot
def diff_(place: Place, map_: str, before: str, after: str, limit: int) -> None:
    """Compare two editions BEFORE and AFTER of a map: what was added, removed, sent elsewhere, paid otherwise."""
    found = diff(find(place, map_, before).rows_file, find(place, map_, after).rows_file, limit)
    place.answer(found, lambda: check_view.show_diff(place.console, found))


@click.command("coverage", no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.argument("edition")
@USES
@at_depot
def coverage_(place: Place, map_: str, edition: str, uses: Path | None) -> None:
    """How much of recent traffic an edition covers, by cases and by money, and which codes are missing.

    The traffic is that of the hub named by --config, or of a file given with --uses.
    """
    if place.config is None and uses is None:
        raise click.UsageError("--config or --uses is needed: coverage of what?")
    found = find(place, map_, edition)
    manifest = found.manifest
    ends = manifest.from_system, manifest.to_system
    covered = cover(found.rows_file, wire_name(manifest.kind), *ends, place.uses(manifest, uses))
    place.answer(covered, lambda: check_view.show_coverage(place.console, covered))


# --- translate ------------------------------------------------------------------------------------------------------


@click.command(no_args_is_help=True)
@click.option("--kind", required=True, type=click.Choice(list(KINDS)), help="What kind of code.")
@click.option("--system", required=True, help="Code system of the code, such as CN-320000; CN is the nation.")
@click.option("--code", required=True)
@click.option("--on", required=True, callback=day, metavar="DATE", help="Date of service.")
@click.option("--to", "to_system", default="", help="Code system wanted; without it the nation, CN.")
@click.option("--insutype", default="", help="Insurance type, for rows that hold for some only.")
@click.option("--insuplc", default="", help="Division where the person is insured, for the same.")
@click.option("--med-type", default="", help="Medical type, for the same.")
@click.option("--entitled", multiple=True, metavar="CODE", help="Codes the person is entitled for.")
@at_depot
def translate(place: Place, kind: str, system: str, code: str, on: date, to_system: str, insutype: str,
              insuplc: str, med_type: str, entitled: tuple[str, ...]) -> None:  # fmt: skip
    """Translate one code as a hub would on a date of service; names the map, the edition and the row."""
    given = Given(None, insutype, insuplc, med_type, frozenset(entitled))
    maps, target = place.maps(), to_system or NATIONAL
    try:
        row = maps.translate(KINDS[kind].wire, code, system, target, on, given)
    except NotTranslated as error:
        _not_translated(place, error, on)
        return
    names = row.details()
    local, national = (names.local_name, names.national_name) if names is not None else ("", "")
    told = {
        "ok": True, "kind": kind, "from_system": row.from_system, "code": row.from_code,
        "name": national if row.home else local, "to_system": row.to_system, "to_code": row.to_code,
        "to_name": local if row.home else national, "on": on.isoformat(), "map": row.map, "edition": row.edition,
        "row": row.row, "relationship": row.relationship, "confirmed": row.confirmed,
    }  # fmt: skip

    def show() -> None:
        click.echo(f"{told['code']} {told['name']}  →  {told['to_code']} {told['to_name']}")
        click.echo(f"对照表 map {row.map}  版本 edition {row.edition}  行 row {row.row}  {row.relationship}")
        if not row.confirmed:
            click.echo("注意：该对照未经确认 not confirmed")

    place.answer(told, show)


def _not_translated(place: Place, error: NotTranslated, on: date) -> None:
    decline = refusal_of(error, on.isoformat())
    candidates: tuple[str, ...] = getattr(error, "candidates", ())
    told = {"ok": False, "reason": decline.reason, "code": error.code, "map": getattr(error, "map", ""),
            "edition": getattr(error, "edition", ""), "candidates": candidates,
            "text_zh": decline.text_zh, "text_en": decline.text_en}  # fmt: skip

    def show() -> None:
        click.echo(f"{decline.text_zh}\n{decline.text_en}", err=True)
        if candidates:
            click.echo(f"可能的编码 candidates: {', '.join(candidates)}", err=True)

    place.answer(told, show)
    sys.exit(1)


# --- list and history -----------------------------------------------------------------------------------------------


@click.command("list")
@click.argument("map_", metavar="[MAP]", default="")
@at_depot
def list_(place: Place, map_: str) -> None:
    """The editions of the depot and those that come with Yidi, with their state and dates."""
    rows = [
        {"map": e.manifest.map, "edition": e.manifest.edition, "state": "shipped", "rows": e.image.meta.rows,
         "effective_from": e.effective_from, "effective_to": e.effective_to, "confirmed": e.manifest.confirmed,
         "author": e.manifest.author, "reviewer": "", "source": e.manifest.source, "digest": e.digest}
        for e in shipped.editions() if map_ in ("", e.manifest.map)
    ]  # fmt: skip
    if (place.directory / "depot.db").is_file():
        rows += [
            {"map": r.manifest.map, "edition": r.manifest.edition, "state": r.state, "rows": r.rows,
             "effective_from": r.effective_from, "effective_to": r.effective_to, "confirmed": r.manifest.confirmed,
             "author": r.manifest.author, "reviewer": r.reviewer, "source": r.manifest.source, "digest": r.digest}
            for r in place.depot().editions(map_)
        ]  # fmt: skip
    place.answer({"ok": True, "editions": rows}, lambda: _show_editions(rows, place.console))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column.startswith("行数") else "left")
    return table


def _show_editions(rows: list[dict[str, Any]], console: Console) -> None:
    table = _table("对照表 map", "版本 edition", "状态 state", "行数 rows", "生效 from", "至 to", "确认")
    states = {**STATES_ZH, "shipped": "随附"}
    for row in sorted(rows, key=lambda row: (row["map"], str(row["effective_from"] or "~"))):
        table.add_row(row["map"], row["edition"], f"{states[row['state']]} {row['state']}", str(row["rows"]),
                      str(row["effective_from"] or ""), str(row["effective_to"] or ""),
                      "是" if row["confirmed"] else "否")  # fmt: skip
    console.print(table)


@click.command()
@click.argument("map_", metavar="[MAP]", default="")
@at_depot
def history(place: Place, map_: str) -> None:
    """Everything that was done, by whom and when; nothing in it is ever changed."""
    entries = place.depot().history(map_)

    def show() -> None:
        table = _table("时间 when", "谁 who", "做了 what", "对照表 map", "版本 edition", "说明 detail")
        for entry in entries:
            said = "；".join(f"{key} {value}" for key, value in entry.detail.items() if key != "digest" and value)
            who = entry.actor if entry.actor == entry.account else f"{entry.actor} ({entry.account})"
            table.add_row(_instant(entry.at_ms), who, entry.action, entry.map, entry.edition, said)
        place.console.print(table)

    place.answer({"ok": True, "history": [entry._asdict() for entry in entries]}, show)


def show_overrides(rows: list[dict[str, Any]], console: Console) -> None:
    """The overrides as a table."""
    table = _table(
        "编号",
        "对照表 map",
        "编码 code",
        "改为 to",
        "状态 state",
        "申请 asked by",
        "复核 approved by",
        "到期 ends",
        "原因 reason",
    )
    for row in rows:
        expires = _instant(row["expires_ms"]) if row["expires_ms"] else f"{row['hours']} h"
        table.add_row(str(row["id"]), row["map"], row["code"], row["to_code"] or "拒绝", row["state"], row["asked_by"],
                      row["approved_by"], expires, row["reason"])  # fmt: skip
    console.print(table)


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, CHINA).strftime("%Y-%m-%d %H:%M:%S")
