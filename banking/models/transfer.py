"""Money that moved between two accounts of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from banking.models.account import Account
from banking.models.transaction import CashTransaction
from core.fields import QUANTITY_LIMIT, QuantityField

if TYPE_CHECKING:
    from users.models import User


class MatchedBy(models.TextChoices):
    """How two rows became one transfer."""

    NOBODY = "", _("Booked as one")
    PERSON = "person", _("Matched by a person")
    RULE = "rule", _("Matched because nothing else fits")


class TransferQuerySet(models.QuerySet["Transfer"]):
    def visible_to(self, user: User) -> TransferQuerySet:
        """Those of which one sees either leg; the other end may be somebody else's."""
        mine = Account.objects.visible_to(user).values("pk")
        return self.filter(Q(sent__account__in=mine) | Q(received__account__in=mine))

    def editable_by(self, user: User) -> TransferQuerySet:
        """Those of which one may book both ends."""
        mine = Account.objects.editable_by(user).values("pk")
        return self.filter(sent__account__in=mine, received__account__in=mine)

    def standing(self) -> TransferQuerySet:
        return self.filter(sent__voided_at__isnull=True, received__voided_at__isnull=True)

    def whole(self) -> TransferQuerySet:
        """With all that is shown of them."""
        legs = ("account", "counterparty", "category")
        return self.select_related(*(f"{leg}__{part}" for leg in ("sent", "received") for part in legs))

    def with_leg(self, row: CashTransaction) -> TransferQuerySet:
        return self.filter(Q(sent=row) | Q(received=row))


class Transfer(models.Model):
    """Two cash rows that are one movement; its id is what they share.

    Both legs are required, so there is no half one. They are voided and restored together, and a leg that
    belongs to a transfer is never deleted.
    """

    sent = models.OneToOneField(CashTransaction, models.PROTECT, related_name="transfer_sent")
    received = models.OneToOneField(CashTransaction, models.PROTECT, related_name="transfer_received")
    rate = QuantityField(help_text="What one unit of the sending account's currency became; 1 within one currency.")
    matched_by = models.CharField(max_length=6, choices=MatchedBy, default=MatchedBy.NOBODY, blank=True)
    before = models.JSONField(
        default=dict, blank=True, help_text="What the rows of a match were before it, for when it is taken back."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(sent=F("received")), name="transfer_has_two_legs"),
            models.CheckConstraint(condition=Q(rate__gt=0, rate__lt=QUANTITY_LIMIT), name="transfer_rate_positive"),
            models.CheckConstraint(condition=Q(matched_by__in=MatchedBy.values), name="transfer_matcher_known"),
        ]

    def __str__(self) -> str:
        return f"{self.sent} to {self.received}"

    @property
    def seen(self) -> CashTransaction:
        """The leg that the reader of ``queries.transfers`` knows: the sending one, if they see its account."""
        return self.sent if getattr(self, "sees_source", True) else self.received


class RefusedMatchQuerySet(models.QuerySet["RefusedMatch"]):
    def visible_to(self, user: User) -> RefusedMatchQuerySet:
        return self.filter(sent__account__in=Account.objects.visible_to(user))


class RefusedMatch(models.Model):
    """Two rows of which somebody said that they are no transfer; they are not offered again."""

    sent = models.ForeignKey(CashTransaction, models.CASCADE, related_name="+")
    received = models.ForeignKey(CashTransaction, models.CASCADE, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RefusedMatchQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "refused matches"
        constraints = [models.UniqueConstraint(fields=["sent", "received"], name="match_refused_once")]

    def __str__(self) -> str:
        return f"{self.sent_id} and {self.received_id}"
