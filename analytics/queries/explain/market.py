"""What a benchmark or an asset earned, as a recorded input: each return with the closes, rates and bars behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from analytics.engine.recording import RecordedArray
from analytics.market import Grid, Market
from analytics.valuation import FloatArray
from assets.models import Asset, HistoricValue

MOVE = "close × rate / (close_before × rate_before) - 1"


def benchmark_given(asset: Asset, market: Market, base: str, grid: Grid, places: Any) -> RecordedArray:
    """The benchmark's returns in ``base`` on the days of the grid at ``places`` (K,); one query."""
    return returns_given(asset, market, base, grid, places, kind="benchmark", name="b: daily returns of the benchmark")


def returns_given(
    asset: Asset, market: Market, base: str, grid: Grid, places: Any, *, kind: str, name: str
) -> RecordedArray:
    """An asset's returns in ``base`` on the days of the grid at ``places`` (K,); one query."""
    closes, rates = market.benchmark_levels(asset.pk, base, grid)
    days = grid.days[places]
    source = {
        "kind": kind,
        "symbol": asset.symbol,
        "formula": MOVE,
        "price": "adjusted close" if market.facts[asset.pk].terms is None else "adjusted close with accrued interest",
        "currency": asset.currency,
        "days": np.datetime_as_string(days).tolist(),
        **_columns(closes, "close", places),
        **_columns(rates, "rate", places),
        **_bars_of(asset.pk, days),
    }
    returns = market.benchmark_returns(asset.pk, base, grid)[places]
    return RecordedArray.given(returns, name, source)


def _columns(levels: FloatArray, name: str, places: Any) -> dict[str, list[float]]:
    return {name: levels[places + 1].tolist(), f"{name}_before": levels[places].tolist()}


def _bars_of(asset_id: int, days: Any) -> dict[str, list[Any]]:
    """Of the last bar on each day: the day that it is of, who gave it, and the price clock of the write."""
    bars = HistoricValue.objects.filter(asset=asset_id, day__lte=days[-1].item()).order_by("day")
    rows = list(bars.values_list("day", "source", "version"))
    known = np.array([row[0] for row in rows], "datetime64[D]")
    last = np.searchsorted(known, days, side="right") - 1
    return {
        "price_day": [rows[place][0] for place in last],
        "source": [rows[place][1] for place in last],
        "version": [rows[place][2] for place in last],
    }


def bars_on(asset_ids: Sequence[int], days: Sequence[date]) -> dict[str, list[Any]]:
    """Of the bar of each asset on its day: who gave it, and the price clock of the write; one query."""
    rows = HistoricValue.objects.filter(asset__in=set(asset_ids), day__in=set(days)).order_by()
    known = {(pk, day): told for pk, day, *told in rows.values_list("asset_id", "day", "source", "version")}
    bars = [known.get(wanted, ["", None]) for wanted in zip(asset_ids, days, strict=True)]
    return {"source": [source for source, _ in bars], "version": [version for _, version in bars]}
