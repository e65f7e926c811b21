"""The contract as tables: read from the descriptors once at start, so that a new method needs no code here.

For each message type two functions are compiled to plain Python: one checks the rules on its fields, and one
rewrites the codes that are translated. Compiled straight-line code is
several times faster than walking descriptors for each request.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from yidi.v1 import eligibility_pb2, encounter_pb2, fee_pb2, options_pb2, settlement_pb2
from yidi.v1.options_pb2 import (
    DESTINATION_UNSPECIFIED,
    EFFECT_UNSPECIFIED,
    FORMAT_DATE,
    FORMAT_DATETIME,
    FORMAT_DIVISION,
    Destination,
    Effect,
    FieldRule,
    MethodRule,
)

FILES = (eligibility_pb2, encounter_pb2, fee_pb2, settlement_pb2)
DEFAULT_MAX_REQUEST_BYTES = 1 << 20


class Violation(NamedTuple):
    """One broken rule: the reason in the error catalogue, the path of the field, and the bound it broke."""

    reason: str
    path: str
    bound: str


Check = Callable[[Message, str, bool, list[Violation]], None]
"""``check(message, path, from_hub, violations)`` appends what is broken."""


@dataclass(frozen=True, slots=True)
class Method:
    """One exchange as the contract describes it."""

    path: str
    name: str
    infno: str
    effect: "Effect.ValueType"
    destination: "Destination.ValueType"
    max_request_bytes: int
    request: type[Message]
    response: type[Message]
    check: Check


def methods_of(*files: Any) -> Iterator[Method]:
    """The methods of some files of the contract."""
    for file in files:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                rule: MethodRule = method.GetOptions().Extensions[options_pb2.method]
                if EFFECT_UNSPECIFIED == rule.effect or DESTINATION_UNSPECIFIED == rule.destination:
                    raise ValueError(f"{method.full_name} does not say what it does or where it goes")
                yield Method(
                    path=f"/{service.full_name}/{method.name}",
                    name=method.name,
                    infno=rule.infno,
                    effect=rule.effect,
                    destination=rule.destination,
                    max_request_bytes=rule.max_request_bytes or DEFAULT_MAX_REQUEST_BYTES,
                    request=message_factory.GetMessageClass(method.input_type),
                    response=message_factory.GetMessageClass(method.output_type),
                    check=check_of(method.input_type),
                )


def rule_of(field: FieldDescriptor) -> FieldRule:
    """The rule on a field; empty where the contract has none."""
    return field.GetOptions().Extensions[options_pb2.field]


@lru_cache(maxsize=8192)
def _bad_datetime(value: str) -> bool:
    if len(value) != 19 or value[10] != " ":
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return True
    return value[4] != "-" or value[7] != "-" or value[13] != ":" or value[16] != ":"


def _bad_date(value: str) -> bool:
    return len(value) != 10 or _bad_datetime(value + " 00:00:00")


def _bad_division(value: str) -> bool:
    return len(value) != 6 or not value.isascii() or not value.isdigit()


_FORMATS = {FORMAT_DATE: "_bad_date", FORMAT_DATETIME: "_bad_datetime", FORMAT_DIVISION: "_bad_division"}


@cache
def check_of(message: Descriptor) -> Check:
    """Compile the check of a message type."""
    lines = ["def check(m, path, from_hub, bad):"]
    names: dict[str, Any] = {"_V": Violation, "_bad_date": _bad_date, "_bad_datetime": _bad_datetime,
                             "_bad_division": _bad_division}  # fmt: skip
    for field in message.fields:
        lines += _check_lines(field, names)
    if all(field.type != FieldDescriptor.TYPE_MESSAGE and not field.is_repeated for field in message.fields):
        # A message of plain fields, such as a fee line: one expression tells the usual case that all is well.
        suspect = " or ".join(filter(None, map(_suspicion, message.fields)))
        lines[1:1] = [f"    if not ({suspect}): return"] if suspect else []
    check: Check = _compiled([*lines, "    return"], names, f"check {message.full_name}", "check")
    return check


def _check_lines(field: FieldDescriptor, names: dict[str, Any]) -> list[str]:
    rule, name = rule_of(field), field.name

    def fail(reason: str, bound: object = "") -> str:
        return f"bad.append(_V({reason!r}, path + {name!r}, {str(bound)!r}))"

    if field.is_repeated:
        return _check_list(field, rule, names, fail)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        names["_" + name] = check_of(field.message_type)
        lines = [f"    if m.HasField({name!r}):"]
        if rule.hub_only:
            lines.append(f"        if not from_hub: {fail('FIELD_FOR_HUBS')}")
        lines.append(f"        _{name}(m.{name}, path + {name + '.'!r}, from_hub, bad)")
        return [*lines, f"    else: {fail('FIELD_MISSING')}"] if rule.required else lines
    if field.type == FieldDescriptor.TYPE_STRING:
        return _check_string(name, rule, fail)
    return _check_number(field, rule, fail)


def _check_list(field: FieldDescriptor, rule: FieldRule, names: dict[str, Any], fail: Callable[..., str]) -> list[str]:
    name, lines = field.name, []
    if rule.hub_only:
        lines.append(f"    if m.{name} and not from_hub: {fail('FIELD_FOR_HUBS')}")
    if rule.min_items:
        lines.append(f"    if len(m.{name}) < {rule.min_items}: {fail('LIST_EMPTY', rule.min_items)}")
    if rule.max_items:
        lines.append(f"    if len(m.{name}) > {rule.max_items}: {fail('LIST_TOO_LONG', rule.max_items)}")
        body = "    else:"
    else:
        body = "    if True:"
    if field.type == FieldDescriptor.TYPE_MESSAGE and not rule.judged_singly:
        names["_" + name] = check_of(field.message_type)
        lines += [body, f"        for i, item in enumerate(m.{name}):",
                  f"            _{name}(item, f'{{path}}{name}[{{i}}].', from_hub, bad)"]  # fmt: skip
    return lines


def _check_string(name: str, rule: FieldRule, fail: Callable[..., str]) -> list[str]:
    checks = []
    if rule.max_len:
        checks.append(f"    {{}} len(v) > {rule.max_len}: {fail('FIELD_TOO_LONG', rule.max_len)}")
    if rule.format:
        reason = "DIVISION_MALFORMED" if rule.format == FORMAT_DIVISION else "DATE_INVALID"
        checks.append(f"    {{}} {_FORMATS[rule.format]}(v): {fail(reason, '')}")
    if rule.hub_only:
        checks.append(f"    {{}} not from_hub: {fail('FIELD_FOR_HUBS')}")
    if not checks and not rule.required:
        return []
    lines = [f"    v = m.{name}"]
    if rule.required:
        lines.append(f"    if not v or v.isspace(): {fail('FIELD_MISSING')}")
        lines += [check.format("elif") for check in checks]
    else:
        lines.append("    if not v: pass")
        lines += [check.format("elif") for check in checks]
    return lines


def _suspicion(field: FieldDescriptor) -> str:
    """An expression that is true whenever a rule on a plain field may be broken."""
    rule, at = rule_of(field), f"m.{field.name}"
    parts = []
    if rule.required and field.type == FieldDescriptor.TYPE_STRING:
        parts.append(f"not {at} or {at}.isspace()")
    if rule.max_len:
        parts.append(f"len({at}) > {rule.max_len}")
    if rule.format:
        parts.append(f"{at} and {_FORMATS[rule.format]}({at})")
    if rule.hub_only:
        parts.append(f"{at} and not from_hub")
    if rule.non_negative:
        parts.append(f"{at} < 0")
    if rule.digits:
        parts.append(f"not {-(10**rule.digits)} < {at} < {10**rule.digits}")
    return " or ".join(parts)


def _check_number(field: FieldDescriptor, rule: FieldRule, fail: Callable[..., str]) -> list[str]:
    if not rule.digits and not rule.non_negative:
        return []
    lines = [f"    v = m.{field.name}"]
    if rule.non_negative:
        lines.append(f"    if v < 0: {fail('NUMBER_NEGATIVE')}")
    if rule.digits:
        lines.append(
            f"    if not {-(10**rule.digits)} < v < {10**rule.digits}: {fail('NUMBER_TOO_LARGE', rule.digits)}"
        )
    return lines


Rewrite = Callable[[Message, str, "Translate"], None]
Translate = Callable[[int, str, str, int], str]
"""``translate(kind, code, on, amount_fen)`` gives the code to write in its place.

