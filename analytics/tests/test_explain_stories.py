"""Random books: every amount's explanation computes to what the books say, and the steps to what each says it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as examples
from hypothesis import strategies as st

from analytics.queries.explain import FIGURES, Question, explain
from analytics.queries.explain.document import told as document_of
from analytics.tests.recomputing import every_step, recomputed
from portfolios.models import Portfolio
from portfolios.queries import holdings, totals
from portfolios.queries.performance import performance
from portfolios.tests.stories import DAYS, Story, on, rolled_back, stories, told
from users.models import User

Days = tuple[int, int]
PERIODS = st.tuples(st.integers(-1, DAYS), st.integers(-1, DAYS)).filter(lambda days: days[0] < days[1])


def explained(portfolio: Portfolio, key: str, days: Days, asset: str = "") -> Decimal:
    start, end = on(days[0]), on(days[1])
    question = Question(portfolio, as_of=end, start=start if "start" in FIGURES[key].takes else None, asset=asset)
    body = document_of(explain(FIGURES[key], question), question)
    assert body["problem"] is None, (key, body["problem"])
    for name, said, found in every_step(body):
        assert found == Decimal(said), (key, name)
    value: Any = recomputed(body)
    assert value == Decimal(body["value"])
    return Decimal(value)


@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@examples(story=stories(), days=PERIODS)
def test_amounts_of_random_books(story: Story, days: Days, alice: User) -> None:
    def check() -> None:
        portfolio = told(story, alice)
        held = holdings([portfolio], on(days[1]), include_closed=True)[portfolio.pk]
        sums = totals(portfolio, held, on(days[1]))
        for key in ("total_value", "market_value", "invested", "unrealised_gain", "realised_gain", "cash"):
            assert explained(portfolio, key, days) == getattr(sums, key)
        for holding in held:
            for name in ("quantity", "cost_base", "value", "realised_gain"):
                key = f"holding_{name.removesuffix('_base')}"
                assert explained(portfolio, key, days, holding.symbol) == getattr(holding, name)
        if any(trade[2] <= days[1] for trade in story.trades):
            found = performance(portfolio, on(days[0]), on(days[1])).reconciliation.rounded("USD")
            for name, amount in found.lines.items():
                assert _of_line(portfolio, name, days) == amount

    rolled_back(check)


def _of_line(portfolio: Portfolio, name: str, days: Days) -> Decimal:
    return explained(portfolio, f"reconciliation_{name}", days)
