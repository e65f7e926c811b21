"""``yidi codemap import`` and ``export``: between spreadsheets and editions."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from codemaps import intake
from codemaps.depot import Depot, Record
from codemaps.editions import COLUMNS, Manifest, read_rows, refuse_manifest
from codemaps.intake import Order, Report
from codemaps.kinds import KINDS
from codemaps.lookup import EditionMaps
from codemaps.port import NATIONAL
from gateway.codemap import intake_view
from gateway.codemap.place import BY, Place, at_depot, day

Unmapped = Literal["reject", "hold", "pass"]


@click.command("import", no_args_is_help=True)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", required=True, type=click.Choice(list(KINDS)), help="What kind of codes.")
@click.option("--system", required=True, help="Code system of the local side, such as CN-320000.")
@click.option("--to", "to_system", default=NATIONAL, show_default=True, help="Code system of the upper side.")
@click.option("--list", "is_list", is_flag=True, help="The file lists the codes of one system; it maps nothing.")
@click.option("--map", "map_", default="", help="Name of the map; without it SYSTEM.KIND.")
@click.option("--edition", default="", help="Name of the edition; without it the day and a number.")
@click.option("--source", default="", help="Where the table comes from: the notice, the office, the date.")
@click.option("--note", default="", help="What whoever reviews it should know.")
@click.option(
    "--unmapped",
    type=click.Choice(["reject", "hold", "pass"]),
    default="reject",
    show_default=True,
    help="What happens to a code without a row.",
)
@click.option(
    "--confirmed", is_flag=True, help="The source is official; without this every use is said to be unconfirmed."
)
@click.option("--complete", is_flag=True, help="With --list: a code that is missing does not exist.")
@click.option(
    "--from",
    "begin",
    callback=day,
    default=None,
    metavar="DATE",
    help="First day of service it is meant for; rows that ended before are expired. Without it today.",
)
@click.option("--accept", multiple=True, metavar="PROBLEM", help="Accept a problem that may be accepted, by its code.")
@click.option("--sheet", default="", help="Sheet of an XLSX.")
@click.option("--encoding", default="", help="Encoding of a CSV, when it is not found out.")
@click.option(
    "--corrected",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The corrected rejects file of an earlier attempt; its rows take the place of the rejected ones.",
)
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where rejected rows go; without it beside FILE."
)
@BY
@at_depot
def import_(place: Place, file: Path, corrected: Path | None, rejects: Path | None, who: str, **said: Any) -> None:
    """Import FILE (CSV or XLSX) as a draft. All or nothing: when a row is rejected, nothing is stored.

    \b
    yidi codemap import 对照表.xlsx --kind drug --system CN-320000 --source "苏医保发〔2026〕1号" --by 王芳

    Columns are found by their usual Chinese and English names. Rejected rows go to a file that opens in a spreadsheet,
    each with its problem and what to do; correct it and import again with --corrected.
    """  # noqa: D301  # click wants the control character
    with _fresh_depot(place) as depot:
        manifest = _manifest(depot, file, who, said)
        refuse_manifest(manifest, file.name)
        depot.refuse_taken(manifest)
        order = _order(place.maps(), manifest, depot.today(), said)
        rejects = rejects or file.with_name(f"{file.stem}.rejects{_suffix(file)}")
        with depot.incoming() as incoming, _progress(place) as progress:
            rows_file = incoming / "rows.csv"
            report = intake.take_in(file, order, rows_file, corrected=corrected, rejects=rejects, progress=progress)
            record = None
            if report.ok:
                if progress is not None:
                    progress(0, 0)  # how long the image takes is not known
                record = depot.bring_in(manifest, rows_file, report.kept, report.rows_sha256, who)
    place.answer(_told(report, manifest, record), lambda: intake_view.show(report, place.console))
    if record is None:
        sys.exit(1)
    if not place.as_json:
        name = " ".join(record.key)
        click.echo(f"草稿已保存 Draft stored: {name}，{record.rows} 行 rows\n{record.digest}")
        click.echo(f"下一步 Next: yidi codemap check {name}")


@contextmanager
def _fresh_depot(place: Place) -> Iterator[Depot]:
    """The depot; one that was made for an import which then stored nothing is removed again."""
    new = not place.directory.exists()
    depot = place.new_depot()
    try:
        yield depot
    finally:
        empty = not depot.editions()
        depot.records.close()
        if new and empty:
            shutil.rmtree(place.directory, ignore_errors=True)


def _manifest(depot: Depot, file: Path, who: str, said: dict[str, Any]) -> Manifest:
    system, kind = said["system"], said["kind"]
    map_ = said["map_"] or f"{system}.{kind}"
    return Manifest(
        map=map_,
        edition=said["edition"] or _next_edition(depot, map_),
        kind=kind,
        from_system=system,
        to_system="" if said["is_list"] or system == NATIONAL else said["to_system"],
        source=said["source"] or file.name,
        author=who,
        note=said["note"],
        confirmed=said["confirmed"],
        unmapped=said["unmapped"],
        complete=said["complete"],
    )


def _next_edition(depot: Depot, map_: str) -> str:
    today = f"{depot.today():%Y.%m.%d}"
    taken = [record.manifest.edition for record in depot.editions(map_)]
    numbers = [int(found[1]) for name in taken if (found := re.fullmatch(re.escape(today) + r"\.(\d+)", name))]
    return f"{today}.{max(numbers, default=0) + 1}"


def _order(maps: EditionMaps, manifest: Manifest, today: date, said: dict[str, Any]) -> Order:
    begin = said["begin"] or today
    wire, upper = KINDS[manifest.kind].wire, manifest.to_system

    def name_of(code: str) -> str | None:
        row = maps.listed(wire, upper, code, begin) if upper else None
        return row.local_name if row is not None else None

    return Order(
        kind=manifest.kind,
        from_system=manifest.from_system,
        to_system=upper,
        effective_from=begin,
        source=said["source"],
        confirmed=manifest.confirmed,
        accept=frozenset(said["accept"]),
        encoding=said["encoding"],
        sheet=said["sheet"],
        name_of=name_of,
    )


def _suffix(file: Path) -> str:
    return ".xlsx" if file.suffix.lower() == ".xlsx" else ".csv"


def _told(report: Report, manifest: Manifest, record: Record | None) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    told: dict[str, Any] = msgspec.to_builtins(report)
    told.update(map=manifest.map, edition=manifest.edition, stored=record is not None)
    if record is not None:
        told.update(state=record.state, digest=record.digest, rows=record.rows)
    return told


@contextmanager
def _progress(place: Place) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the terminal, on standard error so that the answer can be piped; none where nobody watches."""
    if place.as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("导入 import", total=None)

        def watch(done: int, total: int) -> None:
            if total:
                bar.update(task, completed=done, total=total)
            else:
                bar.remove_task(task)
                bar.add_task("保存 store", total=None)

        yield watch


