"""The ledger of settlements: numbers, entries, what is in force, and what a person has used of the year.

Entries are only added. A settlement, its reversal, and a reinstatement of it form one chain that shares the id of
the first entry; the sign of the newest entry says whether the settlement is in force.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from adapters.reference_core import sql
from adapters.reference_core.benefit import YearSoFar
from adapters.reference_core.policy import Supplement
from adapters.reference_core.tables import AMOUNTS
from gateway.store.statement import Tx
from yidi.v1.settlement_types_pb2 import SettlementInfo

SETTLE = "settle"
REVERSE = "reverse"
_COUNTER = "settlement"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of core_settlement without its amounts, which the stored answer holds as well."""

    entry_id: int
    setl_id: str
    kind: str
    sign: int
    root_setl_id: str
    reverses_setl_id: str | None
    made_by: str
    care: str
    psn_no: str
    fixmedins_code: str
    mdtrtarea_admvs: str
    mdtrt_id: str
    chrg_bchno: str
    batch_seq: int
    msgid: str
    med_type: str
    insutype: str
    dise_codg: str
    bucket: str
    year: str
    setl_time: str
    answer: bytes
    """SettleOutpatientResponse: setlinfo and setldetail as they were answered."""
    record: bytes
    """SettlementRecord, as 5203 shows it."""


def next_number(tx: Tx, division: str, at: datetime) -> tuple[int, str]:
    """The next entry number and settlement id: 'A', insured division, yyMMdd, seven digits.

    Shape: handbook, cross-region.md section 6. The number never starts again, so ids stay unique over days.
    """
    if tx.run(sql.NEXT_NUMBER, key=_COUNTER) == 0:
        tx.run(sql.ADD_COUNTER, name=_COUNTER, value=1)
    row = tx.one(sql.NUMBER, key=_COUNTER)
    assert row is not None, "the counter row was written above"
    number = int(row[0])
    return number, f"A{division}{at:%y%m%d}{number % 10**7:07d}"


def post(tx: Tx, entry: Entry, info: SettlementInfo) -> None:
    """Add an entry with the amounts of its answer."""
    tx.run(sql.ADD_ENTRY, **asdict(entry), **{name: getattr(info, name) for name in AMOUNTS})


def last_of_batch(tx: Tx, treat_place: str, mdtrt_id: str, chrg_bchno: str) -> tuple[int, str]:
    """The number of the newest entry of a charge batch, and the settlement in force ('' when none is)."""
    row = tx.one(sql.LAST_OF_BATCH, mdtrtarea_admvs=treat_place, mdtrt_id=mdtrt_id, chrg_bchno=chrg_bchno)
    if row is None:
        return 0, ""
    batch_seq, sign, setl_id = row
    return batch_seq, setl_id if sign > 0 else ""


def find(tx: Tx, setl_id: str) -> Entry | None:
    """An entry by its settlement id."""
    row = tx.one(sql.ENTRY, setl_id=setl_id)
    return Entry(*row) if row is not None else None


def find_by_msgid(tx: Tx, treat_place: str, fixmedins_code: str, msgid: str) -> Entry | None:
    """The entry a request made."""
    row = tx.one(sql.ENTRY_BY_MSGID, mdtrtarea_admvs=treat_place, fixmedins_code=fixmedins_code, msgid=msgid)
    return Entry(*row) if row is not None else None


def head(tx: Tx, entry: Entry) -> Entry:
    """The newest entry of the chain an entry belongs to."""
    row = tx.one(sql.HEAD, root_setl_id=entry.root_setl_id)
    assert row is not None, "an entry is part of its own chain"
    return Entry(*row)


def used_since(tx: Tx, entry: Entry) -> bool:
    """Whether anything of the person's year was computed after an entry."""
    row = tx.one(
        sql.LATER_ENTRY, psn_no=entry.psn_no, year=entry.year, insutype=entry.insutype, entry_id=entry.entry_id
    )
    return row is not None


def year_so_far(
    tx: Tx, psn_no: str, year: str, insutype: str, bucket: str, supplements: Iterable[Supplement]
) -> YearSoFar:
    """What a person has used of the year; ``bucket`` is the kind of care or the disease at hand."""
    used: dict[str, dict[str, int]] = {}
    total: dict[str, int] = defaultdict(int)
    for name, *sums in tx.all(sql.YEAR_SO_FAR, psn_no=psn_no, year=year, insutype=insutype):
        # PostgreSQL sums big integers into numeric.
        used[name] = {column: int(amount) for column, amount in zip(sql.SUMMED, sums, strict=True)}
        for column, amount in used[name].items():
            total[column] += amount
    here = used.get(bucket, {})
    own_share: dict[str, int] = {}
    paid: dict[str, int] = {}
    for row in supplements:
        paid[row.field] = total[row.field + "_fen"]
        own_share[row.field] = sum(
            sums["inscp_scp_amt_fen"] - sums["hifp_pay_fen"]
            for name, sums in used.items()
            if name.partition(":")[0] in row.applies_to
        )
    return YearSoFar(
        dedc=here.get("act_pay_dedc_fen", 0),
        pool=total["hifp_pay_fen"],
        limit=here.get("hifp_pay_fen", 0),
        own_share=own_share,
        supplement=paid,
    )
