"""What tests of the intake share."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from codemaps.intake import take_in
from tests.codemaps.intake.support import ORDER, Make, MakeBook, Take, Taken, csv_text, workbook


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Take in some content under some name; keywords change the order."""

    def taken(content: str | bytes, name: str = "table.csv", corrected: Path | None = None, **order: Any) -> Taken:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        rows_file = tmp_path / "rows.out"
        rejects = tmp_path / f"rejects{file.suffix}"
        report = take_in(file, ORDER._replace(**order), rows_file, corrected=corrected, rejects=rejects)
        assert report.ok == rows_file.exists()
        assert report.rejected or not report.rejects
        msgspec.json.encode(report)  # a report is always JSON too
        return Taken(report, rows_file, Path(report.rejects or rejects))

    return taken


@pytest.fixture
def table() -> Make:
    """Makes a table in CSV."""
    return csv_text


@pytest.fixture
def book() -> MakeBook:
    """Makes a workbook."""
    return workbook
