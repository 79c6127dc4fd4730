"""How often categories, counterparties and tags are used in the accounts that somebody sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from django.db.models import Count

from banking.models import CashSplit, CashTransaction
from banking.models.account import AccountQuerySet


def category_uses(accounts: AccountQuerySet, ids: Collection[int]) -> Counter[int]:
    """Category id, of ``ids``, to how many rows and parts of rows in ``accounts`` have it, voided ones included.

    2 queries.
    """
    mine = accounts.values("pk")
    rows = CashTransaction.objects.filter(account__in=mine, category__in=ids)
    parts = CashSplit.objects.filter(transaction__account__in=mine, category__in=ids)
    return _counted(rows, "category") + _counted(parts, "category")


def counterparty_uses(accounts: AccountQuerySet, ids: Collection[int]) -> Counter[int]:
    """Counterparty id, of ``ids``, to how many rows in ``accounts`` name it, voided ones included; one query."""
    rows = CashTransaction.objects.filter(account__in=accounts.values("pk"), counterparty__in=ids)
    return _counted(rows, "counterparty")


def tag_uses(accounts: AccountQuerySet, ids: Collection[int]) -> Counter[int]:
    """Tag id, of ``ids``, to how many rows in ``accounts`` are marked with it, voided ones included; one query."""
    between: Any = CashTransaction.tags.through
    rows = between.objects.filter(cashtransaction__account__in=accounts.values("pk"), tag__in=ids)
    return _counted(rows, "tag")


def _counted(rows: Any, column: str) -> Counter[int]:
    return Counter(dict(rows.order_by().values_list(column).annotate(Count("pk"))))
