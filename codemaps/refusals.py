"""What the depot refuses, each with a stable reason and a text that says what to do.

Occurs where an operator, another operator or the disk stands in the way; a spreadsheet's own faults are the report
of ``codemaps.intake``.
"""

from typing import Any, NamedTuple


class Words(NamedTuple):
    """The texts of one reason."""

    zh: str
    en: str


REASONS: dict[str, Words] = {
    "DEPOT_MISSING": Words(
        "没有找到对照库目录{directory}。请用 --depot 指定，或先导入一个版本。",
        "There is no depot in {directory}. Name it with --depot, or import an edition first.",
    ),
    "DEPOT_BUSY": Words(
        "对照库正被另一人使用，请稍候再试。什么都没有改变。",
        "Somebody else is writing to the depot. Try again in a moment; nothing has changed.",
    ),
    "DEPOT_UNREADABLE": Words(
        "对照库无法读写：{detail}。什么都没有改变。",
        "The depot cannot be read or written: {detail}. Nothing has changed.",
    ),
    "DISK_FULL": Words(
        "磁盘空间不足，导入已取消，没有留下任何内容。请清理磁盘后重新导入。",
        "The disk is full. The import was cancelled and left nothing behind. Make room and import again.",
    ),
    "EDITION_EXISTS": Words(
        "{map} 已有版本 {edition}。已导入的版本不再改变，请换一个版本名。",
        "{map} has an edition {edition} already. An edition never changes; give this one another name.",
    ),
    "SAME_CONTENT": Words(
        "内容与 {map} 的版本 {edition} 完全相同，无需再次导入。",
        "The content is exactly that of {map} {edition}; there is nothing new to import.",
    ),
    "MAP_TAKEN": Words(
        "{from_system} 到 {to_system} 的{kind}对照已由 {map} 提供，同一方向不能有两张对照表。",
        "{map} already translates {kind} codes from {from_system} to {to_system}; there cannot be two.",
    ),
    "MAP_CHANGED": Words(
        "{map} 的编码类型或编码体系与以前的版本不同，请换一个对照表名。",
        "{map} translated other kinds or systems in its earlier editions; give this map another name.",
    ),
    "EDITION_UNKNOWN": Words(
        "对照库中没有 {map} 的版本 {edition}。可用 yidi codemap list 查看。",
        "The depot has no edition {edition} of {map}. See yidi codemap list.",
    ),
    "WRONG_STATE": Words(
        "{map} {edition} 目前是{state_zh}，不能{action_zh}。",
        "{map} {edition} is {state}; it cannot be {action}.",
    ),
    "SAME_PERSON": Words(
        "{who} 不能复核自己做的事，须由另一人办理。",
        "{who} cannot approve their own work; somebody else must.",
    ),
    "CHECK_FAILED": Words(
        "{map} {edition} 检查未通过（{count} 处错误），不能发布。请先看 yidi codemap check。",
        "{map} {edition} did not pass its check ({count} errors) and is not published. See yidi codemap check.",
    ),
    "DATES_OVERLAP": Words(
        "{map} {edition} 的生效日期与版本 {other} 重叠，现行版本没有改变。",
        "The dates of {map} {edition} overlap edition {other}. The editions in force have not changed.",
    ),
    "BACKDATED": Words(
        "生效日期{date}已经过去。确需补发的，请加 --backdated，并先查看它会改变哪些业务。",
        "{date} has passed. Add --backdated if it is meant, after looking at what it would have changed.",
    ),
    "DATES_REVERSED": Words(
        "失效日期{end}早于生效日期{begin}。", "The last day {end} lies before the first day {begin}."
    ),
    "NOTHING_TO_ROLL_BACK": Words("{map} 没有已发布的版本，无可撤回。", "{map} has no published edition to roll back."),
    "OVERRIDE_UNKNOWN": Words("没有编号为 {id} 的应急改码。", "There is no override {id}."),
    "OVERRIDE_ENDED": Words("应急改码 {id} 已经{state_zh}。", "Override {id} is {state} already."),
    "OVERRIDE_TOO_LONG": Words(
        "应急改码最长 {most} 小时，到期自动失效；需要更久的，请发布新版本。",
        "An override lasts {most} hours at most and ends by itself; for longer, publish an edition.",
    ),
    "OVERRIDE_CODE": Words(
        "{code} 不是 {system} 的编码格式。", "{code} does not have the shape of a code of {system}."
    ),
    "EDITION_BROKEN": Words(
        "{map} {edition} 的文件已损坏：{detail}。现行版本没有改变；可用 yidi codemap verify --repair 修复。",
        "The files of {map} {edition} are damaged: {detail}. What is in force has not changed; try "
        "yidi codemap verify --repair.",
    ),
    "PARENT_SILENT": Words(
        "上级平台 {division}（{address}）没有应答，请检查网络后重试；已下载的部分保留。",
        "The parent {division} at {address} did not answer. Check the line and try again; what was downloaded is kept.",
    ),
    "PARENT_REFUSED": Words("上级平台 {division} 拒绝：{why}", "The parent {division} refused: {why}"),
    "CHECKSUM_WRONG": Words(
        "下载的 {map} {edition} 校验值不符，已丢弃。",
        "What was downloaded of {map} {edition} does not match its checksum and was thrown away.",
    ),
}


class Refused(Exception):
    """A refusal by its reason; the text never holds more than names, codes and dates."""

    def __init__(self, reason: str, **facts: object) -> None:
        words = REASONS[reason]
        self.reason = reason
        self.facts = facts
        self.zh = words.zh.format(**facts)
        self.en = words.en.format(**facts)
        super().__init__(f"{reason}: {self.en}")

    def __reduce__(self) -> tuple[Any, ...]:
        """It crosses the border of a process as it is."""
        return _refused, (self.reason, self.facts)


def _refused(reason: str, facts: dict[str, Any]) -> Refused:
    return Refused(reason, **facts)
