"""One translated code, and the row that translated it."""

from pathlib import Path
from typing import NamedTuple

from codemaps.editions import RELATIONSHIPS, EditionRow, row_at
from codemaps.image import CONFIRMED, PASSED, TAIL, place_of
from codemaps.port import Relationship
from yidi.v1 import header_pb2

MAX_KEPT = 4096
"""Most rows kept of one direction of an edition, about a megabyte with their traces."""

_RELATIONSHIPS: tuple[Relationship, ...] = ("equal", "wider", "narrower", "inexact", "inexact", "passed")
_TURNED: tuple[Relationship, ...] = ("equal", "narrower", "wider", "inexact", "inexact", "passed")
assert _RELATIONSHIPS[:4] == RELATIONSHIPS
assert _RELATIONSHIPS[PASSED] == "passed"


class Source(NamedTuple):
    """What a row says of the table it came from."""

    kind: int
    from_system: str
    to_system: str
    map: str
    edition: str
    home: bool
    """Whether the row was read from the national side, so that wider and narrower change places."""
    rows_file: Path | None
    kept: "dict[str, Row]"
    """Rows looked up lately, by code: the same few thousand codes travel again and again."""


class Row:
    """One translated code and the row that translated it (implements codemaps.port.Row).

    It keeps the bytes of the place and reads them when asked, and the trace that was asked for last.
    """

    __slots__ = ("_source", "_trace", "_value", "from_code", "to_code")

    def __init__(self, source: Source, from_code: str, value: bytes) -> None:
        self._source, self.from_code, self._value = source, from_code, value
        self.to_code = value[:-TAIL].decode()
        self._trace: header_pb2.Translation | None = None

    @property
    def kind(self) -> int:
        """Kind of the code on the wire."""
        return self._source.kind

    @property
    def from_system(self) -> str:
        """Code system before."""
        return self._source.from_system

    @property
    def to_system(self) -> str:
        """Code system after."""
        return self._source.to_system

    @property
    def map(self) -> str:
        """Code map."""
        return self._source.map

    @property
    def edition(self) -> str:
        """Edition of the map."""
        return self._source.edition

    @property
    def row(self) -> int:
        """Line in the edition's file; 0 for a code that passed without a row."""
        return int.from_bytes(self._value[-TAIL : 4 - TAIL], "little")

    @property
    def relationship(self) -> Relationship:
        """How the code after stands to the code before."""
        return (_TURNED if self._source.home else _RELATIONSHIPS)[self._value[-1] & 7]

    @property
    def confirmed(self) -> bool:
        """Whether the source of the row is confirmed."""
        return bool(self._value[-1] & CONFIRMED)

    @property
    def home(self) -> bool:
        """Whether the row was read from its national side."""
        return self._source.home

    def details(self) -> EditionRow | None:
        """The whole row with its names, read from the edition's file; None where there is none."""
        place, file = place_of(self._value[-TAIL:]), self._source.rows_file
        return row_at(file, place.offset) if place.line and file is not None else None

    def as_translation(self, admdvs: str) -> header_pb2.Translation:
        """The trace as a message, as translated by the hub of this division; shared, so never change it."""
        trace = self._trace
        if trace is None or trace.admdvs != admdvs:
            trace = self._trace = self._made(admdvs)
        return trace

    def _made(self, admdvs: str) -> header_pb2.Translation:
        kind, from_system, to_system, map_, edition, *_ = self._source
        return header_pb2.Translation(
            kind=kind,  # type: ignore[arg-type]  # an enum value is an int to everyone but mypy-protobuf
            from_system=from_system,
            from_code=self.from_code,
            to_system=to_system,
            to_code=self.to_code,
            map=map_,
            edition=edition,
            row=self.row,
            admdvs=admdvs,
        )
