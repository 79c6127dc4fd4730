"""A portfolio of everything that explanations have to do with, and how they are asked for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from django.utils import timezone
from rest_framework.test import APIClient

from analytics.models import OptimisationRun, Scenario, StressWindow
from analytics.optimiser import Terms
from analytics.queries.explain import FIGURES
from analytics.scenarios import Shock, Target
from analytics.services.factors import NewFactor, NewFactorSet, create_factor_set, store_returns, table_of
from analytics.services.optimising import request_optimisation, run_optimisation
from analytics.services.scenarios import create_scenario
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import owner_of
from portfolios.models import Portfolio
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from portfolios.tests.stories import deposit, moved, own_account
from users.models import User

SESSIONS = sessions("XNYS", date(2024, 1, 2), date(2025, 3, 31))
PERIOD = {"start": "2024-01-31"}


def walk(seed: int, count: int = len(SESSIONS), start: float = 100) -> list[str]:
    moves = np.random.default_rng(seed).normal(0.0006, 0.012, count)
    return [f"{close:.4f}" for close in start * np.cumprod(1 + moves)]


def varied_portfolio(owner: User) -> Portfolio:
    """Two shares in two currencies with sales, dividends, a split, a transfer, cash in two accounts, a benchmark."""
    make_rate("EURUSD", dict(zip(SESSIONS, walk(3, start=1.1), strict=True)))
    own, other, index = (
        make_asset("AAPL", sector="Technology"),
        make_asset("SAP", currency="EUR", sector="Software"),
        make_asset("INDEX", type="index", currency="EUR"),
    )
    for seed, asset in enumerate((own, other, index)):
        make_bars(asset, walk(seed), start=SESSIONS[0])
    portfolio = make_portfolio(owner, benchmark=index, cash="tracked")
    account = own_account(portfolio)
    deposit(account, "9000", 1)
    deposit(own_account(portfolio, "EUR"), "4000", 2)
    buy(portfolio, own, 30, "101.25", SESSIONS[2], fee=Decimal("1.50"))
    buy(portfolio, own, "7.5", "99.10", SESSIONS[40])
    buy(portfolio, other, 20, "98.40", SESSIONS[3], fee=Decimal("2.10"))
    moved(portfolio, own, 3, 60, 250)
    sell(portfolio, own, 12, "103.31", SESSIONS[120], tax=Decimal("0.77"))
    sell(portfolio, other, 5, "97.03", SESSIONS[150], exchange_rate=Decimal("1.07"))
    deposit(account, "-300", 200)
    dividend(own, SESSIONS[70], "0.4", None)
    dividend(other, SESSIONS[-3], "1.1", date(2025, 12, 30))
    apply_action(asset=other, kind="split", ex_date=SESSIONS[200], ratio=Decimal(2), actor=None)
    make_bars(other, dict(zip(SESSIONS[200:], walk(9, len(SESSIONS) - 200, 50), strict=True)))
    return portfolio


def modelled(portfolio: Portfolio) -> Portfolio:
    """The same with a stretch of history, a scenario of the owner's, a factor set, and a finished optimisation."""
    StressWindow.objects.create(key="spring", name="Spring", start=date(2024, 3, 1), end=date(2024, 5, 31))
    shocks = [Shock(Target.ASSET, "AAPL", -0.3), Shock(Target.SECTOR, "Software", 0.1)]
    shocks += [Shock(Target.CURRENCY, "EUR", -0.15), Shock(Target.CURRENCY, "USD", 0.05)]
    create_scenario(owner=owner_of(portfolio), name="Tense", description="", shocks=shocks)
    factors = [NewFactor(key, risk_free=key == "rf") for key in ("mkt_rf", "smb", "hml", "rf")]
    new = NewFactorSet("us", "Us", "daily", currency="USD", factors=factors)
    made = create_factor_set(new=new, actor=None)
    moves = np.random.default_rng(17).normal(0.0003, 0.01, (len(SESSIONS), 3))
    rows = [
        (day, {"mkt_rf": market, "smb": size, "hml": value, "rf": 0.00002})
        for day, (market, size, value) in zip(SESSIONS, moves.tolist(), strict=True)
    ]
    store_returns(factor_set=made, table=table_of(rows, "daily"), actor=None)
    terms = Terms(objective="max_sharpe", estimator="ledoit_wolf", risk_free=0.01, lookback=60)
    run = request_optimisation(portfolio=portfolio, actor=owner_of(portfolio), terms=terms)
    run_optimisation(run.pk, now=timezone.now())
    return portfolio


def needed(portfolio: Portfolio, key: str) -> dict[str, str]:
    """What the figure must be asked with, of ``modelled``."""
    scenario = Scenario.objects.get().pk if key.startswith("stress_scenario") else "spring"
    every = {
        "asset": "SAP",
        "other": "AAPL",
        "place": "2",
        "scenario": str(scenario),
        "move": "-0.2",
        "factors": "smb:0.05,mkt_rf:-0.1",
        "factor": "smb",
        "run": str(OptimisationRun.objects.get().pk),
    }
    return {name: every[name] for name in FIGURES[key].asks}


def dividend(asset: Asset, day: date, cash: str, pay_date: date | None) -> None:
    apply_action(asset=asset, kind="cash_dividend", ex_date=day, cash=Decimal(cash), pay_date=pay_date, actor=None)


def ask(client: APIClient, portfolio: Portfolio, figure: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/portfolios/{portfolio.pk}/explain/{figure}/", query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def get(client: APIClient, portfolio: Portfolio, name: str, **query: Any) -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"/portfolios/{portfolio.pk}/{name}/", query).json()
    return body
