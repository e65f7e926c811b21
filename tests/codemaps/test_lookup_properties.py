"""Look-up of generated maps, each answer compared with a slow model that reads the rows one after another."""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codemaps.conditions import clashing, matches, parse
from codemaps.csvfile import TableError
from codemaps.direction import Published
from codemaps.editions import EditionRow
from codemaps.lookup import EditionMaps
from codemaps.port import CHRONIC, NATIONAL, NOTHING_GIVEN, Ambiguous, Given, MapMissing, Unmapped
from codemaps.timeline import overlap
from tests.codemaps.builders import DAY, JIANGSU, LIAONING, answer, edition, homeward, outward, row

LOCALS = [f"A{number}" for number in range(5)] + ["M00101", "药1"]
NATIONALS = ["", "M00101", "M00102", "M00103"]
EVERY_CODE = [*LOCALS, *NATIONALS, "M00999", "B1", "A", "M0010"]
INSUTYPES, DIVISIONS, MED_TYPES = ("310", "390", "340"), ("320100", "321100", "110100"), ("11", "14", "21")
FIRST = date(2026, 1, 1)

PLAIN = st.lists(
    st.builds(
        row,
        st.sampled_from(LOCALS),
        st.sampled_from(NATIONALS),
        st.sampled_from(["equal", "wider", "narrower", "inexact"]),
        preferred=st.sampled_from(["false", "false", "true"]),
        confirmed=st.sampled_from(["false", "true"]),
    ),
    unique_by=lambda each: each.local_code,
    max_size=7,
)
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "insutype": st.sampled_from(["310", "390", "310|390"]),
        "admdvs": st.sampled_from(["32", "3201", "3211|11", "320100"]),
        "med_type": st.sampled_from(["11", "14|21"]),
        "valid_from": st.sampled_from(["2026-06-15", "2026-06-16"]),
        "valid_to": st.sampled_from(["2026-06-15", "2026-06-16"]),
    },
)
CONDITIONAL = st.lists(
    st.builds(
        lambda local, national, preferred, cells: row(local, national, preferred=preferred, **cells),
        st.sampled_from(LOCALS[:3]),
        st.sampled_from(NATIONALS[1:]),
        st.sampled_from(["false", "true"]),
        CELLS,
    ),
    min_size=1,
    max_size=6,
    unique=True,
)
KNOWN = st.builds(
    lambda insutype, admdvs, med_type: Given(None, insutype, admdvs, med_type),
    st.sampled_from(INSUTYPES),
    st.sampled_from(DIVISIONS),
    st.sampled_from(MED_TYPES),
)
ENTITLED = st.frozensets(st.sampled_from([*LOCALS, *NATIONALS[1:]]), max_size=3)


def sound(rows: list[EditionRow]) -> bool:
    """Whether the check before publication would let these rows pass as far as targets are concerned."""
    for local in {each.local_code for each in rows}:
        if clashing((each.national_code, parse(each)) for each in rows if each.local_code == local):
            return False
    return True


def holding(rows: list[EditionRow], code: str, given: Given, *, home: bool) -> list[EditionRow]:
    """The rows of a code in a case of which everything is known: the special ones, else those that always hold."""
    mine = [each for each in rows if each.national_code and code == (each.national_code if home else each.local_code)]
    every = [each for each in rows if code == (each.national_code if home else each.local_code)]
    special = [each for each in every if (found := parse(each)) and matches(found, DAY.isoformat(), given)]
    return [each for each in special or every if each in mine and (special or parse(each) is None)]


def model(rows: list[EditionRow], code: str, given: Given, *, home: bool) -> str | tuple[str, ...] | None:
    """The target; None where there is none; all targets where nothing decides."""
    pool = holding(rows, code, given, home=home)
    targets = {each.local_code if home else each.national_code for each in pool}
    entitled = targets & given.entitled or targets
    preferred = {each.local_code for each in pool if home and each.preferred == "true"} & entitled
    for some in (entitled, preferred):
        if len(some) == 1:
            return next(iter(some))
    return tuple(sorted(targets)) or None


def found(maps: EditionMaps, code: str, given: Given, *, home: bool) -> str | tuple[str, ...] | None:
    """The same as ``model``, as the look-up says it."""
    try:
        return (homeward if home else outward)(maps, code, given=given).to_code
    except Ambiguous as error:
        return error.candidates
    except Unmapped:
        return None


