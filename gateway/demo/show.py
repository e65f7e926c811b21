"""What a person wants to see of a scene: lines, codes, hops, money, and the texts a clerk reads."""

import io
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from codemaps import divisions
from gateway.demo.hospital import Line
from gateway.demo.scenes import ChronicVisit, Declined, Repeat, Reversal, Stay
from gateway.demo.verdict import Entry, Verdict, balance_of, journeys
from gateway.exchange.split import CategoryTotal
from gateway.money import yuan
from yidi.v1.fee_pb2 import SplitResult
from yidi.v1.header_pb2 import Hop, Translation
from yidi.v1.settlement_types_pb2 import SettlementDetail, SettlementInfo

PLAIN_WIDTH = 118
"""Where the output goes to a file or a pipe, which has no width."""
CLASSES = {"01": "甲", "02": "乙", "03": "丙"}
CHARGES = {
    "01": "床位费 bed", "02": "诊察费 consultation", "03": "检查费 examination", "04": "化验费 laboratory",
    "05": "治疗费 treatment", "06": "手术费 surgery", "07": "护理费 nursing", "08": "卫生材料费 materials",
    "09": "西药费 western drugs", "10": "中药饮片费 herbal pieces", "11": "中成药费 chinese patent drugs",
    "12": "一般诊疗费 general", "13": "挂号费 registration", "14": "其他费 other",
}  # fmt: skip
"""National charge categories (handbook, dictionaries.csv: med_chrgitm_type)."""


def console(*, to_stderr: bool = False) -> Console:
    """A console that is plain and wide where there is no terminal."""
    stream = sys.stderr if to_stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # a terminal that cannot show Chinese is no reason to stop
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


def money(fen: int) -> str:
    """Yuan with thousands separated."""
    whole, _, cents = yuan(fen).partition(".")
    return f"{int(whole):,}.{cents}" if abs(fen) >= 100 else yuan(fen)


def milliseconds(us: int) -> str:
    """Microseconds as milliseconds."""
    return f"{us / 1000:.1f}"


def hub_name(division: str) -> str:
    """Number and name."""
    return f"{division} {'国家' if division == divisions.NATION else divisions.full_name(division)}"


def heading(out: Console, number: int, title: str, story: str, story_en: str) -> None:
    """The head of a scene."""
    out.print()
    out.print(Text(f"{number}  {title}", style="bold cyan"))
    out.print(Padding(f"{story}\n{story_en}", (0, 0, 1, 3)))


