"""python benchmarks/recompute.py: from the database to stored snapshots, for 10,000 portfolios.

Builds a database of its own in a temporary folder: 500 assets with daily closes over 1,260 sessions, and portfolios of
30 holdings each, begun on any day of the first year and bought within 60 sessions, a fifth of them sold in part later.
Then recomputes every portfolio in chunks of 1,000, in a process of its own, as one worker does, and once more in two
that take chunks in turn: not in this one, whose memory is in pieces from the filling of the database, which costs a
fifth of the time. The baseline, in the same run, is the usual way with the ORM, pandas and empyrical,
one portfolio after the other, on a sample, scaled up.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

ASSETS, SESSIONS, HOLDINGS, CHUNK = 500, 1260, 30, 1000
FIRST = date(2018, 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portfolios", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=20, help="portfolios that the baseline computes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recompute-") as folder:
        prepare_django(Path(folder))
        with clock(f"building {options.portfolios} portfolios × {HOLDINGS} holdings × {SESSIONS} sessions"):
            ids = build(options.portfolios)
        prepare_panel(len(ids))
        ours, (processor,) = measure(Path(folder), ids, workers=1)
        both, processors = measure(Path(folder), ids, workers=2)
        check(ids)
        theirs = baseline(ids[: options.sample]) / options.sample * len(ids)
    print(f"\nportfolio server   {ours:8.2f} s   {processor:.2f} s of it processor time, {len(ids)} portfolios")
    print(
        f"in two processes   {both:8.2f} s   {' and '.join(f'{busy:.2f}' for busy in processors)} s of processor time"
    )
    print(f"ORM and pandas     {theirs:8.2f} s   scaled from {options.sample} portfolios")
    print(f"                   {theirs / ours:8.0f} times as long")


def prepare_django(folder: Path) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ |= {"VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portfolio_site.settings", "ENV_FILE": os.devnull}
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder / 'benchmark.sqlite3'}")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


@contextmanager
def clock(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.2f} s", flush=True)


# --- the database -------------------------------------------------------------------------------------------------


def build(portfolios: int) -> list[int]:
    """Fill the database in bulk, consistently: what an investment holds is the sum of its trades."""
    from django.db import transaction

    from users.models import User

    generator = np.random.default_rng(7)
    owner = User.objects.create_user(username="benchmark", email="", password=None)
    with transaction.atomic():
        assets, closes = build_market(generator)
        return build_portfolios(generator, owner.pk, portfolios, assets, closes)


def weekdays() -> list[date]:
    days = (FIRST + timedelta(days=offset) for offset in range(SESSIONS * 2))
    return [day for day in days if day.weekday() < 5][:SESSIONS]


def build_market(generator: np.random.Generator) -> tuple[list[int], np.ndarray]:
    from assets.models import Asset, Exchange, HistoricValue, PriceClock
    from core import bulk

    exchange = Exchange.objects.create(code="XNYS", name="New York", calendar="XNYS", time_zone="America/New_York")
    names = [*(f"A{number:03d}" for number in range(ASSETS)), "INDEX"]
    version = PriceClock.tick()
    Asset.objects.bulk_create(
        Asset(symbol=name, name=name, currency="USD", exchange=exchange, price_version=version) for name in names
    )
    assets = list(Asset.objects.order_by("pk").values_list("pk", flat=True))
    moves = generator.normal(0.0003, 0.015, (len(assets), SESSIONS)) + generator.normal(0, 0.008, SESSIONS)
    closes = np.round(100 * np.cumprod(1 + moves, axis=1), 2).clip(0.01)
    rows = (
        (asset, day, str(close), "benchmark", version)
        for asset, series in zip(assets, closes.tolist(), strict=True)
        for day, close in zip(weekdays(), series, strict=True)
    )
    bulk.insert(HistoricValue, ["asset", "day", "close", "source", "version"], as_decimals(rows, 2))
    return assets, closes


def as_decimals(rows: Iterator[tuple[Any, ...]], column: int) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield (*row[:column], Decimal(row[column]), *row[column + 1 :])


def build_portfolios(
    generator: np.random.Generator, owner: int, count: int, assets: list[int], closes: np.ndarray
) -> list[int]:
    from core import bulk
    from portfolios.models import Investment, Portfolio, Trade

    now = datetime(2024, 1, 1, tzinfo=UTC)
    portfolio = {"owner_id": owner, "base_currency": "USD", "benchmark_id": assets[-1], "version": 1}
    Portfolio.objects.bulk_create(Portfolio(name=f"P{number}", **portfolio) for number in range(count))
    ids = list(Portfolio.objects.order_by("pk").values_list("pk", flat=True))
    trades, investments = [], []
    for pk in ids:
        begun = int(generator.integers(0, 190))
        for place in generator.choice(ASSETS, HOLDINGS, replace=False).tolist():
            own = holding_trades(generator, closes[place], begun)
            trades += [(pk, assets[place], kind, at, at.date(), *terms, "USD", now) for kind, at, *terms in own]
            investments.append((pk, assets[place], *position(own)))
    columns = ["portfolio", "asset", "kind", "traded_at", "day", "quantity", "price", "fee", "tax", "currency"]
    rest = ["accrued", "external_id", "note", "sequence"]
    bulk.insert(Trade, [*columns, "created_at", *rest], ((*row, Decimal(0), "", "", 0) for row in trades))
    columns = ["portfolio", "asset", "quantity", "cost", "cost_base", "realised_gain", "realised_gain_base"]
    columns += ["first_traded_on", "income", "income_base"]
    bulk.insert(Investment, columns, ((*row, Decimal(0), Decimal(0)) for row in investments))
    return ids


def holding_trades(generator: np.random.Generator, closes: np.ndarray, begun: int) -> list[tuple[Any, ...]]:
    days = weekdays_cached()
    bought = begun + int(generator.integers(0, 60))
    quantity = int(generator.integers(1, 200))
    trades = [trade("buy", days[bought], quantity, closes[bought])]
    if generator.random() < 0.2 and quantity > 1:
        sold = int(generator.integers(bought + 1, SESSIONS))
        trades.append(trade("sell", days[sold], quantity // 2, closes[sold]))
    return trades


def trade(kind: str, day: date, quantity: int, price: float) -> tuple[Any, ...]:
    at = datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
    return kind, at, Decimal(quantity), Decimal(str(round(price, 2))), Decimal("1.50"), Decimal(0)


_DAYS: list[date] = []


def weekdays_cached() -> list[date]:
    if not _DAYS:
        _DAYS.extend(weekdays())
    return _DAYS


def position(trades: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Quantity, cost and realised gain after one purchase and at most one sale."""
    _, at, quantity, price, fee, _ = trades[0]
    cost = quantity * price + fee
    gain = Decimal(0)
    if len(trades) > 1:
        sold, proceeds = trades[1][2], trades[1][2] * trades[1][3] - trades[1][4]
        share = (cost * sold / quantity).quantize(Decimal("0.0001"))
        quantity, cost, gain = quantity - sold, cost - share, proceeds - share
    return quantity, cost, cost, gain, gain, at.date()


