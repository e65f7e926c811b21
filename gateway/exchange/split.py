"""Split: each fee line by the treat place's catalogue, and the sums over lines. Pure.

The order is that of handbook, codes/catalogue-formats.md section 7: full self-pay, then above the ceiling, then the
first-pay share, and what is left is in scope. Every part is rounded once and the last is the rest, so the four parts
make the amount of the line to the fen. A refund row, with its negative quantity, gives the mirror image.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from codemaps.catalogue import CLASSES, Item
from gateway.money import NO_CEILING_E6, line_amount_fen, share_fen

APPROVED = "1"
"""hosp_appr_flag 1: the hospital approved a restricted use; 0 is not needed, 2 refused (handbook, dictionaries.csv)."""


class FeeLine(Protocol):
    """What the split reads of a line; OutpatientFeeLine and InpatientFeeLine have it."""

    @property
    def det_item_fee_sumamt_fen(self) -> int:
        """Amount of the line."""

    @property
    def cnt_e4(self) -> int:
        """Quantity, negative on a refund row."""

    @property
    def pric_e6(self) -> int:
        """Unit price."""

    @property
    def hosp_appr_flag(self) -> str:
        """Hospital approval flag."""


class SplitLine(Protocol):
    """What the sums read of a split line; Split, SplitResult and FeeRecord have it."""

    @property
    def det_item_fee_sumamt_fen(self) -> int:
        """Amount of the line."""

    @property
    def fulamt_ownpay_amt_fen(self) -> int:
        """Full self-pay amount."""

    @property
    def overlmt_amt_fen(self) -> int:
        """Amount above the ceiling."""

    @property
    def preselfpay_amt_fen(self) -> int:
        """First-pay amount."""

    @property
    def inscp_scp_amt_fen(self) -> int:
        """Amount in scope."""

    @property
    def chrgitm_lv(self) -> str:
        """Class."""

    @property
    def med_chrgitm_type(self) -> str:
        """National charge category."""


class Split(NamedTuple):
    """The split of one line; the names are those of SplitResult."""

    det_item_fee_sumamt_fen: int
    fulamt_ownpay_amt_fen: int
    overlmt_amt_fen: int
    preselfpay_amt_fen: int
    inscp_scp_amt_fen: int
    pric_uplmt_amt_e6: int
    selfpay_prop_e4: int
    chrgitm_lv: str
    med_chrgitm_type: str
    lmt_used_flag: str


class Totals(NamedTuple):
    """The sums over lines; the names are those of a settlement."""

    medfee_sumamt_fen: int
    fulamt_ownpay_amt_fen: int
    overlmt_selfpay_fen: int
    preselfpay_amt_fen: int
    inscp_scp_amt_fen: int


class CategoryTotal(NamedTuple):
    """The sums over the lines of one national charge category; the names are those of the message CategoryTotal."""

    med_chrgitm: str
    amt_fen: int
    claa_sumfee_fen: int
    """In-scope part of class A lines."""
    clab_amt_fen: int
    """In-scope part of class B lines."""
    fulamt_ownpay_amt_fen: int
    """Full self-pay part of all lines."""
    oth_amt_fen: int
    """Above the ceiling and first-pay, of all lines."""


def amount_agrees(line: FeeLine) -> bool:
    """Whether the amount of a line is quantity times price, rounded to the fen (handbook section 3.1)."""
    return line.det_item_fee_sumamt_fen == line_amount_fen(line.cnt_e4, line.pric_e6)


def split(line: FeeLine, item: Item) -> Split:
    """Split one line by its catalogue item. The amount must agree with quantity and price (see amount_agrees).

    Class 04, class C payable locally, counts as class C: the local payment is not the settlement's across regions.
    """
    amount = line.det_item_fee_sumamt_fen
    level = CLASSES[item.chrgitm_lv]
    over = first_pay = in_scope = 0
    if level == "04":
        level = "03"
    # A use without approval is outside the stated indication as far as anyone can tell.
    if level == "03" or (item.lmt_used_flag == "1" and line.hosp_appr_flag != APPROVED):
        own_pay = amount
    else:
        own_pay = 0
        ceiling = item.pric_uplmt_e6
        if line.pric_e6 > ceiling and ceiling < NO_CEILING_E6:
            over = amount - line_amount_fen(line.cnt_e4, ceiling)
        within = amount - over
        if item.selfpay_prop_e4:
            first_pay = share_fen(within, item.selfpay_prop_e4)
        in_scope = within - first_pay
    return Split(
        amount,
        own_pay,
        over,
        first_pay,
        in_scope,
        item.pric_uplmt_e6,
        item.selfpay_prop_e4,
        level,
        item.med_chrgitm_type,
        item.lmt_used_flag,
    )


def totals(splits: Iterable[SplitLine]) -> Totals:
    """Sum lines for a settlement; medfee_sumamt is the sum of the four parts because each line's amount is."""
    amount = own_pay = over = first_pay = in_scope = 0
    for line in splits:
        amount += line.det_item_fee_sumamt_fen
        own_pay += line.fulamt_ownpay_amt_fen
        over += line.overlmt_amt_fen
        first_pay += line.preselfpay_amt_fen
        in_scope += line.inscp_scp_amt_fen
    return Totals(amount, own_pay, over, first_pay, in_scope)


def categories(lines: Iterable[SplitLine]) -> list[CategoryTotal]:
    """Sum lines into the national charge categories, in the order of their codes.

    The handbook gives the columns (cross-region.md section 3) and not what each holds. Here class A and class B are
    the in-scope parts, other is above ceiling plus first-pay, so that amt = claa + clab + fulamt_ownpay + oth and
    the columns add up to the four totals of the settlement. Raises ValueError for a line of class C with an
    in-scope part, which no column could take.
    """
    sums: dict[str, list[int]] = {}
    for line in lines:
        found = sums.setdefault(line.med_chrgitm_type, [0, 0, 0, 0, 0])
        found[0] += line.det_item_fee_sumamt_fen
        level = CLASSES[line.chrgitm_lv]
        if level == "01":
            found[1] += line.inscp_scp_amt_fen
        elif level == "02":
            found[2] += line.inscp_scp_amt_fen
        elif line.inscp_scp_amt_fen:
            raise ValueError(f"a line of class {level} has an amount in scope")
        found[3] += line.fulamt_ownpay_amt_fen
        found[4] += line.overlmt_amt_fen + line.preselfpay_amt_fen
    return [CategoryTotal(category, *found) for category, found in sorted(sums.items())]
