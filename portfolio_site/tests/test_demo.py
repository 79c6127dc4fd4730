"""The demo: what it holds, that loading it twice changes nothing, and who may log in when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Max, Min
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from analytics.models import Factor, FactorReturn, FactorSet
from assets.models import (
    ActionProposal,
    Asset,
    Bond,
    CorporateAction,
    HistoricValue,
    PriceBasis,
    PriceClock,
    Watchlist,
    WatchlistEntry,
)
from banking.models import Account, Budget, CashTransaction, Rule, Schedule, TermDeposit
from banking.services.schedules import end_schedule
from portfolio_site import demo
from portfolios.models import Disposal, Entitlement, Investment, Portfolio, Trade
from portfolios.queries import holdings, totals
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="class")
def loaded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Once for all that look at it, since it takes seconds; what one of them changes is undone after it."""
    kept = override_settings(DEMO=True, PANEL_DIR=tmp_path_factory.mktemp("panel"))
    with django_db_blocker.unblock(), kept, transaction.atomic():
        call_command("demo", verbosity=0)
        yield
        transaction.set_rollback(True)


MODELS = (
    *(Asset, HistoricValue, FactorSet, FactorReturn, User, Portfolio, Trade, Disposal, Investment),
    *(Account, CashTransaction, Schedule, Budget, Rule, Watchlist, WatchlistEntry),
    *(Bond, CorporateAction, ActionProposal, Entitlement, TermDeposit),
)


def counts() -> list[int]:
    return [model.objects.count() for model in MODELS]


@pytest.mark.usefixtures("loaded")
class TestLoaded:
    def test_every_series_ends_on_the_last_day_of_the_demo(self) -> None:
        ends = HistoricValue.objects.values("asset").annotate(first=Min("day"), last=Max("day"))

        assert len(ends) == 33
        assert {row["last"] for row in ends} == {date(2022, 12, 28)}
        assert min(row["first"] for row in ends) == date(2013, 1, 2)

    def test_somebody_follows_what_is_not_held(self) -> None:
        watchlist = Watchlist.objects.get(owner__username="demo")
        listed = list(watchlist.entries.values_list("asset__symbol", flat=True))

        assert listed == ["AMD", "BBY", "GE", "MTUM"]

    def test_prices_say_what_they_are(self) -> None:
        sources = dict(HistoricValue.objects.values_list("asset__symbol", "source").distinct())

        assert {symbol for symbol, source in sources.items() if source == "simulated"} == {
            *("AMZN", "GOOGL", "NVDA", "TSLA"),
            *("BOND.SIM", "FOODS.SIM", "WATER.SIM"),
        }
        assert Asset.objects.get(symbol="AAPL").price_basis == PriceBasis.TOTAL_RETURN

    def test_its_factor_sets_are_loaded(self) -> None:
        spans = FactorReturn.objects.values("factor__factor_set__key").annotate(first=Min("day"), last=Max("day"))

        assert {row["factor__factor_set__key"]: (row["first"], row["last"]) for row in spans} == {
            "style": (date(2014, 1, 3), date(2022, 12, 28)),
            "us_monthly": (date(1949, 1, 31), date(2017, 3, 31)),
        }
        assert [factor.key for factor in Factor.objects.filter(risk_free=True)] == ["rf"]

    def test_a_style_factor_is_its_etf_less_the_index(self) -> None:
        closes = HistoricValue.objects.filter(day__in=[date(2014, 3, 10), date(2014, 3, 11)]).order_by("day")
        growth = {}
        for symbol in ("MTUM", "SP500"):
            before, after = (float(bar.close) for bar in closes.filter(asset__symbol=symbol))
            growth[symbol] = after / before - 1
        [value] = FactorReturn.objects.filter(factor__key="momentum", day=date(2014, 3, 11)).values_list("value")

        assert value[0] == pytest.approx(growth["MTUM"] - growth["SP500"], abs=1e-11)

    def test_the_closed_trade_gains_what_the_books_compute(self) -> None:
        disposal = Disposal.objects.get(asset__symbol="AMZN")

        assert disposal.gain == Decimal("143.50")  # 10 × 158.50 − 1.50 − 10 × 144.00

    def test_the_second_portfolio_is_worth_its_positions_and_its_cash(self) -> None:
        portfolio = Portfolio.objects.get(name="Research picks")
        held = holdings([portfolio])[portfolio.pk]
        total = totals(portfolio, held)

        assert {(row.symbol, row.quantity, row.average_cost) for row in held} == {
            ("AAPL", Decimal(50), Decimal("175.50")),
            ("MSFT", Decimal(30), Decimal("380.25")),
            ("GOOGL", Decimal(25), Decimal("142.30")),
            ("TSLA", Decimal(20), Decimal("245.80")),
            ("NVDA", Decimal(15), Decimal("495.60")),
        }
        assert total.cash == Decimal(94000) - Decimal(36090) + Decimal("143.50")

    def test_its_person_has_standing_orders_budgets_and_a_rule(self) -> None:
        person = User.objects.get(username="demo")
        rent, saved = Schedule.objects.filter(source__owner=person).order_by("first_on")

        assert (rent.first_on.day, rent.amount, rent.target_name) == (1, Decimal(860), "Town Homes")
        assert saved.target == Account.objects.get(owner=person, kind="savings", opened_on=date(2021, 1, 1))
        assert set(Budget.objects.of(person).values_list("category__name", flat=True)) == {"Groceries", "Restaurants"}
        [rule] = Rule.objects.of(person)
        assert "Corner Market" in rule.words

    def test_what_was_ended_or_deleted_stays_so(self) -> None:
        person = User.objects.get(username="demo")
        Rule.objects.of(person).delete()
        Budget.objects.of(person).delete()
        end_schedule(schedule=Schedule.objects.filter(source__owner=person)[0], actor=person)

        call_command("demo", verbosity=0)

        assert not Rule.objects.exists()
        assert not Budget.objects.exists()
        assert Schedule.objects.count() == 2

    def test_loading_it_again_changes_nothing(self) -> None:
        before, clock = counts(), PriceClock.read()

        call_command("demo", verbosity=0)

        assert (counts(), PriceClock.read()) == (before, clock)


class TestLogins:
    def test_they_need_the_setting(self, settings: Any) -> None:
        settings.DEMO = False

        with pytest.raises(CommandError, match="Set DEMO=1"):
            call_command("demo")

        assert not User.objects.exists()

    def test_they_end_with_the_setting_and_come_back_with_it(self) -> None:
        demo.load_people(
            [{"username": "admin", "password": "admin", "superuser": True, "first_name": "", "last_name": ""}]
        )
        client = Client()
        client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")

        assert demo.close_logins() == ["admin"]
        assert not User.objects.get().has_usable_password()
        assert client.get("/admin/").status_code == 302  # the open session ended, too

        demo.open_logins()
        assert User.objects.get().check_password("admin")

    def test_a_password_of_ones_own_stays(self) -> None:
        User.objects.create_user("demo", password="my own long password")

        assert demo.close_logins() == []
        assert User.objects.get().check_password("my own long password")

    def test_a_namesake_without_a_password_gets_none(self) -> None:
        User.objects.create_user("admin", password=None)

        demo.open_logins()

        assert not User.objects.get().has_usable_password()
