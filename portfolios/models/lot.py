"""Lots and disposals: derived from the trades, rebuilt with them, never written by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from assets.models import Asset
from core.fields import MoneyField, QuantityField
from core.money import divide
from portfolios.models.portfolio import Portfolio
from portfolios.models.trade import Trade

if TYPE_CHECKING:
    from users.models import User


class LotQuerySet(models.QuerySet["Lot"]):
    def visible_to(self, user: User) -> LotQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def open(self) -> LotQuerySet:
        return self.filter(quantity__gt=0)


class Lot(models.Model):
    """Units that came in together. Identified by the opening trade and the sequence within it."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="lots")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    opened_by = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    sequence = models.PositiveIntegerField(default=0)
    opened_on = models.DateField()
    opened_quantity = QuantityField()
    quantity = QuantityField(help_text="Still open.")
    cost = MoneyField(help_text="Of what is still open, in the asset's currency.")
    cost_base = MoneyField(help_text="The same in the base currency, at the opening day's rate.")

    objects = LotQuerySet.as_manager()

    class Meta:
        ordering = ["opened_on", "opened_by", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["opened_by", "sequence"], name="lot_once_per_opening"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="lot_quantity_not_negative"),
        ]
        indexes = [models.Index(fields=["portfolio", "asset"], name="lot_portfolio_asset")]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of {self.opened_on}"

    @property
    def unit_cost(self) -> Decimal:
        return divide(self.cost, self.quantity) if self.quantity else Decimal(0)


class DisposalQuerySet(models.QuerySet["Disposal"]):
    def visible_to(self, user: User) -> DisposalQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class Disposal(models.Model):
    """The part of one lot that one sale took, and what it realised."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="disposals")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    trade = models.ForeignKey(Trade, models.CASCADE, related_name="disposals")
    opened_by = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    sequence = models.PositiveIntegerField(default=0, help_text="Of the lot within its opening trade.")
    opened_on = models.DateField()
    closed_on = models.DateField()
    quantity = QuantityField()
    proceeds = MoneyField(help_text="Net of fee and tax, in the asset's currency.")
    cost = MoneyField(help_text="In the asset's currency.")
    proceeds_base = MoneyField()
    cost_base = MoneyField()
    price_gain = MoneyField(help_text="Gain in the asset's currency at the closing day's rate, in the base currency.")

    objects = DisposalQuerySet.as_manager()

    class Meta:
        ordering = ["closed_on", "trade", "opened_on", "opened_by", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "opened_by", "sequence"], name="disposal_once_per_lot_and_sale"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="disposal_quantity_positive"),
        ]
        indexes = [models.Index(fields=["portfolio", "closed_on"], name="disposal_portfolio_day")]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of {self.opened_on} on {self.closed_on}"

    @property
    def gain(self) -> Decimal:
        """In the asset's currency."""
        return self.proceeds - self.cost

    @property
    def gain_base(self) -> Decimal:
        return self.proceeds_base - self.cost_base

    @property
    def currency_gain(self) -> Decimal:
        return self.gain_base - self.price_gain

    @property
    def holding_days(self) -> int:
        return (self.closed_on - self.opened_on).days
