"""Suggestions of what recurs that an account's owner does not want to see, and wants to see again."""

from __future__ import annotations

import re

from django.db import transaction

from activity.services import record
from banking.models import Account, DismissedRecurrence
from core.errors import DomainError
from users.models import User, owned_by

KEY = re.compile(r"[0-9a-f]{64}")


class NoSuggestion(DomainError):
    """This names no suggestion."""


@transaction.atomic
def dismiss(*, key: str, account: Account, actor: User) -> None:
    """Hide the suggestion ``key`` from the readers of the account's owner; once is enough. Raises NoSuggestion."""
    row, first = DismissedRecurrence.objects.get_or_create(**owned_by(account.holder), key=_checked(key))
    if first:
        record(actor=actor, action="recurrence.dismissed", subject=row, data={"account": account.pk, "key": key})


@transaction.atomic
def restore(*, key: str, account: Account, actor: User) -> None:
    """Show it again. Raises NoSuggestion."""
    row = DismissedRecurrence.objects.belonging_with(account).filter(key=_checked(key)).first()
    if row:
        record(actor=actor, action="recurrence.restored", subject=row, data={"account": account.pk, "key": key})
        row.delete()


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise NoSuggestion(field="key")
    return key
