"""The split of fee lines: what each part is, that the parts make the whole, and the sums."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemaps.catalogue import NO_END, Item
from gateway.exchange.split import Split, amount_agrees, categories, split, totals
from gateway.money import NO_CEILING_E6, line_amount_fen
from yidi.v1.fee_pb2 import InpatientFeeLine, OutpatientFeeLine, SplitResult
from yidi.v1.settlement_types_pb2 import CategoryTotal


@dataclass
class Line:
    """A fee line whose amount agrees with quantity and price."""

    cnt_e4: int
    pric_e6: int
    hosp_appr_flag: str = ""

    @property
    def det_item_fee_sumamt_fen(self) -> int:
        """Quantity times price."""
        return line_amount_fen(self.cnt_e4, self.pric_e6)


def item(
    level: str = "02", ratio_e4: int = 0, ceiling_e6: int = NO_CEILING_E6, limited: str = "0", kind: str = "09"
) -> Item:
    """A catalogue item."""
    return Item("C1", "药", "101", kind, level, ratio_e4, ceiling_e6, limited, "2026-01-01", NO_END)


def parts(found: Split) -> tuple[int, int, int, int]:
    """Full self-pay, above ceiling, first-pay, in scope."""
    return (
        found.fulamt_ownpay_amt_fen,
        found.overlmt_amt_fen,
        found.preselfpay_amt_fen,
        found.inscp_scp_amt_fen,
    )


lines = st.builds(
    Line,
    st.integers(-(10**9), 10**9),
    st.integers(0, 10**11),
    st.sampled_from(["", "0", "1", "2"]),
)
ceilings = st.one_of(st.just(NO_CEILING_E6), st.integers(1, 10**11))
items = st.builds(
    item,
    st.sampled_from(["01", "02", "03", "04", "1", "2", "3", "4"]),
    st.integers(0, 10_000),
    ceilings,
    st.sampled_from(["0", "1"]),
    st.sampled_from(["02", "09", "11"]),
)


@given(lines, items)
def test_the_parts_make_the_whole(line: Line, entry: Item) -> None:
    """The amount of a line is the sum of its four parts, to the fen."""
    found = split(line, entry)
    assert found.det_item_fee_sumamt_fen == line.det_item_fee_sumamt_fen == sum(parts(found))


@given(lines, items)
def test_no_part_has_the_wrong_sign(line: Line, entry: Item) -> None:
    """No part of a charge is negative and no part of a refund positive."""
    sign = 1 if line.det_item_fee_sumamt_fen >= 0 else -1
    assert all(part * sign >= 0 for part in parts(split(line, entry)))


@given(lines, items)
def test_a_refund_is_the_mirror_image(line: Line, entry: Item) -> None:
    """The split of a refund takes back exactly what the charge had."""
    refund = Line(-line.cnt_e4, line.pric_e6, line.hosp_appr_flag)
    assert parts(split(refund, entry)) == tuple(-part for part in parts(split(line, entry)))


@given(lines, st.sampled_from(["01", "1"]))
def test_class_a_without_ceiling_is_in_scope(line: Line, level: str) -> None:
    """Class A without ceiling and restriction is in scope altogether."""
    assert parts(split(line, item(level))) == (0, 0, 0, line.det_item_fee_sumamt_fen)


@given(lines, st.sampled_from(["03", "04", "3", "4"]), ceilings)
def test_class_c_is_self_paid(line: Line, level: str, ceiling: int) -> None:
    """Class C, payable locally or not, is full self-pay and is reported as class 03."""
    found = split(line, item(level, 10_000, ceiling))
    assert parts(found) == (line.det_item_fee_sumamt_fen, 0, 0, 0)
    assert found.chrgitm_lv == "03"


@given(st.integers(0, 10**9), st.integers(0, 10**11), ceilings, st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_higher_ratio_never_puts_more_in_scope(cnt: int, price: int, ceiling: int, one: int, other: int) -> None:
    """First-pay grows with the ratio and the in-scope part shrinks."""
    low, high = (split(Line(cnt, price), item("02", ratio, ceiling)) for ratio in sorted((one, other)))
    assert low.preselfpay_amt_fen <= high.preselfpay_amt_fen
    assert low.inscp_scp_amt_fen >= high.inscp_scp_amt_fen


@given(st.integers(0, 10**9), st.integers(0, 10**11), st.integers(1, 10**11), st.integers(1, 10**11))
def test_a_higher_ceiling_never_puts_more_above_it(cnt: int, price: int, one: int, other: int) -> None:
    """The part above the ceiling shrinks as the ceiling rises."""
    low, high = (split(Line(cnt, price), item("01", 0, ceiling)) for ceiling in sorted((one, other)))
    assert low.overlmt_amt_fen >= high.overlmt_amt_fen


@pytest.mark.parametrize(
    ("line", "entry", "expected"),
    [
        (Line(30_000, 12_500_000), item("02", 1000), (0, 0, 375, 3375)),
        (Line(20_000, 50_000_000), item("02", 2000, 40_000_000), (0, 2000, 1600, 6400)),
        (Line(20_000, 40_000_000), item("02", 2000, 40_000_000), (0, 0, 1600, 6400)),
        (Line(10_000, 1_000_000_000_000), item("01", 0, NO_CEILING_E6), (0, 0, 0, 100_000_000)),
        (Line(10_000, 50_000), item("02", 5000), (0, 0, 3, 2)),
        (Line(10_000, 10_000_000), item("02", 10_000), (0, 0, 1000, 0)),
        (Line(-10_000, 50_000), item("02", 5000), (0, 0, -3, -2)),
    ],
)
def test_worked_examples(line: Line, entry: Item, expected: tuple[int, int, int, int]) -> None:
    """Ceiling first, then the share of what is left, rounded half up."""
    assert parts(split(line, entry)) == expected


@pytest.mark.parametrize(("approval", "self_paid"), [("", True), ("0", True), ("2", True), ("1", False)])
def test_restricted_use_needs_approval(approval: str, *, self_paid: bool) -> None:
    """A restricted item is self-paid unless the hospital approved its use."""
    found = split(Line(10_000, 10_000_000, approval), item("02", 1000, limited="1"))
    assert parts(found) == ((1000, 0, 0, 0) if self_paid else (0, 0, 100, 900))
    assert (found.lmt_used_flag, found.chrgitm_lv) == ("1", "02")


def test_a_split_fills_the_message() -> None:
    """The names of a split are those of SplitResult, and the item's ratio and ceiling travel with it."""
    found = split(Line(20_000, 50_000_000), item("2", 2000, 40_000_000))
    message = SplitResult(feedetl_sn="1", **found._asdict())
    assert (message.pric_uplmt_amt_e6, message.selfpay_prop_e4) == (40_000_000, 2000)
    assert (message.chrgitm_lv, message.med_chrgitm_type) == ("02", "09")


