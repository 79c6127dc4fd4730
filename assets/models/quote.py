"""What providers last said of an asset between two closes: its price, and the company behind it.

Both are kept to be shown again, not facts of the books: a row can be dropped, and is asked for anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField, within

if TYPE_CHECKING:
    from users.models import User


class KeptQuerySet(models.QuerySet["Kept"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(asset__in=Asset.objects.visible_to(user))

    def due(self, now: datetime, life: timedelta) -> Self:
        """Rows to be asked for again: never answered or older than ``life``, nobody asks, and no wait is on."""
        return self.filter(
            Q(fetched_at=None) | Q(fetched_at__lte=now - life),
            Q(lease_until=None) | Q(lease_until__lte=now),
            Q(retry_at=None) | Q(retry_at__lte=now),
        )


class Kept(models.Model):
    """An answer of the providers about one asset, and who is asking for the next one.

    Whoever takes the lease asks; all others, in whichever process, show what is there. One who
    outlives his lease does no harm: an older price never replaces a newer one.
    """

    source = models.CharField(max_length=32, blank=True, help_text="The provider that it came from.")
    fetched_at = models.DateTimeField(null=True, blank=True, help_text="When it was answered; empty: not yet.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Until then somebody asks.")
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Nobody asks before: there was no answer.")

    objects = KeptQuerySet.as_manager()

    class Meta:
        abstract = True

    def is_fresh(self, now: datetime, life: timedelta) -> bool:
        return self.fetched_at is not None and now - self.fetched_at < life

    def is_due(self, now: datetime, life: timedelta) -> bool:
        """``KeptQuerySet.due`` for a row that has been read."""
        free = self.lease_until is None or self.lease_until <= now
        waited = self.retry_at is None or self.retry_at <= now
        return free and waited and not self.is_fresh(now, life)


def _positive(prefix: str, field: str) -> models.CheckConstraint:
    bounds = Q(**{f"{field}__gt": 0, f"{field}__lt": QUANTITY_LIMIT})
    return models.CheckConstraint(condition=bounds | Q(**{f"{field}__isnull": True}), name=f"{prefix}_{field}_positive")


def _finite(prefix: str, field: str) -> models.CheckConstraint:
    bounds = within(QUANTITY_LIMIT, field)
    return models.CheckConstraint(condition=bounds | Q(**{f"{field}__isnull": True}), name=f"{prefix}_{field}_finite")


class Quote(Kept):
    """The newest price of an asset per unit, in its currency, and the trading day's other figures."""

    asset = models.OneToOneField(Asset, models.CASCADE, primary_key=True, related_name="quote")
    price = QuantityField(null=True, blank=True)
    change = QuantityField(null=True, blank=True, help_text="Against the previous close.")
    percent_change = QuantityField(null=True, blank=True, help_text="In percent of the previous close.")
    high = QuantityField(null=True, blank=True)
    low = QuantityField(null=True, blank=True)
    open = QuantityField(null=True, blank=True)
    previous_close = QuantityField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True, help_text="The instant of the price, as the provider says.")

    class Meta:
        ordering = ["asset"]
        constraints = [
            *(_positive("quote", field) for field in ("price", "high", "low", "open", "previous_close")),
            *(_finite("quote", field) for field in ("change", "percent_change")),
            models.CheckConstraint(
                condition=Q(price__isnull=True, at__isnull=True, fetched_at__isnull=True)
                | Q(price__isnull=False, at__isnull=False, fetched_at__isnull=False),
                name="quote_answered_or_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} " + (f"{self.price.normalize():f} at {self.at:%Y-%m-%d %H:%M}" if self.price else "–")


class CompanyProfile(Kept):
    """What providers say of the company behind an asset; what nobody knows is empty.

    ``source`` is the first that answered; what it did not know is from the next ones that did.
    """

    asset = models.OneToOneField(Asset, models.CASCADE, primary_key=True, related_name="profile")
    name = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    exchange = models.CharField(max_length=100, blank=True)
    ipo = models.DateField("first day of trading", null=True, blank=True)
    market_cap = QuantityField(null=True, blank=True, help_text="In units of the profile's currency.")
    industry = models.CharField(max_length=100, blank=True)
    logo = models.CharField(max_length=500, blank=True, help_text="Its address; nothing of it is kept here.")
    website = models.CharField(max_length=500, blank=True)
    price_earnings = QuantityField(null=True, blank=True)
    dividend_yield = QuantityField(null=True, blank=True, help_text="Fraction of the price, a year.")
    sources = models.JSONField(default=dict, blank=True, help_text="Field to the provider that it came from.")

    class Meta:
        ordering = ["asset"]
        constraints = [
            _positive("profile", "market_cap"),
            *(_finite("profile", field) for field in ("price_earnings", "dividend_yield")),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} {self.name}"
