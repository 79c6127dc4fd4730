"""What the demo's person has set up at the bank: standing orders, budgets and a rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from banking.models import Account, Budget, CashTransaction, Rule, Schedule, Section
from banking.services.budgets import create_budget
from banking.services.classification import category_named
from banking.services.rule_changes import create_rule
from banking.services.schedules import ScheduleTerms, create_schedule
from portfolio_site.simulation.months import GROCERS, on
from portfolio_site.simulation.town import iban
from users.models import User

BUDGETS = {"Groceries": (Decimal(450), False), "Restaurants": (Decimal(180), True)}
SAVED = Decimal(250)


def load_habits(person: User, seed: int, since: date, now: datetime) -> bool:
    """Set them up for the first of a town's people, budgets from the month of ``since`` on, unless one has any already.

    What was changed, ended or deleted since stays so: an ended standing order is still there.
    """
    known = (Schedule.objects.filter(source__owner=person), Budget.objects.of(person), Rule.objects.of(person))
    if any(rows.exists() for rows in known):
        return False
    accounts = {
        name: Account.objects.of(person).filter(iban=iban(seed, ("person", 0), name)).first()
        for name in ("checking", "savings")
    }
    checking, savings = accounts["checking"], accounts["savings"]
    if checking is None or savings is None:
        return False  # somebody else lives this life
    _standing_orders(person, checking, savings, now)
    for name, (amount, carries_over) in BUDGETS.items():
        category = category_named(name, Section.EXPENSE, books=checking)
        create_budget(
            holder=person,
            category=category,
            amount=amount,
            first_month=since,
            carries_over=carries_over,
            actor=person,
        )
    groceries = category_named("Groceries", Section.EXPENSE, books=checking)
    create_rule(holder=person, actor=person, name="Groceries", words=", ".join(GROCERS), category=groceries)
    return True


def _standing_orders(person: User, checking: Account, savings: Account, now: datetime) -> None:
    """The rent as it was last paid, on the 1st, and something for the savings account at the end of the month."""
    first = (now.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    rent = category_named("Rent", Section.EXPENSE, books=checking)
    paid = CashTransaction.objects.standing().filter(account=checking, category=rent).order_by("booked_on", "pk").last()
    orders = [
        ScheduleTerms(SAVED, on(first, 27), target=savings, description="To savings"),
    ]
    if paid and paid.counterparty:
        orders.append(
            ScheduleTerms(-paid.amount, first, name=paid.counterparty.name, description="Rent", category=rent),
        )
    for terms in orders:
        create_schedule(source=checking, terms=terms, actor=person, now=now)
