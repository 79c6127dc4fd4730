"""Portfolios with two years of drawn prices, for the tests of what looks ahead."""

from __future__ import annotations

from datetime import date

import numpy as np

from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

SESSIONS = sessions("XNYS", date(2021, 1, 4), date(2022, 12, 30))
SECTORS = {"AAPL": "Technology", "MSFT": "Technology", "XOM": "Energy", "JPM": "Financials", "KO": "Staples"}


def moving(symbol: str, seed: int, *, start: int = 0, spread: float = 0.015) -> Asset:
    """An asset whose closes are drawn, from the session ``start`` on."""
    asset = make_asset(symbol, sector=SECTORS.get(symbol, ""))
    moves = np.random.default_rng(seed).normal(0.0006, spread, len(SESSIONS) - start)
    make_bars(asset, [f"{close:.4f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[start])
    return asset


def invested(owner: User, name: str = "Growth") -> Portfolio:
    """AAPL, MSFT and XOM in ``name``; JPM and KO have prices and are not held."""
    portfolio = make_portfolio(owner, name)
    for seed, (symbol, units) in enumerate({"AAPL": 30, "MSFT": 20, "XOM": 10}.items()):
        buy(portfolio, moving(symbol, seed, spread=0.01 + 0.004 * seed), units, 100, SESSIONS[0])
    for seed, symbol in enumerate(("JPM", "KO"), start=3):
        moving(symbol, seed, spread=0.012)
    return portfolio
