"""What the dashboard endpoints tell: the books' quantities and costs at the newest prices, quotes included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Count, F, Q

from analytics.queries.combined import figures
from assets import quotes
from assets.models import CompanyProfile
from assets.queries import RateTable, profiles_of, rates
from assets.quotes import LastPrice
from core.money import divide, multiply, quantise, total
from portfolios.book.value import market_value, per_unit, unit_cost
from portfolios.models import Disposal, Portfolio, Trade
from portfolios.queries import Holding, holdings, totals_of_all
from portfolios.queries.holdings import TRADE_PRICE, latest_rate

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Position:
    """One asset in all of the portfolios together.

    Average cost and price are per unit as the asset is quoted, ``invested``, ``market_value`` and ``unrealised_gain``
    in the currency of the answer. What needs a price or rate that is not known is None.
    """

    asset_id: int
    symbol: str
    company_name: str
    sector: str
    quantity: Decimal
    average_cost: Decimal | None
    price: Decimal | None
    invested: Decimal | None
    market_value: Decimal | None
    logo: str = ""

    @property
    def unrealised_gain(self) -> Decimal | None:
        return _less(self.market_value, self.invested)

    @property
    def unrealised_percent(self) -> Decimal | None:
        return _percent(self.unrealised_gain, None if self.invested is None else abs(self.invested))


@dataclass(frozen=True, slots=True)
class Overview:
    """Sums over portfolios in one currency. None: an amount in it has no price or exchange rate."""

    cash: Decimal | None
    invested: Decimal | None
    market_value: Decimal | None
    win_rate: float | None
    figures: Mapping[str, float | None]

    @property
    def total_value(self) -> Decimal | None:
        return None if self.cash is None or self.market_value is None else self.cash + self.market_value

    @property
    def unrealised_gain(self) -> Decimal | None:
        return _less(self.market_value, self.invested)

    @property
    def total_return_percent(self) -> Decimal | None:
        return _percent(self.unrealised_gain, self.invested)


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A trade and what it realised, in the asset's currency; 0 for one that closed nothing."""

    trade: Trade
    realised_gain: Decimal


@dataclass(frozen=True, slots=True)
class Shown:
    """Portfolios of one answer, what they hold at the newest prices, and whose quotes and profiles are due."""

    portfolios: Sequence[Portfolio]
    currency: str
    holdings: Sequence[Holding]
    rates: Mapping[str, Decimal | None]
    profiles: Mapping[int, CompanyProfile] = field(default_factory=dict)
    due_quotes: Sequence[int] = ()
    due_profiles: Sequence[int] = ()


def currency_of(portfolios: Iterable[Portfolio], otherwise: str) -> str:
    """The base currency that the portfolios share, or ``otherwise``."""
    bases = {portfolio.base_currency for portfolio in portfolios}
    return bases.pop() if len(bases) == 1 else otherwise


def shown(portfolios: Sequence[Portfolio], *, otherwise: str, now: datetime) -> Shown:
    """What the portfolios hold, in the currency that they share, else ``otherwise``; at most 12 queries."""
    currency = currency_of(portfolios, otherwise)
    held = [holding for rows in holdings(portfolios).values() for holding in rows]
    assets = sorted({holding.asset_id for holding in held})
    prices = quotes.quoted(assets, now)
    profiles, due_profiles = profiles_of(assets, now)
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    live = [_at_newest(row, prices.by_asset.get(row.asset_id), bases[row.portfolio_id]) for row in held]
    table = rates(bases.values(), currency, date.max)
    known = {base: _rate(table, base, currency) for base in {*bases.values(), currency}}
    return Shown(portfolios, currency, live, known, profiles, prices.due, due_profiles)


def positions(answer: Shown) -> list[Position]:
    """A row for each asset, ordered by symbol; no query."""
    by_asset: dict[int, list[Holding]] = defaultdict(list)
    for holding in answer.holdings:
        by_asset[holding.asset_id].append(holding)
    found = [_position(answer, rows) for rows in by_asset.values()]
    return sorted(found, key=lambda position: position.symbol)


