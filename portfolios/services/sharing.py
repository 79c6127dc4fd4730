"""Sharing one portfolio with one person. Its rules are those of accounts."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from banking.services import sharing
from portfolios.models import Portfolio, PortfolioShare
from users.models import Organisation, User


@transaction.atomic
def share_portfolio(*, portfolio: Portfolio, person: str, role: str, actor: User) -> PortfolioShare:
    """Let the person of this name or address see the portfolio, or book into it. Sharing it again changes the role.

    Raises UnknownPerson, UnknownShareRole, SharedWithOwner, SeesItAlready, TooManyShares.
    """
    row = Portfolio.objects.select_for_update().filter(pk=portfolio.pk)
    share: PortfolioShare = sharing.give(row, person=person, role=role, actor=actor, kind="portfolio")
    return share


@transaction.atomic
def change_portfolio_share(*, share: PortfolioShare, role: str, actor: User) -> PortfolioShare:
    """Make a viewer an editor, or an editor a viewer."""
    changed: PortfolioShare = sharing.change(share, share.portfolio, role=role, actor=actor, kind="portfolio")
    return changed


@transaction.atomic
def unshare_portfolio(*, share: PortfolioShare, actor: User) -> None:
    """End it; the person that it is shared with may do so, too."""
    sharing.end(share, share.portfolio, actor=actor, kind="portfolio")


def close_to_leaver(*, organisation: Organisation, user: User, **_: Any) -> None:
    """Who leaves an organisation keeps no share in its portfolios."""
    PortfolioShare.objects.filter(user=user, portfolio__organisation=organisation).delete()
