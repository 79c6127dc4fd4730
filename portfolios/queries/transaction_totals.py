"""What the transactions that a filter finds come to, by currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Q, Sum

from core.fields import MONEY_SCALE
from core.money import total
from portfolios.book.types import EntryKind
from portfolios.book.value import gross_amount, net_amount
from portfolios.models import Disposal, TradeKind
from portfolios.queries.transactions import Found

MOST_TRADES = 5_000  # a longer list does not say what was bought and sold: each trade of it would have to be read
ZERO = Decimal(0)
OF_TRADE = ("kind", "quantity", "price", "currency", "asset__price_factor", "fee", "tax")


@dataclass(slots=True)
class Sums:
    """In one currency; bought and sold with fees and taxes, None where there are too many trades to say."""

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
    whole: bool = True

    def of(self, currency: str) -> Sums:
        return self.by_currency.setdefault(currency, Sums())


def totals_of(found: Found) -> Totals:
    """Of the standing ones; at most 3 queries, none for what is not found."""
    totals = Totals(whole=found.trades <= MOST_TRADES)
    if found.trades:
        _trades(found, totals)
    if found.cash:
        _cash(found, totals)
    totals.by_currency = dict(sorted(totals.by_currency.items()))
    return totals


def _trades(found: Found, totals: Totals) -> None:
    standing = found.found_trades.standing().order_by()
    if totals.whole:
        for kind, quantity, price, currency, factor, fee, tax in standing.values_list(*OF_TRADE):
            sums = totals.of(currency)
            sums.costs += fee + tax
            net = net_amount(EntryKind(kind), gross_amount(quantity, price, currency, factor), fee, tax)
            if kind == TradeKind.BUY:
                sums.bought = (sums.bought or ZERO) + net
            elif kind == TradeKind.SELL:
                sums.sold = (sums.sold or ZERO) + net
    else:
        for currency, fee, tax in standing.values_list("currency").annotate(Sum("fee"), Sum("tax")):
            totals.of(currency).costs = _exact(fee) + _exact(tax)
    sold = Disposal.objects.filter(trade__in=standing.values("pk")).order_by()
    parts = sold.aggregate(proceeds=Sum("proceeds_base"), cost=Sum("cost_base"))
    if parts["proceeds"] is not None:
        totals.gain = total([_exact(parts["proceeds"]), -_exact(parts["cost"])])


def _cash(found: Found, totals: Totals) -> None:
    rows = found.found_cash.filter(voided_at__isnull=True).order_by()
    parts = {"came": Sum("amount", filter=Q(amount__gt=0)), "went": Sum("amount", filter=Q(amount__lt=0))}
    for currency, came, went in rows.values_list("account__currency").annotate(**parts):
        sums = totals.of(currency)
        sums.cash_in, sums.cash_out = _exact(came), _exact(went)


def _exact(summed: Decimal | None) -> Decimal:
    """SQLite sums as float: back to the column's scale."""
    return ZERO if summed is None else Decimal(summed).quantize(MONEY_SCALE)
