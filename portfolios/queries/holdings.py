"""What portfolios hold, and what it is worth at the last known prices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Max, OuterRef, Subquery

from assets.bonds import BondTerms
from assets.models import Asset, AssetType, HistoricValue
from assets.queries import LastBar, RateMissing, RateTable, bond_terms, carried, last_bars, rates
from banking.models import CashTransaction
from core.money import HUNDREDTH, divide, multiply, total
from portfolios.book.types import Book, Position, plain
from portfolios.book.value import market_value, per_unit, unit_cost, weights
from portfolios.models import CashSetting, Investment, Lot, Portfolio, Trade
from portfolios.queries.books import books_of, books_on
from portfolios.queries.facts import BookKey

OF_PAR = "% of par"  # in English for programs and files; pages say it in the reader's language
TRADE_PRICE = "trade"  # the source of a price that no market gave: the portfolio's own last trade


@dataclass(frozen=True, slots=True)
class Holding:
    """One asset of one portfolio: quantity, cost, price, value.

    ``cost`` is in the asset's currency; ``cost_base``, ``value``, the gains, the income and ``rate`` (base currency for
    one of the asset's) in the portfolio's. ``price`` and ``average_cost`` are as the asset is quoted: in
    ``quote_currency``, and worth ``price_factor`` of money for each 1 of them. So is ``accrued``, the interest of a
    bond that is in its value beside the (clean) price. ``opened_on`` is the day on which the oldest open lot came in,
    None when nothing is held. ``price_source``
    "simulated" marks a price that no market made, "trade" the last own trade of an asset
    without any close. ``weight`` is the share of the market value; the weights of a portfolio
    add up to 1. What needs a price or rate that is not known is None.
    """

    portfolio_id: int
    asset_id: int
    symbol: str
    name: str
    sector: str
    asset_type: str
    currency: str
    quote_currency: str
    price_factor: Decimal
    quantity: Decimal
    average_cost: Decimal
    cost: Decimal
    cost_base: Decimal
    price: Decimal | None
    price_day: date | None
    price_source: str
    price_basis: str
    rate: Decimal | None
    value: Decimal | None
    unrealised_gain: Decimal | None
    realised_gain: Decimal
    income: Decimal
    opened_on: date | None
    weight: Decimal | None
    accrued: Decimal = Decimal(0)

    @property
    def accrued_interest(self) -> Decimal:
        """The interest of what is held that has accrued since the last coupon, in the asset's currency, unrounded."""
        return multiply(self.quantity, self.price_factor, self.accrued)

    @property
    def dirty_price(self) -> Decimal | None:
        """The price with the interest that has accrued, as the asset is quoted, to the 10 decimals of prices."""
        return None if self.price is None else per_unit(total([self.price, self.accrued]))

    @property
    def price_unit(self) -> str:
        """What ``price`` and ``average_cost`` are in, for people: GBX, % of par, or the currency."""
        if self.quote_currency != self.currency or self.price_factor == 1:
            return self.quote_currency
        if is_of_par(self.asset_type, self.price_factor):
            return OF_PAR
        return f"{plain(self.price_factor)} {self.currency}"

    @property
    def type_name(self) -> str:
        return str(AssetType(self.asset_type).label)

    @property
    def unrealised_return(self) -> Decimal | None:
        """The unrealised gain as a fraction of the cost; None where it is not known or nothing was paid."""
        known = self.unrealised_gain is not None and self.cost_base
        return divide(self.unrealised_gain, self.cost_base) if known else None  # type: ignore[arg-type]


def is_of_par(asset_type: str, price_factor: Decimal) -> bool:
    """Whether prices are percentages of the nominal value, those of a bond by its hundred."""
    return asset_type == AssetType.BOND and price_factor == HUNDREDTH


def holdings(
    portfolios: Sequence[Portfolio], as_of: date | None = None, *, include_closed: bool = False
) -> dict[int, list[Holding]]:
    """Portfolio id to its holdings, ordered by symbol.

    At most 7 queries, however many portfolios; with ``as_of`` at most 15, since the positions
    of that day are folded from the trades; one more with a bond among them. Prices and rates are
    the last known ones (on ``as_of``). ``include_closed`` adds what was held before.
    """
    positions = _positions_on(portfolios, as_of) if as_of else _positions_now(portfolios)
    positions = {key: held for key, held in positions.items() if include_closed or held.position.quantity}
    return holdings_from(holding_facts(portfolios, positions, as_of))


