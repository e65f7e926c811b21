"""Headers: which column of a table is which of ours, by the names that tables in use have.

Names come from the handbook, codes/catalogue-formats.md sections 1, 7 and 9 (FIN_COM_COMPARE,
NETWORKING_ITEM_VS_HIS, ybhisdzdr, the mapping tables of hospital clients) and from transactions 1301 to 1319. They are
compared without regard to case, width, spaces, underscores, and marks such as ``*`` or (必填).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import product

from codemaps.editions import COLUMNS
from codemaps.intake.cleaning import tidy
from codemaps.port import NATIONAL

ORIGIN, PROBLEM, REMEDY = "原行号", "问题", "处理办法"
"""The first three columns of a rejects file."""
REJECT_COLUMNS = (ORIGIN, PROBLEM, REMEDY)
VALID, DISABLED, AUDIT = "vali_flag", "disabled_flag", "audit_state"
"""Columns that decide about a row and are not kept."""

_NATIONAL = ("国家", "国家医保", "国标", "国家标准", "国家统一", "贯标", "国家贯标", "national", "nat")
_UPPER = (
    "医保", "中心", "医保中心", "上级", "标准", "目标", "社保", "医疗目录", "医保目录", "center", "centre", "upper",
    "target", "yb", "to",
)  # fmt: skip
_PROVINCE = ("省", "省级", "省医保", "省平台", "省标准", "province", "provincial")
_CITY = ("市", "市级", "市医保", "地市", "city")
_LOWER = (
    "地方", "本地", "当地", "院内", "医院", "本院", "his", "机构", "医药机构", "定点医药机构", "下级", "原", "自定义",
    "内部", "源", "local", "hosp", "hospital", "lower", "from", "own", "地方医保",
)  # fmt: skip
_NOUNS = (
    "", "项目", "目录", "收费项目", "药品", "材料", "耗材", "诊疗", "诊疗项目", "服务项目", "医疗服务项目", "病种",
    "疾病", "诊断", "疾病诊断", "手术", "手术操作", "慢病", "慢特病", "门慢特病", "门慢门特病种", "item", "drug",
    "dise", "list",
)  # fmt: skip
_CODES = ("编码", "代码", "编号", "码", "code", "codg", "bm")
_NAMES = ("名称", "名", "name", "mc")

_PLAIN: dict[str, str] = {
    "local_code": "code codg 地方编码 insu_list_codg medins_list_codg hisxmbh item_code 项目编号 编码 代码 charge_code",
    "local_name": "name medins_list_name hisxmmc item_name",
    "national_code": "med_list_codg hilist_code opsp_dise_code ybxmbh ybbm gjbm 门慢门特病种目录代码 diag_code"
    " dise_codg oprn_oprt_code",
    "national_name": "hilist_name opsp_dise_name med_list_name ybxmmc 门慢门特病种名称 diag_name dise_name reg_name"
    " oprn_oprt_name servitem_name",
    "relationship": "对应关系 关系 匹配关系 对照关系 映射关系 relation 匹配程度",
    "preferred": "首选 是否首选 首选标志 优先 优先标志",
    "confirmed": "已确认 是否确认 确认 确认标志 是否已确认",
    "list_type": "目录类别 目录类型 目录类别代码 listtype 医保目录类别",
    "insutype": "险种 险种类型 险种代码 适用险种",
    "admdvs": "insu_admdvs insuplc_admdvs 参保区划 参保地区划 参保地 参保机构医保区划 适用参保区划 参保地医保区划",
    "med_type": "医疗类别 适用医疗类别 医疗类别代码",
    "valid_from": "begndate begindate begin_date startdate start_date 开始日期 开始时间 生效日期 生效时间 启用日期"
    " 有效开始日期 起始日期 有效期起 有效期开始 validfrom",
    "valid_to": "enddate end_date 结束日期 结束时间 失效日期 失效时间 停用日期 终止日期 截止日期 有效结束日期"
    " 有效截止日期 有效期止 有效期至 有效期结束 validto",
    "chrgitm_lv": "收费项目等级 项目等级 医保等级 收费等级 甲乙类 甲乙丙类 目录等级 class grade level center_item_grade"
    " itemgrade 医保类别 费用等级",
    "selfpay_prop": "自付比例 先行自付比例 首自付比例 先自付比例 自理比例 首付比例 个人先行自付比例 ratio 个人自付比例",
    "pric_uplmt_amt": "限价 最高限价 价格上限 单价上限 支付上限 支付标准上限 定价上限 定价上限金额 医保限价"
    " hilist_pric_uplmt_amt ceiling 最高支付限价",
    "lmt_used_flag": "限制使用标志 限用标志 限制使用 是否限制使用 限制用药标志",
    "source": "来源 数据来源 依据 文件依据 出处",
    "remark": "备注 说明 memo center_memo remarks note 备注说明",
    VALID: "有效标志 是否有效 有效标识 启用标志 是否启用 validflag valid 状态标志",
    DISABLED: "停用标志 是否停用 作废标志 disabled 禁用标志",
    AUDIT: "审核状态 审核标志 审批状态 审批标志 审核结果 auditstate audit_status audit 对照审核状态 是否审核",
    **{name: name for name in REJECT_COLUMNS},
}
_MARKS = re.compile(
    r"[（(\[【](必填|选填|可选|非空|required|optional|元|yyyy-?mm-?dd)[)）\]】]|[*＊_\s:：]", re.IGNORECASE
)


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """A column name as it is compared."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", tidy(name)).casefold())


