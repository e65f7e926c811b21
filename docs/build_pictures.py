"""Draw the pictures of docs/codemaps.md: runs the commands on a small made-up table and keeps what they print.

    python docs/build_pictures.py

What the commands print is what stands in the pictures; nothing is drawn by hand.
"""

import csv
import html
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 108
XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
CELL, LINE, EDGE = 9, 22, 14
"""Pixels: width of a cell, height of a line, space around."""
THEME = TerminalTheme(
    (30, 34, 39), (208, 212, 218),
    [(60, 64, 70), (224, 108, 117), (126, 186, 93), (229, 192, 90), (97, 175, 239), (198, 120, 221), (86, 182, 194),
     (208, 212, 218)],
)  # fmt: skip
SHEET = "江苏药品对照.csv"
HEADER = ("省编码", "省目录名称", "国家医保编码", "国家名称", "对应关系", "结束日期")
GOOD = [
    ("JS-XY-0001", "消旋卡多曲颗粒", "XA07XAX061N001010101521", "消旋卡多曲颗粒", "equal", ""),
    ("JS-XY-0002", "奥扎格雷钠注射液", "XB01AXA223B002010100156", "奥扎格雷钠注射液", "equal", ""),
    ("JS-XY-0003", "葛根素注射液", "XC01EBG072B002010100151", "葛根素注射液", "equal", ""),
    ("JS-XY-0004", "烯丙雌醇片", "XG03DCX035A001010101389", "烯丙雌醇片", "equal", ""),
]
BAD = [
    ("ＪＳ-XY-0005 ", "缩宫素注射液", "xh01bbs194b002010100112", "缩宫素注射液", "equal", ""),
    ("JS-XY-0006", "地诺孕素片", "XG03DBD331A001010100225", "地诺孕素胶囊", "equal", ""),
    ("JS-XY-0007", "菊花", "T000100467", "菊花", "equal", ""),
    ("JS-XY-0008", "孕三烯酮胶囊", "XG03XAY228E001010100225", "孕三烯酮胶囊", "equal", "2019-12-31"),
    ("JS-XY-0009", "盐酸川芎嗪注射液", "1.10200001E+12", "盐酸川芎嗪注射液", "equal", ""),
    ("JS-XY-0010", "血栓通注射液", "ZA12HAX0873010100365", "血栓通注射液", "equal", ""),
    ("JS-XY-0010", "血栓通注射液", "ZA12HAY0771010101463", "银杏二萜内酯葡胺注射液", "wider", ""),
]
USES = (
    "code,cases,amount\nJS-XY-0001,18200,401020.50\nJS-XY-0002,5200,918300\nJS-XY-0005,910,12030\nJS-XY-9001,77,45100\n"
)


def main() -> None:
    """Draw them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _table(place / SHEET, GOOD + BAD)
        what = ("--kind", "drug", "--system", "CN-320000", "--source", "示例", "--edition", "2026.2")
        draw(place, "import", "import", SHEET, *what, "--by", "王芳")
        _correct(place / "江苏药品对照.rejects.csv")
        corrected = ("--corrected", "江苏药品对照.rejects.csv")
        draw(place, "import-corrected", "import", SHEET, *what, *corrected, "--by", "王芳")
        (place / "uses.csv").write_text(USES, encoding="utf-8")
        one = ("CN-320000.drug", "2026.2")
        draw(place, "check", "check", *one, "--from", "2027-01-01", "--uses", "uses.csv")
        draw(place, "review", "review", *one, "--by", "李强", "--note", "已逐条核对")
        draw(place, "publish", "publish", *one, "--from", "2027-01-01", "--by", "李强")
        asked = ("--kind", "drug", "--system", "CN-320000", "--code", "JS-XY-0005", "--on", "2027-01-15")
        draw(place, "translate", "translate", *asked)
        draw(place, "history", "history", "CN-320000.drug")


def draw(place: Path, picture: str, *words: str) -> None:
    """Run one command and draw what it prints, colours included."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "gateway", "codemap", *words]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    console = Console(width=WIDTH, force_terminal=True, color_system="truecolor", file=io.StringIO())
    said = Text(f"$ yidi codemap {' '.join(words)}\n", style="bold")
    lines = console.render_lines(said + Text.from_ansi(done.stdout + done.stderr), pad=False)
    (PICTURES / f"codemap-{picture}.svg").write_text("\n".join(_svg(lines)) + "\n", encoding="utf-8")
    sys.stdout.write(f"codemap-{picture}.svg: exit {done.returncode}\n")


def _svg(lines: list[list[Segment]]) -> Iterator[str]:
    """The lines as a picture. Chinese takes two cells, so every run of one width gets its place and its length."""
    size = f'width="{WIDTH * CELL + 2 * EDGE}" height="{len(lines) * LINE + 2 * EDGE}"'
    yield f'<svg {size} viewBox="0 0 {WIDTH * CELL + 2 * EDGE} {len(lines) * LINE + 2 * EDGE}" {XMLNS}>'
    yield f'<rect {size} rx="8" fill="#1e2227"/>'
    yield f'<g font-family="Consolas, Menlo, monospace" font-size="{LINE * 0.75}" xml:space="preserve">'
    for number, line in enumerate(lines):
        at, bottom = 0, EDGE + (number + 1) * LINE - LINE * 0.28
        for text, style, _ in line:
            for run in re.findall(r"[\x00-\u2fff]+|[^\x00-\u2fff]+", text):
                yield from _run(run, style or Style.null(), EDGE + at * CELL, bottom)
                at += cell_len(run)
    yield "</g></svg>"


def _run(run: str, style: Style, x: float, bottom: float) -> Iterator[str]:
    length = cell_len(run) * CELL
    if style.bgcolor is not None and not style.bgcolor.is_default:
        fill = style.bgcolor.get_truecolor(THEME).hex
        yield f'<rect x="{x}" y="{bottom - LINE * 0.72:.1f}" width="{length}" height="{LINE}" fill="{fill}"/>'
    if not run.strip():
        return
    colour = style.color.get_truecolor(THEME).hex if style.color is not None else "#d0d4da"
    weight = ' font-weight="bold"' if style.bold else ""
    # A run may begin with spaces, and a picture swallows those.
    skipped = (len(run) - len(run.lstrip(" "))) * CELL
    words = html.escape(run.strip(" ")).replace(" ", "&#160;")
    long = cell_len(run.strip(" ")) * CELL
    place = f'x="{x + skipped}" y="{bottom:.1f}" textLength="{long}"'
    yield f'<text {place} lengthAdjust="spacingAndGlyphs" fill="{colour}"{weight}>{words}</text>'


def _table(file: Path, rows: Sequence[tuple[str, ...]]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        csv.writer(opened).writerows([HEADER, *rows])


def _correct(file: Path) -> None:
    """What a person would do in the spreadsheet: some rows mended, some deleted."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        header, *rows = csv.reader(opened)
    code, name = header.index("国家医保编码"), header.index("国家名称")
    kept = []
    for row in rows:
        local = row[header.index("省编码")]
        if local == "JS-XY-0006":
            row[name] = "地诺孕素片"
        elif local == "JS-XY-0009":
            row[code] = "XC02CAC046B002010100112"
        elif local in ("JS-XY-0007", "JS-XY-0008") or row[code] == "ZA12HAY0771010101463":
            continue
        kept.append(row)
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        csv.writer(opened).writerows([header, *kept])


if __name__ == "__main__":
    main()
