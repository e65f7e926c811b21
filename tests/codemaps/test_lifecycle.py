"""The life of an edition: two people, dates that never overlap, and nothing deleted."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemaps.depot import Depot, lifecycle, serving
from codemaps.refusals import Refused
from tests.codemaps.builders import (
    AUTHOR,
    BEGIN,
    DAY,
    MAP,
    PUBLISHER,
    REVIEWER,
    Clock,
    draft,
    outward,
    publish,
    refusal,
    reviewed,
    row,
)  # fmt: skip

ROW = row("A1", "M03900")
KEY = MAP, "2026.1"


def test_an_edition_goes_from_draft_to_published(depot: Depot, clock: Clock):
    """Each step changes where an edition stands, and nothing of what it says."""
    first = draft(depot, ROW)
    reviewed_ = lifecycle.review(depot, *KEY, REVIEWER, "ok")
    assert (reviewed_.state, reviewed_.reviewer) == ("reviewed", REVIEWER)
    clock.forward(hours=1)
    record = lifecycle.publish(depot, *KEY, PUBLISHER, DAY, DAY + timedelta(days=9))
    assert (record.state, record.effective_from, record.effective_to) == ("published", DAY, DAY + timedelta(days=9))
    assert record.published_ms == clock.ms
    assert (record.manifest, record.digest, record.rows_sha256) == (first.manifest, first.digest, first.rows_sha256)
    entry = depot.history()[-1]
    assert (entry.actor, entry.action, entry.detail["reviewer"]) == (PUBLISHER, "publish", REVIEWER)
    assert entry.detail["effective_from"] == DAY.isoformat()


def test_nobody_reviews_their_own_work(depot: Depot):
    """The author of an edition cannot vouch for it; another person can."""
    draft(depot, ROW)
    assert refusal(lambda: lifecycle.review(depot, *KEY, AUTHOR)).reason == "SAME_PERSON"
    assert lifecycle.review(depot, *KEY, REVIEWER).state == "reviewed"


def test_a_review_can_be_taken_back(depot: Depot):
    """A returned edition is a draft without a reviewer, and is not published."""
    reviewed(depot, ROW)
    record = lifecycle.review(depot, *KEY, AUTHOR, "mistake", back=True)
    assert (record.state, record.reviewer) == ("draft", "")
    assert refusal(lambda: lifecycle.publish(depot, *KEY, PUBLISHER, DAY)).reason == "WRONG_STATE"


def test_steps_out_of_order_are_refused(depot: Depot):
    """A step that the state does not allow is refused with the state's name, and changes nothing."""
    draft(depot, ROW)
    steps = {
        "review": lambda: lifecycle.review(depot, *KEY, REVIEWER),
        "return": lambda: lifecycle.review(depot, *KEY, REVIEWER, back=True),
        "publish": lambda: lifecycle.publish(depot, *KEY, PUBLISHER, DAY),
        "rollback": lambda: lifecycle.rollback(depot, MAP, PUBLISHER, "r"),
    }
    for allowed, state, denied in (
        ("review", "draft", ("return", "publish", "rollback")),
        ("publish", "reviewed", ("review", "rollback")),
        ("rollback", "published", ("review", "return", "publish")),
        ("", "withdrawn", ("review", "return", "publish", "rollback")),
    ):
        for step in denied:
            refused = refusal(steps[step])
            assert refused.reason == ("NOTHING_TO_ROLL_BACK" if step == "rollback" else "WRONG_STATE")
            assert step == "rollback" or refused.facts["state"] == state
            assert depot.find(*KEY).state == state
        if allowed:
            steps[allowed]()


def test_dates_in_the_wrong_order_are_refused(depot: Depot):
    """The last day does not lie before the first; one day alone is fine."""
    reviewed(depot, ROW)
    with pytest.raises(Refused, match="DATES_REVERSED"):
        lifecycle.publish(depot, *KEY, PUBLISHER, DAY, DAY - timedelta(days=1))
    assert lifecycle.publish(depot, *KEY, PUBLISHER, DAY, DAY).state == "published"


def test_a_day_that_has_passed_in_china_must_be_meant(depot: Depot, clock: Clock):
    """Yesterday is refused unless it is said to be meant; which day it is, is the day in China."""
    reviewed(depot, ROW)
    clock.forward(hours=13.5)  # half an hour before midnight in China, afternoon in UTC
    assert depot.today() == DAY
    clock.forward(hours=1)
    assert depot.today() == DAY + timedelta(days=1)
    assert refusal(lambda: lifecycle.publish(depot, *KEY, PUBLISHER, DAY)).reason == "BACKDATED"
    assert lifecycle.publish(depot, *KEY, PUBLISHER, DAY, backdated=True).state == "published"


def test_an_overlap_is_refused_and_what_is_in_force_stays(depot: Depot):
    """Dates that overlap a published edition name it; dates after its last day are taken."""
    publish(depot, ROW, begin=BEGIN, end=DAY)
    key = reviewed(depot, row("A1", "M00101"), edition="2").key
    refused = refusal(lambda: lifecycle.publish(depot, *key, PUBLISHER, DAY))
    assert (refused.reason, refused.facts["other"]) == ("DATES_OVERLAP", "2026.1")
    assert outward(serving.maps(depot), "A1").to_code == "M03900"
    assert lifecycle.publish(depot, *key, PUBLISHER, DAY + timedelta(days=1)).state == "published"


