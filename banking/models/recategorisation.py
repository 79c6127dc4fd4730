"""Who classified which rows anew, and what they were before, so that it can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from banking.models.transaction import CashTransaction

if TYPE_CHECKING:
    from users.models import User


class RecategorisationQuerySet(models.QuerySet["Recategorisation"]):
    def visible_to(self, user: User) -> RecategorisationQuerySet:
        """One's own: another person's would tell what their rows were."""
        return self.filter(created_by=user)

    def editable_by(self, user: User) -> RecategorisationQuerySet:
        return self.visible_to(user)


class Recategorisation(models.Model):
    """One act of classifying rows: a single one, or many at once. It is undone once, and not redone."""

    count = models.PositiveIntegerField(help_text="How many rows it changed.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    restored = models.PositiveIntegerField(default=0, help_text="How many rows the undo changed back.")

    objects = RecategorisationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_at__isnull=False) | Q(undone_by__isnull=True, restored=0),
                name="recategorisation_undone_at",
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} rows on {self.created_at:%Y-%m-%d}"


class RecategorisedRow(models.Model):
    """What one row was classified as before and after: category, counterparty, tags (ids), and by whom."""

    recategorisation = models.ForeignKey(Recategorisation, models.CASCADE, related_name="rows")
    transaction = models.ForeignKey(CashTransaction, models.CASCADE, related_name="recategorised")
    former = models.JSONField()
    given = models.JSONField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["recategorisation", "transaction"], name="recategorised_once_each")
        ]

    def __str__(self) -> str:
        return f"row {self.transaction_id} in {self.recategorisation_id}"
