"""What a request says of the case its codes are used in; read once for each exchange.

Rows of a code map may hold for some insurance types, medical categories or insured places only, and the time at which
the encounter was registered says which publications it sees.
"""

from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor

from codemaps.port import Given
from gateway import clock
from yidi.v1.header_pb2 import RequestHeader

_PARTS = ("data", "mdtrtinfo")
"""The node of a request that says who and what for; an admission calls it otherwise."""


class Case(NamedTuple):
    """Who is treated, and what for."""

    given: Given
    psn_no: str
    medfee_fen: int
    """All that is charged; 0 where the request has no total."""


def case_of(request: Any, header: RequestHeader) -> Case:
    """The case of a request; what its message has no field for is empty."""
    registered, place = header.codes_as_of, header.insuplc_admdvs
    as_of_ms = clock.china_ms(registered) if registered else None
    part, names = _fields(request.DESCRIPTOR)
    if not part:
        return Case(Given(as_of_ms, "", place), "", 0)
    data = getattr(request, part)
    return Case(
        Given(
            as_of_ms,
            data.insutype if "insutype" in names else "",
            place,
            data.med_type if "med_type" in names else "",
        ),
        data.psn_no if "psn_no" in names else "",
        data.medfee_sumamt_fen if "medfee_sumamt_fen" in names else 0,
    )


def home_day(header: RequestHeader) -> str:
    """The day for codes without a date of service beside them, such as those of most answers.

    The same for all that is said about one encounter, however late it is said.
    """
    return (header.codes_as_of or header.inf_time)[:10]


@cache
def _fields(message: Descriptor) -> tuple[str, frozenset[str]]:
    """The node of a message type and the names of its fields."""
    for part in _PARTS:
        field = message.fields_by_name.get(part)
        if field is not None and field.message_type is not None and not field.is_repeated:
            return part, frozenset(field.message_type.fields_by_name)
    return "", frozenset()
