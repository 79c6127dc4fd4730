"""Values, flows and lines of random facts against the same in plain Python."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolios.queries.performance import performance
from portfolios.tests.stories import DAYS, Story, on, rolled_back, stories, told
from users.models import User


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories(), period=st.tuples(st.integers(-1, DAYS), st.integers(-1, DAYS)).filter(lambda p: p[0] < p[1]))
def test_every_line_adds_up_and_every_value_is_right(story: Story, period: tuple[int, int], alice: User) -> None:
    def check() -> None:
        portfolio = told(story, alice)
        found = performance(portfolio, on(period[0]), on(period[1]))
        assert found.start.value == story.value(period[0])
        assert found.end.value == story.value(period[1])
        assert found.reconciliation.unexplained == 0
        assert found.reconciliation.rounded("USD").unexplained == 0
        assert found.reconciliation.lines["net_flows"] == story.flows(*period)
        gains = sum(row.gain for row in found.holdings)
        explained = found.reconciliation.lines
        parts = ("realised_gains", "unrealised_gains", "unrealised_in", "unrealised_out")
        assert gains == sum(explained[key] for key in parts)

    rolled_back(check)
