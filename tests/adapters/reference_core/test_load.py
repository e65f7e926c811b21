"""Loading people from a file."""

import msgspec
import pytest

from tests.adapters.reference_core.world import World


def test_counts_and_idempotence(world: World):
    """Loading tells how many rows it wrote, and loading again changes nothing."""
    text = (
        '[[person]]\npsn_no = "P-9"\npsn_name = "己"\ncertno = "C-9"\nacct_balc_fen = 500\n'
        '[[credit]]\ncredit_id = "2026-06"\npsn_no = "P-9"\namount_fen = 70\n'
    )
    counts = {"person": 1, "credential": 0, "enrolment": 0, "filing": 0, "entitlement": 0, "credit": 1}
    assert world.load(text) == counts
    assert world.load(text) == counts
    assert world.balance("P-9") == 570


def test_loading_again_does_not_give_spent_money_back(world: World):
    """The balance in the file opens the account only once."""
    world.visit("P-EMP", 30_000, acct="1")
    world.load('[[person]]\npsn_no = "P-EMP"\npsn_name = "新名"\ncertno = "CERT-EMP"\nacct_balc_fen = 100_000')
    assert world.balance() == 70_000
    assert world.person(mdtrt_cert_type="02", mdtrt_cert_no="CERT-EMP").baseinfo.psn_name == "新名"


def test_row_is_replaced_by_key(world: World):
    """A row with the same key takes the new values."""
    row = '[[filing]]\npsn_no = "P-EMP"\nkind = "long_term"\nadmdvs = "321100"\nbegndate = "2026-01-01"\n'
    world.load(row)
    world.load(row + 'state = "cancelled"')
    world.admit("P-EMP")
    assert world.stay("P-EMP", 1_000_000).setlinfo.act_pay_dedc_fen == 300_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[persn]]\npsn_no = "1"', "persn"),
        ('[[person]]\npsn_no = "1"\npsn_name = "n"\ncertno = "c"\nage = 3', r"`age`.*\$\.person\[0\]"),
        ('[[person]]\npsn_no = "1"\npsn_name = "n"\ncertno = "c"\nacct_balc_fen = 1.5', "acct_balc_fen"),
        ('[[filing]]\npsn_no = "P-EMP"\nkind = "long_term"\nadmdvs = "Zhenjiang"\nbegndate = "2026-01-01"', "admdvs"),
        ('[[entitlement]]\npsn_no = "P-NONE"\ndise_codg = "M1"\nbegndate = "2026-01-01"', r"entitlement\[0\].psn_no"),
        ('[[credit]]\ncredit_id = "1"\npsn_no = "P-NONE"\namount_fen = 1', r"credit\[0\].psn_no"),
    ],
)
def test_mistakes_are_told_with_their_place(world: World, text: str, told: str):
    """Unknown keys, wrong shapes and rows of nobody are refused, naming their place in the file."""
    with pytest.raises((ValueError, msgspec.ValidationError), match=told):
        world.load(text)