@given(PLAIN, ENTITLED)
def test_what_goes_out_comes_home(rows: list[EditionRow], entitled: frozenset[str]):
    """A code comes home as itself, or as the one that is preferred or the person's; else it is refused, never drawn."""
    maps, case = EditionMaps([edition(*rows)]), Given(entitled=entitled)
    for each in rows:
        if not each.national_code:
            assert found(maps, each.local_code, NOTHING_GIVEN, home=False) is None
            continue
        out = outward(maps, each.local_code)
        assert (out.to_code, out.relationship) == (each.national_code, each.relationship)
        sharing = [other.local_code for other in rows if other.national_code == each.national_code]
        back = found(maps, out.to_code, case, home=True)
        if len(sharing) == 1:
            assert back == each.local_code
        assert back == model(rows, out.to_code, case, home=True)


@given(PLAIN, st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(rows: list[EditionRow], chance: Random):
    """The same rows in another order are the same edition."""
    shuffled = rows.copy()
    chance.shuffle(shuffled)
    one, other = EditionMaps([edition(*rows)]), EditionMaps([edition(*shuffled)])
    for code, home in product(EVERY_CODE, (False, True)):
        assert answer(one, code, home=home) == answer(other, code, home=home)


@settings(max_examples=25)
@given(CONDITIONAL | PLAIN, KNOWN | st.just(NOTHING_GIVEN), st.sampled_from(["reject", "hold", "pass"]))
def test_an_image_in_memory_and_one_on_disk_say_the_same(rows: list[EditionRow], case: Given, rule: str):
    """Whether the image is a dict or a file, every key has the same value, and every code the same answer."""
    assume(len(set(rows)) == len(rows))
    with tempfile.TemporaryDirectory() as place:
        kept = edition(*rows, unmapped=rule, place=Path(place))
        held = edition(*rows, unmapped=rule)
        assert kept.image.meta == held.image.meta
        for key, way in product([each.encode() for each in EVERY_CODE if each], (b"", b"\xfe")):
            assert kept.image.get(way + key) == held.image.get(way + key)
        for code, home in product(EVERY_CODE, (False, True)):
            one, other = EditionMaps([kept]), EditionMaps([held])
            assert answer(one, code, home=home, given=case) == answer(other, code, home=home, given=case)


OTHERS = [
    edition(row("A1", "M00109"), row("A9", "M00101"), map="CN-210000.chronic", from_system=LIAONING),
    edition(row("A1", "C22.900"), map=f"{JIANGSU}.diagnosis", kind="diagnosis", unmapped="pass"),
    edition(row("A1"), row("M00101"), map=f"{JIANGSU}.list", to_system=""),
]


@given(PLAIN, st.integers(0, 3))
def test_other_maps_change_nothing(rows: list[EditionRow], place: int):
    """Maps of other provinces and kinds, and lists, before or after, leave every answer as it is."""
    mine = edition(*rows)
    alone, among = EditionMaps([mine]), EditionMaps([*OTHERS[:place], mine, *OTHERS[place:]])
    for code, home in product(EVERY_CODE, (False, True)):
        assert answer(alone, code, home=home) == answer(among, code, home=home)


@given(CONDITIONAL.filter(sound), KNOWN, ENTITLED)
def test_with_everything_known_the_special_row_beats_the_general_one(
    rows: list[EditionRow], case: Given, entitled: frozenset[str]
):
    """In a case of which everything is known each code goes where the model says, in both directions."""
    maps, case = EditionMaps([edition(*rows)]), case._replace(entitled=entitled)
    for code, home in product([*LOCALS[:3], *NATIONALS[1:]], (False, True)):
        assert found(maps, code, case, home=home) == model(rows, code, case, home=home)


def completions(case: Given) -> Iterator[Given]:
    """Every case that a partly known one may turn out to be."""
    for insutype, admdvs, med_type in product(
        (case.insutype,) if case.insutype else INSUTYPES,
        (case.insuplc_admdvs,) if case.insuplc_admdvs else DIVISIONS,
        (case.med_type,) if case.med_type else MED_TYPES,
    ):
        yield Given(None, insutype, admdvs, med_type, case.entitled)


@settings(max_examples=150)
@given(CONDITIONAL.filter(sound), KNOWN, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_what_is_not_known_is_never_guessed(rows: list[EditionRow], case: Given, keep: tuple[bool, bool, bool]):
    """A target found with facts missing is the only one there can be, whatever those facts turn out to be."""
    partly = Given(None, case.insutype * keep[0], case.insuplc_admdvs * keep[1], case.med_type * keep[2])
    maps = EditionMaps([edition(*rows)])
    for code, home in product([*LOCALS[:3], *NATIONALS[1:]], (False, True)):
        said = found(maps, code, partly, home=home)
        truths = {model(rows, code, full, home=home) for full in completions(partly)}
        if isinstance(said, str):
            assert truths == {said}
        elif said is None:
            assert truths == {None}
        else:
            possible = {each for truth in truths if truth for each in ((truth,) if isinstance(truth, str) else truth)}
            assert possible <= set(said)


@given(CONDITIONAL | PLAIN, KNOWN | st.just(NOTHING_GIVEN), ENTITLED)
def test_candidates_agree_with_the_translation(rows: list[EditionRow], case: Given, entitled: frozenset[str]):
    """What is found is among the candidates, a certain one is found, none is unmapped, and a refusal names them all."""
    assume(len(set(rows)) == len(rows))
    maps, case = EditionMaps([edition(*rows)]), case._replace(entitled=entitled)
    for code, home in product(EVERY_CODE, (False, True)):
        way = (NATIONAL, JIANGSU) if home else (JIANGSU, NATIONAL)
        several = maps.candidates(CHRONIC, code, *way, DAY, case)
        assert list(several) == sorted(set(several))
        said = found(maps, code, case, home=home)
        if isinstance(said, str):
            assert said in several
        else:
            assert (said or ()) == several
            assert len(several) != 1 or not (case.insutype and case.insuplc_admdvs and case.med_type)


def test_a_special_row_that_says_no_counterpart_beats_the_general_one():
    """Where a row says that the code has no counterpart for some insured, the general row does not hold for them."""
    maps = EditionMaps([edition(row("A1", "M00101"), row("A1", insutype="310"))])
    assert outward(maps, "A1", given=Given(insutype="390")).to_code == "M00101"
    with pytest.raises(Unmapped):
        outward(maps, "A1", given=Given(insutype="310"))


SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.none() | st.integers(0, 12)).map(
        lambda pair: (
            FIRST + timedelta(days=pair[0]),
            None if pair[1] is None else FIRST + timedelta(days=pair[0] + pair[1]),
        )
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda span: span[0],
)


def on_days(spans: Iterable[tuple[date, date | None]]) -> list[Published]:
    """An edition for each span of days."""
    return [edition(row("A1", "M00101"), begin=begin, end=end, edition=f"e{n}") for n, (begin, end) in enumerate(spans)]


@given(SPANS)
def test_each_day_has_the_edition_in_force(spans: list[tuple[date, date | None]]):
    """A day belongs to the edition that began last, up to its last day; a gap has none; an overlap is refused."""
    editions = on_days(spans)
    ends = [end for _, end in sorted(spans)]
    begins = [begin for begin, _ in sorted(spans)]
    if any(end is not None and end >= begin for end, begin in zip(ends, begins[1:], strict=False)):
        with pytest.raises(TableError, match="overlap"):
            EditionMaps(editions)
        assert any(overlap(*a, *b) for a, b in product(spans, spans) if a != b)
        return
    maps = EditionMaps(editions)
    for day in (FIRST + timedelta(days=number) for number in range(-1, 56)):
        begun = [(begin, end, n) for n, (begin, end) in enumerate(spans) if begin <= day]
        last = max(begun, default=None, key=lambda each: each[0])
        if last is None or (last[1] is not None and last[1] < day):
            with pytest.raises(MapMissing):
                outward(maps, "A1", day)
            assert maps.in_force(day) == ()
        else:
            assert outward(maps, "A1", day).edition == homeward(maps, "M00101", day).edition == f"e{last[2]}"
            assert maps.in_force(day) == (editions[last[2]],)


ANY_TEXT = st.text(st.characters(), max_size=600) | st.characters().map(lambda each: each * 200)


@given(ANY_TEXT, st.sampled_from(["reject", "pass"]))
def test_any_text_is_translated_or_refused(code: str, rule: str):
    """Whatever text arrives as a code, the answer is a row or a refusal of the port."""
    maps = EditionMaps([edition(row("A1", "M00101"), unmapped=rule)])
    for home in (False, True):
        assert answer(maps, code, home=home)[0] in {code, "Unmapped"}
