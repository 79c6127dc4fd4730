"""Scenarios: named stretches of history that everybody sees, and the shocks that a person thought of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from analytics.scenarios import Target
from assets.models import Asset

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User

LARGEST_SHOCK = 10  # a tenfold gain; a loss goes to -1


class StressWindow(models.Model):
    """A stretch of history to send today's portfolios through: from the close of ``start`` to that of ``end``."""

    key = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=100)
    start = models.DateField()
    end = models.DateField()
    description = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["start"]
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("start")), name="stress_window_has_length")]

    def __str__(self) -> str:
        return self.name


class ScenarioQuerySet(models.QuerySet["Scenario"]):
    def visible_to(self, user: User | AnonymousUser) -> ScenarioQuerySet:
        return self.filter(owner=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> ScenarioQuerySet:
        return self.visible_to(user)


class Scenario(models.Model):
    """A person's own shocks under a name."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="scenarios")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScenarioQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="scenario_name_once_per_owner"),
            models.CheckConstraint(condition=~Q(name=""), name="scenario_has_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ScenarioShock(models.Model):
    """One shock: a return of an asset, a sector, a currency or of everything. ``position`` counts from 0."""

    scenario = models.ForeignKey(Scenario, models.CASCADE, related_name="shocks")
    position = models.PositiveSmallIntegerField()
    target = models.CharField(max_length=8, choices=[(target.value, target.value) for target in Target])
    asset = models.ForeignKey(Asset, models.CASCADE, null=True, blank=True, related_name="+")
    key = models.CharField(max_length=100, blank=True, help_text="A sector's name or a currency's code.")
    size = models.FloatField(help_text="A fraction: -0.3 is a loss of 30 %.")

    class Meta:
        ordering = ["scenario", "position"]
        constraints = [
            models.UniqueConstraint(fields=["scenario", "position"], name="scenario_shock_position_once"),
            models.CheckConstraint(
                condition=Q(target__in=[target.value for target in Target]), name="scenario_shock_target_known"
            ),
            models.CheckConstraint(
                condition=Q(size__gte=-1, size__lte=LARGEST_SHOCK), name="scenario_shock_size_in_range"
            ),
            models.CheckConstraint(
                condition=Q(target=Target.ASSET.value, asset__isnull=False, key="")
                | Q(target=Target.ALL.value, asset__isnull=True, key="")
                | (Q(target__in=[Target.SECTOR.value, Target.CURRENCY.value], asset__isnull=True) & ~Q(key="")),
                name="scenario_shock_names_its_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.name} {self.size:+.1%}"

    @property
    def name(self) -> str:
        """What is shocked: a symbol, a sector, a currency, or nothing for all."""
        return self.asset.symbol if self.asset else self.key
