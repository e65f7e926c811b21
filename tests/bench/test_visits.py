"""A hospital's program that sends the same request until the answer is definite."""

from typing import Any

import grpc
import pytest

from gateway.bench import visits
from gateway.bench.visits import Declined, Insistent, Notes, Unfinished
from gateway.delivery.grpc_link import STATUS_TRAILER
from gateway.errors import Decline
from gateway.errors.status import to_status
from yidi.v1.settlement_pb2 import SettleOutpatientRequest


class Failure(grpc.RpcError):
    """A failed call, with or without a refusal from the catalogue."""

    def __init__(self, decline: Decline | None) -> None:
        self._decline = decline

    def code(self) -> grpc.StatusCode:
        """As grpcio tells it of a call."""
        return grpc.StatusCode.UNAVAILABLE

    def trailing_metadata(self) -> Any:
        """The status of the refusal, if a hub sent one."""
        return ((STATUS_TRAILER, to_status(self._decline).SerializeToString()),) if self._decline else ()


class Stub:
    """Gives prepared outcomes, one for each sending."""

    def __init__(self, *outcomes: Failure | str) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Any] = []

    def SettleOutpatient(self, request: Any, timeout: float) -> str:  # noqa: N802  # as in the contract
        """One sending."""
        assert timeout > 0
        self.sent.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Failure):
            raise outcome
        return outcome


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "FIRST_PAUSE_S", 0.0)


def test_the_same_request_is_sent_until_it_is_answered():
    """Lost connections, unknown outcomes and a request still running are no answers."""
    stub = Stub(
        Failure(None),
        Failure(Decline("OUTCOME_UNKNOWN", peer="100000")),
        Failure(Decline("STILL_RUNNING")),
        Failure(Decline("PEER_UNREACHABLE", peer="100000")),
        "settled",
    )
    notes, request = Notes(), SettleOutpatientRequest()
    assert Insistent(stub, notes).SettleOutpatient(request, timeout=1) == "settled"
    assert all(sent is request for sent in stub.sent)
    assert (notes.resends, notes.unknown) == (4, 3)
    assert notes.failures == {"UNAVAILABLE": 1, "OUTCOME_UNKNOWN": 1, "STILL_RUNNING": 1, "PEER_UNREACHABLE": 1}


def test_a_decline_for_good_ends_it():
    """A decline whose retry rule is never is an answer."""
    stub, notes = Stub(Failure(Decline("QUOTE_MISSING")), "never sent"), Notes()
    with pytest.raises(Declined, match="QUOTE_MISSING"):
        Insistent(stub, notes).SettleOutpatient(SettleOutpatientRequest(), timeout=1)
    assert (len(stub.sent), notes.resends, notes.unknown) == (1, 0, 0)


def test_patience_ends():
    """Past the time to give up, what has no definite answer is reported as unfinished."""
    notes = Notes(give_up=0.0)
    with pytest.raises(Unfinished, match="UNAVAILABLE"):
        Insistent(Stub(Failure(None)), notes).SettleOutpatient(SettleOutpatientRequest(), timeout=1)
