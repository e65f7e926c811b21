"""protovalidate as the oracle of our own checks: the contract again, with each rule written in its language.

The descriptors are cloned into a pool of their own, and every ``(yidi.v1.field)`` becomes ``buf.validate`` options.
"""

from functools import cache
from typing import Any

import protovalidate
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    timestamp_pb2,
)
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.message import Message
from protovalidate._gen.buf.validate import validate_pb

from gateway.contract import FILES, rule_of
from yidi.v1.options_pb2 import FORMAT_DATE, FORMAT_DATETIME, FORMAT_DIVISION, FieldRule

FIELD_EXTENSION = 1159
"""Number of ``buf.validate.field`` in FieldOptions."""

KNOWN: dict[str, Any] = {
    module.DESCRIPTOR.name: module for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)
}
_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
PATTERNS = {FORMAT_DATE: f"^{_DATE}$", FORMAT_DATETIME: f"^{_DATE} {_TIME}$", FORMAT_DIVISION: "^[0-9]{6}$"}
NOT_BLANK = r"[^\s\x{0b}\x{1c}-\x{1f}\x{85}\p{Z}]"


class Oracle:
    """The contract in the language of protovalidate, as it holds for hubs or for institutions."""

    def __init__(self, *, from_hub: bool) -> None:
        self._from_hub = from_hub
        self._pool = descriptor_pool.DescriptorPool()
        self._validator = protovalidate.Validator()  # remembers rules by the name of a message
        self._added: set[str] = set()
        self._add_own(validate_pb.desc().proto.to_binary())
        self._rules: Any = message_factory.GetMessageClass(self._pool.FindMessageTypeByName("buf.validate.FieldRules"))
        for file in FILES:
            self._clone(file.DESCRIPTOR)

    def _add_own(self, raw: bytes) -> None:
        proto = descriptor_pb2.FileDescriptorProto.FromString(raw)
        for name in proto.dependency:
            self._clone(KNOWN[name].DESCRIPTOR)
        self._pool.Add(proto)

    def _clone(self, file: FileDescriptor) -> None:
        if file.name in self._added:
            return
        self._added.add(file.name)
        for needed in file.dependencies:
            self._clone(needed)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        if file.package == "yidi.v1" and not file.name.endswith("options.proto"):
            proto.dependency.append("buf/validate/validate.proto")
            for message in proto.message_type:
                source = file.message_types_by_name[message.name]
                for field in message.field:
                    self._translate(source.fields_by_name[field.name], field.options)
        self._pool.Add(proto)

    def _translate(self, field: FieldDescriptor, options: Any) -> None:
        rules = self._rules()
        self._write(field, rule_of(field), rules)
        raw: bytes = rules.SerializeToString()
        if raw:
            tag = FIELD_EXTENSION << 3 | 2
            options.MergeFromString(_varint(tag) + _varint(len(raw)) + raw)

    def _write(self, field: FieldDescriptor, rule: FieldRule, rules: Any) -> None:
        closed = rule.hub_only and not self._from_hub
        if field.is_repeated:
            if closed:
                rules.repeated.max_items = 0
            elif rule.max_items:
                rules.repeated.max_items = rule.max_items
            if rule.min_items:
                rules.repeated.min_items = rule.min_items
            if rule.judged_singly:
                rules.repeated.items.ignore = self._ignore("IGNORE_ALWAYS")
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            rules.required = rule.required
            if closed:
                rules.cel.add(id="closed", message="for hubs", expression="false")
        elif field.type == FieldDescriptor.TYPE_STRING:
            self._write_string(rule, rules, closed=closed)
        elif rule.digits or rule.non_negative:
            number = rules.int64 if field.type == FieldDescriptor.TYPE_INT64 else rules.int32
            if rule.digits:
                number.lt = 10**rule.digits
            if rule.non_negative:
                number.gte = 0
            else:
                number.gt = -(10**rule.digits)

    def _write_string(self, rule: FieldRule, rules: Any, *, closed: bool) -> None:
        if rule.required:
            rules.cel.add(id="blank", message="missing", expression=f"this.matches(r'{NOT_BLANK}')")
        else:
            rules.ignore = self._ignore("IGNORE_IF_ZERO_VALUE")
        if closed:
            rules.string.max_len = 0
        elif rule.max_len:
            rules.string.max_len = rule.max_len
        if rule.format:
            rules.string.pattern = PATTERNS[rule.format]
            if rule.format != FORMAT_DIVISION:
                rules.cel.add(id="year", message="no such year", expression="!this.startsWith('0000')")

    def _ignore(self, name: str) -> int:
        value: int = self._pool.FindEnumTypeByName("buf.validate.Ignore").values_by_name[name].number
        return value

    def broken(self, message: Message) -> set[str]:
        """Paths of the fields that break a rule."""
        kind = message_factory.GetMessageClass(self._pool.FindMessageTypeByName(message.DESCRIPTOR.full_name))
        clone = kind.FromString(message.SerializeToString())
        return {_path(violation.proto.field) for violation in self._validator.collect_violations(clone)}


def _path(path: Any) -> str:
    text = ""
    for element in path.elements:
        text += ("." if text else "") + element.field_name
        if element.subscript is not None:
            text += f"[{element.subscript.value}]"
    return text


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@cache
def oracle(*, from_hub: bool) -> Oracle:
    """The oracle, made once."""
    return Oracle(from_hub=from_hub)
