"""Which booked cash is the payment of which dividend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from assets.models import CorporateAction
from banking.models import CashTransaction
from portfolios.models.portfolio import Portfolio

if TYPE_CHECKING:
    from users.models import User


class PaymentMatchQuerySet(models.QuerySet["PaymentMatch"]):
    def visible_to(self, user: User) -> PaymentMatchQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def editable_by(self, user: User) -> PaymentMatchQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.editable_by(user))

    def standing(self) -> PaymentMatchQuerySet:
        return self.filter(voided_at__isnull=True)


class PaymentMatch(models.Model):
    """An entered or imported cash row is the payment of a dividend, and stands in place of the row derived from it.

    It names the action and not the entitlement, which is derived. While the cash row itself is voided, the
    derived one counts again.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="payment_matches")
    action = models.ForeignKey(CorporateAction, models.PROTECT, related_name="+")
    row = models.ForeignKey(CashTransaction, models.PROTECT, related_name="payment_matches")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = PaymentMatchQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "payment matches"
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "action"], condition=Q(voided_at__isnull=True), name="payment_once_per_dividend"
            ),
            models.UniqueConstraint(
                fields=["row"], condition=Q(voided_at__isnull=True), name="payment_of_one_dividend"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.row} pays action {self.action_id}"
