"""Transfers as one of their ends sees them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from banking.models import Account, Transfer
from users.models import User


def seen_transfers(user: User, *, book: bool = False) -> QuerySet[Transfer]:
    """Transfers with ``sees_source`` and ``sees_target``; with ``book`` those of which one may book an end."""
    visible = Account.objects.visible_to(user)
    mine = Account.objects.editable_by(user).values("pk") if book else visible.values("pk")
    return (
        Transfer.objects.filter(Q(sent__account__in=mine) | Q(received__account__in=mine))
        .whole()
        .annotate(
            sees_source=Exists(visible.filter(pk=OuterRef("sent__account_id"))),
            sees_target=Exists(visible.filter(pk=OuterRef("received__account_id"))),
        )
    )
