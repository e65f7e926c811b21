"""What an operator sees of an edition before it is published: on a terminal, and as a page to mail and to print."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from codemaps.check import CheckReport, Finding
from codemaps.coverage import Coverage, Effect, Impact, Part, UsedCode
from codemaps.diff import Diff, Difference
from gateway.money import yuan

PLACES = 5
"""Places of a finding shown on a terminal; the page shows all the report has."""
CODES = 10
"""Codes of the traffic shown on a terminal."""
BAR = 30
DIFFERENCES: dict[Difference, str] = {
    "added": "新增", "removed": "删除", "retargeted": "改变上级编码或条件", "relationship": "对应关系改变",
    "preferred": "首选改变", "confirmed": "确认状态改变", "payment": "支付属性改变", "renamed": "改名", "other": "其他",
}  # fmt: skip
EFFECTS: dict[Effect, str] = {
    "untranslatable": "将不能转换", "translatable": "将能转换",
    "retargeted": "将转换为其他编码", "less_exact": "对应更不精确",
}  # fmt: skip


class _Bar(NamedTuple):
    """A share of the traffic, as a title, the numbers, and hundredths of a per cent."""

    title: str
    told: str
    e4: int

    @property
    def share(self) -> str:
        """Rounded down, so that only everything is 100 %."""
        return "100%" if self.e4 == 10_000 else f"{self.e4 // 10 / 10:.1f}%"

    @property
    def style(self) -> str:
        """How worried to be."""
        return "green" if self.e4 >= 9_900 else "yellow" if self.e4 >= 9_000 else "red"


def _money(fen: int) -> str:
    whole, _, cents = yuan(abs(fen)).partition(".")
    return f"{'-' if fen < 0 else ''}{int(whole):,}.{cents}"


def _bars(coverage: Coverage) -> Iterator[_Bar]:
    """Elsewhere is another map's business, so it stands on neither side."""
    covered, missing = coverage.covered, coverage.not_covered
    for title, has, lacks, form in (
        ("按业务笔数 cases", covered.cases, missing.cases, "{:,}".format),
        ("按金额 money", covered.amount_fen, missing.amount_fen, _money),
        ("按编码个数 codes", covered.codes, missing.codes, "{:,}".format),
    ):
        whole = has + lacks
        e4 = max(0, min(10_000, has * 10_000 // whole)) if whole > 0 else 10_000
        yield _Bar(title, f"{form(has)} / {form(whole)}", e4)


# --- on a terminal --------------------------------------------------------------------------------------------------


def show_diff(out: Console, diff: Diff) -> None:
    """Print what differs between two editions."""
    heading = "两个版本相同 no difference" if diff.is_empty else "版本差异 difference"
    out.print(Text(heading, style="bold green" if diff.is_empty else "bold"))
    table = _table("", ">编码 codes")
    table.add_row("之前 before", f"{diff.codes_before:,}")
    table.add_row("之后 after", f"{diff.codes_after:,}")
    table.add_row("未变 unchanged", f"{diff.unchanged:,}")
    for kind, changes in diff.changes.items():
        if changes.count:
            style = "red" if kind in {"removed", "retargeted"} else ""
            table.add_row(f"{DIFFERENCES[kind]} {kind}", f"{changes.count:,}", style=style)
    out.print(Padding(table, (0, 0, 1, 2)))
    for kind, changes in diff.changes.items():
        if not changes.count:
            continue
        out.print(Text(f"{DIFFERENCES[kind]} {kind}  {changes.count:,}", style="bold"))
        table = _table("编码 code", "名称 name", ">行 line", "之前 before", "之后 after")
        for change in changes.first:
            lines = "→".join(str(line) if line else "-" for line in (change.line_before, change.line_after))
            names = dict.fromkeys(filter(None, (change.name_before, change.name_after)))
            table.add_row(change.code, " → ".join(names), lines, change.before, change.after)
        _more(out, table, changes.count - len(changes.first))


def show_coverage(out: Console, coverage: Coverage) -> None:
    """Print how much of recent traffic an edition covers."""
    out.print(Text("近期业务覆盖 coverage of recent traffic", style="bold"))
    grid = Table.grid(padding=(0, 1))
    for bar in _bars(coverage):
        full = bar.e4 * BAR // 10_000
        drawn = Text("█" * full, style=bar.style) + Text("░" * (BAR - full), style="dim")
        grid.add_row(bar.title, drawn, Text(bar.share, style=f"bold {bar.style}", justify="right"), bar.told)
    out.print(Padding(grid, (0, 0, 1, 2)))
    if coverage.elsewhere.codes:
        out.print(Padding(f"另有 {coverage.elsewhere.codes:,} 个编码由同类其他对照表负责 elsewhere", (0, 0, 1, 2)))
    for way in coverage.ways:
        if way.not_covered.codes:
            title = f"{way.from_system} → {way.to_system} 未覆盖 not covered  {_part(way.not_covered)}"
            _used(out, title, way.top, way.not_covered.codes)


def show_check(out: Console, report: CheckReport) -> None:
    """Print a check: first whether it may be published, then what to fix, then what to know."""
    out.print(Text(_verdict(report), style="bold white on green" if report.ok else "bold white on red"))
    out.print(Padding(Text(_about(report)), (0, 0, 1, 2)))
    for finding in report.findings:
        _show_finding(out, finding)
    out.print(Text("版本内容 what it consists of", style="bold"))
    table = _table("", ">")
    for title, number in _numbers(report):
        table.add_row(title, number)
    out.print(Padding(table, (0, 0, 1, 2)), markup=False)
    if report.coverage is not None:
        show_coverage(out, report.coverage)
    if report.impact is not None:
        _show_impact(out, report.impact)


def _show_finding(out: Console, finding: Finding) -> None:
    error = finding.severity == "error"
    mark, style = ("✗ 错误", "bold red") if error else ("! 提醒", "bold yellow")
    out.print(Text(f"{mark}  {finding.text_zh}  {finding.count:,} 处", style=style))
    out.print(Padding(Text(f"{finding.code}: {finding.text_en}", style="dim"), (0, 0, 0, 2)))
    places = [place for place in finding.first[:PLACES] if place.value or place.note]
    table = _table(">行 line", "列 column", "内容 value", "对比 compared with")
    for place in places:
        table.add_row(str(place.line or "-"), place.column, place.value, place.note)
    _more(out, table if places else None, finding.count - len(places) if places else 0)


def _show_impact(out: Console, impact: Impact) -> None:
    title = "对近期业务无影响 no impact" if impact.is_empty else "对近期业务的影响 impact on recent traffic"
    out.print(Text(title, style="bold green" if impact.is_empty else "bold"))
    for effect, affected in impact.effects.items():
        if affected.total.codes:
            _used(out, f"{EFFECTS[effect]} {effect}  {_part(affected.total)}", affected.top, affected.total.codes)


def _used(out: Console, title: str, codes: list[UsedCode], count: int) -> None:
    out.print(Padding(Text(title), (0, 0, 0, 2)))
    shown = codes[:CODES]
    before, after = any(used.before for used in shown), any(used.after for used in shown)
    table = _table("编码 code", ">笔数 cases", ">金额 yuan", *["之前 before"] * before, *["之后 after"] * after)
    for used in shown:
        goes = *[used.before or "-"] * before, *[used.after or "-"] * after
        table.add_row(used.code, f"{used.cases:,}", _money(used.amount_fen), *goes)
    _more(out, table, count - len(shown))


def _table(*columns: str) -> Table:
    """A plain table; columns with > are aligned to the right, and nothing is cut off: a code must be readable."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(c.strip(">") for c in columns))
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold", no_wrap=right)
    return table


def _more(out: Console, table: Table | None, rest: int) -> None:
    if table is not None:
        out.print(Padding(table, (0, 0, 0, 4)), markup=False)
    out.print(Padding(Text(f"… 另有 {rest:,} 处 more" if rest > 0 else "", style="dim"), (0, 0, 0, 4)))


# --- in words, for both ---------------------------------------------------------------------------------------------


def _verdict(report: CheckReport) -> str:
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    if not report.ok:
        return f" 不能发布 NOT TO BE PUBLISHED：{errors} 类错误须先改正 errors，{warnings} 类提醒 warnings "
    return f" 可以发布 MAY BE PUBLISHED：没有错误 no errors，{warnings} 类提醒请过目 warnings "


def _about(report: CheckReport) -> str:
    way = f"{report.from_system} → {report.to_system}" if report.to_system else f"{report.from_system} 目录 list"
    return f"{report.map} {report.edition}  {report.kind}  {way}  自 {report.effective_from} 起 from"


def _part(part: Part) -> str:
    return f"{part.codes:,} 个编码 codes，{part.cases:,} 笔 cases，{_money(part.amount_fen)} 元 yuan"


def _numbers(report: CheckReport) -> Iterable[tuple[str, str]]:
    numbers, loose = report.numbers, report.numbers.loose_in_use
    told = [
        ("行 rows", numbers.rows),
        ("编码 codes", numbers.codes),
        ("已确认的行 confirmed rows", numbers.confirmed_rows),
    ]
    told.append(("生效前已到期的行 ended before", numbers.ended_rows))
    if report.to_system:
        told += [("上级编码 targets", numbers.targets), ("没有上级编码 without target", numbers.without_target)]
        told += [(f"对应关系 relationship {name}", count) for name, count in sorted(numbers.relationships.items())]
        told += [
            ("返回：唯一 home by itself", numbers.home_alone),
            ("返回：凭首选 home by preference", numbers.home_preferred),
            ("返回：由首选代替 home as preferred", numbers.home_replaced),
            ("返回：须凭交易记录或待遇 home if remembered", numbers.home_shared),
        ]
    rows = [(title, f"{number:,}") for title, number in told]
    return [*rows, ("近期用到的不精确对应 inexact in use", _part(loose))] if loose.codes else rows


# --- as a page ------------------------------------------------------------------------------------------------------

_CSS = """
body{font:14px/1.5 "Noto Sans SC","Microsoft YaHei",sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
h1{font-size:1.4em}h2{font-size:1.1em;border-bottom:1px solid #bbb;margin-top:1.6em}h3{font-size:1em;margin:1em 0 .2em}
.verdict{padding:.6em 1em;color:#fff;font-weight:bold}.verdict.yes{background:#1a7f37}.verdict.no{background:#b3261e}
.error{color:#b3261e}.warning{color:#8a5a00}.en{color:#666}table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ddd;padding:.15em .5em;text-align:left;overflow-wrap:anywhere;vertical-align:top}
td.n{text-align:right;white-space:nowrap}tr{break-inside:avoid}h2,h3{break-after:avoid}
.bar{background:#ddd;height:1em}.bar div{height:1em}.green{background:#1a7f37}.yellow{background:#d4a000}
.red{background:#b3261e}
"""


def html(report: CheckReport, title: str) -> str:
    """One page that needs nothing else: no script, no picture, no address; it may be mailed and printed."""
    return "".join(_page(report, title))


def _page(report: CheckReport, title: str) -> Iterator[str]:
    yield f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f"<style>{_CSS}</style></head><body><h1>{escape(title)}</h1>"
    yield f'<p class="verdict {"yes" if report.ok else "no"}">{escape(_verdict(report))}</p>'
    yield f"<p>{escape(_about(report))}</p>"
    for finding in report.findings:
        mark = "错误" if finding.severity == "error" else "提醒"
        yield f'<h3 class="{finding.severity}">{mark} {escape(finding.text_zh)} {finding.count:,} 处 '
        yield f'<code>{escape(finding.code)}</code></h3><div class="en">{escape(finding.text_en)}</div>'
        rows = [(str(p.line or "-"), p.column, p.value, p.note) for p in finding.first if p.value or p.note]
        yield _grid(("行 line", "列 column", "内容 value", "对比 compared with"), rows, finding.count)
    yield "<h2>版本内容 what it consists of</h2>" + _grid((), list(_numbers(report)))
    if report.coverage is not None:
        yield "<h2>近期业务覆盖 coverage of recent traffic</h2><table>"
        for bar in _bars(report.coverage):
            drawn = f'<div class="bar"><div class="{bar.style}" style="width:{bar.e4 / 100:.2f}%"></div></div>'
            yield f'<tr><td>{bar.title}</td><td style="width:40%">{drawn}</td>'
            yield f'<td class="n">{bar.share}</td><td class="n">{bar.told}</td></tr>'
        yield "</table>"
        for way in report.coverage.ways:
            if way.not_covered.codes:
                yield f"<h3>{escape(way.from_system)} → {escape(way.to_system)} 未覆盖 not covered</h3>"
                yield f"<p>{_part(way.not_covered)}</p>{_codes(way.top, way.not_covered.codes)}"
    for effect, affected in report.impact.effects.items() if report.impact is not None else ():
        if affected.total.codes:
            yield f"<h2>影响 impact：{EFFECTS[effect]} {effect}</h2>"
            yield f"<p>{_part(affected.total)}</p>{_codes(affected.top, affected.total.codes)}"
    yield "</body></html>\n"


def _codes(codes: list[UsedCode], count: int) -> str:
    rows = [(u.code, f"{u.cases:,}", _money(u.amount_fen), u.before or "-", u.after or "-") for u in codes]
    return _grid(("编码 code", "笔数 cases", "金额 yuan", "之前 before", "之后 after"), rows, count)


def _grid(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], count: int = 0) -> str:
    if not rows:
        return ""
    head = "<tr>" + "".join(f"<th>{escape(each)}</th>" for each in heads) + "</tr>" if heads else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    rest = f'<p class="en">… 另有 {count - len(rows):,} 处 more</p>' if count > len(rows) else ""
    return f"<table>{head}{body}</table>{rest}"
