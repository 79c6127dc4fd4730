"""python benchmarks/performance.py: ten years of daily values and returns of one portfolio with 10,000 trades.

Builds a database of its own in a temporary folder: 200 assets with daily closes over 2,520 sessions, and one portfolio
that buys and sells them. Medians of the runs, the price panel being there. The baseline, in the same run, is the usual
way with the ORM and pandas: a pivot of the closes, a cumulative sum of the trades, their product.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from recompute import clock, prepare_django

ASSETS, SESSIONS, FIRST = 200, 2520, date(2014, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="performance-") as folder:
        prepare_django(Path(folder))
        with clock(f"building {ASSETS} assets × {SESSIONS} sessions and {options.trades} trades"):
            portfolio = build(options.trades)
        figures = measure(portfolio, options.runs)
    print()
    for name, seconds in figures.items():
        print(f"{name:55} {seconds * 1000:9.1f} ms")


def build(trades: int) -> Any:
    from assets.panel import open_panel
    from portfolios.models import Portfolio
    from portfolios.services.rebuild import rebuild
    from users.models import User

    generator = np.random.default_rng(11)
    owner = User.objects.create_user(username="benchmark", email="", password=None)
    assets, closes = build_market(generator)
    portfolio = Portfolio.objects.create(owner=owner, name="Ten years", base_currency="USD", benchmark_id=assets[-1])
    build_trades(generator, portfolio.pk, assets, closes, trades)
    rebuild(portfolio)
    open_panel()
    return Portfolio.objects.select_related("benchmark").get(pk=portfolio.pk)


def sessions() -> list[date]:
    days = (FIRST + timedelta(days=offset) for offset in range(SESSIONS * 2))
    return [day for day in days if day.weekday() < 5][:SESSIONS]


def build_market(generator: np.random.Generator) -> tuple[list[int], np.ndarray]:
    from assets.models import Asset, Exchange, HistoricValue, PriceClock
    from core import bulk

    exchange = Exchange.objects.create(code="XNYS", name="New York", calendar="XNYS", time_zone="America/New_York")
    version = PriceClock.tick()
    shared = {"currency": "USD", "exchange": exchange, "price_version": version}
    names = [*(f"A{number:03d}" for number in range(ASSETS)), "INDEX"]
    Asset.objects.bulk_create(Asset(symbol=name, name=name, **shared) for name in names)
    assets = list(Asset.objects.order_by("pk").values_list("pk", flat=True))
    closes = np.round(100 * np.cumprod(1 + generator.normal(0.0003, 0.015, (len(assets), SESSIONS)), axis=1), 2)
    days = sessions()

    def rows() -> Iterator[tuple[Any, ...]]:
        for asset, series in zip(assets, closes.clip(0.01).tolist(), strict=True):
            for day, close in zip(days, series, strict=True):
                yield asset, day, Decimal(str(close)), "benchmark", version

    bulk.insert(HistoricValue, ["asset", "day", "close", "source", "version"], rows())
    return assets, closes


def build_trades(generator: np.random.Generator, portfolio: int, assets: list[int], closes: np.ndarray, n: int) -> None:
    """Random purchases, and sales of a part of what is held then."""
    from core import bulk
    from portfolios.models import Trade

    days, held = sessions(), dict.fromkeys(range(ASSETS), 0)
    rows, now = [], datetime(2024, 6, 1, tzinfo=UTC)
    for place in np.sort(generator.integers(0, SESSIONS, n)).tolist():
        asset = int(generator.integers(0, ASSETS))
        selling = held[asset] > 1 and generator.random() < 0.4
        quantity = held[asset] // 2 if selling else int(generator.integers(1, 100))
        held[asset] += -quantity if selling else quantity
        day, price = days[place], Decimal(str(float(closes[asset, place].clip(0.01))))
        at = datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
        kind = "sell" if selling else "buy"
        rows.append((portfolio, assets[asset], kind, at, day, Decimal(quantity), price, Decimal("1.5"), Decimal(0)))
    columns = ["portfolio", "asset", "kind", "traded_at", "day", "quantity", "price", "fee", "tax"]
    columns += ["currency", "created_at", "accrued", "external_id", "note", "sequence"]
    bulk.insert(Trade, columns, ((*row, "USD", now, Decimal(0), "", "", 0) for row in rows))


def measure(portfolio: Any, runs: int) -> dict[str, float]:
    from analytics import queries
    from analytics.performance import daily_series
    from portfolios.queries.performance import performance

    end = sessions()[-1]

    def ours() -> np.ndarray:
        return daily_series(queries.inputs([portfolio.pk], as_of=end), end).values[0]

    theirs = baseline(portfolio.pk)
    assert np.allclose(ours(), theirs(), atol=1e-6)
    return {
        "daily values and time-weighted returns": median(ours, runs),
        "the same with the ORM and pandas": median(theirs, 3),
        "exact lines since inception, in decimals": median(lambda: performance(portfolio, FIRST, end), 3),
        "everything that /performance/ answers": median(lambda: queries.report(portfolio), 3),
    }


def median(work: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def baseline(portfolio: int) -> Callable[[], np.ndarray]:
    import pandas as pd

    from assets.models import HistoricValue
    from portfolios.models import Trade

    def values() -> np.ndarray:
        bars = HistoricValue.objects.values_list("day", "asset_id", "close")
        frame = pd.DataFrame.from_records(bars, columns=["day", "asset", "close"]).astype({"close": float})
        prices = frame.pivot(index="day", columns="asset", values="close").ffill()
        rows = Trade.objects.filter(portfolio=portfolio).values_list("day", "asset_id", "kind", "quantity")
        trades = pd.DataFrame.from_records(rows, columns=["day", "asset", "kind", "quantity"])
        trades["quantity"] = trades["quantity"].astype(float) * np.where(trades["kind"] == "sell", -1, 1)
        moved = trades.groupby(["day", "asset"])["quantity"].sum().unstack(fill_value=0.0)
        held = moved.reindex(index=prices.index, columns=prices.columns, fill_value=0.0).cumsum()
        worth = (held * prices).sum(axis=1)
        return np.asarray(worth[worth.index >= trades["day"].min()])

    return values


if __name__ == "__main__":
    main()
