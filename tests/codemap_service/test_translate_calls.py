"""TranslateCode and TranslateCodes, through the handlers of the server."""

from typing import Any

import grpc
import pytest

from codemaps.depot import Depot, serving
from codemaps.lookup import EditionMaps
from gateway.demo.network import OTHER_HOSPITAL
from gateway.errors.status import STATUS_LIMIT_BYTES, fault_of, info_of
from tests.codemap_service.depots import MAP, OLD, Begin, published, row, rows_of
from tests.codemap_service.served import Served, one, query
from tests.support.world import FUSHUN, LIAONING, NATION, ZHENJIANG
from yidi.v1 import codemap_pb2 as pb


@pytest.fixture
def served(begin: Begin) -> Served:
    """A hub with two editions of one map."""
    depot = begin("two")
    maps = serving.maps(depot, with_shipped=False)
    return Served(lambda: maps, depot)


async def test_a_code_is_translated_with_its_map_edition_row_and_names(served: Served):
    """One code comes back with everything that makes it traceable: map, edition, line, hub, relationship and names."""
    answer = (await served.ask("TranslateCode", one())).answer
    told = answer.translation
    assert (told.from_code, told.to_code, told.map, told.edition, told.row) == ("JS-A", "M07803", MAP, "2", 2)
    assert (told.from_system, told.to_system, told.admdvs) == ("CN-320000", "CN", "320000")
    assert (answer.relationship, answer.confirmed) == ("equal", False)
    assert (answer.from_name, answer.to_name) == ("本地 JS-A", "国家 M07803")
    assert not answer.HasField("fault")


async def test_the_date_of_service_chooses_the_edition(served: Served):
    """A service before the second edition began is translated by the first one."""
    before = await served.ask("TranslateCode", one(on="2026-03-31"))
    assert (before.answer.translation.to_code, before.answer.translation.edition) == ("M01600", "1")


async def test_the_way_home_turns_names_and_relationship_round(served: Served):
    """From the national side a wider row is a narrower one, and the names change places."""
    answer = (await served.ask("TranslateCode", one("M01601", from_system="CN", to_system="CN-320000"))).answer
    assert (answer.translation.to_code, answer.relationship) == ("JS-W", "narrower")
    assert (answer.from_name, answer.to_name) == ("国家 M01601", "本地 JS-W")


@pytest.mark.parametrize("sender", [ZHENJIANG, NATION])
async def test_hubs_beside_this_one_may_ask(served: Served, sender: str):
    """A child and the parent are answered as an institution is."""
    assert (await served.ask("TranslateCode", one(), sender)).answer.translation.to_code == "M07803"


@pytest.mark.parametrize("sender", [OTHER_HOSPITAL, "H32110000009", LIAONING, FUSHUN, "330000"])
@pytest.mark.parametrize("name", ["TranslateCode", "TranslateCodes", "ListEditions", "DownloadEdition"])
async def test_nobody_else_may_ask(served: Served, name: str, sender: str):
    """A certificate of our authority that names no neighbour of this hub gets nothing, from any method."""
    request: Any = {
        "TranslateCode": one(),
        "TranslateCodes": pb.TranslateCodesRequest(queries=[query()]),
        "ListEditions": pb.ListEditionsRequest(),
        "DownloadEdition": pb.DownloadEditionRequest(map=MAP, edition="1"),
    }[name]
    assert await served.reason(name, request, sender) == "IDENTITY_UNKNOWN"


