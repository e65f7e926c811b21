"""The editions of one map, one after the other: which of them is in force on a day of service."""

from datetime import date, datetime, timedelta, timezone

from codemaps.csvfile import TableError
from codemaps.direction import Published, Table

CHINA = timezone(timedelta(hours=8))


class Timeline:
    """The editions of one map, by the day they begin."""

    def __init__(self, editions: list[Published]) -> None:
        self.editions = sorted(editions, key=lambda edition: edition.effective_from)
        for earlier, later in zip(self.editions, self.editions[1:], strict=False):
            refuse_overlap(earlier, later)
        self.last_published_ms = max(edition.published_ms for edition in self.editions)
        self._days = {id(e): datetime.fromtimestamp(e.published_ms / 1000, CHINA).date() for e in self.editions}
        self.tables = {id(e): (Table(e, home=False), Table(e, home=True)) for e in self.editions}

    def at(self, on: date, as_of_ms: int | None) -> Published | None:
        """The edition in force on a day of service, as an encounter registered at an instant sees it.

        A publication does not reach back into an encounter that was registered before it, but holds for the days
        of service after its own.
        """
        found = None
        for edition in self.editions:
            visible = as_of_ms is None or edition.published_ms <= as_of_ms or self._days[id(edition)] < on
            if edition.effective_from <= on and visible:
                found = edition
        ended = found is not None and found.effective_to is not None and found.effective_to < on
        return None if ended else found


def refuse_overlap(earlier: Published, later: Published) -> None:
    """Raise TableError where two editions of a map cannot stand one after the other."""
    one, two = earlier.manifest, later.manifest
    for column in ("kind", "from_system", "to_system"):
        if getattr(one, column) != getattr(two, column):
            raise TableError(two.edition, 0, column, f"differs from edition {one.edition} of the same map")
    if overlap(earlier.effective_from, earlier.effective_to, later.effective_from, later.effective_to):
        problem = f"editions {one.edition} and {two.edition} of {one.map} overlap"
        raise TableError(two.edition, 0, "effective_from", problem)


def overlap(begin: date, end: date | None, other_begin: date, other_end: date | None) -> bool:
    """Whether two editions of a map cannot stand one after the other.

    An edition without a last day ends where the next one begins; one that names its last day must end before.
    """
    if begin == other_begin:
        return True
    last = end if begin < other_begin else other_end
    return last is not None and last >= max(begin, other_begin)
