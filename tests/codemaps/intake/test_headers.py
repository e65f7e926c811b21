"""Names of columns."""

import pytest

from codemaps.intake.headers import Names, normal

MAP = Names("CN-320000", "CN")
CITY = Names("CN-320100", "CN-320000")
LIST = Names("CN", "")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("HIS_CODE", "local_code"), ("CENTER_CODE", "national_code"), ("CENTER_ITEM_GRADE", "chrgitm_lv"),
        ("hisxmbh", "local_code"), ("ybxmbh", "national_code"), ("ybxmmc", "national_name"),
        ("医保编码", "national_code"), ("国家编码", "national_code"), ("国家药品编码", "national_code"),
        ("项目编码", "local_code"), ("med_list_codg", "national_code"), ("OPSP_DISE_CODE", "national_code"),
        ("medins_list_codg", "local_code"), ("begndate", "valid_from"), ("enddate", "valid_to"),
        ("vali_flag", "vali_flag"), ("selfpay_prop", "selfpay_prop"), ("审核状态", "audit_state"),
        (" * 国家编码（必填） ", "national_code"), ("ＨＩＳ编码", "local_code"), ("Local Code", "local_code"),
        ("省编码", "local_code"), ("序号", ""), ("id", ""), ("", ""),
    ],
)  # fmt: skip
def test_names_of_tables_in_use(name: str, ours: str) -> None:
    """Columns are known by the names that real tables give them."""
    assert MAP.of(name) == ours


def test_the_order_says_whose_codes_a_province_has() -> None:
    """For a city's map the province stands above, for a province's map it stands below."""
    assert (MAP.of("省级编码"), CITY.of("省级编码")) == ("local_code", "national_code")
    assert (MAP.of("市级编码"), CITY.of("市级编码")) == ("", "local_code")


def test_a_list_has_one_code() -> None:
    """Whatever a list calls its code is its code; the columns of the fixed form keep their places."""
    assert LIST.of("国家编码") == LIST.of("医疗目录编码") == "local_code"
    assert LIST.of("national_code") == "national_code"


def test_marks_do_not_count() -> None:
    """Asterisks, required marks, width, case, spaces and underscores make no other name."""
    assert normal("*限价（元）") == normal("限价") == normal("限 价：")