@pytest.mark.parametrize(
    ("said", "reason", "code"),
    [
        ({"kind": "cronic"}, "CODE_KIND_UNKNOWN", "INVALID_ARGUMENT"),
        ({"kind": ""}, "FIELD_MISSING", "INVALID_ARGUMENT"),
        ({"on": ""}, "FIELD_MISSING", "INVALID_ARGUMENT"),
        ({"on": "2026-02-30"}, "DATE_INVALID", "INVALID_ARGUMENT"),
        ({"on": "20260620"}, "DATE_INVALID", "INVALID_ARGUMENT"),
        ({"on": "2026-W25-6"}, "DATE_INVALID", "INVALID_ARGUMENT"),
        ({"on": "0000-01-01"}, "DATE_INVALID", "INVALID_ARGUMENT"),
        ({"code": ""}, "FIELD_MISSING", "INVALID_ARGUMENT"),
        ({"code": "A" * 51}, "FIELD_TOO_LONG", "INVALID_ARGUMENT"),
        ({"insuplc_admdvs": "3201"}, "DIVISION_MALFORMED", "INVALID_ARGUMENT"),
        ({"code": "JS-Z"}, "CODE_UNMAPPED", "FAILED_PRECONDITION"),
        ({"code": "编码"}, "CODE_UNMAPPED", "FAILED_PRECONDITION"),
        ({"to_system": "CN-990000"}, "CODE_MAP_MISSING", "FAILED_PRECONDITION"),
        ({"on": "2025-12-31"}, "CODE_MAP_MISSING", "FAILED_PRECONDITION"),
        ({"kind": "drug"}, "CODE_MAP_MISSING", "FAILED_PRECONDITION"),
    ],
)
async def test_what_cannot_be_answered_is_refused_from_the_catalogue(
    served: Served, said: dict[str, str], reason: str, code: str
):
    """Each refusal has its status, its reason and texts in both languages, is counted, and is logged by reason."""
    context = await served.refused("TranslateCode", pb.TranslateCodeRequest(query=_query(said)))
    assert context.code is grpc.StatusCode[code]
    assert info_of(context.status).reason == reason
    assert fault_of(context.status).text_zh
    assert fault_of(context.status).text_en
    assert context.status.ByteSize() <= STATUS_LIMIT_BYTES
    assert served.sample("yidi_declines_total", reason=reason) == 1
    (line,) = served.lines()
    assert (line["method"], line["reason"], line["peer"]) == ("TranslateCode", reason, "institution")


def _query(said: dict[str, str]) -> pb.CodeQuery:
    made = query()
    for name, value in said.items():
        setattr(made, name, value)
    return made


async def test_a_request_without_a_query_is_refused(served: Served):
    """An empty request, bytes that are no request, and one that is too large have a reason each."""
    assert await served.reason("TranslateCode", b"") == "FIELD_MISSING"
    assert await served.reason("TranslateCode", b"\x0a\x7f\x01") == "MESSAGE_UNREADABLE"
    assert await served.reason("TranslateCode", b"\x0a" * (2 << 20)) == "MESSAGE_TOO_LARGE"


async def test_an_answer_is_counted_and_logged(served: Served):
    """A good call counts as a success of its method and its caller, and leaves one line."""
    await served.ask("TranslateCode", one(), ZHENJIANG)
    labels = {"method": "TranslateCode", "peer": "hub 321100", "outcome": "success"}
    assert served.sample("yidi_exchanges_total", **labels) == 1
    (line,) = served.lines()
    assert (line["event"], line["outcome"], line["method"]) == ("exchange", "success", "TranslateCode")
    assert served.sample("yidi_exchanges_in_flight") == 0


async def test_a_batch_answers_each_code_in_its_order(served: Served):
    """Good and bad codes are mixed: every one has its own answer or its own fault, in the order they came."""
    queries = [query(), query("JS-Z"), query("JS-B"), query(kind="moon"), query("JS-B", on="2026-02-01")]
    answers = (await served.ask("TranslateCodes", pb.TranslateCodesRequest(queries=queries))).answers
    told = [each.fault.reason if each.HasField("fault") else each.translation.to_code for each in answers]
    assert told == ["M07803", "CODE_UNMAPPED", "M03900", "CODE_KIND_UNKNOWN", "M03900"]
    assert [each.translation.edition for each in answers] == ["2", "", "2", "", "1"]
    assert answers[1].fault.text_zh
    assert answers[1].fault.next_step
    assert served.lines()[0]["outcome"] == "success"


