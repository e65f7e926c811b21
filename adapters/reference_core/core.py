"""The core as a desk: which part answers which exchange."""

from collections.abc import Callable

from google.protobuf.message import Message
from sqlalchemy import MetaData

from adapters.reference_core import eligibility, load, people, reversing, settling, stays, tables
from adapters.reference_core.divisions import FilingTarget
from adapters.reference_core.place import InsuredPlace
from adapters.reference_core.policy import Policy
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.statement import Tx

Part = Callable[[Tx, InsuredPlace, Call], Message]


def _get_person(tx: Tx, place: InsuredPlace, call: Call) -> Message:
    del place
    return people.get_person(tx, call)


PARTS: dict[str, Part] = {
    "GetPerson": _get_person,
    "ListChronicEntitlements": eligibility.list_chronic,
    "Admit": stays.admit,
    "CancelAdmission": stays.cancel_admission,
    "QuoteOutpatient": settling.quote_outpatient,
    "SettleOutpatient": settling.settle_outpatient,
    "ReverseOutpatient": reversing.reverse_outpatient,
    "QuoteInpatient": settling.quote_inpatient,
    "SettleInpatient": settling.settle_inpatient,
    "ReverseInpatient": reversing.reverse_inpatient,
    "GetSettlement": reversing.get_settlement,
    "Undo": reversing.undo,
}


class ReferenceCore:
    """The core of an insured place, on the tables of the hub's own store."""

    metadata: MetaData = tables.metadata

    def __init__(self, division: str, policy: Policy, filing_target: FilingTarget) -> None:
        self.place = InsuredPlace(division, policy, filing_target)

    def answer(self, tx: Tx, call: Call) -> Message:
        """Carry an exchange out and return its response; refusals are raised as Decline."""
        part = PARTS.get(call.method)
        if part is None:
            raise Decline("NOT_ANSWERED_BY_CORE", method=call.method)
        return part(tx, self.place, call)

    def load(self, tx: Tx, data: bytes) -> dict[str, int]:
        """Load persons and what belongs to them from TOML; how many rows of each kind."""
        return load.load(tx, data)
