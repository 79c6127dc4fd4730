"""Changes of a portfolio's cost method, each from the start of a day on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolios.models.portfolio import CostMethod, Portfolio

if TYPE_CHECKING:
    from users.models import User


class CostMethodChangeQuerySet(models.QuerySet["CostMethodChange"]):
    def visible_to(self, user: User) -> CostMethodChangeQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def editable_by(self, user: User) -> CostMethodChangeQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.editable_by(user))

    def managed_by(self, user: User) -> CostMethodChangeQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.managed_by(user))

    def standing(self) -> CostMethodChangeQuerySet:
        return self.filter(voided_at__isnull=True)


class CostMethodChange(models.Model):
    """From this day on lots are taken by another method. What was disposed of before stands."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="method_changes")
    day = models.DateField(help_text="It holds from the start of this day.")
    method = models.CharField(max_length=8, choices=CostMethod)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = CostMethodChangeQuerySet.as_manager()

    class Meta:
        ordering = ["portfolio", "day"]
        constraints = [
            models.CheckConstraint(condition=Q(method__in=CostMethod.values), name="method_change_known"),
            models.UniqueConstraint(
                fields=["portfolio", "day"], condition=Q(voided_at__isnull=True), name="method_change_once_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()} from {self.day}"
