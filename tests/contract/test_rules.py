"""The rules in the contract make sense together, so the gateway can trust them when it starts."""

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from tests.contract.descriptors import MESSAGES, METHODS, NATIONAL, requests, rule
from yidi.v1 import options_pb2
from yidi.v1.header_pb2 import RequestHeader, ResponseHeader

STRING, INT64 = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_INT64
NUMBERS = (INT64, FieldDescriptor.TYPE_INT32)

# The national interface gives these no length; max_request_bytes of the method is their only bound.
NO_LENGTH_GIVEN = {
    "yidi.v1.Admission.cert_type",
    "yidi.v1.Admission.mdtrt_grp_type",
    "yidi.v1.DrugTrace.drug_trac_codg",
    "yidi.v1.DrugTrace.min_prcunt_type",
    "yidi.v1.DrugTrace.trdn_flag",
    "yidi.v1.PersonQuery.orgin_card_info",
}

# Written by hubs only, whose certificates answer for them; an institution that sends one is refused.
WRITTEN_BY_HUBS = {"Translation"}

# Names that hold personal data wherever they stand. Doctors and operators are persons too.
PERSONAL = {
    "atddr_name", "bilg_dr_name", "brdy", "card_sn", "certno", "chfpdr_name", "coner_name", "dise_dor_name", "dr_name",
    "emp_name", "exp_content", "fpsc_no", "ipt_no", "ipt_otp_no", "mdtrt_cert_no", "medrcdno", "opter_name",
    "orders_dr_name", "orgin_card_info", "psn_name", "psn_no", "tel",
}  # fmt: skip

all_methods = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
all_messages = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
all_arriving = pytest.mark.parametrize(
    "message", [each for each in requests() if each.name not in WRITTEN_BY_HUBS], ids=lambda message: message.name
)


@all_methods
def test_method_says_what_it_is(method: MethodDescriptor) -> None:
    """Every method has an effect, a destination and a delivery, and a request no larger than 16 MiB."""
    said = method.GetOptions().Extensions[options_pb2.method]
    assert said.effect
    assert said.destination
    assert said.delivery
    assert said.max_request_bytes <= 16 << 20


@all_methods
def test_method_can_be_called_by_old_platforms(method: MethodDescriptor) -> None:
    """No method needs a client that can stream."""
    assert not method.client_streaming


@all_methods
def test_headers_stand_first(method: MethodDescriptor) -> None:
    """Field 1 is the header: required in every request, present in every response."""
    asked, answered = method.input_type.fields_by_number[1], method.output_type.fields_by_number[1]
    assert (asked.name, asked.message_type) == ("header", RequestHeader.DESCRIPTOR)
    assert rule(asked).required
    assert (answered.name, answered.message_type) == ("header", ResponseHeader.DESCRIPTOR)


def test_national_transaction_has_one_method() -> None:
    """A national transaction number leads to one method, so that JSON can be routed by it."""
    numbers = [method.GetOptions().Extensions[options_pb2.method].infno for method in METHODS]
    known = [number for number in numbers if number]
    assert len(known) == len(set(known))


@pytest.mark.parametrize("message", NATIONAL, ids=lambda message: message.name)
def test_national_message_says_which_node_it_is(message: Descriptor) -> None:
    """A national message names its transactions, its node and its direction."""
    said = message.GetOptions().Extensions[options_pb2.message]
    assert said.infno
    assert said.node
    assert said.direction


@all_messages
def test_rules_fit_the_type(message: Descriptor) -> None:
    """Rules for strings stand on strings, rules for numbers on numbers, rules for lists on lists."""
    for field in message.fields:
        said = rule(field)
        if said.max_len or said.format or said.dictionary or said.code or said.mask:
            assert field.type == STRING, field.full_name
        if said.digits:
            assert field.type == INT64, field.full_name
            assert said.digits <= 18, f"{field.full_name} does not fit 64 bits"
        if said.non_negative:
            assert field.type in NUMBERS, field.full_name
        if said.min_items or said.max_items:
            assert field.is_repeated, field.full_name
            assert said.min_items <= said.max_items, field.full_name


@all_messages
def test_scaled_number_has_a_bound(message: Descriptor) -> None:
    """A number whose name carries a scale is a 64-bit integer with a limit of digits."""
    for field in message.fields:
        if field.name.endswith(("_fen", "_e1", "_e2", "_e4", "_e6")):
            assert field.type == INT64, field.full_name
            assert rule(field).digits, field.full_name


@all_messages
def test_hub_only_field_is_our_own(message: Descriptor) -> None:
    """What only hubs fill in is no field of the national interface, and is never required."""
    for field in message.fields:
        if rule(field).hub_only:
            assert rule(field).own, field.full_name
            assert not rule(field).required, field.full_name


@all_messages
def test_personal_data_is_masked(message: Descriptor) -> None:
    """Personal data has a mask wherever it occurs."""
    for field in message.fields:
        if field.name in PERSONAL:
            assert rule(field).mask, field.full_name


def test_one_name_has_one_mask_and_one_code() -> None:
    """The same name means the same everywhere: shown alike, and translated alike."""
    told: dict[str, tuple[int, int]] = {}
    for message in NATIONAL:
        for field in message.fields:
            said = (rule(field).mask, rule(field).code)
            assert told.setdefault(field.name, said) == said, field.full_name


@all_arriving
def test_everything_that_arrives_has_a_limit(message: Descriptor) -> None:
    """No string and no list in a request is without a bound of its own."""
    for field in message.fields:
        said = rule(field)
        if field.is_repeated:
            assert said.max_items, field.full_name
        elif field.type == STRING and field.full_name not in NO_LENGTH_GIVEN:
            assert said.max_len or said.format, field.full_name


def test_list_of_unbounded_strings_is_current() -> None:
    """A string that has a bound by now is no longer listed as having none."""
    fields = {field.full_name: rule(field) for message in requests() for field in message.fields}
    assert NO_LENGTH_GIVEN <= set(fields)
    assert not [name for name in NO_LENGTH_GIVEN if fields[name].max_len or fields[name].format]