class Names:
    """The names of columns, as one order understands them: which side a province's codes are depends on it."""

    def __init__(self, from_system: str, to_system: str) -> None:
        self.is_list = not to_system
        self._known: dict[str, str] = {}
        self._learn((normal(name), ours) for ours, names in _PLAIN.items() for name in names.split())
        sides = {_NATIONAL: "national", _UPPER: "national", _LOWER: "local", ("",): "local"}
        for system, side in ((from_system, "local"), (to_system, "national")):
            if system not in ("", NATIONAL):
                sides[_PROVINCE if system.endswith("0000") else _CITY] = side
        for owners, side in sides.items():
            self._learn((normal(o + n + s), f"{side}_code") for o, n, s in product(owners, _NOUNS, _CODES))
            self._learn((normal(o + n + s), f"{side}_name") for o, n, s in product(owners, _NOUNS, _NAMES))
        if self.is_list:  # a list has one code: whatever a table calls it is that
            self._known = {name: ours.replace("national_", "local_") for name, ours in self._known.items()}
        self._known |= {normal(column): column for column in (*COLUMNS, VALID, DISABLED, AUDIT)}

    def _learn(self, pairs: Iterable[tuple[str, str]]) -> None:
        for name, ours in pairs:
            self._known.setdefault(name, ours)

    def of(self, name: str) -> str:
        """Our column of a name; empty where it is not known."""
        return self._known.get(normal(name), "")

    @classmethod
    @lru_cache(maxsize=64)
    def known(cls, from_system: str, to_system: str) -> "Names":
        """As made, once for each way: there are some ten thousand names."""
        return cls(from_system, to_system)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns without which nothing can be done."""
        return ("local_code", "local_name") if self.is_list else ("local_code", "local_name", "national_code")


WORDS = {
    "local_code": "地方编码（local_code）",
    "local_name": "地方名称（local_name）",
    "national_code": "国家（上级）编码（national_code）",
}
"""How a missing column is asked for."""


class Header:
    """The header of one table."""

    def __init__(self, row: int, cells: list[str], names: Names) -> None:
        while cells and not tidy(cells[-1]):
            cells = cells[:-1]
        self.row = row
        self.cells = cells
        ours = [names.of(cell) if cell else "" for cell in cells]
        self.found = [column for column in ours if column]
        self.twice = self._twice(ours)
        self.places = {column: place for place, column in enumerate(ours) if column}
        self.missing = tuple(column for column in names.needed if column not in self.places)
        self.ignored = tuple(tidy(cell) or f"第{i + 1}列" for i, cell in enumerate(cells) if not ours[i])

    def _twice(self, ours: list[str]) -> tuple[str, str, str] | None:
        seen: dict[str, int] = {}
        for place, column in enumerate(ours):
            if column in seen:
                return column, tidy(self.cells[seen[column]]), tidy(self.cells[place])
            if column:
                seen[column] = place
        return None

    def theirs(self, column: str) -> str:
        """What the file calls one of our columns; our name where it has none."""
        place = self.places.get(column)
        return column if place is None else tidy(self.cells[place])
