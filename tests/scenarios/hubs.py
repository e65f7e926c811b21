"""What scenarios know of their hubs: the persons, a hospital's program, and the rows in the databases."""

import sqlite3
from pathlib import Path

from gateway.demo.hospital import Hospital, Line
from gateway.demo.network import HOSPITAL, Network

INSURED = "210400"
PERSON = "21040000000000000000000001"
CHRONIC = "JS-MT-0390"
LINES: list[Line] = [
    ("JS-XY-0001", "", 20000, 12_500000),
    ("JS-XY-0003", "", 10000, 30_000000),
    ("110200001", "", 10000, 10_000000),
]

PERSONS = f"""
[[person]]
psn_no = "{PERSON}"
psn_name = "示范甲"
certno = "DEMO-0001"
psn_type = "1201"
acct_balc_fen = 500000

[[credential]]
mdtrt_cert_type = "02"
mdtrt_cert_no = "DEMO-0001"
psn_no = "{PERSON}"

[[enrolment]]
psn_no = "{PERSON}"
insutype = "310"
insuplc_admdvs = "210400"
begndate = "2015-01-01"

[[filing]]
psn_no = "{PERSON}"
kind = "chronic"
admdvs = "321100"
begndate = "2020-01-01"

[[entitlement]]
psn_no = "{PERSON}"
dise_codg = "LN-MB-39"
begndate = "2020-01-01"
"""


def hospital_of(network: Network, code: str = HOSPITAL, certificate_of: str = "") -> Hospital:
    """A hospital's program; with the certificate of another one where that is asked for."""
    address = f"127.0.0.1:{network.hubs['321100'].port}"
    return Hospital(code, "321100", address, network.tls(certificate_of or code))


def rows(database: Path, table: str) -> int:
    """How many rows a table of a hub has."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


def stored(network: Network) -> dict[str, int]:
    """How many rows each business table of each hub has."""
    tables = ("journal", "book", "encounter", "batch", "fee_line")
    return {f"{name}.{table}": rows(hub.database, table) for name, hub in network.hubs.items() for table in tables}
