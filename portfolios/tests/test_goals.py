"""Goals: the arithmetic of the way to them, who sets them, and what their pages and their API store."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from activity.models import AuditEvent
from core.errors import DomainError
from core.testing import Page, client_of
from portfolios.book.goals import GoalState, contribution, months_left, progress
from portfolios.models import Goal, Portfolio
from portfolios.services.goals import MOST_GOALS, GoalTerms, add_goal, change_goal, delete_goal
from portfolios.services.sharing import share_portfolio
from portfolios.tests.factories import make_portfolio
from users.models import User

TODAY = date(2024, 1, 15)
DUE = date(2025, 1, 15)


def way(value: str, **changes: Any) -> Any:
    terms = {"today": TODAY, "due_on": DUE} | changes
    return progress(Decimal(value), Decimal(1200), "USD", **terms)


def test_what_lacks_is_spread_over_the_months() -> None:
    found = way("300", start_on=date(2023, 7, 17), annual_return=Decimal("0.1"))
    assert (found.state, found.share, found.missing, found.months) == (GoalState.UNDER_WAY, Decimal("0.25"), 900, 12)
    assert found.at_zero == 75
    assert found.elapsed == Decimal(182) / Decimal(548)
    # (1200 - 330) i / 0.1 with i = 1.1^(1/12) - 1 = 0.00797414
    assert found.at_return == Decimal("69.38")


@pytest.mark.parametrize(
    ("value", "changes", "state"),
    [
        ("1200", {}, GoalState.REACHED),
        ("5000", {"due_on": date(2020, 1, 1)}, GoalState.REACHED),
        ("1199.99", {"due_on": date(2024, 1, 14)}, GoalState.OVERDUE),
        ("1199.99", {"due_on": TODAY}, GoalState.UNDER_WAY),
        ("1150", {"annual_return": Decimal("0.05")}, GoalState.ON_COURSE),
        ("1150", {"annual_return": Decimal("0.04")}, GoalState.UNDER_WAY),
        ("-10", {}, GoalState.UNDER_WAY),
    ],
)
def test_states(value: str, changes: dict[str, Any], state: GoalState) -> None:
    found = way(value, **changes)
    assert found.state == state
    assert (found.at_zero is None) == (state in (GoalState.REACHED, GoalState.OVERDUE))


@pytest.mark.parametrize("rate", ["-1", "-2.5"])
def test_no_contribution_at_a_return_that_leaves_nothing(rate: str) -> None:
    assert way("300", annual_return=Decimal(rate)).at_return is None


@pytest.mark.parametrize(
    ("due", "months"),
    [(date(2024, 1, 15), 1), (date(2024, 2, 14), 1), (date(2024, 3, 14), 1), (date(2024, 3, 15), 2), (DUE, 12)],
)
def test_months_that_are_left(due: date, months: int) -> None:
    assert months_left(TODAY, due) == months


@given(
    value=st.decimals(-1000, 10_000, places=2),
    target=st.decimals("0.01", 1_000_000, places=2),
    months=st.integers(1, 600),
    rate=st.decimals("-0.9", 5, places=6),
)
def test_contributions_lead_to_the_target(value: Decimal, target: Decimal, months: int, rate: Decimal) -> None:
    """Paid at the end of each month and grown, they reach it to within the cent that each is rounded to."""
    each = contribution(value, target, months, rate, "USD")
    monthly = float(1 + rate) ** (1 / 12)
    worth, cents = float(value), 0.0
    for _ in range(months):
        worth = worth * monthly + float(each)
        cents = cents * monthly + 0.005
    assert worth >= float(target) - cents - 1e-6 * abs(worth) - 1e-6
    if each:
        assert worth <= float(target) + cents + 1e-6 * abs(worth) + 1e-6


@given(rate=st.floats(-0.999, 1e300), months=st.integers(1, 1200))
def test_no_return_is_too_large_or_too_small(rate: float, months: int) -> None:
    found = contribution(Decimal(10) ** 14, Decimal("999999999999999.9999"), months, Decimal(str(rate)), "USD")
    assert 0 <= found < Decimal(10) ** 15


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice)


def terms(**changes: Any) -> GoalTerms:
    known: dict[str, Any] = {"name": "House", "amount": Decimal(1000), "currency": "EUR", "due_on": date(2060, 1, 1)}
    return GoalTerms(**known | changes)


def test_goals_are_added_changed_and_deleted(portfolio: Portfolio, alice: User) -> None:
    goal = add_goal(portfolio=portfolio, terms=terms(name=" House "), actor=alice)
    assert (goal.name, str(goal)) == ("House", "House")
    change_goal(goal=goal, actor=alice, amount=Decimal("2000.5"))
    change_goal(goal=goal, actor=alice, amount=Decimal("2000.5"))
    assert Goal.objects.get().amount == Decimal("2000.5")
    delete_goal(goal=goal, actor=alice)
    assert not Goal.objects.exists()
    told = AuditEvent.objects.filter(action__startswith="goal.").order_by("pk").values_list("action", flat=True)
    assert list(told) == ["goal.added", "goal.changed", "goal.deleted"]
    with pytest.raises(DomainError, match="deleted meanwhile"):
        change_goal(goal=goal, actor=alice, amount=Decimal(1))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"amount": Decimal("1e15")}, "amount"),
        ({"amount": Decimal("0.00001")}, "amount"),
        ({"currency": "XXQ"}, "currency"),
        ({"due_on": date(2020, 1, 1)}, "due_on"),
        ({"due_on": date(2999, 1, 1)}, "due_on"),
        ({"start_on": date(2060, 1, 1)}, "start_on"),
    ],
)
def test_what_no_goal_can_be(portfolio: Portfolio, alice: User, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        add_goal(portfolio=portfolio, terms=terms(**changes), actor=alice)
    assert refused.value.field == field
    assert not Goal.objects.exists()


def test_a_day_that_passed_may_stay(portfolio: Portfolio, alice: User) -> None:
    goal = add_goal(portfolio=portfolio, terms=terms(), actor=alice)
    Goal.objects.update(due_on=timezone.now().date() - timedelta(days=3))
    assert change_goal(goal=goal, actor=alice, name="Too late").name == "Too late"


def test_only_so_many(portfolio: Portfolio, alice: User) -> None:
    for _ in range(MOST_GOALS):
        add_goal(portfolio=portfolio, terms=terms(), actor=alice)
    with pytest.raises(DomainError, match="at most 20"):
        add_goal(portfolio=portfolio, terms=terms(), actor=alice)


@pytest.mark.parametrize("amount", [Decimal(0), Decimal(-1)])
def test_the_database_keeps_amounts_positive(portfolio: Portfolio, amount: Decimal) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Goal.objects.create(portfolio=portfolio, name="x", amount=amount, currency="USD", due_on=DUE)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_pages_add_change_and_delete(browser: Client, portfolio: Portfolio) -> None:
    new = f"{reverse('goal-new')}?portfolio={portfolio.pk}"
    page = browser.get(new)
    assert (page.status_code, Page(page.content.decode()).faults) == (200, [])
    key = page.context["form"].initial["key"]
    body = {"name": "House", "amount": "1000.50", "currency": "eur", "due_on": "2060-01-01", "start_on": "", "key": key}
    for _ in range(2):  # what is sent twice is stored once
        assert browser.post(new, body)["Location"].endswith(f"?portfolio={portfolio.pk}#goals")
    goal = Goal.objects.get()
    assert (goal.amount, goal.currency) == (Decimal("1000.5"), "EUR")
    one = reverse("goal-page", args=[goal.pk])
    page = browser.get(one)
    assert (page.status_code, Page(page.content.decode()).faults) == (200, [])
    assert browser.post(one, body | {"amount": "2000"}).status_code == 302
    goal.refresh_from_db()
    assert goal.amount == 2000
    listed = browser.get(f"{reverse('portfolio-settings')}?portfolio={portfolio.pk}").content.decode()
    assert one in listed
    assert browser.post(reverse("goal-delete", args=[goal.pk])).status_code == 302
    assert not Goal.objects.exists()


@pytest.mark.parametrize(("name", "text"), [("amount", "1e9"), ("due_on", "2001-01-01"), ("currency", "XXQ")])
def test_pages_say_what_is_wrong(browser: Client, portfolio: Portfolio, name: str, text: str) -> None:
    body = {"name": "House", "amount": "1", "currency": "EUR", "due_on": "2060-01-01"} | {name: text}
    page = browser.post(f"{reverse('goal-new')}?portfolio={portfolio.pk}", body)
    assert page.status_code == 200
    assert page.context["form"].errors[name]
    assert not Goal.objects.exists()


def test_who_looks_on_sees_goals_and_sets_none(portfolio: Portfolio, alice: User, bob: User, carol: User) -> None:
    goal = add_goal(portfolio=portfolio, terms=terms(), actor=alice)
    share_portfolio(portfolio=portfolio, person="bob", role="editor", actor=alice)
    goals = f"/api/portfolios/{portfolio.pk}/goals/"
    assert [row["name"] for row in client_of(bob).get(goals).json()["results"]] == ["House"]
    body = {"name": "x", "amount": "1", "due_on": "2060-01-01"}
    assert client_of(bob).post(goals, body).status_code == 403
    assert client_of(bob).delete(f"{goals}{goal.pk}/").status_code == 403
    assert client_of(carol).get(goals).status_code == 404
    made = client_of(alice).post(goals, body).json()
    assert (made["currency"], made["amount"], made["start_on"]) == (portfolio.base_currency, "1", None)
    assert (
        client_of(alice).patch(f"{goals}{made['id']}/", {"start_on": "2024-01-01"}).json()["start_on"] == "2024-01-01"
    )
