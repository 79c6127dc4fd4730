"""What people own that has neither price nor trades: a house, a car, a pension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.fields import MONEY_LIMIT, MoneyField
from users.models import Owned, OwnedQuerySet, Role, allowed, one_owner, validate_currency

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class PossessionKind(models.TextChoices):
    PROPERTY = "property", _("Property")
    VEHICLE = "vehicle", _("Vehicle")
    PENSION = "pension", _("Pension or insurance")
    BUSINESS = "business", _("Business")
    VALUABLES = "valuables", _("Valuables")
    CLAIM = "claim", _("Money lent to somebody")
    OTHER = "other", _("Something else")


class Possession(Owned):
    """Something of value that its owner values by hand. It counts from its first valuation until it is given away."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=9, choices=PossessionKind, default=PossessionKind.PROPERTY)
    currency = models.CharField(max_length=3, validators=[validate_currency])
    disposed_on = models.DateField(null=True, blank=True, help_text="It counts no more from this day on.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            one_owner("possession_one_owner"),
            models.CheckConstraint(condition=~Q(name=""), name="possession_has_name"),
            models.CheckConstraint(condition=Q(kind__in=PossessionKind.values), name="possession_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ValuationQuerySet(models.QuerySet["Valuation"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(allowed(user, Role.VIEWER, "possession__")) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(allowed(user, Role.MEMBER, "possession__")) if user.is_authenticated else self.none()

    def standing(self) -> Self:
        return self.filter(voided_at__isnull=True)


class Valuation(models.Model):
    """What a possession was worth from a day on. Never edited: voided and stated anew."""

    possession = models.ForeignKey(Possession, models.CASCADE, related_name="valuations")
    day = models.DateField()
    value = MoneyField(help_text="In the possession's currency.")
    note = models.CharField(max_length=255, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    objects = ValuationQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(value__gte=0, value__lt=MONEY_LIMIT), name="valuation_value_finite"),
            models.UniqueConstraint(
                fields=["possession", "day"], condition=Q(voided_at__isnull=True), name="valuation_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value.normalize():f} on {self.day}"
