"""The contract says what the national interface says: the same names, types, lengths and dictionaries."""

import csv
import functools
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.contract.descriptors import NATIONAL, rule
from yidi.v1 import options_pb2

TABLES = Path(__file__).parent / "national"
HANDBOOK = Path(__file__).resolve().parents[3] / "shared/handbook/transactions"

Row = dict[str, str]

# National decimal "digits,fraction" and the suffix that carries its scale. Money is the only kind of 16,2.
SUFFIXES = {"4,1": "_e1", "16,2": "_fen", "4,2": "_e2", "5,4": "_e4", "16,4": "_e4", "16,6": "_e6"}
SUFFIX = re.compile("_(fen|e[1246])$")

LOCAL_ONLY = re.compile("Guangdong list only|Jilin list|Chongqing sample")

DROPPED_FROM_5204 = dict.fromkeys(
    [
        "dosform_name", "hilist_code", "hilist_name", "hosp_prep_flag", "medins_list_name",
        "prodname", "prodplac_type", "spec",
    ],
    "describes the catalogue item, which med_list_codg names; 2204 and 2301 do not bring it",
) | dict.fromkeys(
    ["opt_time", "opter_id", "opter_name"],
    "the journal knows who sent a line and when",
)  # fmt: skip

# Fields of the national interface that a message leaves out, and why.
OMISSIONS: dict[str, dict[str, str]] = {
    "FeeRecord": DROPPED_FROM_5204,
}

# Messages that are a part of their node on purpose: what they leave out is not listed one by one.
PARTS = {
    "SettlementLine": "what the insured place needs to know of a line (Fushun 2022, art. 25)",
}

# Nodes that no message stands for.
NO_MESSAGE = {
    ("4101", "setlinfo", "in"): "the settlement list of 4101 is not carried; only its charge categories are",
    ("4101", "diseinfo", "in"): "the same",
    ("4101", "payinfo", "in"): "the same",
    ("4101", "opspdiseinfo", "in"): "the same",
    ("4101", "oprninfo", "in"): "the same",
    ("4101", "icuinfo", "in"): "the same",
    ("4101", "output", "out"): "the same",
}

all_national = pytest.mark.parametrize("message", NATIONAL, ids=lambda message: message.name)


@functools.cache
def table(infno: str) -> list[Row]:
    """The rows of one transaction."""
    with (TABLES / f"{infno}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def nodes(message: Descriptor) -> list[tuple[str, str, str]]:
    """The national nodes a message stands for, as transaction, node and direction."""
    said = message.GetOptions().Extensions[options_pb2.message]
    direction = {options_pb2.DIRECTION_IN: "in", options_pb2.DIRECTION_OUT: "out"}[said.direction]
    return [(infno, said.node, direction) for infno in said.infno]


def rows(message: Descriptor) -> dict[str, list[Row]]:
    """The national fields of a message's nodes, each with its row in every transaction that has it."""
    found: dict[str, list[Row]] = {}
    for infno, node, direction in nodes(message):
        for row in table(infno):
            if (row["node"].strip("()"), row["direction"]) == (node, direction):
                found.setdefault(row["field"], []).append(row)
    return found


def national_fields(message: Descriptor) -> list[tuple[FieldDescriptor, str]]:
    """The fields of a message that are not our own, each with its national name."""
    return [(field, SUFFIX.sub("", field.name)) for field in message.fields if not rule(field).own]


@all_national
def test_every_field_is_a_national_field(message: Descriptor) -> None:
    """A field that is not marked as our own exists in the node, under its own name."""
    known = rows(message)
    assert known, "no such node"
    assert [name for _, name in national_fields(message) if name not in known] == []


@all_national
def test_types_lengths_and_dictionaries_agree(message: Descriptor) -> None:
    """Type, length, scale, date format and dictionary are those of the national field, in each transaction."""
    known = rows(message)
    for field, name in national_fields(message):
        for row in known.get(name, []):
            assert described(field) == expected(row), field.full_name


@all_national
def test_nothing_is_required_that_the_nation_leaves_open(message: Descriptor) -> None:
    """A field that the contract requires is required by the national interface too."""
    known = rows(message)
    for field, name in national_fields(message):
        if rule(field).required:
            assert {row["required"] for row in known[name]} == {"Y"}, field.full_name


@all_national
def test_nothing_is_left_out_unsaid(message: Descriptor) -> None:
    """A national field that is no local extension is in the message, or its omission is explained."""
    if message.name in PARTS:
        return
    carried = {name for _, name in national_fields(message)}
    missing = {
        name
        for name, found in rows(message).items()
        if name not in carried and not all(LOCAL_ONLY.search(row["note"]) for row in found)
    }
    assert missing == set(OMISSIONS.get(message.name, {}))


def test_every_node_has_a_message() -> None:
    """A node with anything but local extensions has a message, or its absence is explained."""
    covered = {node for message in NATIONAL for node in nodes(message)}
    there = {
        (path.stem, row["node"].strip("()"), row["direction"])
        for path in TABLES.glob("*.csv")
        for row in table(path.stem)
        if not LOCAL_ONLY.search(row["note"])
    }
    assert there - covered == set(NO_MESSAGE)
    assert covered <= there


def test_copies_are_the_handbooks() -> None:
    """The tables beside this test are those of the handbook, where the handbook is at hand."""
    if not HANDBOOK.is_dir():
        pytest.skip("no handbook beside this checkout")
    copies = sorted(TABLES.glob("*.csv"))
    assert copies
    for copy in copies:
        assert copy.read_bytes() == (HANDBOOK / copy.name).read_bytes(), copy.name


def described(field: FieldDescriptor) -> tuple[str | int, ...]:
    """What the contract says of a field, in the terms of the tables."""
    said = rule(field)
    if field.type == FieldDescriptor.TYPE_INT64:
        suffix = SUFFIX.search(field.name)
        return "numeric", said.digits, suffix[0] if suffix else ""
    assert field.type == FieldDescriptor.TYPE_STRING, field.full_name
    match said.format:
        case options_pb2.FORMAT_DATE:
            return ("date",)
        case options_pb2.FORMAT_DATETIME:
            return ("datetime",)
        case options_pb2.FORMAT_DIVISION:
            return "string", said.max_len, "admdvs"
    return "string", said.max_len, said.dictionary


def expected(row: Row) -> tuple[str | int, ...]:
    """What the national interface says of a field."""
    match row["type"]:
        case "numeric":
            digits, _, fraction = row["length"].partition(",")
            return "numeric", int(digits), SUFFIXES[row["length"]] if fraction.strip("0") else ""
        case "string":
            return "string", int(row["length"] or 0), row["dictionary"]
        case other:
            return (other,)
