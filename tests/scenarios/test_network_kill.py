"""Five hubs under load while one after the other is killed: nothing is lost and nothing is doubled."""

import pytest

from gateway.bench import network

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]


def test_books_agree_after_kills():
    """Hubs are killed at random and started again at once; then all seven books agree, entry by entry, to the fen."""
    told = network.measure(seconds=8, clients=6, lines=5, kill=0.7)
    assert told["differences"] == []
    assert told["books_equal"]
    assert told["kills"] >= 2
    assert told["entries_compared"] > 0
    assert told["unfinished"] == []
    assert told["declined"] == []
    assert set(told["left_open"].values()) == {0}
