"""Money that is lent to a bank until a day, for interest that is paid on that day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from assets.bonds import DayCount, years_between
from banking.models.account import Account
from banking.models.transaction import CashTransaction
from banking.models.transfer import Transfer
from core.fields import MoneyField, QuantityField
from core.money import multiply, quantise

if TYPE_CHECKING:
    from users.models import User

DEPOSIT_DAY_COUNTS = [
    (DayCount.ACTUAL_365.value, "Actual/365"),
    (DayCount.ACTUAL_360.value, "Actual/360"),
    (DayCount.THIRTY_360.value, "30/360 (US)"),
    (DayCount.THIRTY_E_360.value, "30E/360"),
]
DAY_COUNT_NAMES = [value for value, _ in DEPOSIT_DAY_COUNTS]
PRINCIPAL_LIMIT = Decimal(10) ** 11  # with interest and minor units it stays within what every database keeps


class DepositState(models.TextChoices):
    """Derived from the rows that were booked."""

    RUNNING = "running", pgettext_lazy("deposit", "Running")
    PAID = "paid", _("Paid back")
    CANCELLED = "cancelled", _("Cancelled")


class TermDepositQuerySet(models.QuerySet["TermDeposit"]):
    def visible_to(self, user: User) -> TermDepositQuerySet:
        return self.filter(account__in=Account.objects.visible_to(user))

    def editable_by(self, user: User) -> TermDepositQuerySet:
        return self.filter(account__in=Account.objects.editable_by(user))

    def managed_by(self, user: User) -> TermDepositQuerySet:
        return self.filter(account__in=Account.objects.managed_by(user))

    def running(self) -> TermDepositQuerySet:
        return self.filter(payout__isnull=True, opening__sent__voided_at__isnull=True)

    def whole(self) -> TermDepositQuerySet:
        """With all that its figures are read from."""
        return self.select_related("account", "returns_to", "opening__sent", "payout")


class TermDeposit(models.Model):
    """One deposit in an account of its own, opened by a transfer; simple interest, paid with the principal at the end.

    The terms never change. What came of them are rows of cash: the transfer that opened it, the interest, and the
    transfer back.
    """

    account = models.OneToOneField(Account, models.PROTECT, related_name="deposit")
    returns_to = models.ForeignKey(Account, models.PROTECT, related_name="deposits_from")
    principal = MoneyField(help_text="In the account's currency.")
    rate = QuantityField(help_text="A year's interest as a fraction: 0.03 is 3 %.")
    started_on = models.DateField()
    matures_on = models.DateField(help_text="On this day interest and principal are paid.")
    day_count = models.CharField(max_length=8, choices=DEPOSIT_DAY_COUNTS, default=DayCount.ACTUAL_365.value)
    opening = models.OneToOneField(Transfer, models.PROTECT, related_name="deposit_opened")
    interest = models.OneToOneField(
        CashTransaction, models.PROTECT, null=True, blank=True, related_name="deposit_interest"
    )
    payout = models.OneToOneField(Transfer, models.PROTECT, null=True, blank=True, related_name="deposit_paid")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TermDepositQuerySet.as_manager()

    class Meta:
        ordering = ["matures_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(principal__gt=0, principal__lt=PRINCIPAL_LIMIT), name="deposit_principal_positive"
            ),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=1), name="deposit_rate_fraction"),
            models.CheckConstraint(condition=Q(matures_on__gt=F("started_on")), name="deposit_matures_after_start"),
            models.CheckConstraint(condition=Q(day_count__in=DAY_COUNT_NAMES), name="deposit_day_count_known"),
            models.CheckConstraint(
                condition=Q(interest__isnull=True) | Q(payout__isnull=False), name="deposit_interest_with_payout"
            ),
            models.CheckConstraint(condition=~Q(account=F("returns_to")), name="deposit_returns_to_another"),
        ]

    def __str__(self) -> str:
        return f"{self.principal.normalize():f} until {self.matures_on}"

    @property
    def state(self) -> DepositState:
        if self.opening.sent.voided_at:
            return DepositState.CANCELLED
        return DepositState.PAID if self.payout_id else DepositState.RUNNING

    def interest_until(self, day: date) -> Decimal:
        """Principal × rate × years from the start to the end of ``day``, not rounded; no more from maturity on."""
        until = min(max(day, self.started_on), self.matures_on)
        years = years_between(self.started_on, until, DayCount(self.day_count))
        return multiply(self.principal, self.rate, years)

    @property
    def full_interest(self) -> Decimal:
        """What is paid at maturity, in the currency's minor unit."""
        return quantise(self.interest_until(self.matures_on), self.account.currency)

    def principal_on(self, day: date) -> Decimal:
        """What is lent at the end of ``day``."""
        ended = bool(self.payout_id) and day >= self.matures_on
        lent = self.state != DepositState.CANCELLED and day >= self.started_on and not ended
        return self.principal if lent else Decimal(0)

    def accrued_on(self, day: date) -> Decimal:
        """Interest that has run by the end of ``day`` and is not paid yet, in the currency's minor unit."""
        interest = self.interest_until(day) if self.principal_on(day) else Decimal(0)
        return quantise(interest, self.account.currency)