# --- what is measured ---------------------------------------------------------------------------------------------


def prepare_panel(portfolios: int) -> None:
    """The panel is there, as it is every day but the first, when a chunk is begun."""
    from analytics import queries
    from assets.panel import open_panel

    with clock("building the price panel, once"):
        open_panel()
    with clock("finding what is stale, one query"):
        assert len(queries.stale_portfolio_ids()) == portfolios


def measure(folder: Path, ids: list[int], *, workers: int) -> tuple[float, list[float]]:
    """From the database to stored snapshots: seconds until all workers are done, and each one's processor time."""
    from analytics.models import Snapshot

    Snapshot.objects.all().delete()
    context = multiprocessing.get_context("spawn")
    chunks, spent, ready = context.Queue(), context.Queue(), context.Barrier(workers + 1)
    for start in range(0, len(ids), CHUNK):
        chunks.put(ids[start : start + CHUNK])
    for _ in range(workers):
        chunks.put(None)
    processes = [context.Process(target=work, args=(folder, chunks, spent, ready)) for _ in range(workers)]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    return time.perf_counter() - started, [spent.get() for _ in processes]


def check(ids: list[int]) -> None:
    from analytics import queries
    from analytics.models import Snapshot

    assert Snapshot.objects.filter(sharpe_ratio__isnull=False).count() == len(ids)
    with clock("finding that nothing is stale, one query"):
        assert not queries.stale_portfolio_ids()


