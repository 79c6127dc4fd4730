"""What a portfolio shall hold: target weights, each set of them as it was laid down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from assets.models import Asset
from core.fields import QUANTITY_LIMIT, ExactDecimalField, QuantityField
from portfolios.models.portfolio import Portfolio

if TYPE_CHECKING:
    from users.models import User


class WeightField(ExactDecimalField):
    """A share of the whole, 0 to 1, with 10 decimals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 11, "decimal_places": 10} | kwargs)


class TargetSetQuerySet(models.QuerySet["TargetSet"]):
    def visible_to(self, user: User) -> TargetSetQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def editable_by(self, user: User) -> TargetSetQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.editable_by(user))


class TargetSet(models.Model):
    """The target weights of a portfolio from an instant on. Never edited: the newest set counts.

    The weights of the securities and of ``cash`` add up to at most 1; what they leave over stays in cash too.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="target_sets")
    cash = WeightField(default=0, help_text="Of cash; what no target names stays in cash as well.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TargetSetQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=Q(cash__gte=0, cash__lte=1), name="target_cash_within_one")]

    def __str__(self) -> str:
        return f"targets of {self.portfolio_id} since {self.created_at:%Y-%m-%d}"


class TargetWeight(models.Model):
    """The share of a portfolio's value that a security shall have."""

    target_set = models.ForeignKey(TargetSet, models.CASCADE, related_name="weights")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    weight = WeightField()
    lot_size = QuantityField(
        null=True, blank=True, help_text="Units are traded in multiples of it; empty: as securities of its type are."
    )

    class Meta:
        ordering = ["target_set", "asset__symbol"]
        constraints = [
            models.UniqueConstraint(fields=["target_set", "asset"], name="target_once_per_asset"),
            models.CheckConstraint(condition=Q(weight__gte=0, weight__lte=1), name="target_weight_within_one"),
            models.CheckConstraint(
                condition=Q(lot_size__isnull=True) | Q(lot_size__gt=0, lot_size__lt=QUANTITY_LIMIT),
                name="target_lot_size_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weight.normalize():f} of {self.asset_id}"
