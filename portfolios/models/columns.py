"""Which columns of the list of holdings a person wants to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User

# In the order in which they stand beside the name of the security, which is always there.
COLUMNS = {
    "sector": _("Sector"),
    "type": _("Class"),
    "country": _("Country"),
    "currency": _("Currency"),
    "quantity": _("Quantity and average cost"),
    "price": _("Price"),
    "day": _("Change since the close before"),
    "trend": _("Trend of the last 90 closes"),
    "cost": _("Cost"),
    "value": _("Value"),
    "gain": _("Unrealised gain"),
    "realised": _("Realised gain and income"),
    "weight": _("Weight"),
    "held": _("Held since"),
}
AT_FIRST = ("quantity", "price", "trend", "cost", "value", "gain", "realised", "weight")
LONGEST = 200  # all of them together


def validate_columns(names: str) -> None:
    """Keys of COLUMNS, separated by commas, each at most once."""
    listed = names.split(",")
    if not set(listed) <= COLUMNS.keys() or len(set(listed)) < len(listed):
        raise ValidationError(_("Name columns of the list, each once."))


class HoldingColumnsQuerySet(models.QuerySet["HoldingColumns"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(user=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.visible_to(user)


class HoldingColumns(models.Model):
    """What one person chose; who chose nothing has no row and sees ``AT_FIRST``."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="holding_columns"
    )
    names = models.CharField(max_length=LONGEST, validators=[validate_columns], help_text="Separated by commas.")

    objects = HoldingColumnsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "holding columns"
        ordering = ["user"]
        constraints = [models.CheckConstraint(condition=~Q(names=""), name="holding_columns_named")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.names}"

    @property
    def chosen(self) -> tuple[str, ...]:
        """Those that there are, in the order in which they are shown."""
        named = self.names.split(",")
        return tuple(name for name in COLUMNS if name in named)
