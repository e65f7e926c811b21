"""``yidi codemap``: from a spreadsheet to an edition that is served, and what there is to know on the way."""

import click

from gateway.codemap import bring, inspect, life


@click.group(no_args_is_help=True)
def codemap() -> None:
    """Code maps (编码对照): from a spreadsheet to a published edition, and look-ups.

    \b
    import      导入   a CSV or XLSX becomes a draft, or a report says what to correct
    check       检查   what is wrong with it, what traffic it covers, what it would have changed
    diff        比较   two editions of a map
    coverage    覆盖   how much of recent traffic an edition covers, by cases and by money
    review      复核   a second person vouches for a draft
    publish     发布   in force for the days of service from a date on
    rollback    撤回   withdraw the edition published last
    override    应急   one code goes elsewhere for some hours, when two people agree
    translate   查询   one code, with the map, edition and row that translate it
    export      导出   an edition as CSV or XLSX

    Each explains itself when given nothing. A guide with pictures: docs/codemaps.md.
    """


for command in (
    bring.import_,
    inspect.check_,
    inspect.diff_,
    inspect.coverage_,
    life.review,
    life.publish,
    life.rollback,
    life.override,
    inspect.translate,
    bring.export,
    inspect.list_,
    inspect.history,
    life.follow,
    life.verify,
):
    codemap.add_command(command)