def _table(title: str | None, *columns: str) -> Table:
    """A plain table. Columns: > right aligned, ~ cut when it is narrow, + wrapped when it is narrow."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        table.add_column(
            column.lstrip(">~+"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=not column.startswith(("~", "+")),
            overflow="fold" if column.startswith("+") else "ellipsis",
        )
    return table


def _put(out: Console, table: Table) -> None:
    """Print a table, indented like the texts around it."""
    out.print(Padding(table, (0, 0, 1, 3), expand=False))


def chronic_visit(out: Console, visit: ChronicVisit, lines: Sequence[Line]) -> None:
    """Codes, lines, hops and money of the chronic visit."""
    header, info = visit.answer.header, visit.answer.setlinfo
    _codes(out, header.translations, {code: name for code, name, _, _ in lines})
    _put(out, _lines(lines, visit.uploaded.result))
    _put(out, _hops(header.hops, visit.took_us))
    _put(out, _payers(info, visit.answer.setldetail))
    _account(out, balance_of(visit.person), info)


def stay(out: Console, played: Stay, lines: Sequence[Line]) -> None:
    """Charge categories, hops and money of the stay."""
    info = played.answer.setlinfo
    out.print(f"   {played.days} 天，{len(lines)} 条明细，按大类汇总后送参保地")
    out.print(f"   {played.days} days, {len(lines)} fee lines, summed by charge category for the insured place")
    out.print()
    _put(out, _categories(played.categories))
    _put(out, _hops(played.answer.header.hops, played.took_us))
    _put(out, _payers(info, played.answer.setldetail))
    _account(out, balance_of(played.person), info)


def _codes(out: Console, translations: Iterable[Translation], names: dict[str, str]) -> None:
    """One table for each pair of code maps that was used, with the rows that translated."""
    tables: dict[str, Table] = {}
    for outward, inward in journeys(translations):
        maps = "\n   ".join(f"{row.admdvs}: {row.map}, edition {row.edition}" for row in (outward, inward) if row)
        if maps not in tables:
            tables[maps] = _table(
                None, "江苏 Jiangsu", ">行 row", "国家 national", ">行 row", "辽宁 Liaoning", "~名称 name"
            )
        home = (str(inward.row), inward.to_code) if inward else ("", "")
        name = names.get(outward.from_code, "高血压 hypertension")
        tables[maps].add_row(outward.from_code, str(outward.row), outward.to_code, *home, name)
    out.print(
        Text("   编码转换 codes before and after, with the map, edition and row that translated them", style="bold")
    )
    for maps, table in tables.items():
        out.print(f"   {maps}")
        _put(out, table)


def _lines(lines: Sequence[Line], split: Sequence[SplitResult]) -> Table:
    table = _table(
        "费用分割 the split of every line, by the catalogue of Zhenjiang (yuan)",
        "编码\ncode", "~名称\nitem", ">数量×单价\ncount × price", ">金额\namount", "类\nclass",
        ">全自费\nown pay", ">超限价\nceiling", ">先行自付\nfirst pay", ">范围内\nin scope",
    )  # fmt: skip
    for (code, name, cnt_e4, pric_e6), row in zip(lines, split, strict=True):
        restricted = "限" if row.lmt_used_flag == "1" else ""
        table.add_row(
            code, name, f"{cnt_e4 / 1e4:g} × {pric_e6 / 1e6:g}", money(row.det_item_fee_sumamt_fen),
            CLASSES.get(row.chrgitm_lv, row.chrgitm_lv) + restricted, _or_dash(row.fulamt_ownpay_amt_fen),
            _or_dash(row.overlmt_amt_fen), _or_dash(row.preselfpay_amt_fen), _or_dash(row.inscp_scp_amt_fen),
        )  # fmt: skip
    table.add_section()
    parts = ("fulamt_ownpay_amt_fen", "overlmt_amt_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen")
    sums = [money(sum(getattr(row, part) for row in split)) for part in parts]
    total = money(sum(row.det_item_fee_sumamt_fen for row in split))
    table.add_row("", "合计 total", "", total, "", *sums, style="bold")
    table.caption = "限 = 限制使用且未审批 restricted use, not approved: paid in full by the person"
    table.caption_justify = "left"
    return table


def _or_dash(fen: int) -> str:
    return money(fen) if fen else "-"


def _categories(totals: Sequence[CategoryTotal]) -> Table:
    table = _table(
        "大类费用 charge categories (yuan)",
        "类别\ncategory", ">金额\namount", ">甲类\nclass A", ">乙类\nclass B", ">全自费\nown pay",
        ">超限价、先行自付\nother",
    )  # fmt: skip
    for row in totals:
        name = f"{row.med_chrgitm} {CHARGES[row.med_chrgitm]}"
        table.add_row(name, money(row.amt_fen), *(_or_dash(fen) for fen in row[2:]))
    table.add_section()
    table.add_row("合计 total", *(money(sum(column)) for column in zip(*(row[1:] for row in totals), strict=True)))
    return table


def _hops(hops: Sequence[Hop], took_us: int) -> Table:
    """Own time of a hub is its elapsed time less that of the hub behind it."""
    table = _table("路径 the way of the settlement (ms)", "经过 hop", ">用时 elapsed", ">其中本级 own time")
    way = list(reversed(hops))
    table.add_row("医院窗口 hospital window", milliseconds(took_us), milliseconds(took_us - way[0].elapsed_us))
    for depth, hop in enumerate(way):
        behind_us = way[depth + 1].elapsed_us if depth + 1 < len(way) else 0
        name = f"{'  ' * depth}└ {hub_name(hop.admdvs)}"
        table.add_row(name, milliseconds(hop.elapsed_us), milliseconds(hop.elapsed_us - behind_us))
    return table


def _payers(info: SettlementInfo, details: Iterable[SettlementDetail]) -> Table:
    table = _table(
        f"谁付多少 who pays what, settlement {info.setl_id} (yuan)", "付款方 payer", ">金额 amount", "+说明 how"
    )
    for row in details:
        table.add_row(row.fund_pay_type_name, money(row.fund_payamt_fen), row.setl_proc_info.replace("；", "\n"))
    table.add_row("个人现金 cash", money(info.psn_cash_pay_fen), "")
    if info.hosp_part_amt_fen:
        table.add_row("医院 hospital", money(info.hosp_part_amt_fen), "")
    table.add_section()
    table.add_row("医疗费总额 total", money(info.medfee_sumamt_fen), "", style="bold")
    return table


def _account(out: Console, before_fen: int, info: SettlementInfo) -> None:
    ratio = f"{info.pool_prop_selfpay_e4 / 100:g} %"
    out.print(
        f"   范围内 in scope {money(info.inscp_scp_amt_fen)}，起付线 deductible {money(info.act_pay_dedc_fen)}，"
        f"统筹支付比例 pool ratio {ratio}"
    )
    paid, left = money(info.acct_pay_fen), money(info.balc_fen)
    out.print(f"   个人账户余额 account: {money(before_fen)} - {paid} = {left}")


def repeat(out: Console, again: Repeat, visit: ChronicVisit) -> None:
    """The repeat, and the refusal of the same charges under a new id."""
    same = "应答逐字节相同 the same, byte for byte" if again.raw == visit.raw else "应答不同 NOT THE SAME"
    out.print(f"   同一报文号再发一次 same request id {visit.request.header.msgid}")
    out.print(f"   {same}: {len(again.raw)} bytes, settlement {visit.answer.setlinfo.setl_id}")
    out.print(f"   第一次 first {milliseconds(visit.took_us)} ms，第二次 second {milliseconds(again.took_us)} ms\n")
    out.print("   同一批费用换一个报文号 the same charges under a new request id")
    if again.fresh_id is not None:
        _clerk(out, again.fresh_id)


def reversal(out: Console, back: Reversal, visit: ChronicVisit) -> None:
    """Settlement and mirror side by side."""
    settled, mirror = visit.answer.setlinfo, back.answer.setlinfo
    table = _table(None, "", f">结算 settlement\n{settled.setl_id}", f">撤销 reversal\n{mirror.setl_id}", ">合计\nsum")
    for name, field in (
        ("医疗费总额 total", "medfee_sumamt_fen"),
        ("基金 funds", "fund_pay_sumamt_fen"),
        ("个人账户 account", "acct_pay_fen"),
        ("个人现金 cash", "psn_cash_pay_fen"),
    ):
        paid_fen, back_fen = getattr(settled, field), getattr(mirror, field)
        table.add_row(name, money(paid_fen), money(back_fen), money(paid_fen + back_fen))
    _put(out, table)
    before, after = money(balance_of(visit.person)), money(balance_of(back.person))
    left = money(settled.balc_fen)
    out.print(f"   个人账户余额 account: 结算前 before {before}，结算后 settled {left}，撤销后 reversed {after}")


def declined(out: Console, case: Declined) -> None:
    """A decline as the clerk sees it."""
    out.print(Text(f"   {case.title}", style="bold"))
    out.print(Padding(f"{case.person}：{case.story}", (0, 0, 0, 3)))
    if case.refusal is not None:
        _clerk(out, case.refusal)
    out.print()


def _clerk(out: Console, refusal: Any) -> None:
    fault = refusal.fault
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("   提示", Text(f"{fault.code}  {fault.text_zh}", style="yellow"))
    grid.add_row("   下一步", fault.next_step)
    grid.add_row("   English", fault.text_en)
    grid.add_row("", refusal.next_en)
    grid.add_row("   处理人", f"{refusal.who} · {fault.category} · {refusal.reason}")
    out.print(grid)


def books(out: Console, kept: dict[str, list[Entry]]) -> None:
    """The books of all hubs side by side."""
    table = _table(
        "五级账目 the books of the hubs (yuan)",
        "平台 hub", ">笔数 entries", ">医疗费 total", ">基金 funds", ">个人账户 account", ">现金 cash",
    )  # fmt: skip
    for division, entries in kept.items():
        sums = (sum(row.medfee_fen for row in entries), sum(row.fund_fen for row in entries),
                sum(row.account_fen for row in entries), sum(row.cash_fen for row in entries))  # fmt: skip
        table.add_row(hub_name(division), str(len(entries)), *(money(fen) for fen in sums))
    _put(out, table)


def verdict(out: Console, found: Verdict) -> None:
    """The last words."""
    if found.ok:
        out.print(
            Text(
                f"全部正确 all is well: {found.settlements} settlements through {found.hops} hubs, every sum holds, "
                f"{len(found.declines)} declines named as what they are.",
                style="bold green",
            )
        )
        return
    out.print(Text("有问题 something is wrong:", style="bold red"))
    for problem in found.problems:
        out.print(Text(f"   {problem}", style="red"))
