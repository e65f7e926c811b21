"""``yidi codemap review | publish | rollback | override | follow | verify``: what changes the life of an edition."""

import asyncio
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from codemaps.depot import Depot, Record, lifecycle
from codemaps.refusals import Refused
from codemaps.timeline import CHINA
from gateway.codemap import check_view, inspect
from gateway.codemap.place import BY, Place, at_depot, day

USES = click.option(
    "--uses",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of recent traffic (code, cases, amount), where no hub is named.",
)


def _told(record: Record) -> dict[str, Any]:
    return {
        "ok": True,
        "map": record.manifest.map,
        "edition": record.manifest.edition,
        "state": record.state,
        "reviewer": record.reviewer,
        "effective_from": record.effective_from,
        "effective_to": record.effective_to,
        "digest": record.digest,
    }


@click.command(no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.argument("edition")
@click.option("--note", default="", help="What was looked at.")
@click.option("--back", is_flag=True, help="Take a review back: the edition is a draft again.")
@BY
@at_depot
def review(place: Place, map_: str, edition: str, note: str, back: bool, who: str) -> None:
    """Vouch for a draft. Whoever imported it cannot: it takes a second person."""
    record = lifecycle.review(place.depot(), map_, edition, who, note, back=back)
    done = "退回草稿 a draft again" if back else f"已由 {who} 复核 reviewed"
    place.answer(_told(record), lambda: click.echo(f"{map_} {edition}: {done}"))


@click.command(no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.argument("edition")
@click.option("--from", "begin", required=True, callback=day, metavar="DATE", help="First day of service.")
@click.option("--to", "end", callback=day, metavar="DATE", help="Last day of service; open without it.")
@click.option("--backdated", is_flag=True, help="The first day has passed, and that is meant.")
@USES
@BY
@at_depot
def publish(place: Place, map_: str, edition: str, begin: date, end: date | None, backdated: bool,
            uses: Path | None, who: str) -> None:  # fmt: skip
    """Check a reviewed edition and put it in force for the days of service from a date on.

    Running hubs take it over within seconds, without a failed request. An encounter registered before keeps the
    edition it began with for the days before.
    """
    depot = place.depot()
    report = inspect.run_check(place, depot, map_, edition, begin, uses)
    if not report.ok:
        if not place.as_json:
            check_view.show_check(place.console, report)
        errors = sum(finding.count for finding in report.findings if finding.severity == "error")
        raise Refused("CHECK_FAILED", map=map_, edition=edition, count=errors)
    record = lifecycle.publish(depot, map_, edition, who, begin, end, backdated=backdated)

    def show() -> None:
        until = f" 至 to {end}" if end else ""
        click.echo(f"{map_} {edition}: 已发布，自 {begin}{until} 起生效 published, in force from {begin}{until}")

    place.answer({**_told(record), "impact": report.impact}, show)


@click.command(no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.option("--reason", required=True, help="Why; it stands in the history.")
@BY
@at_depot
def rollback(place: Place, map_: str, reason: str, who: str) -> None:
    """Withdraw the edition of MAP that was published last; the one before is in force again. Nothing is deleted."""
    withdrawn, left = lifecycle.rollback(place.depot(), map_, who, reason)

    def show() -> None:
        click.echo(f"{map_} {withdrawn.manifest.edition}: 已撤回 withdrawn")
        if left is None:
            click.echo(
                "注意：该对照表现在没有生效版本，相关业务将被拒绝。\nNo edition of this map is in force any more."
            )
        else:
            click.echo(f"现行版本 in force again: {left.manifest.edition}，自 {left.effective_from}")

    in_force = left.manifest.edition if left is not None else None
    place.answer({**_told(withdrawn), "in_force": in_force}, show)


# --- overrides ------------------------------------------------------------------------------------------------------


@click.group(no_args_is_help=True)
def override() -> None:
    """One code goes elsewhere, or nowhere, for some hours: one person asks, another approves, it ends by itself.

    \b
    yidi codemap override ask CN-320000.drug --code JS1 --to XA10BAE032A001010202154 --hours 24 --reason … --by 王芳
    yidi codemap override approve 7 --by 李强
    """  # noqa: D301  # click wants the control character


@override.command(no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.option("--code", required=True, help="The local code.")
@click.option("--to", "to_code", default="", help="Where it goes; empty: it is refused.")
@click.option("--hours", default=24, show_default=True, help="How long it holds once approved.")
@click.option("--reason", required=True, help="Why; it stands in the history.")
@BY
@at_depot
def ask(place: Place, map_: str, code: str, to_code: str, hours: int, reason: str, who: str) -> None:
    """Ask for an override. It holds only when a second person approves it."""
    manifests = {edition.manifest.map: edition.manifest for edition in place.maps().editions}
    if map_ not in manifests:
        raise Refused("NOTHING_TO_ROLL_BACK", map=map_)
    number = lifecycle.ask_override(place.new_depot(), manifests[map_], code, to_code, who, reason, hours)
    told = {"ok": True, "id": number, "state": "asked"}
    words = (
        f"应急改码 {number} 已申请，待另一人复核\noverride {number} asked; next: yidi codemap override approve {number}"
    )
    place.answer(told, lambda: click.echo(words))


@override.command(no_args_is_help=True)
@click.argument("number", type=int)
@BY
@at_depot
def approve(place: Place, number: int, who: str) -> None:
    """Approve an override that somebody else asked for; it holds from now."""
    expires = datetime.fromtimestamp(lifecycle.approve_override(place.depot(), number, who) / 1000, CHINA)
    told = {"ok": True, "id": number, "state": "in force", "expires": expires.isoformat(timespec="seconds")}
    words = f"应急改码 {number} 已生效，{expires:%Y-%m-%d %H:%M:%S} 自动失效 in force, ends by itself"
    place.answer(told, lambda: click.echo(words))


@override.command(no_args_is_help=True)
@click.argument("number", type=int)
@BY
@at_depot
def end(place: Place, number: int, who: str) -> None:
    """End an override, or withdraw the request for one; the map holds again."""
    lifecycle.end_override(place.depot(), number, who)
    place.answer({"ok": True, "id": number, "state": "ended"}, lambda: click.echo(f"应急改码 {number} 已结束 ended"))


@override.command("list")
@at_depot
def list_(place: Place) -> None:
    """All overrides there ever were, and where each stands."""
    rows = lifecycle.overrides(place.depot())
    place.answer({"ok": True, "overrides": rows}, lambda: inspect.show_overrides(rows, place.console))


# --- keeping ---------------------------------------------------------------------------------------------------------


@click.command(no_args_is_help=True)
@at_depot
def follow(place: Place) -> None:
    """Take over the parent's published editions once, as a running hub with `codemaps.follow` does by itself."""
    from gateway.codemap.once import follow_once  # noqa: PLC0415  # brings gRPC

    if place.config is None:
        raise click.UsageError("--config is needed: it says who the parent is")
    done = asyncio.run(follow_once(place.config, place.new_depot()))
    changes = [{"what": what, "map": map_, "edition": edition} for what, map_, edition in done]

    def show() -> None:
        for what, map_, edition in done:
            click.echo(f"{map_} {edition}: {what}")
        if not done:
            click.echo("没有变化 nothing has changed")

    place.answer({"ok": True, "changes": changes}, show)


@click.command(no_args_is_help=False)
@click.option("--repair", is_flag=True, help="Build damaged images again from their rows.")
@BY
@at_depot
def verify(place: Place, repair: bool, who: str) -> None:
    """Read every file of the depot and compare it with its checksum."""
    depot = place.depot()
    results = [(record, depot.damage(record)) for record in depot.editions()]
    if repair:
        results = [(record, _repaired(depot, record, damage, who)) for record, damage in results]
    damaged = [
        {"map": record.key[0], "edition": record.key[1], "damage": damage} for record, damage in results if damage
    ]

    def show() -> None:
        for each in damaged:
            click.echo(f"{each['map']} {each['edition']}: {each['damage']}")
        click.echo(f"{len(results)} 个版本，{len(damaged)} 个损坏 editions, {len(damaged)} damaged")

    place.answer({"ok": not damaged, "editions": len(results), "damaged": damaged}, show)
    if damaged:
        sys.exit(1)


def _repaired(depot: Depot, record: Record, damage: str, who: str) -> str:
    if not damage:
        return ""
    try:
        depot.rebuild(record, who)
    except Refused as refused:
        return refused.en
    return depot.damage(depot.find(*record.key))
