"""Which columns of the list of holdings somebody sees from now on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from core.errors import DomainError
from portfolios.models import HoldingColumns
from portfolios.models.columns import AT_FIRST, COLUMNS
from users.models import User


class UnknownColumn(DomainError):
    """There is no such column of holdings."""


class NoColumn(DomainError):
    """Choose at least one column."""


@transaction.atomic
def choose_columns(*, user: User, names: Iterable[str]) -> tuple[str, ...]:
    """Keep what ``user`` chose; returns it in the order in which it is shown. Raises NoColumn or UnknownColumn.

    The choice of what everybody sees at first is no choice: it follows what that will be.
    """
    wanted = set(names)
    if not wanted:
        raise NoColumn(field="columns")
    if not wanted <= COLUMNS.keys():
        raise UnknownColumn(field="columns")
    chosen = tuple(name for name in COLUMNS if name in wanted)
    if chosen == AT_FIRST:
        HoldingColumns.objects.filter(user=user).delete()
    else:
        HoldingColumns.objects.update_or_create(user=user, defaults={"names": ",".join(chosen)})
    return chosen
