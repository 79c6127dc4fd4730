"""Who else sees a portfolio or books into it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banking.models import Share, ShareRole


class PortfolioShare(Share):
    """Lets one more person see a portfolio, or book into it."""

    shared = "portfolio"

    portfolio = models.ForeignKey("portfolios.Portfolio", models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "user"], name="portfolio_shared_once"),
            models.CheckConstraint(condition=Q(role__in=ShareRole.values), name="portfolio_share_role_known"),
        ]
