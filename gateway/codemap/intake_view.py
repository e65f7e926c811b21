"""What an operator sees after a spreadsheet was read: what was found, what is wrong, what to do next.

Chinese first; the codes of problems stay as they are, because they are what ``--accept`` takes.
"""

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from codemaps.intake import Line, Report

SEVERITIES = {
    "refused": ("无法读取", "bold red"),
    "rejected": ("被拒", "red"),
    "left_out": ("略过", "yellow"),
    "repaired": ("已修正", "green"),
    "noticed": ("提示", "cyan"),
}
_DELIMITERS = {",": "逗号", ";": "分号", "\t": "制表符", "|": "竖线"}


def show(report: Report, console: Console) -> None:
    """Show a report: three lines of facts, a table of problems, and the next step."""
    console.print(_verdict(report))
    if report.format:
        console.print(Padding(_facts(report), (0, 2)))
    if report.summary:
        console.print(_table(report.summary))
    for line in _advice(report.summary):
        console.print(Padding(line, (0, 2)))
    for step in _next(report):
        console.print(step)


def _verdict(report: Report) -> Text:
    if report.ok:
        return Text(f"可以导入：{report.file}，共 {report.kept:,} 行", "bold green")
    if report.rejected:
        return Text(f"未导入：{report.file} 有 {report.rejected:,} 行被拒，没有改变任何内容", "bold red")
    return Text(f"未导入：{report.file} 无法使用，没有改变任何内容", "bold red")


def _facts(report: Report) -> Text:
    if report.format == "xlsx":
        how = f"工作表 {report.sheet}"
    else:
        how = f"{report.encoding} 编码，{_DELIMITERS.get(report.delimiter, report.delimiter)}分隔"
    columns = "，".join(f"{theirs} → {ours}" for ours, theirs in report.columns.items())
    counts = f"读取 {report.read:,} 行：被拒 {report.rejected:,}，略过 {report.left_out:,}，修正 {report.repaired:,}"
    return Text(f"{report.format.upper()}，{how}，表头在第 {report.header_row} 行\n{counts}\n列：{columns}")


def _table(summary: list[Line]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=True)
    for name in ("结果", "问题", "列"):
        table.add_column(name, no_wrap=name == "结果")
    table.add_column("行数", justify="right", no_wrap=True)
    table.add_column("最先出现的行")
    table.add_column("说明", ratio=1, overflow="fold")
    for line in summary:
        zh, style = SEVERITIES[line.severity]
        rows = " ".join(str(row) for row in line.first_rows if row)
        if line.count > len(line.first_rows):
            rows += " …"
        table.add_row(Text(zh, style), line.code, Text(line.column), f"{line.count:,}", rows, Text(line.text_zh))
    return table


def _advice(summary: list[Line]) -> list[Text]:
    """What to do about each kind of problem that hinders the import, each said once."""
    hindering = [line for line in summary if line.severity in ("refused", "rejected") and line.todo_zh]
    return [Text(f"{code}：{todo}") for code, todo in {line.code: line.todo_zh for line in hindering}.items()]


def _next(report: Report) -> list[Text]:
    if report.ok or not report.rejected:
        return []
    if not report.rejects:
        return [Text("下一步：改正后重新导入。", "bold")]
    file, rejects = report.file, report.rejects
    steps = [
        Text("下一步：", "bold"),
        Text(f"  1. 打开 {rejects}，逐行改正；不要改动“原行号”一列，不要的行可以删除。"),
        Text("  2. 用同样的参数重新导入，并加上 --corrected："),
        Text(f"     yidi codemap import {file} --corrected {rejects} …", "cyan", no_wrap=True, overflow="fold"),
    ]
    accept = sorted({line.code for line in report.summary if line.severity == "rejected" and line.may_accept})
    if accept:
        steps.append(Text(f"  也可以接受部分问题：--accept {' --accept '.join(accept)}"))
    return steps