def holdings_on(portfolio: Portfolio, days: Collection[date]) -> dict[date, list[Holding]]:
    """What was held at the close of each of ``days``, and before it, ordered by symbol.

    At most 10 queries, and 5 for each day, for its prices and rates.
    """
    positions = {day: _held(books) for day, books in books_on(portfolio, days).items()}
    assets = Asset.objects.in_bulk({asset_id for held in positions.values() for _, asset_id in held})
    return {
        day: holdings_from(holding_facts([portfolio], held, day, assets))[portfolio.pk]
        for day, held in positions.items()
    }


@dataclass(frozen=True, slots=True)
class HoldingFacts:
    """What holdings follow from: positions, and beside them the last known prices and rates (on ``as_of``)."""

    as_of: date | None
    bases: Mapping[int, str]  # portfolio id to its base currency
    positions: Mapping[BookKey, Held]
    assets: Mapping[int, Asset]
    bars: Mapping[int, LastBar]
    own: Mapping[BookKey, OwnPrice]
    table: RateTable
    terms: Mapping[int, BondTerms]  # of bonds, by asset id


def holding_facts(
    portfolios: Sequence[Portfolio],
    positions: Mapping[BookKey, Held],
    as_of: date | None,
    known: Mapping[int, Asset] | None = None,
) -> HoldingFacts:
    """Everything beside the positions; at most 5 queries, 6 with a bond among them; ``known`` assets are not read."""
    wanted = {asset_id for _, asset_id in positions}
    assets = Asset.objects.in_bulk(wanted) if known is None else {pk: known[pk] for pk in wanted}
    bars = last_bars(assets, as_of)
    own = own_prices(portfolios, assets.keys() - bars.keys(), as_of)
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    codes = (
        {asset.currency for asset in assets.values()} | set(bases.values()) | {price.currency for price in own.values()}
    )
    table = rates(codes, min(codes, default="USD"), as_of or date.max)
    return HoldingFacts(as_of, bases, positions, assets, bars, own, table, bond_terms(assets.values()))


def holdings_from(facts: HoldingFacts) -> dict[int, list[Holding]]:
    """Portfolio id to its holdings, ordered by symbol; one query, for the splits since the prices."""
    prices = _prices(facts)
    rows: dict[int, list[Holding]] = {portfolio_id: [] for portfolio_id in facts.bases}
    for key, held in sorted(facts.positions.items(), key=lambda item: facts.assets[item[0][1]].symbol):
        asset, base = facts.assets[key[1]], facts.bases[key[0]]
        rate = latest_rate(facts.table, asset.currency, base, facts.as_of)
        rows[key[0]].append(_holding(key, asset, held, prices.get(key), rate, base))
    return {portfolio_id: _weighted(found) for portfolio_id, found in rows.items()}


def latest_rate(table: RateTable, source: str, target: str, day: date | None = None) -> Decimal | None:
    """The last known rate (on ``day``), or None."""
    try:
        return table.rate(source, target, day or date.max).value
    except RateMissing:
        return None


def valuation_days(portfolio_ids: Collection[int]) -> dict[int, date | None]:
    """Portfolio id to the day that its value is of; 2 queries.

    The last day on which an asset that it holds had a bar, or its last trade's, if that is later.
    """
    newest = HistoricValue.objects.filter(asset=OuterRef("asset")).order_by("-day").values("day")[:1]
    held = Investment.objects.open().filter(portfolio__in=portfolio_ids).order_by()
    traded = Trade.objects.standing().filter(portfolio__in=portfolio_ids).order_by()
    days: dict[int, date | None] = dict.fromkeys(portfolio_ids)
    pairs = [
        *held.values_list("portfolio_id", Subquery(newest)),
        *traded.values_list("portfolio_id").annotate(Max("day")),
    ]
    for portfolio_id, day in pairs:
        known = days[portfolio_id]
        days[portfolio_id] = max(filter(None, (known, day)), default=None)
    return days


def known_until(portfolio: Portfolio) -> date | None:
    """The last day of which anything is known: a price of what is held, a trade, or tracked cash; 3 queries."""
    valued = valuation_days([portfolio.pk])[portfolio.pk]
    if portfolio.cash != CashSetting.TRACKED:
        return valued
    cash = CashTransaction.objects.standing().filter(account__portfolio_link__portfolio=portfolio)
    return max(filter(None, (valued, cash.aggregate(last=Max("booked_on"))["last"])), default=None)


class Held(NamedTuple):
    """A position and the day on which its oldest open lot came in."""

    position: Position
    opened_on: date | None


