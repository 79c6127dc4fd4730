"""How the value at risk of a portfolio did in the past, night by night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.engine import METHODS
from portfolios.models import Portfolio

if TYPE_CHECKING:
    from users.models import User

STATISTIC_LIMIT = 1e12


class Basis(models.TextChoices):
    """What the returns of a figure are."""

    EX_ANTE = "ex-ante", _("Ex-ante: today's weights on the assets' history")
    EX_POST = "ex-post", _("Ex-post: the portfolio's own returns")


class VarBacktestQuerySet(models.QuerySet["VarBacktest"]):
    def visible_to(self, user: User) -> VarBacktestQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class VarBacktest(models.Model):
    """One method at one level over the last ``days`` sessions, as it was on one day. Derived: any can be dropped.

    Each session's forecast is made from the ``window`` returns before it. Statistics are likelihood ratios. Where
    there is no result, ``problem`` says why and the figures are empty. ``exceeded`` lists the exceptions of the newest
    day only, each as [day, forecast, loss] in fractions of the value; those of earlier days are counted alone.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="var_backtests")
    as_of = models.DateField(help_text="The day of the snapshot that it stands beside.")
    basis = models.CharField(max_length=8, choices=Basis.choices)
    method = models.CharField(max_length=16)
    level = models.DecimalField(max_digits=6, decimal_places=5)
    days = models.PositiveSmallIntegerField(help_text="Sessions with a forecast.")
    window = models.PositiveSmallIntegerField(help_text="Returns that each forecast is made from.")
    expected = models.FloatField(help_text="Exceptions that the level allows for: days × (1 − level).")
    exceptions = models.PositiveSmallIntegerField(null=True, blank=True)
    kupiec_statistic = models.FloatField(null=True, blank=True)
    kupiec_p_value = models.FloatField(null=True, blank=True)
    independence_statistic = models.FloatField(null=True, blank=True)
    independence_p_value = models.FloatField(null=True, blank=True)
    joint_statistic = models.FloatField(null=True, blank=True)
    joint_p_value = models.FloatField(null=True, blank=True)
    zone = models.CharField(max_length=6, blank=True, help_text="Green, yellow or red; at 99 % only.")
    first_day = models.DateField(null=True, blank=True)
    last_day = models.DateField(null=True, blank=True)
    exceeded = models.JSONField(default=list, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    portfolio_version = models.PositiveBigIntegerField()
    accounts_version = models.PositiveBigIntegerField(help_text="Sum over the portfolio's accounts.")
    price_version = models.PositiveBigIntegerField(help_text="The newest among its assets, benchmark and rates.")
    computed_at = models.DateTimeField(auto_now=True)

    objects = VarBacktestQuerySet.as_manager()

    class Meta:
        ordering = ["portfolio", "-as_of", "basis", "method", "level", "days"]
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "as_of", "basis", "method", "level", "days"], name="var_backtest_once_per_day"
            ),
            models.CheckConstraint(condition=Q(basis__in=Basis.values), name="var_backtest_basis_known"),
            models.CheckConstraint(condition=Q(method__in=METHODS), name="var_backtest_method_known"),
            models.CheckConstraint(condition=Q(level__gt=0, level__lt=1), name="var_backtest_level_inside"),
            models.CheckConstraint(
                condition=Q(exceptions__isnull=False, problem="") | (Q(exceptions__isnull=True) & ~Q(problem="")),
                name="var_backtest_result_or_problem",
            ),
            models.CheckConstraint(
                condition=Q(exceptions__isnull=True) | Q(exceptions__lte=models.F("days")),
                name="var_backtest_exceptions_within_days",
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{test}_statistic__isnull": True, f"{test}_p_value__isnull": True})
                    | Q(
                        **{
                            f"{test}_statistic__gte": 0,
                            f"{test}_statistic__lt": STATISTIC_LIMIT,
                            f"{test}_p_value__gte": 0,
                            f"{test}_p_value__lte": 1,
                        }
                    ),
                    name=f"var_backtest_{test}_finite",
                )
                for test in ("kupiec", "independence", "joint")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio_id} at {self.as_of}: {self.method} {self.level}, {self.days} days, {self.basis}"
