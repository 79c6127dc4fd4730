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
from banking.models import Account, CashTransaction, Transfer
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


def test_doing_it_again_adds_nothing(market: None) -> None:
    town()
    counts = [model.objects.count() for model in (User, Account, CashTransaction, Trade)]
    town()
    assert [model.objects.count() for model in (User, Account, CashTransaction, Trade)] == counts
    town(users=len(QUIRKS) + 1)
    assert User.objects.count() == counts[0] + 1


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
