"""What counts as spent on a budget, and what becomes of budgets when their categories are merged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from banking.models import Account, Budget, Category, Section
from banking.queries.budgets import budget_months, proposals
from banking.services.accounts import open_account
from banking.services.budgets import create_budget
from banking.services.classification import category_named
from banking.services.transactions import book_cash
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
    given = {"holder": alice, "category": category, "amount": Decimal(amount), "first_month": BEGIN} | terms
    return create_budget(actor=alice, **given)


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
