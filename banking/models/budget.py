"""What somebody means to spend on a category in a month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from banking.models.classification import Category
from core.fields import MONEY_LIMIT, MoneyField
from users.models import Owned, OwnedQuerySet, one_owner, validate_currency

if TYPE_CHECKING:
    from datetime import date


class BudgetQuerySet(OwnedQuerySet):
    """Those who read the owner's books see the budgets; those who book into them change them."""

    def in_month(self, month: date) -> Self:
        """Those that count in the month that begins on ``month``."""
        return self.filter(Q(last_month__isnull=True) | Q(last_month__gte=month), first_month__lte=month)


class Budget(Owned):
    """An amount a month for a category and all below it, from one month on, to another or without end."""

    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    amount = MoneyField(help_text="For each month.")
    currency = models.CharField(max_length=3, validators=[validate_currency])
    first_month = models.DateField(help_text="The month's first day.")
    last_month = models.DateField(null=True, blank=True, help_text="The first day of the last month; empty: running.")
    carries_over = models.BooleanField(
        default=False, help_text="What is left of a month, or was spent over it, counts in the next."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["category__name", "first_month", "pk"]
        constraints = [
            one_owner("budget_one_owner"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=MONEY_LIMIT), name="budget_amount_positive"),
            models.CheckConstraint(condition=~Q(currency=""), name="budget_has_currency"),
            models.CheckConstraint(
                condition=Q(last_month__isnull=True) | Q(last_month__gte=F("first_month")),
                name="budget_ends_late",
            ),
            models.UniqueConstraint(
                fields=["owner", "category"],
                condition=Q(owner__isnull=False, last_month__isnull=True),
                name="budget_runs_once_per_person",
            ),
            models.UniqueConstraint(
                fields=["organisation", "category"],
                condition=Q(organisation__isnull=False, last_month__isnull=True),
                name="budget_runs_once_per_firm",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency} a month for {self.category_id}"

    def overlaps(self, other: Budget) -> bool:
        """Whether there is a month in which both count."""
        begins_in_time = other.last_month is None or self.first_month <= other.last_month
        return begins_in_time and (self.last_month is None or other.first_month <= self.last_month)
