"""What an operator sees of a report."""

import io

from rich.console import Console

from codemaps.intake import Report
from gateway.codemap.intake_view import show
from tests.codemaps.intake.support import Make, Take


def seen(report: Report) -> str:
    """The text on a screen of 100 columns."""
    stream = io.StringIO()
    show(report, Console(file=stream, width=100, highlight=False, emoji=False, markup=False))
    return stream.getvalue()


def test_a_rejected_file_says_what_to_do_next(take: Take, table: Make) -> None:
    """The rejects file, the command and what may be accepted are named."""
    text = seen(take(table("A1,[red]x,bad,x,equal", "A2,x,M01600,x,equal", "A3,y,M01600,y,equal")).report)
    assert "行被拒，没有改变任何内容" in text
    assert "bad_shape" in text
    assert "--corrected" in text
    assert "--accept name_disagrees" in text
    assert max(map(len, text.splitlines()[1:-4])) <= 100


def test_a_good_file_says_so(take: Take, table: Make) -> None:
    """A file without problems is one line of result and its facts."""
    text = seen(take(table("A1,x,M01600,x,equal")).report)
    assert "可以导入" in text
    assert "下一步" not in text


def test_a_refused_file_says_why(take: Take) -> None:
    """A file that cannot be read has its cause and its remedy."""
    text = seen(take("<html>").report)
    assert "html_file" in text
    assert "另存为 xlsx" in text
