"""The tables of a hub. Columns hold integers, text and bytes only (see ``statement``).

Amounts are fen, instants are milliseconds since the epoch, days are yyyy-MM-dd in China.
"""

from enum import IntEnum

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint, text

metadata = MetaData()


class State(IntEnum):
    """Where a journaled request stands. Terminal states absorb whatever comes late."""

    RUNNING = 1
    """Admitted by the process named in ``owner``."""
    DONE = 2
    """Carried out; the answer is stored. Terminal, but for an undo by request id."""
    DECLINED = 3
    """Refused; the refusal is stored. Terminal."""
    UNKNOWN = 4
    """Sent on, and no answer came; only evidence leaves this state."""
    RELEASED = 5
    """Certainly not carried out by anybody; the same request may run again."""
    SEALED = 6
    """Undone by request id, or undone before it ever arrived; it will never run. Terminal."""


journal = Table(
    "journal",
    metadata,
    Column("sender", Text, primary_key=True),  # institution, or hub and institution
    Column("msgid", Text, primary_key=True),
    Column("method", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of the content, see admit
    Column("state", Integer, nullable=False),
    Column("owner", Text, nullable=False),  # the process that runs it
    Column("mdtrtarea", Text, nullable=False),
    Column("insuplc", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("answered_ms", BigInteger),
    Column("answer", LargeBinary),  # the response as it was sent
    Column("fault", LargeBinary),  # google.rpc.Status as it was sent
    Column("undoes", Text, nullable=False),  # request id that this one takes back, or empty
)
UNFINISHED = text(f"state IN ({int(State.RUNNING)}, {int(State.UNKNOWN)})")
"""Stands in the index and, word for word, in the queries that use it: few rows of a journal of millions."""
Index("journal_unfinished", journal.c.state, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)

book = Table(
    "book",
    metadata,
    Column("entry", Integer, primary_key=True, autoincrement=True),
    Column("sender", Text, nullable=False),
    Column("msgid", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column("mdtrtarea", Text, nullable=False),
    Column("insuplc", Text, nullable=False),
    Column("mdtrt_id", Text, nullable=False),
    Column("setl_id", Text, nullable=False),
    Column("setl_time", Text, nullable=False),
    Column("medfee_fen", BigInteger, nullable=False),
    Column("fund_fen", BigInteger, nullable=False),
    Column("account_fen", BigInteger, nullable=False),
    Column("cash_fen", BigInteger, nullable=False),
    Column("hospital_fen", BigInteger, nullable=False),
    UniqueConstraint("sender", "msgid"),
)
"""Every settlement and every mirror entry that passed this hub: the copy that reconciliation compares."""
Index("book_by_day", book.c.setl_time)


class Visit(IntEnum):
    """Where an encounter stands at the treat place."""

    OPENING = 1
    """Waits for the insured place to record the stay."""
    OPEN = 2
    DISCHARGED = 3
    CANCELLING = 4
    CANCELLED = 5


encounter = Table(
    "encounter",
    metadata,
    Column("mdtrt_id", Text, primary_key=True),
    Column("institution", Text, nullable=False),
    Column("psn_no", Text, nullable=False),
    Column("insuplc", Text, nullable=False),
    Column("insutype", Text, nullable=False),
    Column("inpatient", Integer, nullable=False),
    Column("med_type", Text, nullable=False),
    Column("dise_codg", Text, nullable=False),
    Column("begntime", Text, nullable=False),
    Column("endtime", Text, nullable=False),
    Column("state", Integer, nullable=False),
    Column("msgid", Text, nullable=False),  # request id that opened it
    Column("pending", Text, nullable=False),  # request id that is opening or cancelling it
)
Index("encounter_msgid", encounter.c.msgid)
Index("encounter_pending", encounter.c.pending, sqlite_where=encounter.c.pending != "")


class Batch(IntEnum):
    """Where a charge batch stands at the treat place; a stay has one batch, named by the empty string."""

    OPEN = 1
    SETTLING = 2
    SETTLED = 3
    REVERSING = 4


batch = Table(
    "batch",
    metadata,
    Column("mdtrt_id", Text, primary_key=True),
    Column("chrg_bchno", Text, primary_key=True),
    Column("institution", Text, nullable=False),  # the request ids below are its own
    Column("dise_codg", Text, nullable=False),
    Column("version", Integer, nullable=False),  # grows with every change of the lines
    Column("quoted_version", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("pending", Text, nullable=False),  # request id that is settling or reversing it
    Column("setl_msgid", Text, nullable=False),  # request id that settled it
    Column("setl_id", Text, nullable=False),
    Column("reversal_msgid", Text, nullable=False),  # request id that last reversed it
    Column("reversed_setl_id", Text, nullable=False),  # settlement that was last reversed or undone
)
Index("batch_pending", batch.c.pending, sqlite_where=batch.c.pending != "")
Index("batch_setl", batch.c.setl_msgid, sqlite_where=batch.c.setl_msgid != "")
Index("batch_reversal", batch.c.reversal_msgid, sqlite_where=batch.c.reversal_msgid != "")

fee_line = Table(
    "fee_line",
    metadata,
    Column("mdtrt_id", Text, primary_key=True),
    Column("feedetl_sn", Text, primary_key=True),
    Column("chrg_bchno", Text, nullable=False),
    Column("refunds", Text, nullable=False),  # serial of the line a refund row takes back
    Column("cnt_e4", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("line", LargeBinary, nullable=False),  # SettlementLine: the line with its split, as it travels
    Column("source", LargeBinary, nullable=False),  # the line as it was uploaded
)
Index("fee_line_batch", fee_line.c.mdtrt_id, fee_line.c.chrg_bchno)

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Serials of the ids this hub issues."""

code_use = Table(
    "code_use",
    metadata,
    Column("day", Text, primary_key=True),  # of service
    Column("kind", Text, primary_key=True),  # chronic, catalogue, diagnosis or operation
    Column("from_system", Text, primary_key=True),
    Column("to_system", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("result", Text, primary_key=True),  # translated, unmapped, held, ambiguous or no_edition
    Column("cases", BigInteger, nullable=False),  # exchanges
    Column("lines", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),  # when it was last added to
)
"""How codes were used: statistics that weigh a code map, added up by ``gateway.codemap.uses``. No money hangs on it."""
