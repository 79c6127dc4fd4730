"""What a portfolio shall be worth one day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.fields import MONEY_LIMIT, MoneyField
from portfolios.models.portfolio import Portfolio
from users.models import validate_currency

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class GoalQuerySet(models.QuerySet["Goal"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def managed_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(portfolio__in=Portfolio.objects.managed_by(user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        """A goal is part of a portfolio's settings, which are for who manages it."""
        return self.managed_by(user)


class Goal(models.Model):
    """An amount that a portfolio is to reach by a day. ``start_on``: when the way to it began, if somebody said so."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="goals")
    name = models.CharField(max_length=100)
    amount = MoneyField()
    currency = models.CharField(max_length=3, validators=[validate_currency])
    start_on = models.DateField(null=True, blank=True)
    due_on = models.DateField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GoalQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="goal_has_name"),
            models.CheckConstraint(condition=~Q(currency=""), name="goal_has_currency"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=MONEY_LIMIT), name="goal_amount_positive"),
            models.CheckConstraint(
                condition=Q(start_on__isnull=True) | Q(start_on__lt=F("due_on")), name="goal_starts_before_its_end"
            ),
        ]

    def __str__(self) -> str:
        return self.name
