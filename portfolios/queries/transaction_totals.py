"""What the transactions that a filter finds come to, by currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import F, IntegerField, Q, Sum, Value

from core.fields import MONEY_SCALE
from core.money import total
from portfolios.book.types import EntryKind
from portfolios.book.value import net_amount
from portfolios.models import Disposal, TradeKind
from portfolios.queries.exact_sums import SumOfRounded, minor_digits
from portfolios.queries.transactions import Found

ZERO = Decimal(0)
EXACTLY = Value(-MONEY_SCALE.as_tuple().exponent, IntegerField())  # type: ignore[operator]  # decimals of columns


@dataclass(slots=True)
class Sums:
    """In one currency; bought and sold with fees and taxes, None where nothing was."""

    bought: Decimal | None = None
    sold: Decimal | None = None
    costs: Decimal = ZERO
    cash_in: Decimal = ZERO
    cash_out: Decimal = ZERO


@dataclass(slots=True)
class Totals:
    """By currency, and the gain that the trades realised, in the portfolio's."""

    by_currency: dict[str, Sums] = field(default_factory=dict)
    gain: Decimal | None = None

    def of(self, currency: str) -> Sums:
        return self.by_currency.setdefault(currency, Sums())


def totals_of(found: Found) -> Totals:
    """Of the standing ones; at most 3 queries, none for what is not found."""
    totals = Totals()
    if found.trades:
        _trades(found, totals)
    if found.cash:
        _cash(found, totals)
    totals.by_currency = dict(sorted(totals.by_currency.items()))
    return totals


def _trades(found: Found, totals: Totals) -> None:
    """The database rounds each trade's gross amount to its currency, as booking it did, and adds up without error."""
    standing = found.found_trades.standing().order_by()
    gross = SumOfRounded(minor_digits("currency"), F("quantity"), F("price"), F("asset__price_factor"))
    fees, taxes = SumOfRounded(EXACTLY, F("fee")), SumOfRounded(EXACTLY, F("tax"))
    grouped = standing.values_list("currency", "kind").annotate(worth=gross, fees=fees, taxes=taxes)
    for currency, kind, *texts in grouped:
        worth, fee, tax = (Decimal(text) for text in texts)
        sums = totals.of(currency)
        sums.costs += fee + tax
        net = net_amount(EntryKind(kind), worth, fee, tax)
        if kind == TradeKind.BUY:
            sums.bought = net
        elif kind == TradeKind.SELL:
            sums.sold = net
    sold = Disposal.objects.filter(trade__in=standing.values("pk")).order_by()
    proceeds, cost = (SumOfRounded(EXACTLY, F(column)) for column in ("proceeds_base", "cost_base"))
    parts = sold.aggregate(proceeds=proceeds, cost=cost)
    if parts["proceeds"] is not None:
        totals.gain = total([Decimal(parts["proceeds"]), -Decimal(parts["cost"])])


def _cash(found: Found, totals: Totals) -> None:
    rows = found.found_cash.filter(voided_at__isnull=True).order_by()
    parts = {"came": Sum("amount", filter=Q(amount__gt=0)), "went": Sum("amount", filter=Q(amount__lt=0))}
    for currency, came, went in rows.values_list("account__currency").annotate(**parts):
        sums = totals.of(currency)
        sums.cash_in, sums.cash_out = _exact(came), _exact(went)


def _exact(summed: Decimal | None) -> Decimal:
    """SQLite sums as float: back to the column's scale."""
    return ZERO if summed is None else Decimal(summed).quantize(MONEY_SCALE)
