"""One direction of one edition, and the choice among several rows of a code."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from codemaps import conditions, kinds
from codemaps.editions import Manifest
from codemaps.image import HOME, SEVERAL, Image, Option, options_of, place_of
from codemaps.port import NOTHING_GIVEN, Ambiguous, Given
from codemaps.row import Row, Source

MAX_CODE = 100
"""Longest code that is looked up, in characters; the contract allows 50, and a key of an image some hundred bytes."""


class Published(NamedTuple):
    """An edition that may be asked: what it says of itself, for which days, and its image."""

    manifest: Manifest
    effective_from: date
    effective_to: date | None
    """Last day of service; None: until the next edition of its map begins."""
    published_ms: int
    image: Image
    rows_file: Path | None
    digest: str


class Table:
    """One direction of one edition."""

    __slots__ = ("get", "manifest", "prefix", "shared", "source")

    def __init__(self, edition: Published, *, home: bool) -> None:
        manifest = edition.manifest
        ends = manifest.from_system, manifest.to_system
        self.manifest = manifest
        self.get = edition.image.get
        self.prefix = HOME if home else b""
        self.shared = edition.image.meta.shared_home if home else edition.image.meta.shared_out
        wire = kinds.KINDS[manifest.kind].wire
        self.source = Source(
            wire, *(ends[::-1] if home else ends), manifest.map, manifest.edition, home, edition.rows_file, {}
        )

    def options(self, code: str, on: date, given: Given) -> list[Option]:
        """The rows that come into question for a code on a day, as far as what is given tells."""
        value = value_of(self.get, self.prefix, code)
        return [] if value is None else [option for option, _ in _possible(value, on, given)]

    def row(self, code: str, on: date, given: Given) -> Row | None:
        """The row of a code; None where the code has no counterpart. Raises Ambiguous."""
        value = value_of(self.get, self.prefix, code)
        if value is None or value[0] != SEVERAL:
            return None if value is None else Row(self.source, code, value)
        possible = _possible(value, on, given)
        options = [option for option, _ in possible]
        chosen = _decide(possible, given, home=self.source.home)
        if chosen is not None:
            return Row(self.source, code, chosen.to_code.encode() + chosen.tail)
        if not options:
            return None
        source, targets = self.source, tuple(sorted({option.to_code for option in options}))
        raise Ambiguous(source.kind, code, source.from_system, source.to_system, targets, source.map, source.edition)


def value_of(get: Callable[[bytes], bytes | None], prefix: bytes, code: str) -> bytes | None:
    """The value of a code as it came, which may be anything at all."""
    if not 0 < len(code) <= MAX_CODE:
        return None
    try:
        return get(prefix + code.encode())
    except UnicodeEncodeError:  # no text
        return None


_Possible = list[tuple[Option, bool]]
"""Options, and whether it is certain that each applies."""


def _possible(value: bytes, on: date, given: Given) -> _Possible:
    """The rows of a value that come into question on a day, as far as what is given tells.

    A row without conditions is what holds where no special one does. What cannot be told is never ruled out.
    """
    day = on.isoformat()
    judged = [(o, True if o.conditions is None else conditions.matches(o.conditions, day, given))
              for o in options_of(value)]  # fmt: skip
    certain = [option for option, applies in judged if applies]
    special = [option for option in certain if option.conditions is not None]
    found = [(option, True) for option in special or certain]
    found += [(option, False) for option, applies in judged if applies is None]
    return [(option, certainly) for option, certainly in found if option.to_code]


def _decide(possible: _Possible, given: Given, *, home: bool) -> Option | None:
    """Which of several it is: the only target, else the person's entitlement, else on the way home the preferred row.

    Never chance: a row is preferred to another only where it holds whenever the other one does.
    """
    entitled = [each for each in possible if each[0].to_code in given.entitled]
    pool = entitled or possible
    preferred = [each for each in pool if home and place_of(each[0].tail).preferred]
    if len({option.to_code for option, _ in pool}) == 1:
        # The only target is still a guess where it may not apply at all; an entitlement says that it does.
        return pool[0][0] if entitled or any(certainly for _, certainly in pool) else None
    if len({option.to_code for option, _ in preferred}) != 1:
        return None
    chosen = preferred[0][0]
    safe = any(certainly and option.conditions is not None for option, certainly in preferred)
    held = {option.conditions for option, _ in preferred}
    return chosen if safe or all(o.conditions in held or o.to_code == chosen.to_code for o, _ in pool) else None


def row_of_day(value: bytes, on: date) -> Option:
    """The row of a list that holds on a day; where none does, the first one still tells the name."""
    options, day = options_of(value), on.isoformat()
    holding = [
        o for o in options if not o.conditions or conditions.matches(o.conditions, day, NOTHING_GIVEN) is not False
    ]
    return next((option for option in holding if option.conditions), (holding or options)[0])
