"""Undo by request id (transaction 2601).

Every hub on the way first makes sure that it knows what became of the original (see outcome), and seals an id that it
never saw before it asks the next hub, so that a request which arrives late never runs. The insured place reverses what
had been carried out, and the books of all hubs and of the treat place follow.
"""

from collections.abc import Sequence
from typing import Any

from gateway.contract import METHODS
from gateway.errors import Decline
from gateway.exchange.state import Exchange, Hub
from gateway.store import book, journal
from gateway.store.journal import Entry, Key
from gateway.store.statement import Tx
from gateway.store.tables import State
from yidi.v1.header_pb2 import Translation


def original(exchange: Exchange) -> Key:
    """The request that an undo takes back."""
    return Key(exchange.key.sender, exchange.request.data.omsgid)


def before(hub: Hub, exchange: Exchange, tx: Tx) -> None:
    """Seal an id that never arrived here; refuse while the request still runs, or was another transaction."""
    key = original(exchange)
    if key in hub.running:
        raise Decline("STILL_RUNNING")
    entry = journal.find(tx, key)
    if entry is None:
        journal.enter(tx, key, "", exchange.header, b"", State.SEALED, hub.owner, hub.now_ms())
        return
    if entry.insuplc != exchange.header.insuplc_admdvs:
        raise Decline("UNDO_PLACE_DIFFERS", omsgid=exchange.request.data.omsgid)
    if entry.state in (State.RUNNING, State.UNKNOWN):
        # Asked before (see chain), and still nobody knows: undoing blindly would leave books with half an entry.
        raise Decline("UNDO_TOO_EARLY", omsgid=exchange.request.data.omsgid)
    method = METHODS.get(entry.path)
    data = exchange.request.data
    if method is not None and not data.oinfno.startswith(method.infno):
        raise Decline("UNDO_METHOD_DIFFERS", omsgid=data.omsgid, oinfno=data.oinfno)
    exchange.undone = translated(entry)


def translated(entry: Entry | None) -> Sequence[Translation]:
    """How the codes of an answered request were translated on its way."""
    method = METHODS.get(entry.path) if entry is not None else None
    if entry is None or method is None or entry.answer is None:
        return ()
    answer: Any = method.response.FromString(entry.answer)
    return list(answer.header.translations)


def after(hub: Hub, exchange: Exchange, tx: Tx, key: Key, reply: Any) -> None:
    """The insured place has answered: the original, under ``key``, is sealed for good."""
    entry = journal.find(tx, key)
    journal.seal(tx, key, hub.now_ms())
    if reply.HasField("undone") and not book.knows(tx, key):
        # The original overtook us, or its answer never came: the mirror must not stand alone.
        book.enter(tx, key, entry.path if entry is not None else "", exchange.header, reply.undone)
    books = exchange.treat_place(hub)
    method = METHODS.get(entry.path) if entry is not None else None
    if books is not None and method is not None:
        books.conclude_undo(tx, method.name, key, reply)
