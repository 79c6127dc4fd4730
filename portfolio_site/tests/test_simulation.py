"""A simulated town: the same for the same seed, exact books, and something to find for the bank's administrator."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from analytics.models import RiskFlag
from analytics.services.bank import compute_report
from assets.tests.factories import make_asset, make_bars
from banking.models import Account, BalanceAssertion, CashTransaction, Possession, Transfer, Valuation
from banking.queries.assertions import differing
from core.testing import make_user
from portfolio_site.simulation import simulate
from portfolio_site.simulation.lives import QUIRKS, Quirk, invent
from portfolio_site.simulation.months import life, opening
from portfolios.models import Portfolio, Trade
from users.models import Membership, Organisation, Role, User

START, UNTIL = date(2021, 12, 1), date(2022, 12, 28)
SEED = 7


def test_one_more_person_changes_nothing_for_the_others() -> None:
    few, _ = invent(SEED, 5, 2)
    many, _ = invent(SEED, 20, 2)
    assert many[:5] == few
    assert life(many[3], SEED, START, UNTIL) == life(few[3], SEED, START, UNTIL)
    assert life(few[3], SEED + 1, START, UNTIL) != life(few[3], SEED, START, UNTIL)
    assert {person.quirk for person in many} == set(Quirk)


def test_nobody_is_overdrawn_by_accident() -> None:
    people, _ = invent(SEED, 40, 4)
    for person in people:
        held = dict(opening(person))
        held["checking"] += Decimal(person.wage * 13 if person.employer is not None else 0)
        for event in life(person, SEED, START, UNTIL):
            assert START <= event.day <= UNTIL
            held[event.account] += event.amount
            if event.to and event.to.whose is None:
                held[event.to.account] = held.get(event.to.account, Decimal(0)) - event.amount
        assert held["savings"] >= 0
        assert person.quirk == Quirk.OVERDRAWN or held["checking"] > -person.wage
        assert held.get("card", Decimal(0)) > -person.wage


@pytest.fixture
def market(db: None) -> None:
    """Three shares over two years: the first rises, the second falls, the third swings."""
    days = [date(year, month, day) for year in (2021, 2022) for month in range(1, 13) for day in (4, 11, 18, 27, 28)]
    for symbol, step in (("AAA", 2), ("BBB", -1), ("CCC", 0)):
        closes = {day: 150 + step * number / 2 + number % 3 for number, day in enumerate(days)}
        make_bars(make_asset(symbol), {day: f"{close:.2f}" for day, close in closes.items()})


def town(**values: object) -> None:
    simulate(**{"users": len(QUIRKS), "organisations": 2, "years": 1, "seed": SEED} | values)  # type: ignore[arg-type]


def test_a_town_from_end_to_end(market: None) -> None:
    demo, manager = make_user("demo"), make_user("manager")
    town(cast=[demo, manager])
    assert User.objects.count() == len(QUIRKS)
    assert Organisation.objects.visible_to(manager).where(manager, Role.MANAGER).count() == 1
    assert Membership.objects.filter(role=Role.EMPLOYEE).count() >= 5
    rows = CashTransaction.objects.all()
    assert rows.count() > 1500
    assert Trade.objects.count() > 20
    assert not Portfolio.objects.of(demo).exists(), "the cast has portfolios of its own"
    moved = Transfer.objects.aggregate(sum=Sum("sent__amount") + Sum("received__amount"))["sum"]
    assert round(moved, 4) == 0
    paid = Transfer.objects.filter(sent__category__name="Payroll", received__category__name="Salary")
    assert paid.filter(sent__section="expense", received__section="income").count() >= 12
    strangers = User.objects.exclude(pk__in=[demo.pk, manager.pk])
    assert not any(person.has_usable_password() for person in strangers)
    call_command("verify_books", stdout=StringIO())


def test_statements_differ_where_somebody_has_a_wrong_one(market: None) -> None:
    town()
    wrong = [person for person in invent(SEED, len(QUIRKS), 2)[0] if person.quirk == Quirk.STATEMENT]
    found = differing(Account.objects.values_list("pk", flat=True))
    assert [row.difference for row in found.values()] == [Decimal(25)] * len(wrong)


def counts() -> list[int]:
    models = (User, Account, CashTransaction, Trade, Portfolio, BalanceAssertion, Possession, Valuation)
    return [model.objects.count() for model in models]


def test_doing_it_again_adds_nothing(market: None) -> None:
    town(users=4, cast=[make_user("demo")])
    before = counts()
    town(users=4)  # the cast lives there already
    assert counts() == before


def test_another_seed_is_another_town(market: None) -> None:
    town(users=2, seed=22)
    before = counts()
    town(users=2, seed=2022)
    assert counts()[0] == 2 * before[0]
    assert Organisation.objects.count() == 4


def test_what_was_broken_off_is_completed(market: None) -> None:
    def power_cut(done: int, total: int, rows: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        town(users=6, progress=power_cut)
    assert not BalanceAssertion.objects.exists(), "they wait for what everybody pays to everybody"
    town(users=6)
    completed = counts()
    assert BalanceAssertion.objects.count() == 8, "everybody has a statement once"
    town(users=6)
    assert counts() == completed
    paid = Transfer.objects.filter(sent__category__name="Payroll").values("received__account").distinct()
    assert paid.count() == sum(person.employer is not None for person in invent(SEED, 6, 2)[0])


def test_firms_that_are_there_employ_newcomers(market: None) -> None:
    town(users=4)
    operating = Account.objects.filter(organisation__isnull=False, receives=True)
    before = dict(CashTransaction.objects.filter(account__in=operating).balances(UNTIL))
    town(users=12)
    hired = [person for person in invent(SEED, 12, 2)[0][4:] if person.employer is not None]
    for person in hired:
        owner = User.objects.get(username=person.username(SEED))
        salaries = CashTransaction.objects.filter(account__owner=owner, category__name="Salary")
        assert salaries.count() == 12
        unpaid = CashTransaction.objects.filter(account__owner=owner, account__kind="expense")
        assert sum(unpaid.filter(booked_on__lt=date(2022, 12, 1)).values_list("amount", flat=True)) == 0
        if person.quirk != Quirk.OVERDRAWN:
            held = CashTransaction.objects.filter(account__owner=owner, account__kind="checking").balances(UNTIL)
            assert all(balance > -person.wage for balance in held.values())
    after = CashTransaction.objects.filter(account__in=operating).balances(UNTIL)
    assert all(after[account] >= held for account, held in before.items()), "sales pay for them"
    grown = counts()
    town(users=12)
    assert counts() == grown
    call_command("verify_books", stdout=StringIO())


def test_a_town_that_cannot_be_is_refused(market: None) -> None:
    town(users=1)
    before = counts()
    refused: list[tuple[dict[str, object], str]] = [
        ({"years": 0}, "from 1 to 50 years"),
        ({"years": 51}, "from 1 to 50 years"),
        ({"until": date(9999, 12, 31)}, "that has begun"),
        ({"until": date(1, 1, 1)}, "from 1970 on"),
        ({"seed": -1}, "whole number from 0"),
        ({"organisations": 3}, "has 2 organisations"),
    ]
    for values, message in refused:
        with pytest.raises(CommandError, match=message):
            call_command("simulate", **({"users": 2, "organisations": 2, "years": 1, "seed": SEED} | values))
    assert counts() == before


def test_the_administrator_finds_what_is_wrong(market: None) -> None:
    town()
    compute_report(datetime(2023, 1, 2, 12, tzinfo=UTC))
    found = set(RiskFlag.objects.values_list("kind", flat=True))
    assert found >= {"concentration", "outflow", "dormant", "overdrawn", "assertion"}


@pytest.mark.django_db
def test_without_a_market_it_says_so() -> None:
    with pytest.raises(CommandError, match="There are no daily prices"):
        call_command("simulate", users=1, organisations=1, years=1)
    assert not User.objects.exists()


def test_the_command_tells_how_far_it_is(market: None) -> None:
    said = StringIO()
    call_command("simulate", users=2, organisations=1, years=1, stdout=said)
    assert "100 %" in said.getvalue()
    assert "2 people and 1 organisations with" in said.getvalue()
    with pytest.raises(CommandError, match="whole number"):
        call_command("simulate", "--users", "-1")
