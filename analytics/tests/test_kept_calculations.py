"""Value at risk, correlations, contributions and factors: kept for a minute, under what they follow from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import FactorSet
from analytics.queries.daily import Daily, daily_together
from analytics.queries.daily import daily as days_of
from analytics.services.factors import NewFactor, NewFactorSet, create_factor_set, store_returns, table_of
from analytics.tests.candidates import SESSIONS, invested
from assets.models import Asset
from assets.tests.factories import make_rate
from core.testing import client_of, count_queries
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
KEPT = ("value-at-risk", "correlation", "contributions", "factors")


@pytest.fixture
def growth(alice: User) -> Portfolio:
    return invested(alice)


@pytest.fixture
def daily(db: None) -> FactorSet:
    new = NewFactorSet("us", "US", "daily", currency="USD", factors=[NewFactor("mkt_rf")])
    made = create_factor_set(new=new, actor=None)
    load(made, 1)
    return made


def load(into: FactorSet, seed: int) -> None:
    moves = np.random.default_rng(seed).normal(0.0004, 0.01, len(SESSIONS))
    rows = [(day, {"mkt_rf": float(move)}) for day, move in zip(SESSIONS, moves, strict=True)]
    store_returns(factor_set=into, table=table_of(rows, "daily"), actor=None)


def get(portfolio: Portfolio, what: str, user: User | None = None, **query: Any) -> tuple[Any, int]:
    """The answer, and how many queries it took."""
    client = client_of(user or portfolio.owner)
    with CaptureQueriesContext(
        connection,
    ) as made:
        answer = client.get(f"/portfolios/{portfolio.pk}/{what}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json(), len(made)


@pytest.mark.parametrize("what", KEPT)
def test_the_second_time_nothing_is_computed(what: str, growth: Portfolio, daily: FactorSet, settings: Any) -> None:
    first, cost = get(growth, what)
    again, less = get(growth, what)

    assert again == first
    assert less < cost - 3
    settings.CALCULATION_CACHE = 0
    assert get(growth, what)[0] == first


@pytest.mark.parametrize("what", KEPT)
def test_a_trade_another_day_and_another_portfolio_have_their_own(
    what: str, growth: Portfolio, daily: FactorSet, alice: User
) -> None:
    other = make_portfolio(alice, "Other")
    buy(other, Asset.objects.get(symbol="AAPL"), 1, "100", SESSIONS[50])
    before, _ = get(growth, what)

    beside, past = get(other, what)[0], get(growth, what, as_of=SESSIONS[400].isoformat())[0]
    buy(growth, Asset.objects.get(symbol="KO"), 40, "100", SESSIONS[100])
    after, _ = get(growth, what)

    assert len({str(answer) for answer in (before, beside, past, after)}) == 4
    assert get(growth, what)[0] == after


@pytest.mark.parametrize("what", KEPT)
def test_what_is_kept_is_not_shown_to_others(what: str, growth: Portfolio, daily: FactorSet, bob: User) -> None:
    get(growth, what)

    assert client_of(bob).get(f"/portfolios/{growth.pk}/{what}/").status_code == 404


def test_other_terms_have_another_answer(growth: Portfolio, daily: FactorSet) -> None:
    for what in ("correlation", "contributions"):
        assert get(growth, what, estimator="ewma")[0] != get(growth, what)[0] != get(growth, what, window=100)[0]
    assert len(get(growth, "correlation", limit=2)[0]["symbols"]) == 2
    assert len(get(growth, "correlation")[0]["symbols"]) == 3
    assert get(growth, "factors", basis="ex-post")[0] != get(growth, "factors", window=100)[0]


def test_factors_that_are_loaded_anew_count_at_once(growth: Portfolio, daily: FactorSet) -> None:
    before, _ = get(growth, "factors")
    load(daily, 2)

    after, _ = get(growth, "factors")
    assert after["exposures"] != before["exposures"]
    assert after["model"]["version"] > before["model"]["version"]


def test_the_name_of_a_set_is_the_one_of_now(growth: Portfolio, daily: FactorSet) -> None:
    get(growth, "factors")
    FactorSet.objects.update(name="United States")

    assert get(growth, "factors")[0]["model"]["set_name"] == "United States"


def test_the_days_of_the_dashboard_are_kept_until_something_is_booked(growth: Portfolio, alice: User) -> None:
    other = make_portfolio(alice, "Other", base_currency="EUR")
    make_rate("EURUSD", dict.fromkeys(SESSIONS, "1.10"))
    buy(other, Asset.objects.get(symbol="AAPL"), 1, "100", SESSIONS[50])

    def alone() -> Daily:
        return days_of(growth)

    def both() -> Daily:
        return daily_together([growth, other], "USD")

    for read, booked in ((alone, growth), (both, other)):
        cost, first, again = count_queries(read)[0], read(), read()
        assert (count_queries(read)[0], cost > 3) == (1, True)
        np.testing.assert_array_equal(again.values.values, first.values.values)
        np.testing.assert_array_equal(again.past.returns, first.past.returns)
        buy(booked, Asset.objects.get(symbol="KO"), 40, "100", SESSIONS[100])
        assert read().values.values[-1] != first.values.values[-1]
    assert daily_together([growth, other], "EUR").values.values[-1] != both().values.values[-1]
    assert count_queries(lambda: daily_together([other, growth], "USD"))[0] == 1
