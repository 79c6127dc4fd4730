"""Backtests of value at risk: the matrices, what is due each night, what is stored and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from analytics import engine, queries, services, tasks
from analytics.backtests import History, Plan, backtests
from analytics.models import Basis, VarBacktest
from analytics.queries.backtests import night_began
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from core.testing import owner_of
from portfolios.models import Portfolio
from portfolios.services.trades import void_trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2022, 12, 30))
DAYS = np.array(SESSIONS, "datetime64[D]")
PLAN = Plan(engine.METHODS, (0.95, 0.99), (50, 100), 100)


def draw(seed: int, days: int = 230) -> Any:
    return np.random.default_rng(seed).standard_t(4, days) * 0.01


# --- the matrices -------------------------------------------------------------------------------------------------


def test_every_backtest_is_what_the_engine_gives_for_its_days() -> None:
    returns = draw(1)
    found = backtests({"one": History(DAYS[:230], returns)}, PLAN)["one"]

    assert len(found) == 6 * 2 * 2
    for result in found:
        forecasts = [
            engine.value_at_risk(returns[day - 100 : day], result.level, method=result.method)
            for day in range(230 - result.days, 230)
        ]
        hits = engine.exceptions(returns[-result.days :], forecasts)
        tests = engine.christoffersen_test(hits, result.level)
        kupiec = engine.kupiec_test(int(hits.sum()), result.days, result.level)
        assert result.exceptions == hits.sum()
        assert result.coverage == (kupiec.statistic, kupiec.p_value)
        assert result.independence == (tests.independence.statistic, tests.independence.p_value)
        assert result.joint == (tests.conditional_coverage.statistic, tests.conditional_coverage.p_value)
        assert (result.first_day, result.last_day) == (SESSIONS[230 - result.days], SESSIONS[229])
        assert [each.day for each in result.exceeded] == [
            SESSIONS[230 - result.days + place] for place in np.flatnonzero(hits)
        ]
        assert all(each.loss > each.forecast for each in result.exceeded)
        light = engine.basel_traffic_light(int(hits.sum()), result.days).zone if result.level == 0.99 else ""
        assert result.zone == light


def test_portfolios_with_other_days_are_tested_apart_and_alike() -> None:
    histories = {
        "long": History(DAYS[:230], draw(1)),
        "also long": History(DAYS[:230], draw(2)),
        "later": History(DAYS[10:], draw(3, len(DAYS) - 10)),
        "short": History(DAYS[:160], draw(4, 160)),
        "too short": History(DAYS[:149], draw(5, 149)),
    }

    together = backtests(histories, PLAN)

    for name, history in histories.items():
        assert together[name] == backtests({name: history}, PLAN)[name]
    problems = {(result.days, result.problem) for result in together["short"]}
    assert problems == {(50, ""), (100, "needs 200 days, has 160")}
    assert {result.problem for result in together["too short"]} == {
        "needs 150 days, has 149",
        "needs 200 days, has 149",
    }
    assert all(result.exceptions is None for result in together["too short"])


def test_returns_that_do_not_vary_have_no_result_but_a_reason() -> None:
    found = backtests({"flat": History(DAYS[:160], np.zeros(160))}, replace(PLAN, lengths=(50,)))["flat"]

    assert {result.exceptions for result in found if result.method == "historical"} == {0}
    others = [result for result in found if result.method != "historical"]
    assert {result.problem for result in others} == {f"the returns before {SESSIONS[110]} do not vary"}


# --- due and stored -----------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def short_plan(settings: Any) -> None:
    settings.VAR_WINDOW, settings.VAR_BACKTEST_DAYS, settings.VAR_LEVELS = 100, [50, 100], [0.95, 0.99]


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + draw(7))], start=SESSIONS[0])
    return asset


@pytest.fixture
def growth(alice: User, aapl: Asset) -> Portfolio:
    portfolio = make_portfolio(alice)
    buy(portfolio, aapl, 10, 100, SESSIONS[60])
    services.recompute([portfolio.pk])
    return portfolio


def due() -> list[int]:
    return queries.backtests_due_ids(timezone.now())


def age(**gap: float) -> None:
    """Make what is stored as old as this."""
    VarBacktest.objects.update(computed_at=timezone.now() - timedelta(**gap))


@pytest.mark.django_db
def test_both_bases_are_stored_with_what_is_missing(growth: Portfolio) -> None:
    assert services.backtest([growth.pk]) == 1

    rows = VarBacktest.objects.filter(portfolio=growth)
    assert rows.count() == 2 * 6 * 2 * 2
    ante, post = (
        rows.get(basis=basis, method="historical", level="0.95", days=100) for basis in (Basis.EX_ANTE, Basis.EX_POST)
    )
    assert ante.exceptions is not None
    assert len(ante.exceeded) == ante.exceptions > 0
    assert (ante.expected, ante.window, ante.zone, ante.problem) == (pytest.approx(5), 100, "", "")
    assert ante.last_day == ante.as_of == SESSIONS[229]
    # Held since the 61st session: too short for the longer one.
    assert (post.exceptions, post.exceeded, post.problem) == (None, [], "needs 200 days, has 170")
    assert rows.get(basis=Basis.EX_POST, method="ewma", level="0.99", days=50).zone in {"green", "yellow", "red"}


@pytest.mark.django_db
def test_what_was_never_tested_is_due_at_once_and_then_once_a_night(growth: Portfolio, aapl: Asset) -> None:
    assert due() == [growth.pk]
    services.backtest([growth.pk])
    assert due() == []

    buy(growth, aapl, 1, 100, SESSIONS[70])
    services.recompute([growth.pk])
    assert due() == []  # tested this night

    age(hours=25)
    assert due() == [growth.pk]
    assert services.backtest([growth.pk]) == 1
    assert due() == []

    age(hours=25)
    assert due() == []  # another night, and nothing has changed
    assert services.backtest([growth.pk]) == 0


@pytest.mark.django_db
def test_nothing_is_due_without_a_snapshot_or_a_trade(alice: User, aapl: Asset) -> None:
    empty, fresh = make_portfolio(alice, "Empty"), make_portfolio(alice, "Fresh")
    buy(fresh, aapl, 1, 100, SESSIONS[3])
    services.recompute([empty.pk])

    assert due() == []


@pytest.mark.django_db
def test_finding_what_is_due_takes_one_query(
    growth: Portfolio, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        due()


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_portfolios(
    growth: Portfolio, aapl: Asset, django_assert_max_num_queries: Any
) -> None:
    services.backtest([growth.pk], only_due=False)  # the price panel is there
    for number in range(4):
        other = make_portfolio(owner_of(growth), f"P{number}")
        buy(other, aapl, 3 + number, 100, SESSIONS[20 + number])
    ids = list(Portfolio.objects.values_list("pk", flat=True))
    services.recompute(ids)

    with django_assert_max_num_queries(36):
        assert services.backtest(ids) == 4


def test_the_night_begins_at_its_hour_in_its_zone(settings: Any) -> None:
    settings.BACKTEST_AT, settings.INGEST_TIME_ZONE = time(5), "America/New_York"

    assert night_began(datetime(2024, 7, 2, 8, 59, tzinfo=UTC)) == datetime(2024, 7, 1, 9, tzinfo=UTC)
    assert night_began(datetime(2024, 7, 2, 9, 0, tzinfo=UTC)) == datetime(2024, 7, 2, 9, tzinfo=UTC)


@pytest.mark.django_db
def test_nights_are_kept_then_months_and_only_the_newest_lists_its_exceptions(
    growth: Portfolio, aapl: Asset, settings: Any
) -> None:
    settings.VAR_HISTORY_DAYS = 10
    for session in (SESSIONS[230], SESSIONS[232]):
        services.backtest([growth.pk], only_due=False)
        make_bars(aapl, {session: "99.5"})
        services.recompute([growth.pk])
    services.backtest([growth.pk], only_due=False)

    days = VarBacktest.objects.filter(portfolio=growth).values_list("as_of", flat=True).distinct().order_by("as_of")
    assert list(days) == [SESSIONS[229], SESSIONS[230], SESSIONS[232]]
    listed = VarBacktest.objects.exclude(exceeded=[]).values_list("as_of", flat=True).distinct()
    assert list(listed.order_by("as_of")) == [SESSIONS[232]]

    make_bars(aapl, {SESSIONS[248]: "101"})
    services.recompute([growth.pk])
    services.backtest([growth.pk], only_due=False)
    # The first three are older than ten days now; of a month its last night stays.
    assert (SESSIONS[229].month, SESSIONS[230].month, SESSIONS[248].month) == (11, 12, 12)
    assert list(days.all()) == [SESSIONS[229], SESSIONS[248]]


@pytest.mark.django_db
def test_results_of_older_facts_do_not_replace_newer_ones(growth: Portfolio) -> None:
    services.backtest([growth.pk])
    VarBacktest.objects.update(portfolio_version=10**6, exceptions=None, problem="newer")

    services.backtest([growth.pk], only_due=False)

    assert set(VarBacktest.objects.values_list("problem", flat=True)) == {"newer"}


@pytest.mark.django_db
def test_tests_of_a_later_day_go_when_its_trade_is_voided(growth: Portfolio, aapl: Asset) -> None:
    trade = buy(growth, aapl, 1, 100, SESSIONS[229] + timedelta(days=3))
    services.recompute([growth.pk])
    services.backtest([growth.pk])
    assert queries.stored_backtests(growth).as_of == SESSIONS[229] + timedelta(days=3)
    void_trade(trade=trade, actor=growth.owner)
    services.recompute([growth.pk])
    age(days=2)
    assert due() == [growth.pk]

    assert services.backtest([growth.pk]) == 1

    found = queries.stored_backtests(growth)
    assert (found.as_of, found.stale, len(found.rows)) == (SESSIONS[229], False, 48)
    assert any(row.exceeded for row in found.rows)
    age(days=2)
    assert due() == []


@pytest.mark.django_db
def test_what_is_no_more_tested_does_not_keep_a_portfolio_due(growth: Portfolio, aapl: Asset, settings: Any) -> None:
    services.backtest([growth.pk])
    settings.VAR_LEVELS = [0.99]
    buy(growth, aapl, 1, 100, SESSIONS[70])
    services.recompute([growth.pk])
    age(days=2)

    assert services.backtest([growth.pk]) == 1

    found = queries.stored_backtests(growth)
    assert (found.stale, {row.level for row in found.rows}) == (False, {Decimal("0.99")})
    age(days=2)
    assert due() == []


@pytest.mark.django_db
def test_prices_beyond_reason_do_not_hold_up_the_others(growth: Portfolio, alice: User) -> None:
    asset = make_asset("BAD")
    make_bars(asset, ["1", "999999999999"] * 100, start=SESSIONS[0])
    wild = make_portfolio(alice, "Wild")
    buy(wild, asset, 1, 1, SESSIONS[1])
    services.recompute([wild.pk])

    assert services.backtest([wild.pk, growth.pk]) == 2

    assert VarBacktest.objects.filter(portfolio=growth, exceptions__isnull=False).exists()
    assert VarBacktest.objects.filter(portfolio=wild, basis=Basis.EX_ANTE, exceptions__isnull=False).exists()


@pytest.mark.django_db
def test_nothing_held_any_more_says_so_ex_ante(growth: Portfolio, aapl: Asset) -> None:
    sell(growth, aapl, 10, 100, SESSIONS[220])
    services.recompute([growth.pk])
    services.backtest([growth.pk])

    problems = set(VarBacktest.objects.filter(basis=Basis.EX_ANTE).values_list("problem", flat=True))
    assert len(problems) == 1
    assert "Nothing is held" in problems.pop()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"basis": "guess"},
        {"method": "guess"},
        {"level": Decimal(1)},
        {"problem": "both"},
        {"exceptions": None},
        {"exceptions": 101},
        {"kupiec_statistic": -1.0},
        {"joint_p_value": 1.5},
    ],
    ids=str,
)
def test_the_database_refuses_what_is_no_result(growth: Portfolio, change: dict[str, Any]) -> None:
    services.backtest([growth.pk])
    row = VarBacktest.objects.filter(basis=Basis.EX_ANTE, days=100, exceptions__isnull=False)[:1].get()

    with pytest.raises(IntegrityError), transaction.atomic():
        VarBacktest.objects.filter(pk=row.pk).update(**change)


@pytest.mark.django_db
def test_the_stored_ones_are_the_newest_and_say_when_they_are_out_of_date(growth: Portfolio, aapl: Asset) -> None:
    assert queries.stored_backtests(growth).rows == []
    services.backtest([growth.pk])

    found = queries.stored_backtests(growth)
    assert (found.as_of, found.stale, len(found.rows)) == (SESSIONS[229], False, 48)
    assert [row.method for row in found.rows[:12:2]] == list(engine.METHODS)
    assert queries.stored_backtests(growth, as_of=SESSIONS[228]).rows == []

    buy(growth, aapl, 1, 100, SESSIONS[70])
    assert queries.stored_backtests(growth).stale
    history = queries.backtest_history(growth, basis=Basis.EX_ANTE, method="historical", level=0.95, days=100)
    assert [night.as_of for night in history] == [SESSIONS[229]]


@pytest.mark.django_db
def test_they_are_their_owners_alone(growth: Portfolio, bob: User) -> None:
    services.backtest([growth.pk])

    assert VarBacktest.objects.visible_to(owner_of(growth)).count() == 48
    assert not VarBacktest.objects.visible_to(bob).exists()


@pytest.mark.django_db
def test_the_task_tests_what_is_due(growth: Portfolio) -> None:
    tasks.backtest([growth.pk])

    assert due() == []


@pytest.mark.django_db
def test_staff_look_at_them_and_edit_none(growth: Portfolio, admin_client: Client) -> None:
    services.backtest([growth.pk])
    row = VarBacktest.objects.filter(portfolio=growth)[:1].get()

    assert admin_client.get("/admin/analytics/varbacktest/").status_code == 200
    page = admin_client.get(f"/admin/analytics/varbacktest/{row.pk}/change/")
    assert page.status_code == 200
    assert b'name="exceptions"' not in page.content
