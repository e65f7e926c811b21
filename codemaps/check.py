"""What must be right before an edition is published, and what an operator should have seen.

The rows are read once in the order of their local codes, beside the lower list and the sibling maps, and once sorted
by target, beside the upper list. Nothing is kept for all rows at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal

import msgspec

from codemaps import conditions
from codemaps.coverage import Coverage, Impact, Part, Weighed, weigh
from codemaps.diff import Beside, Placed, Towards, by_target, placed
from codemaps.editions import RELATIONSHIPS, EditionRow, Manifest
from codemaps.kinds import KINDS, is_local, is_national
from codemaps.port import CATALOGUE, NATIONAL
from codemaps.traffic import Use

FIRST = 20  # places told of each finding; the count says how many there are
_ERRORS = {
    "empty": ("版本没有任何行", "the edition has no rows"),
    "not_sorted": ("编码未按顺序排列，请重新导入", "the codes are not in order; import the file again"),
    "local_shape": ("本地编码格式不对", "the local code does not have the shape of a code"),
    "target_shape": ("上级编码格式不对", "the upper code does not have the shape of its kind"),
    "target_in_list": ("目录不应有上级编码", "a list maps nothing, so it has no upper codes"),
    "list_type": ("目录类别与编码类型不符", "the list type does not belong to this kind of code"),
    "relationship": ("对应关系缺失或不认识", "the relationship is missing, unknown, or without an upper code"),
    "confirmed_row": ("版本未确认，行却标为已确认", "a row is confirmed in an edition that is not"),
    "condition": ("适用条件或日期写法不对", "a condition or a date cannot be read"),
    "attribute": ("支付属性（类别、比例、限价、限用）不对", "a class, ratio, ceiling or restriction is wrong"),
    "duplicate": ("同一编码重复", "the same code stands there twice for the same cases"),
    "conflict": ("同一本地编码对应多个上级编码，条件不能区分", "a local code has several targets, no condition tells"),
    "dead_target": ("上级编码在生效日前已停用", "the upper code ended before the edition begins"),
    "target_missing": ("上级编码不在上级目录中", "the upper code is not in the complete upper list"),
    "preferred_twice": ("同一上级编码有多个首选", "several local codes are preferred for one upper code"),
    "in_two_maps": ("编码同时出现在另一张对照表中", "the code stands in another map of the same field as well"),
}  # fmt: skip
_WARNINGS = {
    "unconfirmed": ("整个版本来源未经确认", "nobody vouches for the source of this edition"),
    "target_not_listed": ("上级编码未见于上级目录（目录不完整）", "the upper list lacks the code, but is not complete"),
    "targets_not_compared": ("没有上级目录，未核对上级编码是否有效", "no upper list: no target was compared with it"),
    "local_not_listed": ("本地编码不在本地目录中", "the list of the lower side lacks the local code"),
    "name_differs": ("名称与目录不一致，请核对是否同一项目", "the name is not the list's; is it the same item?"),
    "shared_target": ("多个本地编码共用一个上级编码且无首选，返回时须凭交易记录或个人待遇确定",
                      "local codes share a target, none preferred: only the exchange or the person tells the way home"),
    "loose_in_use": ("近期业务用到的编码对应不精确", "codes in use are translated to wider or inexact ones"),
    "not_covered": ("近期业务用到的编码没有对照", "codes in use have no row"),
    "becomes_untranslatable": ("现在能转换的编码将不能转换", "codes in use would no longer be translated"),
}  # fmt: skip
_TEXTS = _ERRORS | _WARNINGS
_Side = Beside[Placed]  # a list or another map, read in step with the edition
_Sides = Sequence[tuple[str, _Side]]


class Place(msgspec.Struct, frozen=True):
    """Where something was found, line 0 being no single row; the note says what it was compared with."""

    line: int
    column: str
    value: str
    note: str = ""


class Finding(msgspec.Struct):
    """One thing found, however often."""

    code: str
    severity: Literal["error", "warning"]
    text_zh: str
    text_en: str
    count: int = 0
    first: list[Place] = []


class Numbers(msgspec.Struct):
    """What the edition consists of. Rows that ended before it begins are looked at for their shape only.

    The ways home (see ``conditions.Homeward``) count each local code once for each of its targets.
    """

    rows: int = 0
    codes: int = 0
    without_target: int = 0
    confirmed_rows: int = 0
    ended_rows: int = 0
    targets: int = 0
    relationships: dict[str, int] = {}
    home_alone: int = 0
    home_preferred: int = 0
    home_replaced: int = 0
    home_shared: int = 0
    loose_in_use: Part = msgspec.field(default_factory=Part)


class CheckReport(msgspec.Struct):
    """The whole check; ``ok``: nothing stands against publishing. A list and a map without traffic have no coverage."""

    map: str
    edition: str
    kind: str
    from_system: str
    to_system: str
    effective_from: date
    ok: bool
    findings: list[Finding]
    numbers: Numbers
    coverage: Coverage | None = None
    impact: Impact | None = None


def check(
    rows: Path,
    manifest: Manifest,
    *,
    effective_from: date,
    upper_list: Path | None,
    upper_complete: bool,
    lower_list: Path | None = None,
    before: Path | None = None,
    uses: Iterable[Use] = (),
    siblings: Sequence[tuple[str, Path]] = (),
) -> CheckReport:
    """Check an edition; ``siblings`` are the other maps of the same field between the same systems, by name."""
    judge = _Check(manifest, effective_from.isoformat())
    lower, upper = (Beside(placed(file)) if file is not None else None for file in (lower_list, upper_list))
    beside = [(name, Beside(placed(file))) for name, file in siblings]
    behind = [
        (name, Beside(by_target(each for _, group in placed(file) for each in judge.standing(group))))
        for name, file in siblings
    ]
    for code, records in by_target(judge.rows(rows, lower, beside)):
        judge.target(code, records, upper, upper_complete)
        for name, sibling in behind:
            if found := sibling.find(code):
                judge.add("in_two_maps", int(records[0].line), "national_code", code, f"{name} line {found[0].line}")
    judge.whole(upper)
    ends, weighed = (manifest.from_system, manifest.to_system), None
    if not manifest.is_list:
        wire = "catalogue" if KINDS[manifest.kind].wire == CATALOGUE else manifest.kind
        weighed = weigh(before, rows, wire, *ends, uses, on=judge.day, others=[file for _, file in siblings])
        judge.traffic(weighed)
    findings = [judge.found[code] for code in _TEXTS if code in judge.found]
    seen = (weighed.coverage, weighed.impact) if weighed is not None and weighed.has_traffic else ()
    about = manifest.map, manifest.edition, manifest.kind, *ends, effective_from
    return CheckReport(*about, _ERRORS.keys().isdisjoint(judge.found), findings, judge.numbers, *seen)


class _Check:
    """The check of one edition as it goes on."""

    def __init__(self, manifest: Manifest, day: str) -> None:
        self.manifest, self.day, self.kind = manifest, day, KINDS[manifest.kind]
        self.numbers = Numbers()
        self.found: dict[str, Finding] = {}

    def add(self, code: str, line: int, column: str, value: str, note: str = "") -> None:
        """Note a finding."""
        finding = self.found.get(code)
        if finding is None:
            finding = self.found[code] = Finding(code, "warning" if code in _WARNINGS else "error", *_TEXTS[code])
        finding.count += 1
        if len(finding.first) < FIRST:
            finding.first.append(Place(line, column, value, note))

    def standing(self, group: list[Placed]) -> list[Placed]:
        """The rows that still hold when the edition begins."""
        return [each for each in group if not each[1].valid_to or each[1].valid_to >= self.day]

    def whole(self, upper: _Side | None) -> None:
        """What holds for the edition as a whole."""
        if not self.numbers.rows:
            self.add("empty", 0, "", "")
        if not self.manifest.confirmed:
            self.add("unconfirmed", 0, "confirmed", "false", self.manifest.source)
        if upper is None and not self.manifest.is_list:
            self.add("targets_not_compared", 0, "national_code", "")

    def rows(self, file: Path, lower: _Side | None, siblings: _Sides) -> Iterator[Placed]:
        """Check the rows as they stand in the file, and give on those of a map that hold."""
        last = ""
        for code, group in placed(file):
            self.numbers.codes += 1
            if code <= last:
                self.add("not_sorted", group[0][0], "local_code", code, last)
            last = code
            for line, row in group:
                self.row(line, row)
            standing = self.standing(group)
            self.numbers.ended_rows += len(group) - len(standing)
            if len(standing) > 1:
                self.together(code, standing)
            if standing and (lower is not None or siblings):
                self.beside(code, standing[0], lower, siblings)
            if not self.manifest.is_list:
                self.numbers.without_target += not any(row.national_code for _, row in standing)
                yield from standing

    def row(self, line: int, row: EditionRow) -> None:
        """What a row says by itself."""
        manifest, numbers, target = self.manifest, self.numbers, row.national_code
        numbers.rows += 1
        numbers.confirmed_rows += row.confirmed == "true"
        if not self.has_shape(row.local_code, row, manifest.is_list and manifest.from_system == NATIONAL):
            self.add("local_shape", line, "local_code", row.local_code)
        if row.list_type and row.list_type not in self.kind.list_types:
            self.add("list_type", line, "list_type", row.list_type, self.kind.name)
        if row.confirmed == "true" and not manifest.confirmed:
            self.add("confirmed_row", line, "confirmed", row.confirmed)
        if column := conditions.fault(row[8:13]):
            self.add("condition", line, column, getattr(row, column))
        if column := conditions.payment_fault(row[13:17]):
            self.add("attribute", line, column, getattr(row, column))
        if row.relationship not in RELATIONSHIPS if target and not manifest.is_list else row.relationship:
            self.add("relationship", line, "relationship", row.relationship)
        if target and manifest.is_list:
            self.add("target_in_list", line, "national_code", target)
        elif target:
            if row.relationship in RELATIONSHIPS:
                numbers.relationships[row.relationship] = numbers.relationships.get(row.relationship, 0) + 1
            if not self.has_shape(target, row, manifest.to_system == NATIONAL):
                self.add("target_shape", line, "national_code", target)

    def has_shape(self, code: str, row: EditionRow, national: bool) -> bool:
        """Whether a code looks like one of its side."""
        return is_national(self.kind, code, row.list_type) if national else is_local(code)

    def together(self, code: str, group: list[Placed]) -> None:
        """What the rows of one code say together: none twice, and no two targets for one case."""
        known = [(line, row.national_code, conditions.parse(row)) for line, row in group]
        if clash := conditions.clashing((target, when) for _, target, when in known):
            self.add("conflict", group[0][0], "national_code", code, " / ".join(sorted(clash)[:5]))
        for target, same in groupby(sorted(known, key=itemgetter(1)), itemgetter(1)):
            if lines := conditions.clashing((str(line), when) for line, _, when in same):
                first, *others = sorted(map(int, lines))
                self.add("duplicate", others[0], "local_code", code, f"{target} line {first}".strip())

    def beside(self, code: str, first: Placed, lower: _Side | None, siblings: _Sides) -> None:
        """What the list of the lower side and the sibling maps say of a code."""
        line, row = first
        if lower is not None:
            if not (listed := lower.find(code)):
                self.add("local_not_listed", line, "local_code", code)
            self.compare_name(line, "local_name", row.local_name, listed)
        for name, sibling in siblings:
            if found := self.standing(sibling.find(code)):
                self.add("in_two_maps", line, "local_code", code, f"{name} line {found[0][0]}")

    def compare_name(self, line: int, column: str, name: str, listed: list[Placed]) -> None:
        """Whether a name is one of the list's, spaces aside."""
        names = {"".join(row.local_name.split()) for _, row in listed} - {""}
        if name and names and "".join(name.split()) not in names:
            self.add("name_differs", line, column, name, listed[-1][1].local_name)

    def target(self, code: str, records: list[Towards], upper: _Side | None, complete: bool) -> None:
        """What the list of the upper side and the way home say of a target."""
        listed = upper.find(code) if upper is not None else []
        lines = {record.local_code: int(record.line) for record in records}
        if upper is not None and not listed:
            for line in lines.values():
                self.add("target_missing" if complete else "target_not_listed", line, "national_code", code)
        elif listed and not self.standing(listed):
            for line in lines.values():
                self.add("dead_target", line, "national_code", code, max(row.valid_to for _, row in listed))
        else:
            for record in records:
                self.compare_name(int(record.line), "national_name", record.national_name, listed)
        rows = [(each.local_code, conditions.of_cells(each[4:9]), each.preferred == "true") for each in records]
        ways = conditions.homeward(rows)
        self.numbers.targets += 1
        self.numbers.home_alone += len(ways.alone)
        self.numbers.home_preferred += len(ways.preferred)
        self.numbers.home_replaced += len(ways.replaced)
        self.numbers.home_shared += len(ways.shared)
        for local in sorted(ways.shared):
            self.add("shared_target", lines[local], "national_code", code, local)
        if ways.doubly:
            self.add("preferred_twice", lines[min(ways.doubly)], "preferred", code, " / ".join(sorted(ways.doubly)[:5]))

    def traffic(self, weighed: Weighed) -> None:
        """What recent traffic says of the edition."""
        for loose in sorted(weighed.loose, key=lambda each: each.part.amount_fen, reverse=True):
            self.add("loose_in_use", loose.line, "relationship", loose.code, loose.to)
            self.numbers.loose_in_use.add(loose.part)
        missing, lost = weighed.coverage.not_covered, weighed.impact.effects["untranslatable"]
        most = sorted((used for way in weighed.coverage.ways for used in way.top), key=lambda used: -used.amount_fen)
        for code, part, top in (("not_covered", missing, most), ("becomes_untranslatable", lost.total, lost.top)):
            for used in top[:FIRST]:
                column = "local_code" if used.from_system == self.manifest.from_system else "national_code"
                self.add(code, 0, column, used.code, used.before)
            if part.codes:
                self.found[code].count = part.codes
