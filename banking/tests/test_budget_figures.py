"""What counts as spent on a budget, and what becomes of budgets when their categories are merged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from banking.models import Account, Budget, Category, Rule, Section
from banking.queries.budgets import budget_months, proposals
from banking.services.accounts import open_account
from banking.services.budgets import create_budget
from banking.services.categories import merge_category
from banking.services.classification import category_named
from banking.services.rule_changes import create_rule
from banking.services.transactions import book_cash
from core.testing import client_of
from users.models import Membership, Organisation, Role, User

BEGIN, MAY, TODAY = date(2024, 1, 1), date(2024, 5, 1), date(2024, 5, 20)


@pytest.fixture
def daily(alice: User) -> Account:
    return open_account(holder=alice, name="Daily", opened_on=BEGIN, actor=alice)


@pytest.fixture
def food(daily: Account) -> Category:
    return category_named("Food", "expense", books=daily)


@pytest.fixture
def card(alice: User) -> Account:
    """Alice's account for what she spends for her employer."""
    firm = Organisation.objects.create(name="Acme", base_currency="USD")
    Membership.objects.create(organisation=firm, user=alice, role=Role.EMPLOYEE)
    return open_account(holder=alice, name="Card", kind="expense", employer=firm, opened_on=BEGIN, actor=alice)


def spend(account: Account, amount: str, category: Category, day: date) -> None:
    terms: dict[str, Any] = {"section": Section.EXPENSE, "category": category, "actor": None}
    book_cash(account=account, amount=-Decimal(amount), booked_on=day, **terms)


def budget(alice: User, category: Category, amount: int = 300, **terms: Any) -> Budget:
    given: dict[str, Any] = {"first_month": BEGIN} | terms
    return create_budget(holder=alice, category=category, amount=Decimal(amount), actor=alice, **given)


def test_what_is_spent_for_an_employer_is_on_no_budget_of_ones_own(
    alice: User, daily: Account, card: Account, food: Category
) -> None:
    spend(daily, "60", food, date(2024, 4, 3))
    spend(card, "6000", food, date(2024, 4, 3))
    [proposal] = proposals(alice, TODAY)
    assert (proposal.category, proposal.amount) == (food, Decimal(10))
    [found] = budget_months([budget(alice, food)], date(2024, 4, 1), TODAY)
    assert found.figures.spent == Decimal(60)


def test_what_is_booked_for_days_to_come_is_not_spent_yet(alice: User, daily: Account, food: Category) -> None:
    spend(daily, "40", food, TODAY)
    spend(daily, "200", food, date(2024, 5, 21))
    spend(daily, "1000", food, date(2024, 6, 1))
    held = budget(alice, food)
    [may], [june] = budget_months([held], MAY, TODAY), budget_months([held], date(2024, 6, 1), TODAY)
    assert (may.figures.spent, june.figures.spent) == (Decimal(40), Decimal(0))
    [may] = budget_months([held], MAY, date(2024, 5, 21))
    assert may.figures.spent == Decimal(240)


# --- merging categories -------------------------------------------------------------------------------------------


def test_a_merged_category_gives_its_budget_and_its_rules_to_the_other(
    alice: User, daily: Account, food: Category
) -> None:
    shops = category_named("Shops", "expense", books=daily)
    held = budget(alice, shops)
    said = create_rule(holder=alice, actor=alice, words="rewe", category=shops)
    assert merge_category(source=shops, target=food, actor=alice) == {"budget": 1, "rule": 1}
    held.refresh_from_db()
    assert (held.category, Rule.objects.get(pk=said.pk).category) == (food, food)


@pytest.mark.parametrize("way", ["api", "page"])
def test_one_budget_is_left_of_two_in_the_same_months(alice: User, daily: Account, food: Category, way: str) -> None:
    shops = category_named("Shops", "expense", books=daily)
    ended = budget(alice, shops, 10, first_month=date(2023, 1, 1), last_month=date(2023, 12, 1))
    budget(alice, shops, 200)
    kept = budget(alice, food, 300)
    if way == "api":
        answer: Any = client_of(alice).post(f"/api/banking/categories/{shops.pk}/merge/", {"into": food.pk})
        assert answer.json() == {"changed": {"budget": 1, "budgets_deleted": 1}}
    else:
        client = Client()
        client.force_login(alice)
        body = {"action": "merge", "into": food.name, "sure": "yes"}
        answer = client.post(f"/banking/categories/{shops.pk}/", body, follow=True)
        assert "Food keeps its own budget." in answer.content.decode()
    assert answer.status_code == 200
    assert set(Budget.objects.values_list("pk", "category")) == {(ended.pk, food.pk), (kept.pk, food.pk)}


@pytest.mark.parametrize(
    ("months", "both"),
    [
        (("2024-01", "2024-03"), True),
        (("2023-01", "2024-01"), True),
        (("2023-01", "2023-12"), False),
        (("2024-04", "2024-05"), False),
        (("2024-04", None), False),
        (("2024-03", None), True),
        (("2023-01", None), True),
    ],
)
def test_budgets_overlap_in_whole_months(months: tuple[str, str | None], both: bool) -> None:
    first, last = months
    held = Budget(first_month=BEGIN, last_month=date(2024, 3, 1))
    ends = date.fromisoformat(f"{last}-01") if last else None
    other = Budget(first_month=date.fromisoformat(f"{first}-01"), last_month=ends)
    assert (held.overlaps(other), other.overlaps(held)) == (both, both)
