"""What an operator sees before an edition is published."""

import io
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from codemaps.check import CheckReport, check
from codemaps.coverage import Affected, Coverage, Impact, Part, WayCoverage, cover
from codemaps.diff import Diff, diff
from codemaps.editions import EditionRow, Manifest, write_rows
from codemaps.traffic import Use
from gateway.codemap import check_view

WIDTH = 100
MAP = Manifest(
    map="CN-320000.chronic",
    edition="2026.1",
    kind="chronic",
    from_system="CN-320000",
    to_system="CN",
    source="test",
    author="test",
    confirmed=True,
)
ROWS = tuple(
    EditionRow(f"JS-MT-{number:04}", f"恶性肿瘤门诊治疗及其很长的名称{number}", f"M{number:05}", "恶性肿瘤", "wider")
    for number in range(30)
)
USES = [
    Use("chronic", "CN-320000", "CN", f"JS-MT-{number:04}", "translated", 1000, 1000, 12_345_678)
    for number in range(40)
]


def write(file: Path, *rows: EditionRow) -> Path:
    """Write rows in the fixed form."""
    with file.open("wb") as out:
        write_rows(rows, out)
    return file


def report_of(directory: Path, *rows: EditionRow, **known: Any) -> CheckReport:
    """Check rows against a list that has them all."""
    upper = write(directory / "upper", *(EditionRow(f"M{number:05}", "恶性肿瘤") for number in range(30)))
    file = write(directory / "rows", *rows)
    return check(file, MAP, effective_from=date(2026, 1, 1), upper_list=upper, upper_complete=True, **known)


def printed(show: Any, *what: Any) -> str:
    """What a terminal of 100 columns shows."""
    out = io.StringIO()
    show(Console(file=out, width=WIDTH, highlight=False, emoji=False), *what)
    text = out.getvalue()
    assert max(map(cell_len, text.splitlines())) <= WIDTH
    return text


