"""What portfolios hold today, with the history of what they hold: the input of every ex-ante figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal

import numpy as np

from analytics.exposure import Exposure, ForeignCash, NothingHeld, NoWeights, Position, Weighted, shared_history
from analytics.market import Market
from analytics.queries.facts import market_on
from assets.queries import SIMULATED
from core.errors import DomainError
from portfolios.models import Portfolio
from portfolios.queries import Holding, holdings
from portfolios.queries.totals import Totals, cash_facts, foreign_cash, totals_from


def exposure(portfolio: Portfolio, *, as_of: date | None = None, window: int | None = None) -> Exposure:
    """One portfolio's weights on ``as_of`` (now) and the returns of what it holds, of the last ``window`` sessions.

    Without a window: of all sessions on which every holding has a return. Raises ``NothingHeld``, ``NoWeights`` or
    ``ShortHistory``. As many queries as ``exposures``.
    """
    found = exposures([portfolio], as_of=as_of, window=window)[portfolio.pk]
    if isinstance(found, DomainError):
        raise found
    return found


def exposures(
    portfolios: Sequence[Portfolio], *, as_of: date | None = None, window: int | None = None
) -> dict[int, Exposure | DomainError]:
    """Portfolio id to its exposure, or to why it has none.

    At most 13 queries, however many portfolios (21 with ``as_of``), and those of a price panel that lags.
    """
    found: dict[int, Exposure | DomainError] = {}
    market = market_on(as_of)
    for pk, held in weighted_all(portfolios, as_of).items():
        try:
            found[pk] = held if isinstance(held, DomainError) else with_history(market, held, window)
        except DomainError as error:
            found[pk] = error
    return found


def with_history(market: Market, held: Weighted, window: int | None = None) -> Exposure:
    """What is held with its history in ``market``. Raises ``ShortHistory``."""
    asset_ids = [position.asset_id for position in held.positions]
    grid, returns = shared_history(market, asset_ids, held.currency, window)
    known = {field.name: getattr(held, field.name) for field in fields(held)}
    return Exposure(**known, periods=grid.periods, days=grid.days, returns=returns)


def weighted(portfolio: Portfolio, as_of: date | None = None) -> Weighted:
    """What one portfolio holds on ``as_of`` (now), without its history. Raises ``NothingHeld`` or ``NoWeights``."""
    found = weighted_all([portfolio], as_of)[portfolio.pk]
    if isinstance(found, DomainError):
        raise found
    return found


def weighted_all(portfolios: Sequence[Portfolio], as_of: date | None = None) -> dict[int, Weighted | DomainError]:
    """Portfolio id to what it holds, or to why that has no weights; at most 12 queries (20 with ``as_of``)."""
    held = holdings(portfolios, as_of)
    facts = cash_facts(portfolios, as_of)
    sums = totals_from(portfolios, held, facts)
    found: dict[int, Weighted | DomainError] = {}
    for portfolio in portfolios:
        try:
            found[portfolio.pk] = _weighted(
                held[portfolio.pk], sums[portfolio.pk], foreign_cash(portfolio, facts), as_of
            )
        except DomainError as error:
            found[portfolio.pk] = error
    return found


def _weighted(held: Sequence[Holding], totals: Totals, foreign: Mapping[str, Decimal], as_of: date | None) -> Weighted:
    positions = tuple(_position(holding) for holding in held)
    if not positions:
        raise NothingHeld
    if not totals.complete or totals.total_value <= 0:
        raise NoWeights
    return Weighted(
        as_of=as_of or max(position.price_day for position in positions),
        currency=totals.currency,
        positions=positions,
        weights=np.array([float(position.value / totals.total_value) for position in positions]),
        cash_weight=float((totals.total_value - totals.market_value) / totals.total_value),
        cash=tuple(ForeignCash(code, float(worth / totals.total_value)) for code, worth in foreign.items()),
        total_value=totals.total_value,
        price_source=SIMULATED if any(holding.price_source == SIMULATED for holding in held) else "",
    )


def _position(holding: Holding) -> Position:
    if holding.value is None or holding.price_day is None:
        raise NoWeights(
            "{symbol} has no price in {currency}, or that has no exchange rate",
            symbol=holding.symbol,
            currency=holding.currency,
        )
    return Position(
        asset_id=holding.asset_id,
        symbol=holding.symbol,
        name=holding.name,
        sector=holding.sector,
        currency=holding.currency,
        asset_type=holding.asset_type,
        value=Decimal(holding.value),
        price_day=holding.price_day,
    )
