"""The treat place as the exchange sees it.

It answers what is decided here (registrations, fee lines), and it stands beside what is decided at the insured
place: ``prepare`` runs in the commit that admits the request, ``conclude`` in the commit that records the answer.
"""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from codemaps.catalogue import Catalogue
from gateway.errors import Decline
from gateway.exchange.link import Call
from gateway.store.journal import Key
from gateway.store.statement import Tx
from gateway.store.tables import Batch, Visit
from gateway.treatplace import batches, encounters, fees, pinning, settling
from yidi.v1.settlement_pb2 import UNDO_RESULT_REVERSED

UNDOABLE = ("2207", "2208", "2304", "2305", "2401")
"""Transactions that 2601 takes back (handbook, transactions/2601.csv; pharmacies are not served)."""


class TreatPlace:
    """The books of one treat place. ``levels`` is the hospital level of each institution."""

    def __init__(self, catalogue: Catalogue, levels: Mapping[str, str]) -> None:
        self._levels = dict(levels)
        self._answers: dict[str, Callable[[Tx, Call], Message]] = {
            "RegisterOutpatient": encounters.register,
            "CancelOutpatientRegistration": encounters.cancel_registration,
            "Discharge": encounters.discharge,
            "CancelDischarge": encounters.cancel_discharge,
            "UploadOutpatientFees": lambda tx, call: fees.upload_outpatient(tx, call, catalogue),
            "UploadInpatientFees": lambda tx, call: fees.upload_inpatient(tx, call, catalogue),
            "RevokeOutpatientFees": fees.revoke_outpatient,
            "RevokeInpatientFees": fees.revoke_inpatient,
            "ListFees": fees.list_fees,
        }
        self._prepares: dict[str, Callable[[Tx, Call], Any]] = {
            "Admit": encounters.prepare_admission,
            "CancelAdmission": encounters.prepare_admission_cancel,
            "QuoteOutpatient": self._quote,
            "QuoteInpatient": self._quote,
            "SettleOutpatient": self._settle,
            "SettleInpatient": self._settle,
            "ReverseOutpatient": settling.prepare_reversal,
            "ReverseInpatient": settling.prepare_reversal,
            "Undo": _prepare_undo,
        }

    def answers(self, method: str) -> bool:
        """Whether a method is decided here."""
        return method in self._answers

    def answer(self, tx: Tx, call: Call) -> Message:
        """Carry out what is decided at the treat place."""
        return self._answers[call.method](tx, call)

    def prepare(self, tx: Tx, call: Call) -> Any:
        """Before a request of our own institution leaves: check it against the books and add what we vouch for."""
        if self.answers(call.method):
            return None
        prepare = self._prepares.get(call.method)
        held = None if prepare is None else prepare(tx, call)
        pinning.pin(tx, call)  # afterwards: an admission has an encounter only then
        return held

    def _quote(self, tx: Tx, call: Call) -> settling.Held:
        return settling.prepare_quote(tx, call, self._levels)

    def _settle(self, tx: Tx, call: Call) -> settling.Held:
        return settling.prepare_settlement(tx, call, self._levels)

    def conclude(self, tx: Tx, method: str, key: Key, response: Any | None, held: Any = None) -> None:
        """After the answer: note what came of it. No response means that it was refused, with no effect anywhere.

        Works from the request id alone, so that an outcome learned later concludes in the same way.
        """
        if method.startswith("Quote"):
            if response is not None:
                batches.quoted(tx, held.mdtrt_id, held.chrg_bchno, held.version)
        elif method.startswith("Settle"):
            if response is not None:
                batches.settled(tx, key, response.setlinfo.setl_id)
            else:
                batches.back_to(tx, key, Batch.OPEN)
        elif method.startswith("Reverse"):
            if response is not None:
                batches.reversed_by(tx, key)
            else:
                batches.back_to(tx, key, Batch.SETTLED)
        elif method == "Admit":
            encounters.conclude_pending(tx, key, Visit.OPEN if response is not None else Visit.CANCELLED)
        elif method == "CancelAdmission":
            encounters.conclude_pending(tx, key, Visit.CANCELLED if response is not None else Visit.OPEN)

    def conclude_undo(self, tx: Tx, undone: str, original: Key, response: Any) -> None:
        """A request of method ``undone`` (empty when it never arrived) was undone by its id."""
        if undone.startswith("Settle"):
            batches.undo_settlement(tx, original)
        elif undone.startswith("Reverse"):
            reinstated = response.result == UNDO_RESULT_REVERSED
            batches.undo_reversal(tx, original, response.setlinfo.setl_id if reinstated else "")
        elif undone == "Admit":
            encounters.conclude_undo(tx, original)


def _prepare_undo(tx: Tx, call: Call) -> None:
    request: Any = call.request
    if request.data.oinfno not in UNDOABLE:
        raise Decline("UNDO_NOT_POSSIBLE", oinfno=request.data.oinfno)
    encounters.refuse_undo_with_fees(tx, Key(call.header.fixmedins_code, request.data.omsgid))
