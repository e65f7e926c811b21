"""Diagnosis and operation codes across five hubs: the national ICD on both sides, unless a map says otherwise."""

from tests.exchange.maps import edition, pair, with_editions
from tests.support.window import Window
from tests.support.world import JIANGSU, LIAONING, World
from yidi.v1.encounter_pb2 import AdmitRequest


async def test_a_diagnosis_passes_unchanged_without_a_map(world: World, window: Window):
    """The insured place reads the diagnosis as the hospital wrote it, and no hub claims to have translated it."""
    await window.admit()
    arrived = AdmitRequest.FromString(world.link(3).sent[-1].request)
    assert [diagnosis.diag_code for diagnosis in arrived.diseinfo] == ["I63.900"]
    assert not arrived.header.translations


async def test_a_diagnosis_is_translated_where_a_province_has_a_map(world: World, window: Window):
    """A province with its own diagnosis codes translates them at its border, traced like any other code."""
    world.hubs[JIANGSU].maps = with_editions(edition("CN-320000", pair("I63.900", "I63.901"), kind="diagnosis"))
    await window.admit()
    arrived = AdmitRequest.FromString(world.link(3).sent[-1].request)
    assert [diagnosis.diag_code for diagnosis in arrived.diseinfo] == ["I63.901"]
    (trace,) = arrived.header.translations
    assert (trace.admdvs, trace.from_code, trace.map, trace.row) == (JIANGSU, "I63.900", "CN-320000.diagnosis", 2)


async def test_each_end_may_have_a_map_of_diagnoses(world: World, window: Window):
    """The treat place's and the insured place's diagnosis codes meet in the national ones."""
    world.hubs[JIANGSU].maps = with_editions(edition("CN-320000", pair("I63.900", "I63.901"), kind="diagnosis"))
    world.hubs[LIAONING].maps = with_editions(edition("CN-210000", pair("LN-NG", "I63.901"), kind="diagnosis"))
    await window.admit()
    arrived = AdmitRequest.FromString(world.link(3).sent[-1].request)
    assert [diagnosis.diag_code for diagnosis in arrived.diseinfo] == ["LN-NG"]
    assert [trace.admdvs for trace in arrived.header.translations] == [JIANGSU, LIAONING]
