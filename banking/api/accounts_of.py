"""What a request names by id: something that the caller may book into or classify by, else as if it were missing."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from banking.models import Account, CashTransaction, Category
from users.models import User


def editable_account(user: User, pk: int | None, field: str) -> Account:
    """The account into which ``user`` may book. Raises ValidationError, the same for somebody else's and for none."""
    return _found(Account.objects.editable_by(user).select_related("owner", "organisation"), pk, field, "account")


def editable_row(user: User, pk: int, field: str) -> CashTransaction:
    rows = CashTransaction.objects.editable_by(user)
    return _found(rows, pk, field, "transaction")


def known_category(user: User, pk: int | None) -> Category | None:
    return None if pk is None else _found(Category.objects.visible_to(user), pk, "category", "category")


def _found(rows: QuerySet[Any], pk: int | None, field: str, what: str) -> Any:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise serializers.ValidationError({field: [f"You have no such {what}."]})
    return found
