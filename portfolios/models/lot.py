"""Lots, and where they went: derived from the facts, rebuilt with them, never written by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from assets.models import Asset, CorporateAction
from core.fields import MONEY_LIMIT, QUANTITY_LIMIT, MoneyField, QuantityField, within
from portfolios.book.value import unit_cost
from portfolios.models.payment import PaymentMatch
from portfolios.models.portfolio import CashSetting, Portfolio
from portfolios.models.trade import Trade

if TYPE_CHECKING:
    from users.models import User


class LotQuerySet(models.QuerySet["Lot"]):
    def visible_to(self, user: User) -> LotQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def open(self) -> LotQuerySet:
        return self.exclude(quantity=0)


class Lot(models.Model):
    """Units that came in together. Identified by the opening trade, the asset and the sequence within it.

    A short lot has negative quantities, and as cost minus what its sale brought. An action or the
    pooling of the average method begins ``opened_quantity`` anew from what is left then.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="lots")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    opened_by = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    sequence = models.PositiveIntegerField(default=0)
    opened_on = models.DateField()
    opened_quantity = QuantityField()
    quantity = QuantityField(help_text="Still open.")
    cost = MoneyField(help_text="Of what is still open, in the asset's currency.")
    cost_base = MoneyField(help_text="The same in the base currency, at the opening day's rate.")
    actions = models.JSONField(
        default=list, blank=True, help_text="Ids of the corporate actions that its units or basis went through."
    )

    objects = LotQuerySet.as_manager()

    class Meta:
        ordering = ["opened_on", "opened_by", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["opened_by", "asset", "sequence"], name="lot_once_per_opening_and_asset"),
            models.CheckConstraint(
                condition=within(QUANTITY_LIMIT, "quantity", "opened_quantity")
                & within(MONEY_LIMIT, "cost", "cost_base"),
                name="lot_figures_finite",
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "asset"], name="lot_portfolio_asset")]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of {self.opened_on}"

    @property
    def unit_cost(self) -> Decimal:
        """As the asset is quoted, like a price; reads the asset."""
        return unit_cost(self.cost, self.quantity, self.asset.price_factor)


class DisposalQuerySet(models.QuerySet["Disposal"]):
    def visible_to(self, user: User) -> DisposalQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class Disposal(models.Model):
    """The part of one lot that one sale or corporate action took, and what it realised.

    For a short lot the proceeds are those of its sale, and the cost is that of buying it back.
    The quantity is 0 where an action pays gain out without taking units.
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="disposals")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    trade = models.ForeignKey(Trade, models.CASCADE, null=True, blank=True, related_name="disposals")
    action = models.ForeignKey(CorporateAction, models.CASCADE, null=True, blank=True, related_name="+")
    opened_by = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    sequence = models.PositiveIntegerField(default=0, help_text="Of the lot within its opening trade.")
    short = models.BooleanField(default=False, help_text="It bought back what was sold short.")
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
            models.UniqueConstraint(
                fields=["trade", "opened_by", "asset", "sequence", "short"], name="disposal_once_per_lot_and_sale"
            ),
            models.CheckConstraint(
                condition=Q(trade__isnull=False, action__isnull=True, quantity__gt=0)
                | Q(trade__isnull=True, action__isnull=False, quantity__gte=0),
                name="disposal_by_trade_or_action",
            ),
            models.CheckConstraint(
                condition=within(QUANTITY_LIMIT, "quantity")
                & within(MONEY_LIMIT, "proceeds", "cost", "proceeds_base", "cost_base", "price_gain"),
                name="disposal_figures_finite",
            ),
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

    @property
    def long_term(self) -> bool:
        """Whether its lot was held for more days than the portfolio's setting; reads the portfolio."""
        return self.holding_days > self.portfolio.long_term_days


class Departure(models.Model):
    """The part of one lot that a transfer out took along, with its basis. Nothing is realised by it."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="departures")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    trade = models.ForeignKey(Trade, models.CASCADE, related_name="departures")
    opened_by = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    sequence = models.PositiveIntegerField(default=0, help_text="Of the lot within its opening trade.")
    opened_on = models.DateField()
    quantity = QuantityField()
    cost = MoneyField(help_text="In the asset's currency.")
    cost_base = MoneyField()

    class Meta:
        ordering = ["trade", "opened_on", "opened_by", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "opened_by", "sequence"], name="departure_once_per_lot_and_trade"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lt=QUANTITY_LIMIT), name="departure_quantity_positive"
            ),
            models.CheckConstraint(condition=within(MONEY_LIMIT, "cost", "cost_base"), name="departure_cost_finite"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of {self.opened_on}"


class EntitlementQuerySet(models.QuerySet["Entitlement"]):
    def visible_to(self, user: User) -> EntitlementQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def with_paid_on(self) -> EntitlementQuerySet:
        """With ``paid_on``: the day of the cash row that is its payment, else the pay-date."""
        matches = PaymentMatch.objects.standing().filter(
            portfolio=OuterRef("portfolio"),
            action=OuterRef("action"),
            row__voided_at__isnull=True,
            portfolio__cash=CashSetting.TRACKED,
        )
        return self.annotate(paid_on=Coalesce(Subquery(matches.values("row__booked_on")[:1]), "pay_date"))


class Entitlement(models.Model):
    """The cash that a corporate action pays a holder; negative where a short position owes it.

    From the ex-date until it is paid it is a receivable; its cash row is of the pay-date, unless an entered or
    imported one stands in its place (see PaymentMatch).
    """

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="entitlements")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    action = models.ForeignKey(CorporateAction, models.CASCADE, related_name="+")
    ex_date = models.DateField()
    pay_date = models.DateField()
    quantity = QuantityField(help_text="Held at the close before the ex-date.")
    currency = models.CharField(max_length=3, help_text="Of gross and withholding.")
    gross = MoneyField()
    withholding = MoneyField(default=0)
    income = MoneyField(default=0, help_text="The gross dividend in the asset's currency; 0 for other cash.")
    income_base = MoneyField(default=0, help_text="The same in the base currency at the ex-date's rate.")

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        ordering = ["ex_date", "action"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "action"], name="entitlement_once_per_action"),
            models.CheckConstraint(
                condition=within(QUANTITY_LIMIT, "quantity")
                & within(MONEY_LIMIT, "gross", "withholding", "income", "income_base"),
                name="entitlement_figures_finite",
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "ex_date"], name="entitlement_portfolio_day")]

    def __str__(self) -> str:
        return f"{self.gross.normalize():f} {self.currency} on {self.pay_date}"

    @property
    def net(self) -> Decimal:
        return self.gross - self.withholding