``on`` is the date of service, ``amount_fen`` the money that the code stands for, 0 where no field beside it says so.
"""


@cache
def rewrite_of(message: Descriptor) -> Rewrite | None:
    """Compile the walk that rewrites the translatable codes of a message type; None where it has none.

    The date of service stands beside the code, or further out, or is the one the caller gives.
    """
    lines, names = _rewrite_lines(message, "m", "on", "    ", {})
    if not lines:
        return None
    walk: Rewrite = _compiled(
        ["def rewrite(m, on, translate):", *lines], names, f"codes {message.full_name}", "rewrite"
    )
    return walk


def _rewrite_lines(
    message: Descriptor, holder: str, on: str, indent: str, names: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """The statements for one message, those of its parts inlined: a settlement may have thousands of lines."""
    dated = next((f.name for f in message.fields if rule_of(f).service_date), None)
    day = f"{holder}.{dated}[:10] or {on}" if dated else on
    weighed = next((f.name for f in message.fields if rule_of(f).code_amount), None)
    amount_fen = f"{holder}.{weighed}" if weighed else "0"
    lines: list[str] = []
    for field in message.fields:
        at = f"{holder}.{field.name}"
        if kind := rule_of(field).code:
            lines += [
                f"{indent}if code := {at}:",
                f"{indent}    {at} = translate({int(kind)}, code, {day}, {amount_fen})",
            ]
        elif field.message_type is not None and field.message_type.file.package == message.file.package:
            inner = holder + "_" + field.name
            inside, _ = _rewrite_lines(field.message_type, inner, day, indent + "    ", names)
            if inside and field.is_repeated:
                lines += [f"{indent}for {inner} in {at}:", *inside]
            elif inside:
                lines += [f"{indent}if {holder}.HasField({field.name!r}):", f"{indent}    {inner} = {at}", *inside]
    return lines, names


def rewrite_codes(message: Message, on: str, translate: Translate) -> None:
    """Write the translation of each translatable code of a message in its place."""
    rewrite = rewrite_of(message.DESCRIPTOR)
    if rewrite is not None:
        rewrite(message, on, translate)


def _compiled(lines: list[str], names: dict[str, Any], title: str, function: str) -> Any:
    exec(compile("\n".join(lines), f"<{title}>", "exec"), names)  # noqa: S102  # our own text, from our own contract
    return names[function]


METHODS: dict[str, Method] = {method.path: method for method in methods_of(*FILES)}
"""Every method of the contract, by path."""

BY_NAME: dict[str, Method] = {method.name: method for method in METHODS.values()}
"""Every method of the contract, by name."""
