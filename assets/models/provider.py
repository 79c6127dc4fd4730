"""The outside sources of market data: how each is doing, its key, and what it calls our assets."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from assets.models.asset import Asset
from assets.providers.base import NAMES

if TYPE_CHECKING:
    from users.models import User


def validate_provider(name: str) -> None:
    if name not in NAMES:
        raise ValidationError(f"“{name}” is no provider; known are {', '.join(NAMES)}.")


validate_provider_symbol = RegexValidator(r"^[!-~]+\Z", "Use printable characters without spaces only.")


class ProviderState(models.Model):
    """How a provider is doing, for all processes together: its breaker, and the calls of the last minute and day.

    The breaker is open until ``open_until``; then one caller may try, and its success closes it.
    """

    name = models.CharField(max_length=32, primary_key=True)
    identity = models.CharField(max_length=64, blank=True, help_text="How it was configured when it was last asked.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    opened_at = models.DateTimeField(null=True, blank=True)
    open_until = models.DateTimeField(null=True, blank=True, help_text="The breaker: nobody asks before.")
    held_until = models.DateTimeField(null=True, blank=True, help_text="The provider asked not to be called before.")
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    answers = models.PositiveBigIntegerField(default=0, help_text="Since the installation.")
    errors = models.PositiveBigIntegerField(default=0, help_text="Since the installation.")
    calls = models.JSONField(default=list, help_text="Times of the last minute's calls, in seconds since 1970.")
    hours = models.JSONField(default=dict, help_text="Calls by the hour since 1970 in which they were made.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and self.open_until > now


class ProviderKey(models.Model):
    """A provider's key, sealed for this row: it can be used and replaced, but not shown."""

    provider = models.CharField(max_length=32, primary_key=True, validators=[validate_provider])
    sealed = models.BinaryField(max_length=1024)
    entered_at = models.DateTimeField(auto_now=True)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["provider"]

    def __str__(self) -> str:
        return f"key of {self.provider}"


class SymbolMappingQuerySet(models.QuerySet["SymbolMapping"]):
    def visible_to(self, user: User) -> SymbolMappingQuerySet:
        return self.filter(asset__in=Asset.objects.visible_to(user))


class SymbolMapping(models.Model):
    """What a provider calls an asset, where that is not our own symbol."""

    asset = models.ForeignKey(Asset, models.CASCADE, related_name="symbol_mappings")
    provider = models.CharField(max_length=32, validators=[validate_provider])
    symbol = models.CharField(max_length=64, validators=[validate_provider_symbol])

    objects = SymbolMappingQuerySet.as_manager()

    class Meta:
        ordering = ["asset", "provider"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "provider"], name="symbol_once_per_asset_and_provider"),
            models.CheckConstraint(condition=~models.Q(symbol=""), name="symbol_mapping_has_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} is {self.symbol} at {self.provider}"


class UnknownHere(models.Model):
    """A provider has said that it has nothing of the kind for one of its symbols; it is not asked again before then.

    Without a symbol: for none, because the key does not cover it. What was said to another key (``identity``) is void.
    """

    provider = models.CharField(max_length=32)
    capability = models.CharField(max_length=16)
    symbol = models.CharField(max_length=64, blank=True)
    identity = models.CharField(max_length=64)
    until = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["provider", "symbol"]
        verbose_name_plural = "unknown here"
        constraints = [
            models.UniqueConstraint(fields=["provider", "capability", "symbol"], name="unknown_once_per_symbol"),
        ]
        indexes = [models.Index(fields=["until"], name="unknown_until")]

    def __str__(self) -> str:
        return f"{self.provider} has no {self.capability} of {self.symbol}"