async def test_a_thousand_codes_are_answered_and_one_more_is_refused(served: Served):
    """The largest batch of the contract works; above it the whole call is refused."""
    full = pb.TranslateCodesRequest(queries=[query()] * 1000)
    assert len((await served.ask("TranslateCodes", full)).answers) == 1000
    full.queries.add().CopyFrom(query())
    assert await served.reason("TranslateCodes", full) == "LIST_TOO_LONG"
    assert await served.reason("TranslateCodes", pb.TranslateCodesRequest()) == "LIST_EMPTY"


async def test_a_batch_names_the_query_that_breaks_the_contract(served: Served):
    """A query with a date that is none refuses the call and is named by its place."""
    request = pb.TranslateCodesRequest(queries=[query(), query(on="2026-13-01")])
    context = await served.refused("TranslateCodes", request)
    assert info_of(context.status).reason == "DATE_INVALID"
    assert info_of(context.status).metadata["param_field"] == "queries[1].on"


async def test_a_held_code_says_so(depot: Depot):
    """Where the map is being completed the code is held, which is another reason than unmapped."""
    published(depot, "1", rows_of(OLD), unmapped="hold")
    maps = serving.maps(depot, with_shipped=False)
    assert await Served(lambda: maps, depot).reason("TranslateCode", one("JS-Z")) == "CODE_HELD"


async def test_an_ambiguous_code_is_decided_by_what_is_given(depot: Depot):
    """Several local codes share a national one: without more it is ambiguous, with the insurance type it is not."""
    rows = [row("JS-A", "M01600", insutype="310"), row("JS-B", "M01600", insutype="390")]
    published(depot, "1", rows)
    maps = serving.maps(depot, with_shipped=False)
    served, home = Served(lambda: maps, depot), {"from_system": "CN", "to_system": "CN-320000"}
    assert await served.reason("TranslateCode", one("M01600", **home)) == "CODE_AMBIGUOUS"
    decided = await served.ask("TranslateCode", one("M01600", insutype="390", **home))
    assert decided.answer.translation.to_code == "JS-B"


async def test_a_hub_without_maps_or_depot_refuses_and_lists_nothing():
    """Without any edition every code lacks its map, and the list of editions is empty."""
    served = Served(lambda: EditionMaps([]), None)
    assert await served.reason("TranslateCode", one()) == "CODE_MAP_MISSING"
    assert not (await served.ask("ListEditions", pb.ListEditionsRequest())).editions
    assert await served.reason("DownloadEdition", pb.DownloadEditionRequest(map="a", edition="b")) == "EDITION_UNKNOWN"


async def test_a_draining_or_a_busy_hub_refuses(depot: Depot):
    """Code maps keep to the limits of the hub: nothing new while it stops, and not more at once than it may."""
    busy = Served(lambda: EditionMaps([]), depot, in_flight=0)
    assert await busy.reason("TranslateCode", one()) == "OVERLOADED"
    assert await busy.reason("DownloadEdition", pb.DownloadEditionRequest(map="a", edition="b")) == "OVERLOADED"
    stopping = Served(lambda: EditionMaps([]), depot)
    await stopping.server.drain(0.1)
    assert await stopping.reason("ListEditions", pb.ListEditionsRequest()) == "SHUTTING_DOWN"


async def test_a_bug_is_told_without_its_text(depot: Depot):
    """What nobody foresaw is INTERNAL for the caller, and is logged by type and place only."""

    def broken() -> EditionMaps:
        raise ValueError("secret words")

    served = Served(broken, depot)
    context = await served.refused("TranslateCode", one())
    assert info_of(context.status).reason == "INTERNAL"
    assert served.lines()[0]["error"] == "ValueError"
    assert "secret" not in served.stream.getvalue() + str(context.status)
