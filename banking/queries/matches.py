"""Rows of cash that may be the two legs of one transfer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache

from assets.queries import rates
from banking.matching.transfers import Pair, Rates, Row, pairs
from banking.models import CashTransaction, Origin, RefusedMatch
from banking.models.account import AccountQuerySet

MOST_ROWS = 20_000  # the newest ones; what is older is offered once these are decided
ROW = ("pk", "account_id", "account__owner_id", "account__organisation_id", "account__currency", "amount", "booked_on")


def suggestions(accounts: AccountQuerySet, since: date) -> list[Pair]:
    """Pairs of rows of ``accounts`` on or after ``since`` that may be one transfer, the newest first; 3 queries.

    Left out are legs, voided and derived rows, those of a security and those that are split, and pairs that somebody
    refused. Only the newest 20,000 rows are looked at.
    """
    rows = (
        CashTransaction.objects.standing()
        .filter(account__in=accounts, booked_on__gte=since, origin=Origin.ENTRY, asset__isnull=True)
        .filter(transfer_sent__isnull=True, transfer_received__isnull=True)
        .filter(replaces__isnull=True, splits__isnull=True)
        .order_by("-booked_on", "-pk")
    )
    found = [
        Row(pk, account, (owner, firm), currency, amount, day)
        for pk, account, owner, firm, currency, amount, day in rows.values_list(*ROW)[:MOST_ROWS]
    ]
    refused = RefusedMatch.objects.filter(sent__account__in=accounts, sent__booked_on__gte=since)
    return pairs(found, _rates({row.currency for row in found}), set(refused.values_list("sent", "received")))


def _rates(currencies: set[str]) -> Rates:
    """The rates between ``currencies`` by day; one query, none for a single currency."""
    codes = sorted(currencies)
    table = rates(codes[1:], codes[0]) if len(codes) > 1 else None

    @cache
    def rate(source: str, target: str, day: date) -> Decimal | None:
        if table is None or not table.legs(source, target, day):
            return None
        return table.rate(source, target, day).value

    return rate