@pytest.mark.parametrize("kind", [OutpatientFeeLine, InpatientFeeLine])
def test_messages_are_split(kind: type[OutpatientFeeLine] | type[InpatientFeeLine]) -> None:
    """Both messages of a fee line can be split as they are."""
    line = kind(det_item_fee_sumamt_fen=1000, cnt_e4=10_000, pric_e6=10_000_000, hosp_appr_flag="0")
    assert parts(split(line, item("02", 1000))) == (0, 0, 100, 900)


@pytest.mark.parametrize(
    ("amount", "cnt", "price", "agrees"),
    [(3, 10_000, 25_000, True), (2, 10_000, 25_000, False), (-3, -10_000, 25_000, True), (100, 10_000, 999_999, True)],
)
def test_the_amount_is_quantity_times_price(amount: int, cnt: int, price: int, *, agrees: bool) -> None:
    """The amount of a line is rounded half up, away from zero on refunds."""
    assert amount_agrees(OutpatientFeeLine(det_item_fee_sumamt_fen=amount, cnt_e4=cnt, pric_e6=price)) is agrees


@given(st.lists(st.tuples(lines, items)))
def test_sums_keep_the_identity(cases: list[tuple[Line, Item]]) -> None:
    """The totals are the sums of their parts, and the categories add up to the totals."""
    splits = [split(line, entry) for line, entry in cases]
    total = totals(splits)
    assert total.medfee_sumamt_fen == sum(total[1:])
    rows = categories(splits)
    assert [row.med_chrgitm for row in rows] == sorted({one.med_chrgitm_type for one in splits})
    for row in rows:
        assert row.amt_fen == sum(row[2:])
    assert sum(row.amt_fen for row in rows) == total.medfee_sumamt_fen
    assert sum(row.claa_sumfee_fen + row.clab_amt_fen for row in rows) == total.inscp_scp_amt_fen
    assert sum(row.fulamt_ownpay_amt_fen for row in rows) == total.fulamt_ownpay_amt_fen
    assert sum(row.oth_amt_fen for row in rows) == total.overlmt_selfpay_fen + total.preselfpay_amt_fen


@given(st.lists(st.tuples(lines, items), max_size=5))
def test_charges_and_their_refunds_sum_to_nothing(cases: list[tuple[Line, Item]]) -> None:
    """Lines and their mirror images leave zero in every column."""
    splits = [split(line, entry) for line, entry in cases]
    splits += [split(Line(-line.cnt_e4, line.pric_e6, line.hosp_appr_flag), entry) for line, entry in cases]
    assert set(totals(splits)) == {0}
    assert all(set(row[1:]) == {0} for row in categories(splits))


def test_categories_fill_the_message() -> None:
    """The names of a category row are those of the message, and each column holds what it is defined to hold."""
    splits = [
        split(Line(10_000, 10_000_000), item("01")),
        split(Line(10_000, 10_000_000), item("02", 1000, 5_000_000)),
        split(Line(10_000, 10_000_000), item("03", 10_000)),
        split(Line(10_000, 10_000_000), item("01", kind="02")),
    ]
    assert [CategoryTotal(**row._asdict()) for row in categories(splits)] == [
        CategoryTotal(med_chrgitm="02", amt_fen=1000, claa_sumfee_fen=1000),
        CategoryTotal(
            med_chrgitm="09",
            amt_fen=3000,
            claa_sumfee_fen=1000,
            clab_amt_fen=450,
            fulamt_ownpay_amt_fen=1000,
            oth_amt_fen=550,
        ),
    ]


def test_a_class_c_line_in_scope_is_refused() -> None:
    """A stored line that no column could take stops the sum."""
    stored = SplitResult(
        det_item_fee_sumamt_fen=100, inscp_scp_amt_fen=100, chrgitm_lv="03", med_chrgitm_type="09"
    )  # fmt: skip
    with pytest.raises(ValueError, match="class 03"):
        categories([stored])


def test_messages_are_summed() -> None:
    """Stored split results, in either spelling of the class, are summed like fresh ones."""
    stored = SplitResult(det_item_fee_sumamt_fen=100, inscp_scp_amt_fen=100, chrgitm_lv="1", med_chrgitm_type="09")
    assert totals([stored, stored]).inscp_scp_amt_fen == 200
    assert categories([stored, stored])[0].claa_sumfee_fen == 200
