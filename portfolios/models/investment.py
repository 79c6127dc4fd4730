"""Investments: how much of an asset a portfolio holds. Derived from its trades."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models

from assets.models import Asset
from core.fields import MONEY_LIMIT, QUANTITY_LIMIT, MoneyField, QuantityField, within
from portfolios.book.value import unit_cost
from portfolios.models.portfolio import Portfolio

if TYPE_CHECKING:
    from users.models import User


class InvestmentQuerySet(models.QuerySet["Investment"]):
    def visible_to(self, user: User) -> InvestmentQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def open(self) -> InvestmentQuerySet:
        return self.exclude(quantity=0)


class Investment(models.Model):
    """One asset of one portfolio, held now or before. The sum of its lots; negative where units are owed."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="investments")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    quantity = QuantityField()
    cost = MoneyField(help_text="Of the open lots, in the asset's currency.")
    cost_base = MoneyField(help_text="The same in the base currency, each lot at its opening day's rate.")
    realised_gain = MoneyField(default=0, help_text="In the asset's currency.")
    realised_gain_base = MoneyField(default=0)
    income = MoneyField(
        default=0,
        help_text="Gross dividends and accrued interest of trades, in the asset's currency.",
    )
    income_base = MoneyField(default=0, help_text="The same in the base currency, each at its day's rate.")
    first_traded_on = models.DateField()

    objects = InvestmentQuerySet.as_manager()

    class Meta:
        ordering = ["portfolio", "asset"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "asset"], name="investment_once_per_asset"),
            models.CheckConstraint(
                condition=within(QUANTITY_LIMIT, "quantity")
                & within(
                    MONEY_LIMIT, "cost", "cost_base", "realised_gain", "realised_gain_base", "income", "income_base"
                ),
                name="investment_figures_finite",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} × {self.asset_id}"

    @property
    def average_cost(self) -> Decimal:
        """Per unit, as the asset is quoted; 0 when nothing is held. Reads the asset."""
        return unit_cost(self.cost, self.quantity, self.asset.price_factor)