class Page(HTMLParser):
    """The tags and the text of a page; its tags must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def test_the_first_line_says_whether_it_may_be_published(tmp_path: Path):
    """A tired operator reads one line."""
    assert "可以发布" in printed(check_view.show_check, report_of(tmp_path, *ROWS)).splitlines()[0]
    wrong = printed(check_view.show_check, report_of(tmp_path, ROWS[0]._replace(national_code="M1")))
    assert "不能发布" in wrong.splitlines()[0]


def test_errors_come_before_warnings_with_line_and_value(tmp_path: Path):
    """What must be fixed stands first, with the place and what stands there."""
    rows = (ROWS[0]._replace(national_code="M1"), ROWS[1]._replace(national_name="别的"))
    text = printed(check_view.show_check, report_of(tmp_path, *rows))
    assert text.index("target_shape") < text.index("name_differs")
    assert "M1" in text
    assert "别的" in text


def test_only_some_places_are_shown(tmp_path: Path):
    """A long list of faults is cut, and how many more there are is said."""
    rows = [row._replace(relationship="same") for row in ROWS]
    assert "另有 25 处 more" in printed(check_view.show_check, report_of(tmp_path, *rows))


def test_markup_in_an_edition_is_text(tmp_path: Path):
    """A name that looks like markup of the terminal is shown as it is."""
    text = printed(check_view.show_check, report_of(tmp_path, ROWS[0]._replace(national_name="[red]甲[/red]")))
    assert "[red]甲[/red]" in text


@pytest.mark.parametrize(
    ("has", "lacks", "share"),
    [(1, 0, "100%"), (99_999, 1, "99.9%"), (0, 5, "0.0%"), (9, 1, "90.0%"), (0, 0, "100%")],
)
def test_only_everything_is_all(has: int, lacks: int, share: str):
    """A share is rounded down, so that 100 % leaves nothing out."""
    covered, missing = Part(has, has, has, has), Part(lacks, lacks, lacks, lacks)
    way = WayCoverage("CN-320000", "CN", covered, missing, Part(), [])
    assert share in printed(check_view.show_coverage, Coverage(covered, missing, Part(), [way]))


def test_coverage_is_told_in_yuan_with_the_dearest_first(tmp_path: Path):
    """Money is shown in yuan, thousands apart, and codes without a row follow with their cases."""
    told = cover(write(tmp_path / "rows", *ROWS), "chronic", "CN-320000", "CN", USES)
    text = printed(check_view.show_coverage, told)
    assert "3,703,703.40 / 4,938,271.20" in text
    assert "JS-MT-0039" in text
    assert "按金额" in text


def test_impact_says_what_goes_elsewhere(tmp_path: Path):
    """Codes that go to another target are shown with both."""
    before = write(tmp_path / "before", *(row._replace(national_code="M00099") for row in ROWS))
    text = printed(check_view.show_check, report_of(tmp_path, *ROWS, before=before, uses=USES))
    assert "将转换为其他编码 retargeted" in text
    assert "M00099" in text


def test_a_difference_is_shown_with_its_lines(tmp_path: Path):
    """Each kind of difference has its count, its codes and both lines."""
    before = write(tmp_path / "a", *ROWS)
    after = write(tmp_path / "b", *(row._replace(national_code="M00099") for row in ROWS[5:]))
    text = printed(check_view.show_diff, diff(before, after))
    assert "删除 removed" in text
    assert "7→2" in text
    assert "M00099" in text


def test_no_difference_is_said(tmp_path: Path):
    """Two editions that say the same are said to be the same."""
    file = write(tmp_path / "a", *ROWS)
    assert "两个版本相同" in printed(check_view.show_diff, diff(file, file))


def test_every_difference_and_effect_has_a_name(tmp_path: Path):
    """Nothing is shown to an operator by its English code alone."""
    file = write(tmp_path / "a")
    found: Diff = diff(file, file)
    assert set(check_view.DIFFERENCES) == set(found.changes)
    weighed = report_of(tmp_path, *ROWS, uses=USES)
    assert weighed.impact is not None
    assert set(check_view.EFFECTS) == set(weighed.impact.effects)


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path):
    """The page has the verdict, every finding and the bars, and no script, picture or address."""
    rows = (ROWS[0]._replace(national_code="M1"), *ROWS[1:])
    report = report_of(tmp_path, *rows, uses=USES)
    page = check_view.html(report, "江苏 <门慢>")
    parsed = Page(page)
    assert "不能发布" in parsed.text
    assert "江苏 <门慢>" in parsed.text
    assert all(finding.code in parsed.text for finding in report.findings)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img", "link", "iframe"}
    assert not any({"src", "href"} & attributes.keys() for _, attributes in parsed.tags)
    assert any(str(attributes.get("style")).startswith("width:7") for _, attributes in parsed.tags)
    assert "http" not in page


def test_the_page_escapes_what_it_shows(tmp_path: Path):
    """A cell of an edition cannot become part of the page."""
    row = ROWS[0]._replace(national_name="<script>alert(1)</script>", relationship="<b>")
    page = check_view.html(report_of(tmp_path, row, uses=USES), "t")
    assert "<script" not in page
    assert "<b>" not in page
    assert "<script>alert(1)</script>" in Page(page).text


def test_a_list_is_shown_as_one(tmp_path: Path):
    """A list has neither targets nor coverage."""
    file = write(tmp_path / "rows", EditionRow("M03900", "高血压"))
    manifest = Manifest(
        map="CN.chronic", edition="1", kind="chronic", from_system="CN", to_system="", source="s", author="a"
    )
    report = check(file, manifest, effective_from=date(2026, 1, 1), upper_list=None, upper_complete=False)
    text = printed(check_view.show_check, report)
    assert "目录 list" in text
    assert "上级编码 targets" not in text
    assert "近期业务" not in Page(check_view.html(report, "t")).text


def test_negative_money_keeps_its_sign():
    """Traffic in which reversals outweigh settlements is shown as it is."""
    less = Part(1, 1, 1, -123_456)
    impact = Impact({"translatable": Affected(less, [])}, Part(), Part(), Part())
    assert "-1,234.56" in printed(lambda out: check_view._show_impact(out, impact))
