"""The entries of the insured place: all raised, all tested, all free of personal data."""

from pathlib import Path

import pytest
from sqlalchemy.dialects.postgresql import asyncpg, psycopg
from sqlalchemy.dialects.sqlite import pysqlite

import adapters.reference_core
from adapters.reference_core import load, sql
from gateway.errors import CATALOGUE
from gateway.store.statement import Statement

HERE = Path(__file__).parent
SOURCE = Path(adapters.reference_core.__file__).parent
REASONS = sorted(entry.reason for entry in CATALOGUE.values() if entry.code.startswith("Y4"))


@pytest.mark.parametrize("reason", REASONS)
def test_every_entry_is_raised_and_tested(reason: str):
    """An entry nothing raises, or no test meets, does not belong in the catalogue."""
    assert any(f'"{reason}"' in file.read_text() for file in SOURCE.glob("*.py"))
    tests = [file for file in HERE.glob("test_*.py") if file != Path(__file__)]
    assert any(reason in file.read_text() for file in tests)


@pytest.mark.parametrize("reason", REASONS)
def test_no_entry_names_a_person(reason: str):
    """No parameter of an entry is personal data."""
    assert not set(CATALOGUE[reason].params) & {"psn_no", "psn_name", "certno", "mdtrt_cert_no", "card_sn", "brdy"}


STATEMENTS = {name: value for name, value in vars(sql).items() if isinstance(value, Statement)}
for kind, upsert in load._UPSERTS.items():
    STATEMENTS |= {f"{kind}.{part}": getattr(upsert, part) for part in ("find", "insert", "update")}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_every_statement_compiles_for_both_databases(name: str):
    """Each statement is valid for SQLite and for the PostgreSQL drivers, and takes values by name."""
    for dialect in (pysqlite.dialect(paramstyle="qmark"), asyncpg.dialect(), psycopg.dialect()):
        text, _ = STATEMENTS[name].compiled(dialect)
        assert text.split()[0] in {"SELECT", "INSERT", "UPDATE"}
        assert "RETURNING" not in text


def test_person_is_locked_where_rows_can_be():
    """On PostgreSQL a settlement holds the person's row until its commit."""
    assert "FOR UPDATE" in sql.PERSON_LOCKED.compiled(psycopg.dialect())[0]
