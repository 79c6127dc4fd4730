"""Trades: the facts from which lots, disposals and investments follow."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from banking.models import Account, ImportBatch
from core.fields import MONEY_LIMIT, QUANTITY_LIMIT, MoneyField, QuantityField
from core.money import multiply
from portfolios.book.types import EntryKind
from portfolios.book.value import cash_amount, gross_amount, net_amount
from portfolios.models.portfolio import Portfolio
from users.models import validate_currency

if TYPE_CHECKING:
    from users.models import User


class TradeKind(models.TextChoices):
    BUY = "buy", _("Buy")
    SELL = "sell", _("Sell")
    TRANSFER_IN = "transfer_in", _("Transfer in")
    TRANSFER_OUT = "transfer_out", _("Transfer out")


class TradeQuerySet(models.QuerySet["Trade"]):
    def visible_to(self, user: User) -> TradeQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def editable_by(self, user: User) -> TradeQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.editable_by(user))

    def standing(self) -> TradeQuerySet:
        return self.filter(voided_at__isnull=True)

    def in_booking_order(self, *within: str) -> TradeQuerySet:
        """Exchange day, then time, then sequence, then the broker's id; the rest keep the order of insertion.

        With columns, ``within`` each of their values.
        """
        return self.order_by(*within, "day", "traded_at", "sequence", "external_id", "pk")


class Trade(models.Model):
    """One purchase, sale or transfer of securities. Never edited: voided, and booked anew if it was wrong."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="trades")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", help_text="Where its cash moves, if tracked."
    )
    kind = models.CharField(max_length=12, choices=TradeKind)
    traded_at = models.DateTimeField()
    day = models.DateField(help_text="The day at the exchange.")
    quantity = QuantityField()
    price = QuantityField(help_text="Per unit, as the asset is quoted: × its price factor in the trade's currency.")
    currency = models.CharField(max_length=3, validators=[validate_currency])
    fee = MoneyField(default=0)
    tax = MoneyField(default=0)
    accrued = MoneyField(
        default=0, help_text="Of a bond: the interest since its last coupon that is paid beside the price, in that."
    )
    exchange_rate = QuantityField(
        null=True, blank=True, help_text="The broker's: units of the base currency for one unit of the trade's."
    )
    external_id = models.CharField(max_length=64, blank=True, help_text="The broker's id; a repeated import skips it.")
    batch = models.ForeignKey(
        ImportBatch,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="trades",
        help_text="The file that the trade came from.",
    )
    batch_line = models.PositiveIntegerField(null=True, blank=True, help_text="Its line in that file.")
    content_key = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="Of an imported trade without an external id: a hash of it."
    )
    note = models.TextField(blank=True)
    sequence = models.IntegerField(default=0, help_text="Order among trades of the same instant.")
    source = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="arrival",
        help_text="The transfer out by which its lots left the other portfolio.",
    )
    replaces = models.ForeignKey("self", models.RESTRICT, null=True, blank=True, related_name="replacements")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = TradeQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-traded_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=TradeKind.values), name="trade_kind_known"),
            models.CheckConstraint(condition=~Q(currency=""), name="trade_has_currency"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lt=QUANTITY_LIMIT), name="trade_quantity_positive"
            ),
            models.CheckConstraint(condition=Q(price__gte=0, price__lt=QUANTITY_LIMIT), name="trade_price_finite"),
            models.CheckConstraint(
                condition=Q(fee__gte=0, fee__lt=MONEY_LIMIT, tax__gte=0, tax__lt=MONEY_LIMIT),
                name="trade_costs_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(accrued=0)
                | Q(accrued__gt=0, accrued__lt=MONEY_LIMIT, kind__in=[TradeKind.BUY, TradeKind.SELL]),
                name="trade_accrued_paid",
            ),
            models.CheckConstraint(
                condition=Q(exchange_rate__gt=0, exchange_rate__lt=QUANTITY_LIMIT) | Q(exchange_rate__isnull=True),
                name="trade_rate_positive",
            ),
            models.UniqueConstraint(
                fields=["portfolio", "external_id"],
                condition=~Q(external_id="") & Q(voided_at__isnull=True),
                name="trade_imported_once",
            ),
            models.UniqueConstraint(
                fields=["batch", "batch_line"], condition=Q(batch__isnull=False), name="trade_once_per_line"
            ),
        ]
        indexes = [
            models.Index(fields=["asset", "portfolio"], name="trade_asset_portfolio"),
            models.Index(fields=["portfolio", "asset", "day"], name="trade_portfolio_asset_day"),
            models.Index(fields=["portfolio", "-day"], name="trade_portfolio_day"),
            models.Index(
                fields=["portfolio", "content_key"], condition=Q(content_key__isnull=False), name="trade_content"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.quantity.normalize():f} × {self.asset_id} on {self.day}"

    @property
    def asset_currency(self) -> str:
        return self.asset.currency

    @property
    def price_factor(self) -> Decimal:
        return self.asset.price_factor

    @property
    def gross(self) -> Decimal:
        """Quantity × price × price factor in the trade's currency, rounded to its minor unit; reads the asset."""
        return gross_amount(self.quantity, self.price, self.currency, self.asset.price_factor)

    @property
    def price_currency(self) -> str:
        """What ``stated_price`` is in: GBX for a share quoted in pence and paid in GBP, else the trade's currency."""
        return self.asset.quote_currency if self.currency == self.asset.currency else self.currency

    @property
    def stated_price(self) -> Decimal:
        """The price in ``price_currency``: as the asset is quoted, but in whole units of a third currency."""
        scaled = self.asset.quoted_in_minor and self.currency != self.asset.currency
        return multiply(self.price, self.asset.price_factor) if scaled else self.price

    @property
    def net(self) -> Decimal:
        """What a purchase cost or a sale brought, fee and tax included, accrued interest not."""
        return net_amount(EntryKind(self.kind), self.gross, self.fee, self.tax)

    @property
    def settled(self) -> Decimal:
        """What is paid in all: the net amount and the interest that has accrued."""
        return self.net + self.accrued

    @property
    def cash(self) -> Decimal:
        """The signed cash that it moves, in its own currency."""
        return cash_amount(EntryKind(self.kind), self.gross, self.fee, self.tax, self.accrued)

    @property
    def named_lots(self) -> list[TransferLot] | list[LotPick]:
        """The lots that a transfer in brings, or those that a sale picks."""
        return list(self.transfer_lots.all()) if self.kind == TradeKind.TRANSFER_IN else list(self.picks.all())


class TransferLot(models.Model):
    """A lot that a transfer in brings along: a fact stated by whoever sent the securities."""

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="transfer_lots")
    sequence = models.PositiveIntegerField()
    opened_on = models.DateField()
    quantity = QuantityField()
    cost = MoneyField(help_text="In the asset's currency.")
    cost_base = MoneyField(help_text="In the portfolio's base currency, at the opening day's rate.")

    class Meta:
        ordering = ["trade", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "sequence"], name="transfer_lot_sequence_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lt=QUANTITY_LIMIT), name="transfer_lot_quantity_positive"
            ),
            models.CheckConstraint(
                condition=Q(cost__gte=0, cost__lt=MONEY_LIMIT, cost_base__gte=0, cost_base__lt=MONEY_LIMIT),
                name="transfer_lot_cost_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of {self.opened_on}"


class LotPick(models.Model):
    """Units of one lot that a sale or transfer out takes by name: a fact. What is not picked falls to FIFO."""

    trade = models.ForeignKey(Trade, models.CASCADE, related_name="picks")
    opened_by = models.ForeignKey(Trade, models.CASCADE, related_name="+")
    sequence = models.PositiveIntegerField(default=0, help_text="Of the lot within its opening trade.")
    quantity = QuantityField(help_text="In units of the sale's day.")

    class Meta:
        ordering = ["trade", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "opened_by", "sequence"], name="pick_once_per_lot_and_trade"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lt=QUANTITY_LIMIT), name="pick_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} of trade {self.opened_by_id}"
