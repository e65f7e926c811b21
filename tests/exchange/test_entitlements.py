"""The chronic diseases of a person, asked for across five hubs: codes, warnings, refusals."""

from typing import Any

from gateway.demo.scenes import HYPERTENSION
from tests.support.window import CHRONIC_PERSON, STAY_PERSON, Window
from tests.support.world import JIANGSU, LIAONING, LINKS, WAY, World, refused
from yidi.v1.eligibility_pb2 import ListChronicEntitlementsRequest

LIAONING_DIALYSIS, DIALYSIS = "LN-MB-78", "JS-MT-0781"
UNKNOWN_TO_LIAONING = "LN-MB-999"
"""A code that the map of Liaoning does not have."""


async def grant(world: World, dise_codg: str, begndate: str = "2024-01-01", enddate: str = "") -> None:
    """Entitle the chronic person of Fushun for one more disease."""
    await world.load(
        f'[[entitlement]]\npsn_no = "{CHRONIC_PERSON}"\ndise_codg = "{dise_codg}"\n'
        f'begndate = "{begndate}"\nenddate = "{enddate}"'
    )


def rows(reply: Any) -> list[tuple[str, str, str]]:
    """Code, first and last day of each disease in an answer."""
    return [(row.opsp_dise_code, row.begndate, row.enddate) for row in reply.feedetail]


async def test_entitlements_come_in_the_hospitals_own_codes(world: World, window: Window):
    """A hospital in Zhenjiang reads what Fushun granted in the codes of Jiangsu, what ended included."""
    await grant(world, LIAONING_DIALYSIS, "2023-01-01", "2023-12-31")
    reply = await window.entitlements()
    assert rows(reply) == [(HYPERTENSION, "2024-01-01", ""), (DIALYSIS, "2023-01-01", "2023-12-31")]
    assert [(trace.admdvs, trace.to_code) for trace in reply.header.translations] == [
        (LIAONING, "M03900"), (LIAONING, "M07801"), (JIANGSU, HYPERTENSION), (JIANGSU, DIALYSIS)
    ]  # fmt: skip
    assert reply.header.warn_msg == "".join(
        f"编码对照未经确认：CN-{place}.chronic 2026.1。" for place in (LIAONING, JIANGSU)
    )
    assert [hop.admdvs for hop in reply.header.hops] == list(reversed(WAY))


async def test_a_code_without_a_way_back_is_left_out_and_said(world: World, window: Window):
    """A disease that no map leads home keeps its dates and loses its code, and a warning names the code."""
    await grant(world, UNKNOWN_TO_LIAONING)
    reply = await window.entitlements()
    assert rows(reply) == [(HYPERTENSION, "2024-01-01", ""), ("", "2024-01-01", "")]
    assert UNKNOWN_TO_LIAONING in reply.header.warn_msg
    assert HYPERTENSION not in reply.header.warn_msg


async def test_the_question_reaches_the_insured_place_as_it_was_asked(world: World, window: Window):
    """Every link carries the same person number, and nothing of the question needs translation."""
    await window.entitlements()
    for pair in LINKS:
        (sending,) = world.links[pair].sent
        request = ListChronicEntitlementsRequest.FromString(sending.request)
        assert request.data.psn_no == CHRONIC_PERSON
        assert not request.header.translations


async def test_a_person_without_entitlements_has_an_empty_list(window: Window):
    """Who has no chronic disease gets an answer and no refusal."""
    reply = await window.entitlements(STAY_PERSON)
    assert rows(reply) == []
    assert reply.header.warn_msg == ""


async def test_an_unknown_person_is_refused_by_the_insured_place(window: Window):
    """A person number that Fushun does not know is refused at the window as the same reason."""
    assert (await refused(window.entitlements("FUSHUN-DEMO-9999"))).reason == "PERSON_NOT_FOUND"


async def test_asking_for_entitlements_leaves_no_trace(world: World, window: Window):
    """The query changes no row of any hub."""
    before = world.contents()
    await window.entitlements()
    assert world.contents() == before
