"""Write the table of all errors into ``docs/errors.md`` from the catalogue in ``gateway/errors/entries``.

python docs/build_errors.py           writes the table
python docs/build_errors.py --check   writes nothing; exits with 1 when the table is not the catalogue

Run it after every change of the catalogue.
"""
# ruff: noqa: INP001  # a script, not a package

import argparse
import sys
from pathlib import Path

from gateway.errors.catalogue import CATALOGUE, Entry

PAGE = Path(__file__).with_name("errors.md")
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
CHAPTERS = {
    "1": "Requests and identities",
    "2": "Treat place: encounters, fee lines, charge batches",
    "3": "Codes",
    "4": "Insured place",
    "5": "Delivery and outcome",
    "9": "The hub itself",
}
"""By the first digit of the code, see gateway/errors/catalogue.py."""


def main() -> int:
    """Write the table, or with ``--check`` compare it."""
    parser = argparse.ArgumentParser(description="Write the table of errors from the catalogue.")
    parser.add_argument("--check", action="store_true", help="compare with docs/errors.md, change nothing")
    check: bool = parser.parse_args().check
    page = PAGE.read_text("utf-8")
    fresh = with_table(page)
    if check:
        if fresh != page:
            sys.stdout.write("docs/errors.md is not the catalogue: run python docs/build_errors.py\n")
        return int(fresh != page)
    PAGE.write_text(fresh, "utf-8")
    return 0


def with_table(page: str) -> str:
    """The page with the table made anew between its two marks."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return head + BEGIN + table() + END + tail


def table() -> str:
    """One table for each chapter, its entries in the order of their codes."""
    lines: list[str] = []
    chapter = ""
    for entry in sorted(CATALOGUE.values(), key=lambda entry: entry.code):
        if entry.code[1] != chapter:
            chapter = entry.code[1]
            lines += ["", f"### {CHAPTERS[chapter]}", ""]
            lines += ["| code | reason | gRPC status | class | retry | meaning | window text | next step | who acts |"]
            lines += ["|---|---|---|---|---|---|---|---|---|"]
        lines.append(row(entry))
    return "\n".join([*lines, "", ""])


def row(entry: Entry) -> str:
    """One entry. Placeholders such as ``{field}`` are the ``param_`` keys of the metadata."""
    wait = f" after {entry.retry_after_s} s" if entry.retry_after_s else ""
    cells = (
        entry.code,
        f"`{entry.reason}`",
        f"`{entry.grpc}`",
        entry.klass,
        f"`{entry.retry}`{wait}",
        entry.en,
        entry.zh,
        f"{entry.next_en}<br>{entry.next_zh}",
        entry.who,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
