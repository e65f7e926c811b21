"""Routes: the longest prefix wins, a province meets its own children first, and nothing loops."""

import pytest

from gateway.errors import Decline
from gateway.exchange.route import HOP_LIMIT, Routes, prefix_of
from tests.support.window import Window
from tests.support.world import NATION, World

CHILDREN = {
    "100000": ("320000", "210000", "110000", "310000", "460000", "540000", "660000", "650000"),
    "320000": ("321100", "320100"),
    "210000": ("210400", "210100"),
    "650000": ("650100", "659001"),
    "460000": (),
}
PARENT = {child: parent for parent, children in CHILDREN.items() for child in children}
CORES = {"321100", "320100", "210400", "210100", "110000", "310000", "460000", "540000", "660000", "650100", "659001"}


def routes_of(division: str) -> Routes:
    """The table of one hub of this country."""
    children = {child: prefix_of(child) for child in CHILDREN.get(division, ())}
    return Routes(division, division in CORES, children, PARENT.get(division, ""))


@pytest.mark.parametrize(
    ("at", "insured", "kind", "next_hub"),
    [
        ("321100", "321100", "core", "321100"),
        ("321100", "321102", "core", "321100"),
        ("321100", "320100", "parent", "320000"),
        ("321100", "210400", "parent", "320000"),
        ("320000", "321181", "child", "321100"),
        ("320000", "320102", "child", "320100"),
        ("320000", "210400", "parent", "100000"),
        ("100000", "210400", "child", "210000"),
        ("100000", "110101", "child", "110000"),
        ("100000", "310115", "child", "310000"),
        ("100000", "460100", "child", "460000"),
        ("100000", "469021", "child", "460000"),
        ("100000", "540102", "child", "540000"),
        ("100000", "660400", "child", "660000"),
        ("100000", "650100", "child", "650000"),
        ("110000", "110105", "core", "110000"),
        ("460000", "460200", "core", "460000"),
        ("460000", "469001", "core", "460000"),
        ("660000", "660100", "core", "660000"),
        ("650000", "659001", "child", "659001"),
        ("110000", "310000", "parent", "100000"),
        ("210000", "210411", "child", "210400"),
    ],
)
def test_the_next_hub_towards_an_insured_place(at: str, insured: str, kind: str, next_hub: str):
    """Each hub sends an exchange to its core, to the child that serves the division, or up."""
    hop = routes_of(at).find(insured)
    assert (hop.kind, hop.division) == (kind, next_hub)
    assert (insured if kind == "parent" else next_hub) in hop.why


@pytest.mark.parametrize(("at", "insured"), [("320000", "320500"), ("100000", "330100"), ("320000", "320000")])
def test_a_place_nobody_serves_has_no_route(at: str, insured: str):
    """A division of our own territory that no child serves is never sent up."""
    with pytest.raises(Decline) as caught:
        routes_of(at).find(insured)
    assert caught.value.reason == "ROUTE_MISSING"


def way(start: str, insured: str) -> list[str]:
    """All hubs from one to the core that answers."""
    hubs = [start]
    while (hop := routes_of(hubs[-1]).find(insured)).kind != "core":
        assert hop.division not in hubs
        hubs.append(hop.division)
    return hubs


def test_a_call_inside_a_province_never_passes_the_nation():
    """Two cities of one province meet at their province."""
    assert way("321100", "320100") == ["321100", "320000", "320100"]
    assert "100000" not in way("321100", "320100")


def test_a_call_between_provinces_passes_the_nation_once():
    """Two cities of two provinces meet at the nation."""
    assert way("321100", "210400") == ["321100", "320000", "100000", "210000", "210400"]


@pytest.mark.parametrize("start", sorted(CORES))
@pytest.mark.parametrize("insured", sorted(CORES))
def test_every_way_ends_at_the_insured_place(start: str, insured: str):
    """From every hub every insured place is reached without a loop, within the limit of hops."""
    hubs = way(start, insured)
    assert hubs[-1] == insured
    assert len(hubs) <= HOP_LIMIT


@pytest.mark.parametrize(
    "hops", [["100000"], ["321100", "100000", "210000"], [f"32{i:02d}00" for i in range(HOP_LIMIT)]]
)
def test_a_loop_or_a_wandering_request_is_refused(hops: list[str]):
    """A request that was here before, or has seen too many hubs, is refused naming its way."""
    with pytest.raises(Decline) as caught:
        routes_of("100000").refuse_loop(hops)
    assert caught.value.reason == "ROUTE_LOOP"
    assert caught.value.params["hops"].endswith(" → 100000")


@pytest.mark.parametrize(
    ("division", "prefix"),
    [("100000", ""), ("320000", "32"), ("321100", "3211"), ("469021", "469021"), ("310000", "31")],
)
def test_the_territory_of_a_division_is_its_prefix(division: str, prefix: str):
    """Zeros at the end of a division stand for everything below it."""
    assert prefix_of(division) == prefix


async def test_an_exchange_inside_a_province_leaves_the_nation_alone(world: World, window: Window):
    """What Fushun answers to a hub of its own province is never sent to the nation."""
    request = window.request("GetPerson")
    request.header.mdtrtarea_admvs = "210100"
    request.header.hops.append("210100")
    request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", "DEMO-0001"
    liaoning = world.hubs["210000"]
    liaoning.neighbours = type(liaoning.neighbours)("21", {}, {"210400": "2104", "210100": "2101"}, NATION)
    liaoning.code_systems = {**liaoning.code_systems, "210100": "CN-210000"}
    raw = await world.answer("GetPerson", request.SerializeToString(), "210100", at="210000")
    assert raw
    assert world.links["210000", NATION].sent == []
