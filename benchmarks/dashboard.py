"""python benchmarks/dashboard.py: what the overview of 50 positions costs the server.

A portfolio of 50 assets with 5 years of sessions and 1,000 trades, in a database of its own, each asset with a quote
of now. Each run is a GET through the whole stack of the server (routing, permissions, queries, figures, rendering)
without the network. The baseline, in the same run, is the naive way to the same sums: each position with its own
queries, and the risk figures computed anew.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import performance
from performance import median
from recompute import clock, prepare_django

GOAL = 60  # milliseconds
PATHS = ("overview", "positions", "trades?limit=50", "performance?days=30", "quote/A000", "profile/A000")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=50)
    parser.add_argument("--trades", type=int, default=1_000)
    parser.add_argument("--sessions", type=int, default=1_260)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    performance.ASSETS, performance.SESSIONS = options.positions, options.sessions
    os.environ["REDIS_URL"] = "redis://127.0.0.1:9/0"  # every quote is fresh, so nothing is sent
    with tempfile.TemporaryDirectory(prefix="dashboard-") as folder:
        prepare_django(Path(folder))
        with clock(f"building a portfolio of {options.trades} trades in {options.positions} assets"):
            portfolio = performance.build(options.trades)
            keep_quotes()
        report(portfolio, options.runs)


def keep_quotes() -> None:
    """A quote of now and a profile for each asset."""
    from django.utils import timezone

    from assets import quotes
    from assets.models import Asset, CompanyProfile
    from assets.providers.base import PriceQuote

    now = timezone.now()
    for asset in Asset.objects.all():
        newest = PriceQuote(asset.symbol, Decimal(asset.pk) + 100, now, previous_close=Decimal(100))
        quotes.put(asset.pk, newest, source="benchmark", now=now)
        CompanyProfile.objects.create(asset=asset, name=asset.name, fetched_at=now, source="benchmark")


def report(portfolio: Any, runs: int) -> None:
    from analytics.services import recompute

    print()
    line("overview, the figures being older than a trade", get(portfolio, "overview"), runs)
    recompute([portfolio.pk])
    for path in PATHS:
        line(path, get(portfolio, path), runs)
    shown = get(portfolio, "overview")()["market_value"]
    assert abs(float(naive(portfolio)) - shown) < 1, (naive(portfolio), shown)
    line("the overview's sums and figures, position by position", lambda: naive(portfolio), 5)
    copy(portfolio)
    line("overview of two such portfolios together", get(portfolio, "overview"), runs)


def line(name: str, work: Any, runs: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    work()
    with CaptureQueriesContext(connection) as queries:
        work()
    count = len(queries)
    print(f"{name:60} {median(work, runs) * 1000:8.1f} ms {count:5} queries")


def get(portfolio: Any, path: str) -> Any:
    from rest_framework.test import APIClient

    client = APIClient(headers={"host": "127.0.0.1"})
    client.force_authenticate(portfolio.owner)

    def ask() -> Any:
        answer = client.get(f"/api/dashboard/{path}")
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]

    return ask


def copy(portfolio: Any) -> Any:
    """A second portfolio with the same trades."""
    from portfolios.models import Portfolio, Trade
    from portfolios.services.rebuild import rebuild

    second = Portfolio.objects.create(owner=portfolio.owner, name="Copy", base_currency="USD")
    trades = list(Trade.objects.filter(portfolio=portfolio))
    for trade in trades:
        trade.pk, trade.portfolio = None, second
    Trade.objects.bulk_create(trades)
    rebuild(second)
    return second


def naive(portfolio: Any) -> Decimal:
    from analytics import queries
    from assets.models import HistoricValue, Quote
    from portfolios.models import Investment

    value = Decimal(0)
    for held in Investment.objects.open().filter(portfolio=portfolio):
        quote = Quote.objects.filter(asset=held.asset).first()
        bar = HistoricValue.objects.filter(asset=held.asset).order_by("-day").first()
        price = quote.price if quote and bar and quote.at.date() >= bar.day else bar.close
        value += held.quantity * price
    queries.risk(portfolio)
    return value


if __name__ == "__main__":
    main()
