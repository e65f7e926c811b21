"""``yidi codemap follow``: once, from a command."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codemaps.depot import Depot
from codemaps.refusals import Refused
from gateway.codemap import once
from gateway.codemap.follow import Follower
from gateway.codemap.once import follow_once
from gateway.errors import Decline
from gateway.errors.status import PeerDecline, to_status
from gateway.exchange.link import NotSent, OutcomeUnknown
from tests.codemap_service.depots import MAP, Begin
from tests.codemap_service.parents import Parent, adopt_here


@pytest.fixture
def config() -> Any:
    """As much of a city's configuration as following asks for."""
    return SimpleNamespace(
        parent=SimpleNamespace(division="320000", address="127.0.0.1:1"),
        hub=SimpleNamespace(division="321100"),
        codemaps=SimpleNamespace(follow=()),
        log=SimpleNamespace(level="warning"),
        tls_files=lambda: None,
    )


async def test_all_maps_are_followed_where_none_is_named(
    begin: Begin, tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch
):
    """Without ``codemaps.follow`` the command takes over whatever the parent has, and hangs up."""
    closed: list[bool] = []

    class Line(Parent):
        """The line to the parent."""

        async def close(self) -> None:
            """Hang up."""
            closed.append(True)

    adopt_here(monkeypatch)
    line = Line(begin("one"))
    monkeypatch.setattr(once, "GrpcLink", lambda *_: line)
    assert await follow_once(config, Depot.create(tmp_path / "city")) == [("published", MAP, "1")]
    assert closed == [True]


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (NotSent("320000"), "PARENT_SILENT", "127.0.0.1:1"),
        (OutcomeUnknown("320000: UNAVAILABLE"), "PARENT_SILENT", "127.0.0.1:1"),
        (PeerDecline(to_status(Decline("IDENTITY_UNKNOWN"))), "PARENT_REFUSED", "IDENTITY_UNKNOWN"),
    ],
)
async def test_a_parent_that_does_not_answer_is_said_in_words(
    tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str, words: str
):
    """An operator reads who did not answer or what was refused, and no traceback."""

    async def broken(_: Follower) -> Any:
        raise error

    monkeypatch.setattr(Follower, "once", broken)
    with pytest.raises(Refused, match=words) as caught:
        await follow_once(config, Depot.create(tmp_path / "city"))
    assert caught.value.reason == reason


async def test_a_refusal_of_the_depot_stays_what_it_is(tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch):
    """What the command already says in both languages passes through."""

    async def broken(_: Follower) -> Any:
        raise Refused("DEPOT_BUSY")

    monkeypatch.setattr(Follower, "once", broken)
    with pytest.raises(Refused):
        await follow_once(config, Depot.create(tmp_path / "city"))
