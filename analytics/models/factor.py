"""Factor sets: named series of returns that explain those of a portfolio. They are everybody's; staff load them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.factor_files.table import LONGEST_KEY, MOST_COLUMNS, RETURN_LIMIT

if TYPE_CHECKING:
    from users.models import User

MOST_FACTORS = MOST_COLUMNS
validate_key = RegexValidator(
    r"\A[a-z][a-z0-9_]*\Z", "Use small letters, digits and underscores, beginning with a letter, such as “mkt_rf”."
)


class Frequency(models.TextChoices):
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    MONTHLY = "monthly", _("Monthly")


class FactorSetQuerySet(models.QuerySet["FactorSet"]):
    def visible_to(self, user: User) -> FactorSetQuerySet:
        return self.all() if user.is_authenticated else self.none()

    def editable_by(self, user: User) -> FactorSetQuerySet:
        return self.all() if user.is_authenticated and user.is_staff else self.none()


class FactorSet(models.Model):
    """Factors of one source with returns of one frequency. ``version`` moves with each load that changes a return."""

    key = models.CharField(max_length=LONGEST_KEY, unique=True, validators=[validate_key])
    name = models.CharField(max_length=100)
    description = models.TextField(max_length=2000, blank=True)
    source = models.CharField(max_length=200, blank=True, help_text="Where its files come from.")
    frequency = models.CharField(max_length=7, choices=Frequency)
    region = models.CharField(max_length=100, blank=True, help_text="The market that it describes.")
    currency = models.CharField(max_length=3, blank=True, help_text="What its returns are earned in.")
    version = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(null=True, blank=True, help_text="When a return of it last changed.")

    objects = FactorSetQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(condition=Q(frequency__in=Frequency.values), name="factor_set_frequency_known"),
            models.CheckConstraint(condition=~Q(key="") & ~Q(name=""), name="factor_set_named"),
        ]

    def __str__(self) -> str:
        return self.name


class FactorQuerySet(models.QuerySet["Factor"]):
    def visible_to(self, user: User) -> FactorQuerySet:
        return self.filter(factor_set__in=FactorSet.objects.visible_to(user))

    def editable_by(self, user: User) -> FactorQuerySet:
        return self.filter(factor_set__in=FactorSet.objects.editable_by(user))


class Factor(models.Model):
    """One series of a set. ``risk_free`` marks the rate that is taken from a portfolio's returns; it is no factor."""

    factor_set = models.ForeignKey(FactorSet, models.CASCADE, related_name="factors")
    key = models.CharField(max_length=LONGEST_KEY, validators=[validate_key])
    name = models.CharField(max_length=100)
    description = models.TextField(max_length=2000, blank=True)
    position = models.PositiveSmallIntegerField(help_text="Its place in the set, from 0.")
    risk_free = models.BooleanField(default=False)
    updated_at = models.DateTimeField(null=True, blank=True, help_text="When a return of it last changed.")

    objects = FactorQuerySet.as_manager()

    class Meta:
        ordering = ["factor_set", "position"]
        constraints = [
            models.UniqueConstraint(fields=["factor_set", "key"], name="factor_key_once_per_set"),
            models.UniqueConstraint(fields=["factor_set", "position"], name="factor_position_once_per_set"),
            models.UniqueConstraint(
                fields=["factor_set"], condition=Q(risk_free=True), name="factor_set_has_one_risk_free_rate"
            ),
            models.CheckConstraint(condition=~Q(key="") & ~Q(name=""), name="factor_named"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of set {self.factor_set_id}"


class FactorReturnQuerySet(models.QuerySet["FactorReturn"]):
    def visible_to(self, user: User) -> FactorReturnQuerySet:
        return self.filter(factor__in=Factor.objects.visible_to(user))

    def between(self, start: date | None, end: date | None) -> FactorReturnQuerySet:
        """Those of the periods that end from ``start`` to ``end``, both included."""
        bounds = {"day__gte": start, "day__lte": end}
        return self.filter(**{lookup: day for lookup, day in bounds.items() if day is not None})


class FactorReturn(models.Model):
    """What a factor returned in one period, as a fraction. ``day`` is the period's last: of a month, its last day."""

    factor = models.ForeignKey(Factor, models.CASCADE, related_name="returns")
    day = models.DateField()
    value = models.FloatField()

    objects = FactorReturnQuerySet.as_manager()

    class Meta:
        ordering = ["factor", "day"]
        constraints = [
            models.UniqueConstraint(fields=["factor", "day"], name="factor_return_once_per_period"),
            # Bounded above too: on PostgreSQL NaN is greater than every number.
            models.CheckConstraint(
                condition=Q(value__gt=-RETURN_LIMIT, value__lt=RETURN_LIMIT), name="factor_return_in_range"
            ),
        ]
        indexes = [models.Index(fields=["day"], name="factor_return_day")]

    def __str__(self) -> str:
        return f"factor {self.factor_id} on {self.day}: {self.value}"