@click.command(no_args_is_help=True)
@click.argument("map_", metavar="MAP")
@click.argument("edition")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .csv in the fixed form, or .xlsx with every cell as text.",
)
@at_depot
def export(place: Place, map_: str, edition: str, output: Path) -> None:
    """Write an edition to a file; what is exported as CSV has the checksum of the edition, and imports again."""
    depot = place.depot()
    record = depot.find(map_, edition)
    source = depot.rows_file(record)
    if output.suffix.lower() == ".xlsx":
        _write_xlsx(source, output)
    else:
        shutil.copyfile(source, output)
    told = {"ok": True, "map": map_, "edition": edition, "rows": record.rows, "file": str(output),
            "sha256": record.rows_sha256}  # fmt: skip
    place.answer(told, lambda: click.echo(f"{output}: {record.rows} 行 rows, sha256 {record.rows_sha256}"))


def _write_xlsx(source: Path, output: Path) -> None:
    """Every cell as text, so that a spreadsheet keeps leading zeros and long numbers."""
    from openpyxl import Workbook  # noqa: PLC0415  # a second to import, and only here
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("edition")
    for cells in (COLUMNS, *read_rows(source)):
        row = []
        for value in cells:
            cell = WriteOnlyCell(sheet, value=value)
            cell.number_format, cell.data_type = "@", "s"
            row.append(cell)
        sheet.append(row)
    book.save(output)
