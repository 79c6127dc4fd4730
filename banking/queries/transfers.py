"""Transfers as one of their ends sees them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from banking.models import Account, Transfer
from users.models import User


def seen_transfers(user: User) -> QuerySet[Transfer]:
    """The transfers that one sees, with ``sees_source`` and ``sees_target``."""
    visible = Account.objects.visible_to(user)
    return (
        Transfer.objects.visible_to(user)
        .whole()
        .annotate(
            sees_source=Exists(visible.filter(pk=OuterRef("sent__account_id"))),
            sees_target=Exists(visible.filter(pk=OuterRef("received__account_id"))),
        )
    )
