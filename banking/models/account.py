"""Accounts that hold cash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from users.models import validate_currency

if TYPE_CHECKING:
    from users.models import User


class AccountKind(models.TextChoices):
    CHECKING = "checking", "Checking"
    SAVINGS = "savings", "Savings"
    CREDIT = "credit", "Credit card"
    CASH = "cash", "Cash"
    BROKERAGE = "brokerage", "Brokerage"
    EXPENSE = "expense", "Expense"
    LOAN = "loan", "Loan"
    DEPOSIT = "deposit", "Term deposit"


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, user: User) -> AccountQuerySet:
        return self.filter(owner=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User) -> AccountQuerySet:
        return self.visible_to(user)

    def bump(self) -> None:
        """Take the rows' locks in ascending order and mark what was derived from them stale."""
        for pk in self.order_by("pk").values_list("pk", flat=True):
            Account.objects.filter(pk=pk).update(version=F("version") + 1)


class Account(models.Model):
    """Money in one currency that belongs to one person. Its balance is the sum of its transactions."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.CHECKING)
    currency = models.CharField(max_length=3, validators=[validate_currency])
    iban = models.CharField("IBAN or alias", max_length=34, blank=True)
    version = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=AccountKind.values), name="account_kind_known"),
            models.CheckConstraint(condition=~Q(currency=""), name="account_has_currency"),
            models.UniqueConstraint(fields=["owner", "iban"], condition=~Q(iban=""), name="account_iban_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"