def overview(answer: Shown) -> Overview:
    """The sums and figures of the portfolios; at most 16 queries, 6 for one portfolio that is up to date."""
    rows = positions(answer)
    return Overview(
        cash=_cash(answer),
        invested=_sum(row.invested for row in rows),
        market_value=_sum(row.market_value for row in rows),
        win_rate=win_rate(answer.portfolios),
        figures=figures(answer.portfolios, answer.currency),
    )


def win_rate(portfolios: Sequence[Portfolio]) -> float | None:
    """The share of closed disposals that brought a gain in the base currency, in percent; None without any."""
    closed = Disposal.objects.filter(portfolio__in=portfolios, quantity__gt=0).order_by()
    won = Count("pk", filter=Q(proceeds_base__gt=F("cost_base")))
    counts = closed.aggregate(closed=Count("pk"), won=won)
    return 100.0 * counts["won"] / counts["closed"] if counts["closed"] else None


def latest_trades(portfolios: Sequence[Portfolio], limit: int) -> list[TradeRow]:
    """The newest standing trades, the newest first; 2 queries."""
    trades = list(Trade.objects.standing().filter(portfolio__in=portfolios).select_related("asset")[:limit])
    gains: dict[int | None, Decimal] = defaultdict(Decimal)
    taken = Disposal.objects.filter(trade__in=[trade.pk for trade in trades]).order_by()
    for trade_id, proceeds, cost in taken.values_list("trade_id", "proceeds", "cost"):
        gains[trade_id] += proceeds - cost
    return [TradeRow(trade, gains[trade.pk]) for trade in trades]


def _at_newest(holding: Holding, newest: LastPrice | None, base: str) -> Holding:
    """``holding`` at a quote, unless the close that the books have is newer."""
    if newest is None or not _overtakes(newest, holding):
        return holding
    rate, factor = holding.rate, holding.price_factor
    value = None if rate is None else market_value(holding.quantity, newest.price + holding.accrued, rate, base, factor)
    gain = None if value is None else value - holding.cost_base
    return replace(
        holding,
        price=newest.price,
        price_day=newest.day,
        price_source=newest.source,
        value=value,
        unrealised_gain=gain,
    )


def _overtakes(newest: LastPrice, holding: Holding) -> bool:
    """A quote goes before a close that is not newer, and before one's own trade of the same day."""
    if holding.price_day is None:
        return True
    own = holding.price_source == TRADE_PRICE
    return newest.day >= holding.price_day if own else newest.overtakes(holding.price_day)


def _position(answer: Shown, rows: Sequence[Holding]) -> Position:
    first, profile = rows[0], answer.profiles.get(rows[0].asset_id)
    bases = {portfolio.pk: portfolio.base_currency for portfolio in answer.portfolios}
    quantity, cost = total(row.quantity for row in rows), total(row.cost for row in rows)
    return Position(
        asset_id=first.asset_id,
        symbol=first.symbol,
        company_name=first.name,
        sector=first.sector or (profile.industry if profile else ""),
        quantity=quantity,
        average_cost=per_unit(unit_cost(cost, quantity, first.price_factor)) if quantity else None,
        price=first.price,
        invested=_sum(_converted(answer, row.cost_base, bases[row.portfolio_id]) for row in rows),
        market_value=_sum(_converted(answer, row.value, bases[row.portfolio_id]) for row in rows),
        logo=profile.logo if profile else "",
    )


def _cash(answer: Shown) -> Decimal | None:
    """The balances of the portfolios' accounts; what actions pay later is in them, as it is in their totals."""
    known = totals_of_all(answer.portfolios, {}).values()
    return _sum(_converted(answer, each.total_value if each.complete else None, each.currency) for each in known)


def _converted(answer: Shown, amount: Decimal | None, base: str) -> Decimal | None:
    rate = answer.rates[base]
    if amount is None or base == answer.currency or not amount:
        return amount
    return None if rate is None else quantise(multiply(amount, rate), answer.currency)


def _rate(table: RateTable, base: str, currency: str) -> Decimal | None:
    return latest_rate(table, base, currency)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """None as soon as one is not known: a sum of the others would be a wrong number."""
    listed = list(amounts)
    return None if None in listed else total(amount for amount in listed if amount is not None)


def _less(amount: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if amount is None or other is None else amount - other


def _percent(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return divide(multiply(part, HUNDRED), whole) if part is not None and whole is not None and whole > 0 else None
