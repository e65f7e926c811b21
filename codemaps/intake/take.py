"""From an operator's spreadsheet to the rows of an edition: all of it, or nothing and a file to work from."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from codemaps.editions import write_rows
from codemaps.intake import textfile
from codemaps.intake.cleaning import tidy
from codemaps.intake.csvtable import CsvTable
from codemaps.intake.find_header import find_header
from codemaps.intake.headers import ORIGIN, REJECT_COLUMNS, Header, Names
from codemaps.intake.limits import HEADER_ROWS, MAX_ROWS
from codemaps.intake.order import Order
from codemaps.intake.problems import Fault, FileRefused, shown
from codemaps.intake.rejects import Reject, placed, write_rejects
from codemaps.intake.report import Book, Report
from codemaps.intake.rows import RowReader, number_of, unpack
from codemaps.intake.table import Progress, Table
from codemaps.intake.together import Together
from codemaps.intake.xlsxtable import XlsxTable

_OF_CORRECTED = ("not_rejected", "corrected_twice")
"""Problems that belong to a line of the corrected file and to no row of the original."""


def take_in(
    file: Path,
    order: Order,
    rows_file: Path,
    *,
    corrected: Path | None = None,
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the rows of a spreadsheet in the fixed form, or say why not; raises OSError for the disk alone.

    ``corrected`` is a corrected rejects file: its rows replace the rejected ones. ``rejects`` is where rejected rows
    go, with their suffix saying in which format. ``progress`` is told how much is done, of how much.
    """
    rows_file.unlink(missing_ok=True)
    report = Report(file=str(file), corrected=str(corrected or ""))
    book = Book(order.accept)
    try:
        with ExitStack() as opened:
            _Intake(file, order, report, book, opened).run(rows_file, corrected, rejects, progress)
    except FileRefused as refusal:
        book.add(refusal.fault)
    book.close(report)
    return report


class _Intake:
    """One file on its way in."""

    def __init__(self, file: Path, order: Order, report: Report, book: Book, opened: ExitStack) -> None:
        self._file, self._order, self._report, self._book, self._opened = file, order, report, book, opened
        self._names = Names.known(order.from_system, order.to_system)

    def run(self, rows_file: Path, corrected: Path | None, rejects: Path | None, progress: Progress | None) -> None:
        before = _signature(self._file)
        table, header = self._open(self._file)
        self._describe(table, header)
        reader = RowReader(self._order, header, self._book, pads=table.format == "xlsx")
        rows = Together(header, self._book).settle(self._read(table, header, reader, progress))
        self._notice(header)
        corrections = None
        if corrected is not None:
            corrections = _Corrections(*self._open(corrected), self._order, self._book)
            rows = corrections.put_in(rows)
        self._notice_assumed(header, rows)
        if _signature(self._file) != before:
            raise FileRefused("file_changed")
        if self._book.rejected:
            if rejects is not None:
                lines = corrections.lines() if corrections else self._lines(table, header)
                shape = corrections.header if corrections else header
                place = _free(rejects, self._file, corrected)
                write_rejects(place, _own(shape, shape.cells), lines)
                self._report.rejects = str(place)
            return
        if not rows:
            raise FileRefused("nothing_kept")
        with placed(rows_file) as part, part.open("wb") as opened:
            self._report.kept, self._report.rows_sha256 = write_rows(map(unpack, rows), opened)
        self._report.ok = True

    def _open(self, file: Path) -> tuple[Table, Header]:
        table: Table
        if textfile.is_workbook(file):
            table = XlsxTable.open(file, self._order.sheet)
        else:
            table = CsvTable.open(file, self._order.encoding, self._names)
        self._opened.callback(table.close)
        try:
            header = find_header(islice(table.rows(), HEADER_ROWS), self._names)
        except FileRefused as refusal:
            if refusal.fault.row:  # the row that is most of a header may lack its columns because they are merged
                table.refuse_body(refusal.fault.row)
            raise
        table.refuse_body(header.row)
        return table, header

    def _describe(self, table: Table, header: Header) -> None:
        report = self._report
        report.format, report.encoding, report.delimiter = table.format, table.encoding, table.delimiter
        report.sheet, report.header_row = table.sheet, header.row
        report.columns = {column: header.theirs(column) for column in header.places if column not in REJECT_COLUMNS}
        report.ignored = list(header.ignored)

    def _read(self, table: Table, header: Header, reader: RowReader, progress: Progress | None) -> list[bytes]:
        rows: list[bytes] = []
        read, begin, keep = reader.read, header.row, rows.append
        count = 0
        for number, cells in table.rows(progress):
            if number > begin and any(cells):
                count += 1
                if count > MAX_ROWS:
                    raise FileRefused("too_many_rows", number)
                packed = read(number, cells)
                if packed is not None:
                    keep(packed)
        self._report.read = count - reader.blank
        if not self._report.read:
            raise FileRefused("no_rows", header.row)
        return rows

    def _notice(self, header: Header) -> None:
        """What holds for the file as a whole and hinders nothing."""
        for name in header.ignored:
            self._book.add(Fault(header.row, "ignored_column", shown(name)))
        if ORIGIN in header.places:
            self._book.add(Fault(header.row, "rejects_alone", ORIGIN))
        if self._order.to_system and "national_name" not in header.places:
            self._book.add(Fault(header.row, "no_upper_names"))

    def _notice_assumed(self, header: Header, rows: list[bytes]) -> None:
        if not self._order.to_system or "relationship" in header.places:
            return
        counts = Counter(packed.split(b"\0", 5)[4] for packed in rows)
        facts = ("equal", counts[b"equal"]), ("inexact", counts[b"inexact"])
        self._book.add(Fault(header.row, "relationship_assumed", "", "", facts))

    def _lines(self, table: Table, header: Header) -> Iterator[Reject]:
        """The rejected rows, read once more: their cells were not kept."""
        rejected = self._book.rejected
        for number, cells in table.rows():
            if number in rejected and number > header.row:
                yield Reject(number, rejected[number], _own(header, cells))


