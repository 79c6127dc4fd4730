"""Who else sees a portfolio or books into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from banking.models import ShareRole
from users.models import Role, allowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class PortfolioShareQuerySet(models.QuerySet["PortfolioShare"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the portfolios that one manages, and one's own share in somebody's."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(allowed(user, Role.MANAGER, "portfolio__") | Q(user=user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(allowed(user, Role.MANAGER, "portfolio__")) if user.is_authenticated else self.none()


class PortfolioShare(models.Model):
    """Lets one more person see a portfolio, or book into it."""

    portfolio = models.ForeignKey("portfolios.Portfolio", models.CASCADE, related_name="shares")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    role = models.CharField(max_length=6, choices=ShareRole, default=ShareRole.VIEWER)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PortfolioShareQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "user"], name="portfolio_shared_once"),
            models.CheckConstraint(condition=Q(role__in=ShareRole.values), name="portfolio_share_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio_id} for {self.user_id}"
