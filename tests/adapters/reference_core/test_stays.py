"""Admissions: one open stay at a time, and how it is released."""

from tests.adapters.reference_core.world import World, declined


def test_admission_elsewhere_blocks_until_cancelled(world: World):
    """An admission not cancelled elsewhere blocks admission and visits, telling where it is (Zhenjiang 2018)."""
    world.area, world.hospital = "310115", "H31011500001"
    world.admit("P-EMP")
    world.area, world.hospital = "210402", "H21040200001"
    for refused in (declined(world.admit, "P-EMP", "M2"), declined(world.visit, "P-EMP", 1_000, acct="1")):
        assert refused.reason == "ADMISSION_ELSEWHERE_NOT_CANCELLED"
        assert refused.params == {"institution": "H31011500001", "division": "310115", "date": "2026-06-10"}
        assert "2404" in refused.next_zh
    world.area, world.hospital = "310115", "H31011500001"
    world.cancel_admission("P-EMP")
    world.area, world.hospital = "210402", "H21040200001"
    assert world.admit("P-EMP", "M2").result.mdtrt_id == "M2"


def test_second_admission_at_the_same_hospital(world: World):
    """Another open stay at the same hospital blocks too."""
    world.admit("P-EMP")
    assert declined(world.admit, "P-EMP", "M2").reason == "ADMISSION_ELSEWHERE_NOT_CANCELLED"


def test_settled_stay_frees_the_person(world: World):
    """A settled stay blocks nothing."""
    world.admit("P-EMP")
    world.stay("P-EMP", 1_000_000)
    assert world.admit("P-EMP", "M2", begntime="2026-06-20 08:00:00").result.mdtrt_id == "M2"


def test_of_two_open_stays_the_first_can_be_settled(world: World):
    """After a reversal two stays may be open; the first settles, the second waits for it."""
    world.admit("P-EMP")
    first = world.stay("P-EMP", 1_000_000)
    world.admit("P-EMP", "M2", begntime="2026-06-19 08:00:00")
    world.reverse(first, method="ReverseInpatient")
    assert declined(world.stay, "P-EMP", 500_000, mdtrt_id="M2").reason == "ADMISSION_ELSEWHERE_NOT_CANCELLED"
    world.stay("P-EMP", 1_000_000)
    assert world.stay("P-EMP", 500_000, mdtrt_id="M2").setlinfo.setl_id


def test_encounter_is_admitted_once(world: World):
    """The same encounter cannot be admitted again, not even after its cancellation."""
    world.admit("P-EMP")
    assert declined(world.admit, "P-EMP").reason == "ADMISSION_ALREADY_RECORDED"
    world.cancel_admission("P-EMP")
    assert declined(world.admit, "P-EMP").reason == "ADMISSION_ALREADY_RECORDED"


def test_admission_without_encounter_id(world: World):
    """The hub of the treat place must have issued the encounter id."""
    assert declined(world.admit, "P-EMP", "").reason == "ENCOUNTER_ID_MISSING"


def test_cancelling_twice_and_cancelling_nothing(world: World):
    """A cancelled admission and one that never was are told apart; another institution's is not found."""
    assert declined(world.cancel_admission, "P-EMP").reason == "ADMISSION_NOT_FOUND"
    world.admit("P-EMP")
    world.hospital = "H32110000002"
    assert declined(world.cancel_admission, "P-EMP").reason == "ADMISSION_NOT_FOUND"
    world.hospital = "H32110000001"
    world.cancel_admission("P-EMP")
    assert declined(world.cancel_admission, "P-EMP").reason == "ADMISSION_ALREADY_CANCELLED"
    assert declined(world.stay, "P-EMP", 1_000).reason == "ADMISSION_ALREADY_CANCELLED"


def test_settled_admission_is_not_cancelled(world: World):
    """The settlement is reversed first; then the admission can be cancelled."""
    world.admit("P-EMP")
    settled = world.stay("P-EMP", 1_000_000)
    assert declined(world.cancel_admission, "P-EMP").reason == "ADMISSION_HAS_SETTLEMENT"
    world.reverse(settled, method="ReverseInpatient")
    world.cancel_admission("P-EMP")
