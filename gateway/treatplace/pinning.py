"""The time at which an encounter was registered goes with everything that is sent about it.

A publication of code maps never reaches back into an encounter registered before it: the hubs behind read the time in
the header, and pass it on.
"""

from typing import Any

import sqlalchemy as sa

from gateway import clock
from gateway.exchange.link import Call
from gateway.store.statement import Statement, Tx
from gateway.store.tables import batch, book, encounter, journal

_REGISTERED_BY = (journal.c.sender == encounter.c.institution) & (journal.c.msgid == encounter.c.msgid)
_OWN = encounter.c.institution == sa.bindparam("sender")
_REGISTERED = Statement(
    sa.select(journal.c.received_ms)
    .select_from(encounter.join(journal, _REGISTERED_BY))
    .where(_OWN & (encounter.c.mdtrt_id == sa.bindparam("key")))
)
_REGISTERED_OF = Statement(
    sa.select(journal.c.received_ms)
    .select_from(book.join(encounter, encounter.c.mdtrt_id == book.c.mdtrt_id).join(journal, _REGISTERED_BY))
    .where(_OWN & (book.c.sender == sa.bindparam("sender")) & (book.c.msgid == sa.bindparam("request")))
)
"""By the request that settled or reversed it: an undo names nothing else."""
_REGISTERED_FOR = Statement(
    sa.select(journal.c.received_ms)
    .select_from(batch.join(encounter, encounter.c.mdtrt_id == batch.c.mdtrt_id).join(journal, _REGISTERED_BY))
    .where(_OWN & (batch.c.pending == sa.bindparam("request")) & (batch.c.pending != ""))
)
"""By the request that is settling or reversing it, of which nobody knows yet what became of it."""


def pin(tx: Tx, call: Call) -> None:
    """Fill in when the encounter of a request was registered, where it is about one of ours."""
    request: Any = call.request
    data = getattr(request, "data", None)
    sender = call.header.fixmedins_code
    if omsgid := getattr(request, "omsgid", "") or getattr(data, "omsgid", ""):
        row = tx.one(_REGISTERED_OF, sender=sender, request=omsgid)
        row = row or tx.one(_REGISTERED_FOR, sender=sender, request=omsgid)
    elif mdtrt_id := getattr(request, "mdtrt_id", "") or getattr(data, "mdtrt_id", ""):
        row = tx.one(_REGISTERED, sender=sender, key=mdtrt_id)
    else:
        return
    if row is not None:
        call.header.codes_as_of = clock.china_text(row[0])