def test_a_rollback_leads_back_to_the_edition_before(depot: Depot, clock: Clock):
    """The edition published last goes, whatever its dates, and the one before holds again for its days."""
    publish(depot, ROW, begin=BEGIN)
    clock.forward(hours=1)
    publish(depot, row("A1", "M00101"), edition="2", begin=DAY)
    clock.forward(hours=1)
    publish(depot, row("A1", "M00102"), edition="0", begin=BEGIN - timedelta(days=365), end=BEGIN - timedelta(days=1))
    for last, before in (("0", "2"), ("2", "2026.1")):
        withdrawn, now = lifecycle.rollback(depot, MAP, PUBLISHER, "r")
        assert now is not None
        assert (withdrawn.manifest.edition, withdrawn.state, now.manifest.edition) == (last, "withdrawn", before)
        assert withdrawn.withdrawn_ms == clock.ms
        assert outward(serving.maps(depot), "A1").edition == before
    assert lifecycle.rollback(depot, MAP, PUBLISHER, "r")[1] is None
    assert refusal(lambda: lifecycle.rollback(depot, MAP, PUBLISHER, "r")).reason == "NOTHING_TO_ROLL_BACK"
    assert len(depot.editions()) == 3


def test_a_rollback_touches_one_map_only(depot: Depot, clock: Clock):
    """Another map that was published later stays."""
    publish(depot, ROW)
    clock.forward(hours=1)
    publish(depot, row("A1", "C22.900"), map="d", kind="diagnosis")
    assert lifecycle.rollback(depot, MAP, PUBLISHER, "r")[0].key == KEY
    assert [record.key[0] for record in serving.standing(depot)] == ["d"]


SPANS = st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 6), st.booleans()), min_size=1, max_size=5)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=SPANS)
def test_whatever_is_published_never_overlaps(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int | None, bool]]
):
    """After any publications and roll-backs what stands can be served, and a refusal changes nothing."""
    clock = Clock()
    depot = Depot.create(tmp_path_factory.mktemp("depot"), clock)
    for number, (start, length, back) in enumerate(spans):
        clock.forward(hours=1)
        begin = DAY + timedelta(days=start)
        end = None if length is None else begin + timedelta(days=length)
        before = serving.standing(depot)
        record = reviewed(depot, row("A1", f"M0010{number}"), edition=f"e{number}")
        try:
            lifecycle.publish(depot, *record.key, PUBLISHER, begin, end)
        except Refused as refused:
            assert refused.reason == "DATES_OVERLAP"  # noqa: PT017  # either outcome is right, this one for this reason
            assert serving.standing(depot) == before
        if back and serving.standing(depot):
            lifecycle.rollback(depot, MAP, PUBLISHER, "r")
        standing = serving.maps(depot, with_shipped=False)  # refuses overlaps by itself
        assert len(standing.editions) == len(serving.standing(depot))
    depot.records.close()


_PUBLISHER = """
import sys
from datetime import date
from pathlib import Path
from codemaps.depot import Depot, lifecycle
from codemaps.refusals import Refused
depot = Depot.open(Path(sys.argv[1]))
sys.stdin.readline()
try:
    lifecycle.publish(depot, sys.argv[2], sys.argv[3], "p", date.fromisoformat(sys.argv[4]),
                      date.fromisoformat(sys.argv[5]) if sys.argv[5] else None, backdated=True)
    print("published")
except Refused as refused:
    print(refused.reason)
"""


def at_once(depot: Depot, *asked: tuple[str, date, date | None]) -> list[str]:
    """What several processes are told that publish at the same moment."""
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _PUBLISHER, str(depot.directory), MAP, name, str(begin), str(end or "")],
            env={**os.environ, "PYTHONPATH": f"{root}:{root / 'protos' / 'python'}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name, begin, end in asked
    ]  # fmt: skip
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0].strip() for process in running]


def test_of_two_publishers_of_the_same_days_one_wins(depot: Depot):
    """Two operators at once: one is in force, the other is told that its dates overlap."""
    for name, target in (("a", "M00101"), ("b", "M00102")):
        reviewed(depot, row("A1", target), edition=name)
    assert sorted(at_once(depot, ("a", DAY, None), ("b", DAY, None))) == ["DATES_OVERLAP", "published"]
    assert len(serving.maps(depot, with_shipped=False).editions) == 1


def test_two_publishers_of_different_days_both_stand(depot: Depot):
    """Two operators at once with days that do not overlap: both stand, one after the other, and so in history."""
    for name, target in (("a", "M00101"), ("b", "M00102")):
        reviewed(depot, row("A1", target), edition=name)
    assert at_once(depot, ("a", BEGIN, DAY), ("b", DAY + timedelta(days=1), None)) == ["published", "published"]
    maps = serving.maps(depot, with_shipped=False)
    assert [outward(maps, "A1", DAY + timedelta(days=n)).to_code for n in (0, 1)] == ["M00101", "M00102"]
    assert [entry.action for entry in depot.history()].count("publish") == 2


def test_one_edition_is_published_once(depot: Depot):
    """Two operators at once with the same edition: the second is told that it is published."""
    reviewed(depot, ROW)
    assert sorted(at_once(depot, (KEY[1], DAY, None), (KEY[1], BEGIN, None))) == ["WRONG_STATE", "published"]
