"""The one exception type that carries a catalogued error through the gateway."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors.catalogue import CATALOGUE, Entry
from yidi.v1.header_pb2 import Fault


class FieldFault(NamedTuple):
    """One field of a request that broke a rule."""

    field: str
    description: str


class Decline(Exception):
    """A catalogued refusal.

    ``params`` fill the texts; they must not be personal data (a settlement id or a field name is fine, a person
    number is not). ``detail`` is raw material for those with the right to read it and never travels to a caller.
    """

    def __init__(self, reason: str, /, detail: str = "", **params: object) -> None:
        self.entry: Entry = CATALOGUE[reason]
        self.params = {name: str(params[name]) for name in self.entry.params}
        self.detail = detail
        self.fields: Sequence[FieldFault] = ()
        """All the fields at fault, where there are several."""
        super().__init__(f"{self.entry.code} {reason}: {self.text_en}")

    @property
    def reason(self) -> str:
        """The stable name of the error."""
        return self.entry.reason

    @property
    def text_zh(self) -> str:
        """For the window clerk."""
        return self.entry.render(self.entry.zh, self.params)

    @property
    def text_en(self) -> str:
        """For the HIS engineer."""
        return self.entry.render(self.entry.en, self.params)

    @property
    def next_zh(self) -> str:
        """What to do next, for the window clerk."""
        return self.entry.render(self.entry.next_zh, self.params)

    @property
    def next_en(self) -> str:
        """What to do next, for the HIS engineer."""
        return self.entry.render(self.entry.next_en, self.params)

    def fault(self) -> Fault:
        """The same as a message, for the body of a response."""
        return Fault(
            code=self.entry.code,
            reason=self.reason,
            text_zh=self.text_zh,
            text_en=self.text_en,
            next_step=self.next_zh,
            category=self.entry.category,
        )
