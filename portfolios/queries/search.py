"""What the search finds: securities, and the person's own portfolios and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.models import Asset
from assets.models.asset import AssetQuerySet
from assets.queries import with_last_bar
from banking.models import Account
from portfolios.models import Portfolio
from users.models import User

OWN = 5  # portfolios, and accounts, that are told


@dataclass(frozen=True, slots=True)
class Own:
    """What somebody sees whose name holds what was searched, the first ``OWN`` of each by name."""

    portfolios: Sequence[Portfolio]
    accounts: Sequence[Account]

    def __bool__(self) -> bool:
        return bool(self.portfolios or self.accounts)


def assets_like(user: User, text: str) -> AssetQuerySet:
    """In the order of ``AssetQuerySet.searched``, with their exchanges; nothing is read yet."""
    return Asset.objects.visible_to(user).searched(text).select_related("exchange")


def priced(found: AssetQuerySet, start: int, stop: int) -> Sequence[Asset]:
    """Those from ``start`` to before ``stop`` with their last closes; one query."""
    return list(with_last_bar(found)[start:stop])


def own(user: User, text: str) -> Own:
    """By a part of their names; 2 queries, none without a text."""
    if not text:
        return Own((), ())
    portfolios = Portfolio.objects.visible_to(user).filter(name__icontains=text).order_by("name", "pk")
    accounts = Account.objects.visible_to(user).filter(name__icontains=text).order_by("name", "pk")
    return Own(list(portfolios[:OWN]), list(accounts[:OWN]))
