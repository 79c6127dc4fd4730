"""Portfolios: whose they are and how their books are kept."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from banking.models import Account, ShareRole
from core.fields import ExactDecimalField
from portfolios.models.sharing import PortfolioShare
from users.models import Owned, OwnedQuerySet, Role, one_owner, validate_currency

if TYPE_CHECKING:
    from datetime import date

    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class CostMethod(models.TextChoices):
    FIFO = "fifo", _("First in, first out")
    LIFO = "lifo", _("Last in, first out")
    HIFO = "hifo", _("Highest cost first")
    AVERAGE = "average", _("Average cost")
    SPECIFIC = "specific", _("Lots picked for each sale")


class CashSetting(models.TextChoices):
    UNTRACKED = "untracked", _("Not tracked: each trade's cash counts as a deposit or withdrawal")
    TRACKED = "tracked", _("Tracked: trades move the portfolio's accounts")


class RiskTolerance(models.TextChoices):
    """How much its owner wants to bear, by what the value's volatility may reach in a year."""

    CONSERVATIVE = "conservative", _("Conservative: up to 8% volatility a year")
    BALANCED = "balanced", _("Balanced: up to 15% volatility a year")
    GROWTH = "growth", _("Growth: up to 22% volatility a year")
    AGGRESSIVE = "aggressive", _("Aggressive: any volatility")

    @property
    def most_volatility(self) -> float | None:
        """A fraction a year; None: any."""
        return {"conservative": 0.08, "balanced": 0.15, "growth": 0.22}.get(self.value)


class PortfolioQuerySet(OwnedQuerySet):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """One's own, the organisations' whose books one reads, and those that are shared with one."""
        if not user.is_authenticated:
            return self.none()
        shared = PortfolioShare.objects.filter(user=user)
        return self.filter(self.allowed(user, Role.VIEWER) | Q(pk__in=shared.values("portfolio")))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        if not user.is_authenticated:
            return self.none()
        shared = PortfolioShare.objects.filter(user=user, role=ShareRole.EDITOR)
        return self.filter(self.allowed(user, Role.MEMBER) | Q(pk__in=shared.values("portfolio")))

    def bump(self) -> None:
        """Take the rows' locks in ascending order and mark what was derived from them stale.

        The first statement of every service that books into a portfolio.
        """
        for pk in self.order_by("pk").values_list("pk", flat=True):
            Portfolio.objects.filter(pk=pk).update(version=F("version") + 1)


class Portfolio(Owned):
    """Investments that are kept, valued and judged together, in one base currency."""

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    base_currency = models.CharField(max_length=3, default="USD", validators=[validate_currency])
    benchmark = models.ForeignKey(Asset, models.PROTECT, null=True, blank=True, related_name="+")
    cost_method = models.CharField(
        max_length=8, choices=CostMethod, default=CostMethod.FIFO, help_text="The first one; changes of it are dated."
    )
    allow_short = models.BooleanField(default=False, help_text="More may be sold than is held.")
    long_term_days = models.PositiveIntegerField(
        default=365, help_text="A disposal is long-term when its lot was held for more days than this."
    )
    rebalance_threshold = ExactDecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.05"),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text="How far a weight may drift from its target before it is traded: 0.05 is five percentage points.",
    )
    risk_tolerance = models.CharField(
        max_length=12,
        choices=RiskTolerance,
        blank=True,
        default="",
        help_text="Shown beside the measured volatility; empty: not stated.",
    )
    cash = models.CharField(max_length=9, choices=CashSetting, default=CashSetting.UNTRACKED)
    version = models.PositiveBigIntegerField(default=0, editable=False, help_text="Moves with every booking.")
    rates_version = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="The price clock up to which the books have seen every exchange rate."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PortfolioQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            one_owner("portfolio_one_owner"),
            models.CheckConstraint(condition=Q(cost_method__in=CostMethod.values), name="portfolio_cost_method_known"),
            models.CheckConstraint(condition=Q(cash__in=CashSetting.values), name="portfolio_cash_known"),
            models.CheckConstraint(condition=~Q(name=""), name="portfolio_has_name"),
            models.CheckConstraint(
                condition=Q(risk_tolerance__in=["", *RiskTolerance.values]), name="portfolio_risk_tolerance_known"
            ),
            models.CheckConstraint(
                condition=Q(rebalance_threshold__gte=0, rebalance_threshold__lte=1),
                name="portfolio_threshold_within_one",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PortfolioAccount(models.Model):
    """A brokerage account that holds a portfolio's cash; an account serves one portfolio."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="portfolio_accounts")
    account = models.OneToOneField(Account, models.PROTECT, related_name="portfolio_link")
    joined_on = models.DateField(
        null=True,
        blank=True,
        help_text="What it held before that day comes in as one deposit; empty: from the beginning.",
    )
    made_for = models.BooleanField(
        default=False, editable=False, help_text="The account was made for the portfolio and may be deleted with it."
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.account_id} of {self.portfolio_id}"

    def held_on(self, day: date) -> bool:
        """Whether the account is the portfolio's on ``day``."""
        return self.joined_on is None or self.joined_on <= day
