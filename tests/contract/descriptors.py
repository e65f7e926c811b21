"""The contract as its descriptors tell it."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor

from yidi.v1 import (
    codemap_pb2,
    eligibility_pb2,
    encounter_pb2,
    fee_pb2,
    header_pb2,
    options_pb2,
    settlement_pb2,
    settlement_types_pb2,
)

FILES: tuple[FileDescriptor, ...] = (
    options_pb2.DESCRIPTOR,
    header_pb2.DESCRIPTOR,
    eligibility_pb2.DESCRIPTOR,
    encounter_pb2.DESCRIPTOR,
    fee_pb2.DESCRIPTOR,
    settlement_types_pb2.DESCRIPTOR,
    settlement_pb2.DESCRIPTOR,
    codemap_pb2.DESCRIPTOR,
)
MESSAGES: tuple[Descriptor, ...] = tuple(
    message for file in FILES[1:] for message in file.message_types_by_name.values()
)
METHODS: tuple[MethodDescriptor, ...] = tuple(
    method
    for file in FILES
    for service in file.services_by_name.values()
    for method in service.methods
    if method.GetOptions().Extensions[options_pb2.method].destination != options_pb2.DESTINATION_HUB
)
"""The exchanges; what a hub answers from its own tables is no exchange."""


def rule(field: FieldDescriptor) -> options_pb2.FieldRule:
    """What the contract says about a field."""
    return field.GetOptions().Extensions[options_pb2.field]


def is_national(message: Descriptor) -> bool:
    """Whether a message stands for a node of the national interface."""
    return message.GetOptions().HasExtension(options_pb2.message)


NATIONAL: tuple[Descriptor, ...] = tuple(message for message in MESSAGES if is_national(message))


def requests() -> list[Descriptor]:
    """Every message that can arrive from outside: the requests and all they hold."""
    found: dict[str, Descriptor] = {}
    waiting = [method.input_type for method in METHODS]
    while waiting:
        message = waiting.pop()
        if message.full_name not in found:
            found[message.full_name] = message
            waiting += [field.message_type for field in message.fields if field.message_type]
    return list(found.values())