def _positions_now(portfolios: Sequence[Portfolio]) -> dict[BookKey, Held]:
    lots = Lot.objects.open().filter(portfolio=OuterRef("portfolio"), asset=OuterRef("asset")).order_by("opened_on")
    rows = Investment.objects.filter(portfolio__in=portfolios).values_list(
        "portfolio_id",
        "asset_id",
        "quantity",
        "cost",
        "cost_base",
        "realised_gain",
        "realised_gain_base",
        "income",
        "income_base",
        "first_traded_on",
        Subquery(lots.values("opened_on")[:1]),
    )
    return {(row[0], row[1]): Held(Position(*row[2:-1]), row[-1]) for row in rows}


def _positions_on(portfolios: Sequence[Portfolio], day: date) -> dict[BookKey, Held]:
    return _held(books_of(portfolios, until=day))


def _held(books: Mapping[BookKey, Book]) -> dict[BookKey, Held]:
    return {
        key: Held(book.position, min((lot.opened_on for lot in book.lots if lot.quantity), default=None))
        for key, book in books.items()
    }


class OwnPrice(NamedTuple):
    """What the portfolio itself paid or got for a unit; ``asset_currency`` is that of the asset."""

    bar: LastBar
    currency: str
    asset_currency: str
    trade_id: int

    def in_asset(self, table: RateTable, day: date | None) -> LastBar | None:
        """In the asset's currency at the last known rate (on ``day``); None where there is none."""
        rate = latest_rate(table, self.currency, self.asset_currency, day)
        return None if rate is None else replace(self.bar, close=multiply(self.bar.close, rate))


def own_prices(
    portfolios: Sequence[Portfolio], asset_ids: Collection[int], as_of: date | None = None
) -> dict[BookKey, OwnPrice]:
    """The price of each portfolio's last trade of an asset (up to ``as_of``), of transfers too; one query at most."""
    if not asset_ids:
        return {}
    trades = Trade.objects.standing().filter(portfolio__in=portfolios, asset__in=asset_ids, price__gt=0)
    trades = trades.filter(day__lte=as_of) if as_of else trades
    columns = ("portfolio_id", "asset_id", "day", "price", "currency", "asset__currency", "pk")
    rows = trades.in_booking_order().values_list(*columns)
    return {(row[0], row[1]): OwnPrice(LastBar(row[1], row[2], row[3], TRADE_PRICE), *row[4:]) for row in rows}


def _prices(facts: HoldingFacts) -> dict[BookKey, LastBar]:
    """The last close, else the portfolio's own last trade price; with the splits and the interest since."""
    keys, as_of = facts.positions, facts.as_of
    found = {key: facts.bars[key[1]] for key in keys if key[1] in facts.bars}
    converted = {key: price.in_asset(facts.table, as_of) for key, price in facts.own.items() if key in keys}
    return carried(found | {key: bar for key, bar in converted.items() if bar}, as_of, facts.terms)


def _holding(key: BookKey, asset: Asset, held: Held, bar: LastBar | None, rate: Decimal | None, base: str) -> Holding:
    position = held.position
    known = bar is not None and rate is not None
    factor = asset.price_factor
    value = market_value(position.quantity, bar.dirty, rate, base, factor) if known else None  # type: ignore[union-attr,arg-type]
    return Holding(
        portfolio_id=key[0],
        asset_id=asset.pk,
        symbol=asset.symbol,
        name=asset.name,
        sector=asset.sector,
        asset_type=asset.type,
        currency=asset.currency,
        quote_currency=asset.quote_currency,
        price_factor=factor,
        quantity=position.quantity,
        average_cost=per_unit(unit_cost(position.cost, position.quantity, factor)),
        cost=position.cost,
        cost_base=position.cost_base,
        price=per_unit(bar.close) if bar else None,
        price_day=bar.day if bar else None,
        price_source=bar.source if bar else "",
        price_basis=asset.price_basis,
        rate=rate,
        value=value,
        unrealised_gain=None if value is None else value - position.cost_base,
        realised_gain=position.realised_gain_base,
        income=position.income_base,
        opened_on=held.opened_on,
        weight=None,
        accrued=bar.accrued if bar else Decimal(0),
    )


def _weighted(held: list[Holding]) -> list[Holding]:
    """``held`` with the weights of what has a value."""
    valued = [holding for holding in held if holding.value is not None]
    shares = weights([holding.value or Decimal(0) for holding in valued])
    by_asset = dict(zip((holding.asset_id for holding in valued), shares or [], strict=False))
    return [replace(holding, weight=by_asset.get(holding.asset_id)) for holding in held]
