"""What accounts held on given days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import accumulate

from django.db.models import Case, IntegerField, QuerySet, Sum, Value, When

from banking.models import Account, CashTransaction
from core.fields import MONEY_SCALE


def balances_on(accounts: QuerySet[Account], days: Sequence[date]) -> dict[int, list[Decimal]]:
    """Account id to its balance at the close of each of ``days`` (ascending), in its currency; one query.

    Accounts in which nothing was booked by the last day are left out.
    """
    if not days:
        return {}
    spans = [When(booked_on__lte=day, then=Value(place)) for place, day in enumerate(days)]
    rows = CashTransaction.objects.standing().filter(account__in=accounts, booked_on__lte=days[-1]).order_by()
    sums = rows.annotate(span=Case(*spans, output_field=IntegerField())).values_list("account", "span")
    moved: dict[int, list[Decimal]] = {}
    for account, span, amount in sums.annotate(sum=Sum("amount")):
        # SQLite sums as float: bring the sum back to the column's scale.
        moved.setdefault(account, [Decimal(0)] * len(days))[span] = Decimal(amount).quantize(MONEY_SCALE)
    return {account: list(accumulate(amounts)) for account, amounts in moved.items()}
