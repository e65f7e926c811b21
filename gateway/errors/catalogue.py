"""The error catalogue: data in ``entries/*.toml``, read once.

An entry is never reused: its reason and its code keep their meaning for ever. Files are split by who raises the
entry; the first digit of a code says the same (1 request and identity, 2 treat place, 3 codes, 4 insured place,
5 delivery and outcome, 9 the hub itself).
"""

import string
from importlib import resources
from typing import Any, Literal

import msgspec

from codemaps import divisions

Category = Literal[
    "identity_card", "system", "input_validation", "enrolment_suspended", "limits_eligibility", "inflight_admission",
    "reversal_state", "fee_mismatch", "already_settled_duplicate", "reconciliation_mismatch", "catalogue_unmapped",
    "timeout_network", "chronic_not_entitled", "filing", "signature_auth", "duplicate_enrolment",
]  # fmt: skip
"""The names used in handbook/errors-real.csv."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One error: what it means, who must act, and what each reader is told."""

    reason: str
    code: str
    category: Category
    klass: Literal["business", "technical"] = msgspec.field(name="class")
    side: Literal["hospital", "treat_place", "insured_place", "hub", "network", "person"]
    who: str
    """Who must act, in the words of handbook/errors-real.csv."""
    retry: Literal["never", "same_id", "enquire"]
    """never: sending again will not help; same_id: send again with the same request id after ``retry_after_s``;
    enquire: the outcome is unknown, ask with GetOutcome first."""
    grpc: str
    zh: str
    """For the window clerk, plain and short."""
    en: str
    """For the HIS engineer."""
    next_zh: str
    next_en: str
    since: str
    """Date the entry was added, yyyy-MM-dd."""
    infcode: int = -2
    """National transaction state: -2 business error, -1 the outcome is not certain (handbook section 3)."""
    retry_after_s: int = 0
    params: tuple[str, ...] = ()

    def render(self, text: str, params: dict[str, str]) -> str:
        """Fill a text of this entry with its parameters."""
        return _TEXTS.vformat(text, (), params)


class _Texts(string.Formatter):
    """Fills texts; ``{division:place}`` shows the name of a division with its code."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """One parameter."""
        if format_spec == "place":
            return f"{divisions.full_name(value)}（{value}）"
        return str(super().format_field(value, format_spec))


_TEXTS = _Texts()


def load() -> dict[str, Entry]:
    """Read all entries, by reason; refuse duplicates and texts whose placeholders are not declared."""
    entries: dict[str, Entry] = {}
    codes: dict[str, str] = {}
    for file in sorted(resources.files("gateway.errors").joinpath("entries").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".toml"):
            continue
        for reason, raw in msgspec.toml.decode(file.read_bytes()).items():
            entry = msgspec.convert({**raw, "reason": reason}, Entry)
            if reason in entries or entry.code in codes:
                raise ValueError(f"{file.name}: {reason} {entry.code} is in the catalogue already")
            used = {
                name
                for text in (entry.zh, entry.en, entry.next_zh, entry.next_en)
                for _, name, _, _ in string.Formatter().parse(text)
                if name
            }
            if not used <= set(entry.params):
                raise ValueError(f"{file.name}: {reason} uses {sorted(used - set(entry.params))} without declaring it")
            entries[reason] = entry
            codes[entry.code] = reason
    return entries


CATALOGUE = load()
