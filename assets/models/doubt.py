"""Live prices that are not believed, until a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField

if TYPE_CHECKING:
    from users.models import User


class DoubtState(models.TextChoices):
    OPEN = "open", _("Open")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    PASSED = "passed", _("Over by itself")


UNDECIDED = (DoubtState.OPEN, DoubtState.PASSED)


class DoubtfulQuoteQuerySet(models.QuerySet["DoubtfulQuote"]):
    def visible_to(self, user: User) -> DoubtfulQuoteQuerySet:
        """Prices are everybody's, and so are decisions about them: staff's."""
        return self if user.is_staff else self.none()

    def open(self) -> DoubtfulQuoteQuerySet:
        return self.filter(state=DoubtState.OPEN)


class DoubtfulQuote(models.Model):
    """The price of a moment that was too far from the last one without a corporate action; once per asset and provider.

    Said again, the row has the newest price. One that was rejected opens again when the provider says something else,
    one that was accepted when a later close contradicts it. It passes when the provider says what can be believed.
    """

    asset = models.ForeignKey(Asset, models.CASCADE, related_name="doubtful_quotes")
    provider = models.CharField(max_length=32)
    price = QuantityField(help_text="Per unit, as the asset is quoted.")
    at = models.DateTimeField(help_text="The instant of the price, as the provider says.")
    previous = QuantityField(help_text="The price that it was held against.")
    previous_day = models.DateField()
    first_seen = models.DateTimeField(help_text="When it was said first since the last decision.")
    last_seen = models.DateTimeField()
    state = models.CharField(max_length=8, choices=DoubtState, default=DoubtState.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = DoubtfulQuoteQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DoubtState.values), name="doubtful_quote_state_known"),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{field}__gt": 0, f"{field}__lt": QUANTITY_LIMIT}),
                    name=f"doubtful_quote_{field}_positive",
                )
                for field in ("price", "previous")
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNDECIDED, decided_at__isnull=True)
                | (~Q(state__in=UNDECIDED) & Q(decided_at__isnull=False)),
                name="doubtful_quote_decided_at_a_time",
            ),
            models.UniqueConstraint(fields=["asset", "provider"], name="doubtful_quote_once_per_asset_and_provider"),
        ]
        indexes = [models.Index(fields=["state", "-last_seen"], name="doubtful_quote_state_seen")]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.price.normalize():f} from {self.provider}"
