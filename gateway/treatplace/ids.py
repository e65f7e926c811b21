"""Ids the treat place issues: unique, opaque to everyone else, at most 30 characters."""

import sqlalchemy as sa

from gateway.exchange.link import Call
from gateway.store.statement import Statement, Tx
from gateway.store.tables import counter

_NEXT = Statement(sa.update(counter).where(counter.c.name == sa.bindparam("key")).values(value=counter.c.value + 1))
_VALUE = Statement(sa.select(counter.c.value).where(counter.c.name == sa.bindparam("key")))
_FIRST = Statement(sa.insert(counter))


def next_serial(tx: Tx, name: str) -> int:
    """The next number of a serial; no number is given twice, none is lost but with its transaction."""
    if not tx.run(_NEXT, key=name):
        tx.run(_FIRST, name=name, value=1)
        return 1
    row = tx.one(_VALUE, key=name)
    assert row is not None
    value: int = row[0]
    return value


def encounter_id(tx: Tx, call: Call) -> str:
    """Encounter id: treat place, day, serial."""
    return f"{call.header.mdtrtarea_admvs}{call.at:%y%m%d}{next_serial(tx, 'encounter'):010d}"
