"""Persons, credentials, enrolments, filings, entitlements and account credits, from one TOML file.

Loading the same file again changes nothing. The balance in the file opens an account; once the person exists it is
left alone, because settlements have moved it since. Money that comes later is a ``[[credit]]`` with an id of its own.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from sqlalchemy import Table, bindparam, select

from adapters.reference_core import sql
from adapters.reference_core import tables as t
from gateway.store.statement import Statement, Tx, Value

Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
OpenDay = Annotated[str, msgspec.Meta(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Division = Annotated[str, msgspec.Meta(pattern=r"^\d{6}$")]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
Fen = Annotated[int, msgspec.Meta(ge=0)]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the file."""


class PersonRow(_Row, frozen=True, kw_only=True):
    """A person."""

    psn_no: Id
    psn_name: Id
    certno: Id
    psn_cert_type: str = "01"
    gend: str = ""
    brdy: OpenDay = ""
    psn_type: str = ""
    acct_balc_fen: Fen = 0


class CredentialRow(_Row, frozen=True, kw_only=True):
    """A card, a voucher or an identity card of a person."""

    mdtrt_cert_type: Id
    mdtrt_cert_no: Id
    psn_no: Id


class EnrolmentRow(_Row, frozen=True, kw_only=True):
    """An enrolment, here or elsewhere."""

    psn_no: Id
    insutype: Id
    insuplc_admdvs: Division
    begndate: Day
    enddate: OpenDay = ""
    psn_insu_stas: str = "1"
    cvlserv_flag: str = "0"
    psn_type: str = ""
    emp_name: str = ""


class FilingRow(_Row, frozen=True, kw_only=True):
    """A cross-region filing."""

    psn_no: Id
    kind: Literal["long_term", "temporary", "chronic"]
    admdvs: Division
    begndate: Day
    enddate: OpenDay = ""
    state: Literal["valid", "cancelled"] = "valid"


class EntitlementRow(_Row, frozen=True, kw_only=True):
    """A chronic disease granted to a person."""

    psn_no: Id
    dise_codg: Id
    begndate: Day
    enddate: OpenDay = ""


class CreditRow(_Row, frozen=True, kw_only=True):
    """A sum paid into a personal account."""

    credit_id: Id
    psn_no: Id
    amount_fen: Fen


class File(_Row, frozen=True, kw_only=True):
    """The whole file."""

    person: tuple[PersonRow, ...] = ()
    credential: tuple[CredentialRow, ...] = ()
    enrolment: tuple[EnrolmentRow, ...] = ()
    filing: tuple[FilingRow, ...] = ()
    entitlement: tuple[EntitlementRow, ...] = ()
    credit: tuple[CreditRow, ...] = ()


class _Upsert:
    """Writes rows of one table by key; the same text for both databases, so without ON CONFLICT."""

    def __init__(self, table: Table, kept: frozenset[str] = frozenset()) -> None:
        self.keys = [column.name for column in table.primary_key]
        self.values = [
            column.name for column in table.columns if column.name not in self.keys and column.name not in kept
        ]
        where = [table.c[name] == bindparam(f"key_{name}") for name in self.keys]
        self.update = Statement(table.update().where(*where).values({n: bindparam(f"to_{n}") for n in self.values}))
        self.find = Statement(select(table.c[self.keys[0]]).where(*where))
        self.insert = Statement(table.insert())

    def write(self, tx: Tx, row: Mapping[str, Value]) -> None:
        keys = {f"key_{name}": row[name] for name in self.keys}
        if tx.one(self.find, **keys) is None:
            tx.run(self.insert, **row)
        else:
            tx.run(self.update, **keys, **{f"to_{name}": row[name] for name in self.values})


_UPSERTS = {
    "person": _Upsert(t.person, frozenset({"acct_balc_fen"})),
    "credential": _Upsert(t.credential),
    "enrolment": _Upsert(t.enrolment),
    "filing": _Upsert(t.filing),
    "entitlement": _Upsert(t.entitlement),
}
_CREDIT = Statement(select(t.credit.c.credit_id).where(t.credit.c.credit_id == bindparam("credit_id")))
_ADD_CREDIT = Statement(t.credit.insert())


def load(tx: Tx, data: bytes) -> dict[str, int]:
    """Load a file in the transaction at hand; how many rows of each kind it holds.

    Raises ValueError naming the place in the file; persons are told by their number only in the file itself.
    """
    file = msgspec.toml.decode(data, type=File)
    counts = {}
    for kind, upsert in _UPSERTS.items():
        rows = getattr(file, kind)
        for position, row in enumerate(rows):
            if kind != "person":
                _require_person(tx, f"$.{kind}[{position}].psn_no", row.psn_no)
            upsert.write(tx, msgspec.structs.asdict(row))
        counts[kind] = len(rows)
    for position, credit in enumerate(file.credit):
        _require_person(tx, f"$.credit[{position}].psn_no", credit.psn_no)
        if tx.one(_CREDIT, credit_id=credit.credit_id) is None:
            tx.run(_ADD_CREDIT, **msgspec.structs.asdict(credit))
            tx.run(sql.MOVE_BALANCE, who=credit.psn_no, by_fen=credit.amount_fen)
    counts["credit"] = len(file.credit)
    return counts


def _require_person(tx: Tx, where: str, psn_no: str) -> None:
    if tx.one(sql.PERSON, psn_no=psn_no) is None:
        raise ValueError(f"no such person - at `{where}`")
