"""Percentiles and ratios of measurements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bench.figures import Turn, machine, medians, percentile, ratios


def turn(finished: int, cpu: float, p50: float = 1.0, p99: float = 2.0, seconds: float = 1.0) -> Turn:
    """What a side did, with the figures that do not matter filled in."""
    return Turn(finished, seconds, cpu, p50, p99)


def test_percentile_is_a_measured_value():
    """The percentile is one of the values, by nearest rank, however they are ordered."""
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 0.5) == 3.0
    assert percentile(values, 0.99) == 5.0
    assert percentile(values, 0.2) == 1.0
    assert percentile([7.0], 0.99) == 7.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.001, 1.0))
def test_percentile_leaves_the_share_below(values: list[float], share: float):
    """At least the share of all values do not exceed it, and fewer than the share lie under any smaller value."""
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01])
def test_percentile_refuses_what_is_no_share(share: float):
    """A share lies above 0 and not above 1."""
    with pytest.raises(ValueError):
        percentile([1.0], share)


def test_percentile_refuses_nothing():
    """No values have no percentile."""
    with pytest.raises(ValueError):
        percentile([], 0.5)


def test_turn_divides_by_finished_requests():
    """Throughput and CPU are those of finished requests."""
    found = turn(finished=500, cpu=0.25, seconds=2.0)
    assert found.per_second == 250
    assert found.cpu_us == 500


def test_ratios_are_medians_of_rounds_not_ratios_of_medians():
    """A round that a noisy machine spoils for both sides does not move the ratio."""
    rounds = [
        (turn(1000, 1.0, 1.0, 2.0), turn(500, 1.0, 2.0, 6.0)),
        (turn(100, 1.0, 10.0, 50.0), turn(50, 1.0, 20.0, 150.0)),
        (turn(1000, 1.0, 1.0, 2.0), turn(500, 1.0, 2.0, 6.0)),
    ]
    assert ratios(rounds) == {"cpu_ratio": 2.0, "throughput_ratio": 0.5, "p50_ratio": 2.0, "p99_ratio": 3.0}


def test_medians_are_absolute():
    """The absolute figures of a side are medians over its turns."""
    found = medians([turn(100, 0.1), turn(200, 0.1), turn(400, 0.1)])
    assert found == {"cpu_us": 500.0, "per_second": 200.0, "p50_ms": 1.0, "p99_ms": 2.0}


def test_machine_says_what_was_measured_on():
    """Figures without their machine are not figures."""
    assert {"cores", "cpu", "python", "grpcio", "protobuf"} == set(machine())
