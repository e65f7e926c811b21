"""CodeMapService: translate, list and download, for hospitals and hubs below that follow the maps of this hub.

It is no exchange: nothing is journaled, forwarded or settled. Who may call is what the certificate says, as for
everything else; the maps hold no personal data, so every neighbour sees the same.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
from google.protobuf.message import Message

from codemaps import kinds
from codemaps.depot import Depot, Record
from codemaps.lookup import EditionMaps
from codemaps.port import Given, NotTranslated
from codemaps.row import Row as MapRow
from codemaps.timeline import CHINA
from gateway.contract import Violation, methods_of
from gateway.errors import Decline
from gateway.exchange import check
from gateway.exchange.identify import Neighbours, identity_of
from gateway.exchange.translate import refusal_of
from yidi.v1 import codemap_pb2 as pb

PIECE_BYTES = 256 << 10
"""Bytes of one message of a download: far below every limit on the way."""

Unary = Callable[[bytes, bytes], Awaitable[bytes]]
Stream = Callable[[bytes, bytes], AsyncIterator[bytes]]


class CodeMapService:
    """Answers for one hub. ``maps`` gives the set in force at the moment of asking."""

    def __init__(
        self, division: str, neighbours: Neighbours, maps: Callable[[], EditionMaps], depot: Depot | None
    ) -> None:
        self._division = division
        self._neighbours = neighbours
        self._maps = maps
        self._depot = depot

    def unary(self) -> dict[str, Unary]:
        """The methods that answer once, by name."""
        return {
            "TranslateCode": self._translate_code,
            "TranslateCodes": self._translate_codes,
            "ListEditions": self._list_editions,
        }

    def streams(self) -> dict[str, Stream]:
        """The methods that answer in pieces, by name."""
        return {"DownloadEdition": self._download}

    async def _translate_code(self, raw: bytes, certificate: bytes) -> bytes:
        request: Any = self._read("TranslateCode", raw, certificate)
        return pb.TranslateCodeResponse(answer=self._answer(self._maps(), request.query)).SerializeToString()

    async def _translate_codes(self, raw: bytes, certificate: bytes) -> bytes:
        request: Any = self._read("TranslateCodes", raw, certificate)
        maps, response = self._maps(), pb.TranslateCodesResponse()
        for number, query in enumerate(request.queries):
            if number % 100 == 99:
                await asyncio.sleep(0)  # names are read from the file: a long list must not keep others waiting
            try:
                response.answers.append(self._answer(maps, query))
            except Decline as decline:
                response.answers.append(pb.CodeAnswer(fault=decline.fault()))
        return response.SerializeToString()

    async def _list_editions(self, raw: bytes, certificate: bytes) -> bytes:
        request: Any = self._read("ListEditions", raw, certificate)
        records = await asyncio.to_thread(self._published, request.map)
        return pb.ListEditionsResponse(editions=[edition_of(record) for record in records]).SerializeToString()

    async def _download(self, raw: bytes, certificate: bytes) -> AsyncIterator[bytes]:
        request: Any = self._read("DownloadEdition", raw, certificate)
        records = await asyncio.to_thread(self._published, request.map)
        record = next((each for each in records if each.manifest.edition == request.edition), None)
        if record is None or self._depot is None:
            raise Decline("EDITION_UNKNOWN", map=request.map, edition=request.edition)
        if request.offset > record.rows_size:
            raise Decline("DOWNLOAD_OFFSET", size=record.rows_size, offset=request.offset)
        yield pb.DownloadEditionResponse(edition=edition_of(record), offset=request.offset).SerializeToString()
        at = request.offset
        while data := await asyncio.to_thread(_piece, self._depot.rows_file(record), at):
            yield pb.DownloadEditionResponse(offset=at, data=data).SerializeToString()
            at += len(data)

    def _read(self, method: str, raw: bytes, certificate: bytes) -> Message:
        """The request, from somebody who may ask, if it keeps the rules of the contract."""
        identity, around = identity_of(certificate), self._neighbours
        known = around.institutions if identity.kind == "institution" else (*around.children, around.parent)
        if identity.code not in known:
            raise Decline("IDENTITY_UNKNOWN")
        request = check.read(METHODS[method], raw)
        violations: list[Violation] = []
        METHODS[method].check(request, "", True, violations)
        if violations:
            raise check.BadRequest(violations)
        return request

    def _published(self, map_: str) -> list[Record]:
        """The editions that are or were published; a withdrawn one is listed, so that who follows withdraws it too."""
        if self._depot is None:
            return []
        return [record for record in self._depot.editions(map_) if record.published_ms]

    def _answer(self, maps: EditionMaps, query: pb.CodeQuery) -> pb.CodeAnswer:
        wire = WIRE.get(query.kind)
        if wire is None:
            raise Decline("CODE_KIND_UNKNOWN", kind=query.kind, kinds=", ".join(WIRE))
        given = Given(None, query.insutype, query.insuplc_admdvs, query.med_type)
        try:
            row = maps.translate(
                wire, query.code, query.from_system, query.to_system, date.fromisoformat(query.on), given
            )
        except NotTranslated as error:
            raise refusal_of(error, query.on) from None
        return self._answer_of(row)

    def _answer_of(self, row: MapRow) -> pb.CodeAnswer:
        names = row.details()
        local, national = (names.local_name, names.national_name) if names is not None else ("", "")
        from_name, to_name = (national, local) if row.home else (local, national)
        return pb.CodeAnswer(
            translation=row.as_translation(self._division),
            relationship=row.relationship,
            confirmed=row.confirmed,
            from_name=from_name,
            to_name=to_name,
        )


METHODS = {method.name: method for method in methods_of(pb)}
WIRE = {kind.name: kind.wire for kind in kinds.KINDS.values()}
"""Kinds of code as callers say them, and as the fields of the contract do."""


def edition_of(record: Record) -> pb.CodeMapEdition:
    """An edition as it is listed."""
    manifest = record.manifest
    return pb.CodeMapEdition(
        map=manifest.map,
        edition=manifest.edition,
        kind=manifest.kind,
        from_system=manifest.from_system,
        to_system=manifest.to_system,
        effective_from=record.effective_from.isoformat() if record.effective_from else "",
        effective_to=record.effective_to.isoformat() if record.effective_to else "",
        published=_instant(record.published_ms),
        withdrawn=_instant(record.withdrawn_ms),
        rows=record.rows,
        size=record.rows_size,
        sha256=record.rows_sha256,
        manifest=json.dumps(msgspec.to_builtins(manifest), ensure_ascii=False),
    )


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, CHINA).strftime("%Y-%m-%d %H:%M:%S") if ms else ""


def _piece(file: Path, offset: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(offset)
        return opened.read(PIECE_BYTES)
