"""Reads over accounts and cash, each with a stated number of queries."""

from banking.queries.accounts import (
    AccountBalance,
    Holder,
    Total,
    account_balances,
    booked_days,
    by_holder,
    daily_balances,
    total_of,
)
from banking.queries.assertions import AssertionState, CheckedAssertion, checked, differing
from banking.queries.uses import category_uses, counterparty_uses, tag_uses

__all__ = [
    "AccountBalance",
    "AssertionState",
    "CheckedAssertion",
    "Holder",
    "Total",
    "account_balances",
    "booked_days",
    "by_holder",
    "category_uses",
    "checked",
    "counterparty_uses",
    "daily_balances",
    "differing",
    "tag_uses",
    "total_of",
]