class _Corrections:
    """A corrected rejects file: its rows stand where rejected ones stood."""

    def __init__(self, table: Table, header: Header, order: Order, book: Book) -> None:
        if ORIGIN not in header.places:
            raise FileRefused("corrected_unknown", header.row)
        self.header = header
        self._table, self._book = table, book
        self._reader = RowReader(order, header, book, pads=table.format == "xlsx")
        self._numbers: dict[int, int] = {}
        """The row that each line corrects."""

    def put_in(self, rows: list[bytes]) -> list[bytes]:
        """The rows with their corrections; rejected rows that are not corrected are left out.

        A row whose problem is accepted this time was rejected the last time, so its correction counts too.
        """
        rejected = self._book.forget_rejected()
        accepted = frozenset(self._book.accepted)
        taken: set[int] = set()
        corrected: list[bytes] = []
        for line, cells in self._body():
            number = _origin(cells, self.header)
            if number in taken or (number not in rejected and number not in accepted):
                code = "corrected_twice" if number in taken else "not_rejected"
                self._book.add(Fault(line, code, ORIGIN, shown(_cell(cells, self.header))))
                continue
            taken.add(number)
            self._book.left_out.discard(number)
            self._numbers[line] = number
            packed = self._reader.careful(number, cells, line)
            if packed is not None:
                corrected.append(packed)
        for number in sorted(rejected.keys() - taken):
            self._book.add(Fault(number, "left_out"))
        standing = [packed for packed in rows if number_of(packed) not in taken] if accepted & taken else rows
        return Together(self.header, self._book, taken.__contains__).settle(standing + corrected)

    def lines(self) -> Iterator[Reject]:
        """All corrections, those in order too: the next corrected file must hold them again."""
        for line, cells in self._body():
            number = self._numbers.get(line)
            faults = self._book.rejected.get(line if number is None else number, [])
            faults = [fault for fault in faults if (fault.code in _OF_CORRECTED) == (number is None)]
            yield Reject(_origin(cells, self.header) if number is None else number, faults, _own(self.header, cells))

    def _body(self) -> Iterator[tuple[int, list[str]]]:
        for line, cells in self._table.rows():
            if line > self.header.row and any(tidy(cell) for cell in cells):
                yield line, cells


def _cell(cells: list[str], header: Header) -> str:
    place = header.places[ORIGIN]
    return tidy(cells[place]) if place < len(cells) else ""


def _origin(cells: list[str], header: Header) -> int:
    text = _cell(cells, header)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def _own(header: Header, cells: list[str]) -> list[str]:
    """The cells of a row without the three columns of a rejects file, which are written anew."""
    ours = {header.places[column] for column in REJECT_COLUMNS if column in header.places}
    return [cell for place, cell in enumerate(cells) if place not in ours]


def _signature(file: Path) -> tuple[int, int, int]:
    try:
        status = file.stat()
    except OSError as error:
        raise FileRefused("unreadable", why=error.strerror or str(error)) from None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _free(rejects: Path, *taken: Path | None) -> Path:
    """A name for the rejects file that is none of the files just read."""
    others = {file.resolve() for file in taken if file is not None}
    candidate, number = rejects, 2
    while candidate.resolve() in others:
        candidate, number = rejects.with_name(f"{rejects.stem}.{number}{rejects.suffix}"), number + 1
    return candidate
