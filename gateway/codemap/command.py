"""``yidi codemap``: from a spreadsheet to an edition that is served, and what there is to know on the way."""

import click

from gateway.codemap import bring, inspect, life


class _InOrder(click.Group):
    """Its commands stand in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as they were added."""
        del ctx
        return list(self.commands)


@click.group(cls=_InOrder, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})
def codemap() -> None:
    """Code maps (编码对照): from a spreadsheet to a published edition, and look-ups.

    Each command explains itself when given nothing. A guide with pictures: docs/codemaps.md (中文: codemaps.zh-CN.md).
    """


for command, words in (
    (bring.import_, "导入 a CSV or XLSX becomes a draft, or a report says what to correct"),
    (inspect.check_, "检查 what is wrong, what it covers, what it would have changed"),
    (inspect.diff_, "比较 two editions of a map"),
    (inspect.coverage_, "覆盖 how much of recent traffic, by cases and by money"),
    (life.review, "复核 a second person vouches for a draft"),
    (life.publish, "发布 in force for the days of service from a date on"),
    (life.rollback, "撤回 withdraw the edition published last"),
    (life.override, "应急 one code goes elsewhere for hours, when two people agree"),
    (inspect.translate, "查询 one code, with the map, edition and row that translate it"),
    (bring.export, "导出 an edition as CSV or XLSX"),
    (inspect.list_, "列表 the editions, their states and dates"),
    (inspect.history, "历史 everything that was done, by whom and when"),
    (life.follow, "跟随 take over what the parent has published"),
    (life.verify, "校验 compare every file with its checksum; repair"),
):
    command.short_help = words
    codemap.add_command(command)