def work(folder: Path, chunks: Any, spent: Any, ready: Any) -> None:
    """One of them: takes chunks until there are none."""
    prepare_django(folder)
    from analytics import services
    from assets.panel import open_panel

    open_panel()
    ready.wait()
    busy = time.process_time()
    while (chunk := chunks.get()) is not None:
        services.recompute(chunk)
    spent.put(time.process_time() - busy)


# --- the baseline -------------------------------------------------------------------------------------------------


def baseline(ids: list[int]) -> float:
    """Seconds for the same figures of a few portfolios with the ORM, a pandas pivot and empyrical; prices read once."""
    import pandas as pd

    from analytics.models import Snapshot
    from assets.models import HistoricValue
    from portfolios.models import Portfolio

    rows = HistoricValue.objects.values_list("day", "asset_id", "close")
    frame = pd.DataFrame.from_records(rows, columns=["day", "asset", "close"])
    prices = frame.astype({"close": float}).pivot(index="day", columns="asset", values="close").ffill()
    market = prices.iloc[:, -1].pct_change()
    started = time.perf_counter()
    for portfolio in Portfolio.objects.filter(pk__in=ids):
        figures = pandas_figures(portfolio, prices, market)
        ours = Snapshot.objects.get(portfolio=portfolio)
        for name in ("annual_return", "annual_volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown", "win_rate"):
            assert abs(figures[name] - getattr(ours, name)) < 1e-9, (portfolio.pk, name, figures)
    return time.perf_counter() - started


def pandas_figures(portfolio: Any, prices: Any, market: Any) -> dict[str, float]:
    import empyrical
    import pandas as pd

    held = pd.DataFrame(0.0, index=prices.index, columns=prices.columns)
    flows = pd.DataFrame(0.0, index=prices.index, columns=["in", "out"])
    for trade in portfolio.trades.filter(voided_at=None).order_by("day"):
        sign = 1 if trade.kind == "buy" else -1
        held.loc[trade.day :, trade.asset_id] += sign * float(trade.quantity)
        amount = float(trade.quantity * trade.price + sign * trade.fee)
        flows.loc[trade.day, "in" if sign > 0 else "out"] += amount
    value = (held * prices).sum(axis=1)
    earned = (value + flows["out"]) / (value.shift(fill_value=0.0) + flows["in"]) - 1
    earned = earned[earned.index >= flows.index[flows["in"] > 0][0]].dropna()
    beside = market.reindex(earned.index).fillna(0.0)
    return {
        "annual_return": empyrical.annual_return(earned),
        "annual_volatility": empyrical.annual_volatility(earned),
        "sharpe_ratio": empyrical.sharpe_ratio(earned),
        "sortino_ratio": empyrical.sortino_ratio(earned),
        "calmar_ratio": empyrical.calmar_ratio(earned),
        "max_drawdown": empyrical.max_drawdown(earned),
        "beta": empyrical.beta(earned, beside),
        "alpha": empyrical.alpha(earned, beside),
        "value_at_risk": -empyrical.value_at_risk(earned, 0.05),
        "expected_shortfall": -empyrical.conditional_value_at_risk(earned, 0.05),
        "skewness": float(earned.skew()),
        "win_rate": float((earned > 0).mean()),
    }


if __name__ == "__main__":
    main()
