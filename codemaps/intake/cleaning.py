"""Cleaning of single cells: what hides in a spreadsheet's text and is never meant.

Names keep their full-width brackets and letters, which are ordinary Chinese writing; only codes, dates and flags are
made half-width. A space inside a code is never removed: it may stand between two codes.
"""

import re
import unicodedata
from functools import lru_cache

_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_INVISIBLE = "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
_CONTROL = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffd"
"""What damaged texts hold: controls, halves of pairs, and the sign that a conversion puts for what it lost."""

HIDDEN = (_SPACES + _INVISIBLE + _CONTROL).replace(" ", "", 1)
"""For a character class: everything that a clean cell does not hold; the plain space is allowed inside."""
SUSPECT = re.compile(f"[{HIDDEN}]|^ | $")
CONTROL = re.compile(f"[{_CONTROL}]")
_RUN = re.compile(f"[{_SPACES}]+")
_GONE = re.compile(f"[{_INVISIBLE}]")

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63"
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord(dash): ord("-") for dash in _DASHES}
_WIDE = re.compile(f"[\uff01-\uff5e{_DASHES}]")


def tidy(text: str) -> str:
    """Without invisible characters and outer spaces; odd spaces and line breaks inside become one plain space."""
    if SUSPECT.search(text) is None:
        return text
    return _RUN.sub(_one_space, _GONE.sub("", text)).strip(" ")


def _one_space(run: "re.Match[str]") -> str:
    """Plain spaces are left as they are: a name may have two."""
    spaces = run[0]
    return " " if spaces.strip(" ") else spaces


def narrow(text: str) -> str:
    """With half-width letters, digits and signs; typographic dashes become the plain one."""
    return text if text.isascii() or _WIDE.search(text) is None else text.translate(_NARROW)


_PUNCTUATION = ("P", "Z", "S", "C")


@lru_cache(maxsize=200_000)
def folded(name: str) -> str:
    """A name as it is compared: width, case, spaces, brackets and punctuation do not make another one."""
    text = unicodedata.normalize("NFKC", name).casefold()
    kept = "".join(c for c in text if unicodedata.category(c)[0] not in _PUNCTUATION)
    return kept or text


def names_agree(one: str, other: str) -> bool:
    """Whether two names are the same but for the way they are written."""
    return one == other or folded(one) == folded(other)
