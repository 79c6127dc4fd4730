"""Which cash row is the payment of which dividend. Pure; amounts signed, money positive when it comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from core.money import divide, minor_units, multiply

DAYS = timedelta(days=5)  # a broker books a payment this much before or after its pay-date
TOLERANCE = Decimal("0.02")  # of the net or the gross amount, and at least two minor units


class Payable(NamedTuple):
    """A dividend that is due, and the cash row that follows from it (in its account's currency)."""

    action_id: int
    asset_id: int
    ex_date: date
    pay_date: date
    currency: str
    net: Decimal
    gross: Decimal
    account_id: int
    amount: Decimal


class Payment(NamedTuple):
    """A cash row that may be a payment, in its account's currency."""

    row_id: int
    asset_id: int
    day: date
    account_id: int
    currency: str
    amount: Decimal


def pairs(due: Sequence[Payable], paid: Sequence[Payment], refused: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(action, row) of each dividend that exactly one row fits which fits no other; ``refused`` pairs are left out."""
    never = set(refused)
    found = [
        (each.action_id, row.row_id)
        for each in due
        for row in paid
        if fits(each, row) and (each.action_id, row.row_id) not in never
    ]
    dividends, rows = Counter(pair[0] for pair in found), Counter(pair[1] for pair in found)
    return [pair for pair in found if dividends[pair[0]] == rows[pair[1]] == 1]


def fits(due: Payable, row: Payment) -> bool:
    """Same asset, near the pay-date and not before the ex-date, and near the net or the gross amount.

    In the dividend's own currency, or else on the account that the dividend would be paid to.
    """
    if row.asset_id != due.asset_id or abs(row.day - due.pay_date) > DAYS or row.day < due.ex_date:
        return False
    if row.currency == due.currency:
        return any(near(row.amount, amount, due.currency) for amount in (due.net, due.gross))
    if row.account_id != due.account_id:
        return False
    gross = divide(multiply(due.amount, due.gross), due.net)
    return any(near(row.amount, amount, row.currency) for amount in (due.amount, gross))


def near(amount: Decimal, expected: Decimal, currency: str) -> bool:
    tolerance = max(multiply(abs(expected), TOLERANCE), Decimal(2).scaleb(-minor_units(currency)))
    return abs(amount - expected) <= tolerance
