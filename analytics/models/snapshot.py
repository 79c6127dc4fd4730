"""The newest figures of a portfolio, and from which versions of its inputs they were computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from core.fields import MoneyField
from portfolios.models import Portfolio

if TYPE_CHECKING:
    from users.models import User


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    def visible_to(self, user: User) -> SnapshotQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class Snapshot(models.Model):
    """One portfolio's value and risk at the close of one day. Derived: any of them can be dropped.

    The three versions are those that were read before the data, so they can only be
    older than it: at worst one recomputation too many. Money is exact, in the base
    currency; risk figures are fractions, ex-post, from the daily time-weighted returns
    since ``window_start``. A figure that is not defined is empty, and ``problems`` says why.

    ``periods`` holds the same figures and further ones of the last month, quarter … and since inception, packed (see
    ``analytics.packing``); ``period_problems`` why one is missing that has enough returns.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="snapshots")
    as_of = models.DateField(help_text="The day whose close it is valued at.")
    portfolio_version = models.PositiveBigIntegerField()
    accounts_version = models.PositiveBigIntegerField(help_text="Sum over the portfolio's accounts.")
    price_version = models.PositiveBigIntegerField(help_text="The newest among its assets, benchmark and rates.")
    currency = models.CharField(max_length=3)
    market_value = MoneyField(null=True, blank=True)
    invested = MoneyField(null=True, blank=True)
    cash = MoneyField(null=True, blank=True)
    total_value = MoneyField(null=True, blank=True)
    realised_gain = MoneyField(null=True, blank=True)
    benchmark_symbol = models.CharField(max_length=32, blank=True)
    window_start = models.DateField(null=True, blank=True)
    window_end = models.DateField(null=True, blank=True)
    observations = models.PositiveIntegerField(default=0)
    total_return = models.FloatField(null=True, blank=True)
    annual_return = models.FloatField(null=True, blank=True)
    annual_volatility = models.FloatField(null=True, blank=True)
    sharpe_ratio = models.FloatField(null=True, blank=True)
    sortino_ratio = models.FloatField(null=True, blank=True)
    calmar_ratio = models.FloatField(null=True, blank=True)
    max_drawdown = models.FloatField(null=True, blank=True)
    beta = models.FloatField(null=True, blank=True)
    alpha = models.FloatField(null=True, blank=True)
    value_at_risk = models.FloatField(null=True, blank=True, help_text="Historical, 95 %, one day, a positive loss.")
    expected_shortfall = models.FloatField(null=True, blank=True, help_text="Historical, 95 %, one day.")
    skewness = models.FloatField(null=True, blank=True)
    win_rate = models.FloatField(null=True, blank=True)
    problems = models.JSONField(default=dict, blank=True, help_text="Figure to the reason why it is empty.")
    sessions_a_year = models.PositiveSmallIntegerField(db_default=252, help_text="365 where every day is one.")
    periods = models.BinaryField(null=True, blank=True)
    period_layout = models.PositiveSmallIntegerField(db_default=0, help_text="What is in the periods; 0: nothing yet.")
    period_problems = models.JSONField(null=True, blank=True, help_text="Period to figure to the reason.")
    computed_at = models.DateTimeField(auto_now=True)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        ordering = ["portfolio", "-as_of"]
        constraints = [models.UniqueConstraint(fields=["portfolio", "as_of"], name="snapshot_once_per_day")]

    def __str__(self) -> str:
        return f"{self.portfolio_id} at {self.as_of}"
