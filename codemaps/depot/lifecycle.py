"""The life of an edition: draft, reviewed by somebody else, published for a date, withdrawn. Nothing is deleted.

And the emergency override: one code goes elsewhere for some hours, when two people agree.
"""

from datetime import date
from typing import Any

import sqlalchemy as sa

from codemaps import kinds
from codemaps.depot import records, serving
from codemaps.depot.depot import Depot
from codemaps.depot.record import STATES_ZH, Record
from codemaps.editions import Manifest
from codemaps.kinds import KINDS
from codemaps.port import NATIONAL
from codemaps.refusals import Refused
from codemaps.timeline import overlap

MOST_HOURS = 72
"""An override bridges the days until an edition can be published; it is no way to run a map."""
_HOUR_MS = 3_600_000


def review(depot: Depot, map_: str, edition: str, who: str, note: str = "", *, back: bool = False) -> Record:
    """A second person vouches for a draft, or with ``back`` takes a review back."""
    with depot.records.write() as connection:
        record = depot.find(map_, edition)
        _expect(record, "reviewed" if back else "draft", "复核", "reviewed")
        if not back and who == record.manifest.author:
            raise Refused("SAME_PERSON", who=who)
        depot.change(connection, record, state="draft" if back else "reviewed", reviewer="" if back else who)
        depot.note(connection, who, "return" if back else "review", map_, edition, note=note)
    return depot.find(map_, edition)


def publish(
    depot: Depot, map_: str, edition: str, who: str, begin: date, end: date | None = None, *, backdated: bool = False
) -> Record:
    """Put a reviewed edition in force for the days of service from ``begin`` on.

    The caller has checked its content (``codemaps.check``). Files and dates are checked here: two people who publish
    at once come one after the other, and the second one sees what the first one did.
    """
    if end is not None and end < begin:
        raise Refused("DATES_REVERSED", begin=begin, end=end)
    if begin < depot.today() and not backdated:
        raise Refused("BACKDATED", date=begin)
    record = depot.find(map_, edition)
    if damage := depot.damage(record):
        raise Refused("EDITION_BROKEN", map=map_, edition=edition, detail=damage)
    with depot.records.write() as connection:
        record = depot.find(map_, edition)
        _expect(record, "reviewed", "发布", "published")
        dates = {"effective_from": begin.isoformat(), "effective_to": end.isoformat() if end else ""}
        refuse_overlap(depot, map_, edition, begin, end)
        depot.change(connection, record, state="published", published_ms=depot.now_ms(), **dates)
        depot.note(connection, who, "publish", map_, edition, digest=record.digest, reviewer=record.reviewer, **dates)
    return depot.find(map_, edition)


def rollback(depot: Depot, map_: str, who: str, reason: str) -> tuple[Record, Record | None]:
    """Withdraw the edition published last; the withdrawn one, and the one that is published last now."""
    with depot.records.write() as connection:
        standing = sorted(
            (record for record in serving.standing(depot) if record.manifest.map == map_),
            key=lambda record: record.published_ms,
        )
        if not standing:
            raise Refused("NOTHING_TO_ROLL_BACK", map=map_)
        last = standing[-1]
        depot.change(connection, last, state="withdrawn", withdrawn_ms=depot.now_ms())
        depot.note(connection, who, "rollback", *last.key, reason=reason)
    return depot.find(*last.key), standing[-2] if len(standing) > 1 else None


def _expect(record: Record, state: str, action_zh: str, action: str) -> None:
    if record.state != state:
        facts = {"map": record.key[0], "edition": record.key[1], "state": record.state, "action": action}
        raise Refused("WRONG_STATE", state_zh=STATES_ZH[record.state], action_zh=action_zh, **facts)


def refuse_overlap(depot: Depot, map_: str, edition: str, begin: date, end: date | None) -> None:
    """Refuse dates that overlap those of a published edition of the same map."""
    for other in serving.standing(depot):
        assert other.effective_from is not None
        same_map = other.manifest.map == map_ and other.manifest.edition != edition
        if same_map and overlap(begin, end, other.effective_from, other.effective_to):
            raise Refused("DATES_OVERLAP", map=map_, edition=edition, other=other.manifest.edition)


# --- overrides ------------------------------------------------------------------------------------------------------


def ask_override(depot: Depot, manifest: Manifest, code: str, to_code: str, who: str, reason: str, hours: int) -> int:
    """Ask for a code to go elsewhere, or nowhere when ``to_code`` is empty; its number. A second person approves."""
    if not 0 < hours <= MOST_HOURS:
        raise Refused("OVERRIDE_TOO_LONG", most=MOST_HOURS)
    if not kinds.is_local(code):
        raise Refused("OVERRIDE_CODE", code=code[:60], system=manifest.from_system)
    national = manifest.to_system == NATIONAL
    if to_code and not (kinds.is_national(KINDS[manifest.kind], to_code) if national else kinds.is_local(to_code)):
        raise Refused("OVERRIDE_CODE", code=to_code[:60], system=manifest.to_system)
    values = {"map": manifest.map, "code": code, "to_code": to_code, "reason": reason, "asked_by": who, "hours": hours}
    with depot.records.write() as connection:
        done = connection.execute(sa.insert(records.override).values(asked_ms=depot.now_ms(), **values))
        number: int = done.lastrowid
        depot.note(connection, who, "override.ask", manifest.map, f"override.{number}", **values)
    return number


def approve_override(depot: Depot, number: int, who: str) -> int:
    """A second person agrees: it holds from now for its hours; when it expires, in milliseconds."""
    with depot.records.write() as connection:
        row = _override(connection, depot, number, "asked")
        if who == row.asked_by:
            raise Refused("SAME_PERSON", who=who)
        expires: int = depot.now_ms() + row.hours * _HOUR_MS
        _change(connection, number, approved_by=who, expires_ms=expires)
        depot.note(connection, who, "override.approve", row.map, f"override.{number}", expires_ms=expires)
    return expires


def end_override(depot: Depot, number: int, who: str) -> None:
    """End an override, or a request for one, before it expires; one person is enough to return to the map."""
    with depot.records.write() as connection:
        row = _override(connection, depot, number, "open")
        _change(connection, number, ended_ms=depot.now_ms())
        depot.note(connection, who, "override.end", row.map, f"override.{number}")


def overrides(depot: Depot) -> list[dict[str, Any]]:
    """All overrides there ever were, each with where it stands now."""
    with depot.records.read() as connection:
        rows = connection.execute(sa.select(records.override).order_by(records.override.c.id)).all()
    return [{**row._asdict(), "state": _state(row, depot.now_ms())} for row in rows]


_OVERRIDE_ZH = {"asked": "等待复核", "in force": "生效", "ended": "结束", "expired": "到期失效"}


def _state(row: Any, now_ms: int) -> str:
    if row.ended_ms:
        return "ended"
    if not row.approved_by:
        return "asked"
    return "in force" if row.expires_ms > now_ms else "expired"


def _override(connection: sa.Connection, depot: Depot, number: int, wanted: str) -> Any:
    table = records.override
    row = connection.execute(sa.select(table).where(table.c.id == number)).one_or_none()
    if row is None:
        raise Refused("OVERRIDE_UNKNOWN", id=number)
    state = _state(row, depot.now_ms())
    if state not in ({"asked"} if wanted == "asked" else {"asked", "in force"}):
        raise Refused("OVERRIDE_ENDED", id=number, state=state, state_zh=_OVERRIDE_ZH[state])
    return row


def _change(connection: sa.Connection, number: int, **values: Any) -> None:
    table = records.override
    connection.execute(sa.update(table).where(table.c.id == number).values(**values))
