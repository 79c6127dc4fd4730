"""Several portfolios as if they were one: their common series and figures in one currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db.models import FloatField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from analytics.engine import cumulative_returns, expanding_sharpe_ratio
from analytics.figures import MIN_OBSERVATIONS, outcomes
from analytics.models import Snapshot
from analytics.performance import TRANSFER_IN, TRANSFER_OUT, Inputs, PortfolioFacts, series_of
from analytics.queries.facts import inputs
from analytics.queries.versions import stale
from analytics.valuation import FloatArray
from core.arrays import EpochDay
from portfolios.models import Portfolio, Trade, TradeKind

SHOWN = ("sharpe_ratio", "max_drawdown", "annual_volatility")


@dataclass(frozen=True, slots=True)
class History:
    """Days of portfolios together, each (T,): value in their currency, return and Sharpe ratio since inception.

    The Sharpe ratio of a day follows from the returns up to it, and is NaN with too few of them.
    """

    days: NDArray[np.datetime64]
    values: FloatArray
    returns: FloatArray
    sharpe_ratio: FloatArray


def figures(portfolios: Sequence[Portfolio], currency: str) -> dict[str, float | None]:
    """``SHOWN`` of the portfolios together, in ``currency``; None where a figure is not defined.

    Of one portfolio from its snapshot if that is up to date (2 queries), else computed now (at most 12).
    """
    if not portfolios:
        return dict.fromkeys(SHOWN)
    if len(portfolios) == 1 and portfolios[0].base_currency == currency:
        own = Portfolio.objects.filter(pk=portfolios[0].pk)
        kept = Snapshot.objects.filter(portfolio__in=own).order_by("-as_of").first()
        if kept is not None and not stale(own).exists():
            return {name: getattr(kept, name) for name in SHOWN}
    chunk = together(portfolios, currency)
    [series] = series_of(chunk)
    found = outcomes(chunk, series)[0].figures
    return {name: found[name] for name in SHOWN}


def history(portfolios: Sequence[Portfolio], currency: str) -> History:
    """Every day since inception on which the portfolios together had a return; at most 10 queries."""
    if not portfolios:
        return _no_history()
    [whole] = series_of(together(portfolios, currency))
    earned = whole.valid[0]
    if not earned.any():
        return _no_history()
    returns = whole.returns[0][earned]
    ratios = expanding_sharpe_ratio(returns, periods=whole.grid.periods)
    ratios[: MIN_OBSERVATIONS - 1] = np.nan
    return History(whole.grid.days[earned], whole.values[0][earned], cumulative_returns(returns), ratios)


def _no_history() -> History:
    nothing = np.empty(0)
    return History(np.empty(0, "datetime64[D]"), nothing, nothing, nothing)


def together(portfolios: Sequence[Portfolio], currency: str, *, as_of: date | None = None) -> Inputs:
    """The facts of the portfolios, up to and including ``as_of``, as those of one in ``currency``.

    What moves between two of them stays inside, so it is left out. A broker's rate into another base currency than
    ``currency`` says nothing here: that day's rate is taken.
    """
    chunk = inputs([portfolio.pk for portfolio in portfolios], as_of=as_of)
    bases = np.array([facts.base for facts in chunk.portfolios], "U3")
    if len(chunk.portfolios) == 1 and bases[0] == currency:
        return chunk
    trades, cash = _without_inner_transfers(chunk), chunk.cash.copy()
    trades["rate"][bases[trades["row"]] != currency] = np.nan
    trades["row"] = cash["row"] = 0
    begun = min(facts.created_on for facts in chunk.portfolios)
    one = PortfolioFacts(0, 0, 0, 0, currency, None, any(facts.tracked for facts in chunk.portfolios), begun)
    return Inputs([one], trades, cash, chunk.market)


def _without_inner_transfers(chunk: Inputs) -> NDArray[np.void]:
    """A copy of the trades without both legs of what moved from one of the portfolios to another."""
    rows = {facts.pk: row for row, facts in enumerate(chunk.portfolios)}
    arrivals = Trade.objects.standing().filter(
        kind=TradeKind.TRANSFER_IN, portfolio__in=rows, source__portfolio__in=rows, source__voided_at=None
    )
    columns = arrivals.values_list(
        *("portfolio_id", "source__portfolio_id", "asset_id", EpochDay("day"), EpochDay("source__day")),
        *(Cast("quantity", FloatField()), Cast("source__quantity", FloatField())),
    )
    inner: Counter[tuple[int, int, int, int, float]] = Counter()
    for into, out_of, asset, arrived, left, units_in, units_out in columns:
        inner[rows[into], asset, TRANSFER_IN, arrived, units_in] += 1
        inner[rows[out_of], asset, TRANSFER_OUT, left, units_out] += 1
    trades = chunk.trades.copy()
    if not inner:
        return trades
    kept = np.ones(len(trades), np.bool_)
    for place in np.flatnonzero(np.isin(trades["kind"], (TRANSFER_IN, TRANSFER_OUT))).tolist():
        row, asset, kind, day, quantity, *_ = trades[place].item()
        key = (row, asset, kind, np.datetime64(day, "D").astype(np.int64).item(), quantity)
        if inner[key]:
            inner[key] -= 1
            kept[place] = False
    return trades[kept]
