"""Real splits where bars are missing, come late or are restated: values and adjusted closes stay what they must be."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import portfolios
from analytics import queries, services
from analytics.models import Snapshot
from analytics.performance import daily_series
from analytics.queries.facts import inputs
from assets.models import Asset, CorporateAction, HistoricValue, PriceClock, PriceRevision
from assets.tests.factories import make_asset, make_bars
from core.money import quantise
from core.testing import count_queries
from portfolios.models import Trade
from portfolios.queries import holdings
from portfolios.queries.performance import performance
from portfolios.services.actions import apply_action, void_action
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
GOLDEN = Path(portfolios.__file__).parent / "tests" / "golden" / "splits.csv"
BARS = list(csv.DictReader(GOLDEN.read_text().splitlines()))
SPLITS = [("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("MSFT", "2003-02-18")]
UNITS = Decimal("17.3")


def closes_of(symbol: str, year: str) -> dict[date, Decimal]:
    rows = [row for row in BARS if row["ticker"] == symbol and row["date"].startswith(year)]
    return {date.fromisoformat(row["date"]): Decimal(row["close"]) for row in rows}


def split(asset: Asset, day: date, ratio: int = 2, **terms: Any) -> CorporateAction:
    return apply_action(asset=asset, kind="split", ex_date=day, ratio=Decimal(ratio), actor=None, **terms)


def adjusted(asset: Asset) -> dict[date, Decimal | None]:
    return dict(HistoricValue.objects.filter(asset=asset).order_by("day").values_list("day", "adjusted_close"))


# --- a split on a day without a bar -------------------------------------------------------------------------------


@pytest.mark.parametrize(("symbol", "split_on"), SPLITS)
def test_the_series_is_unchanged_by_a_split_on_a_session_without_a_bar(alice: User, symbol: str, split_on: str) -> None:
    asset, closes, ex_date = make_asset(symbol), closes_of(symbol, split_on[:4]), date.fromisoformat(split_on)
    eve = max(day for day in closes if day < ex_date)
    later = max(closes)
    make_bars(asset, {day: close for day, close in closes.items() if day <= eve or day == later})
    make_bars(make_asset("OTHER"), dict.fromkeys(closes, "10"))  # so that the days between are sessions
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, UNITS, closes[min(closes)], min(closes))

    split(asset, ex_date)

    shown = queries.series(portfolio, end=later)
    values = dict(zip(shown.days.tolist(), shown.values.tolist(), strict=True))
    returns = dict(zip(shown.days.tolist(), shown.returns.tolist(), strict=True))
    between = [day for day in closes if ex_date <= day < later]
    assert between, "the data has sessions between the split and the next bar"
    for day in between:
        [exact] = holdings([portfolio], day)[portfolio.pk]
        assert values[day] == pytest.approx(values[eve], rel=1e-12)
        assert values[day] == pytest.approx(float(exact.value or 0), abs=0.00501)
        assert returns[day] == pytest.approx(0, abs=1e-12)
    assert values[later] == pytest.approx(float(UNITS * 2 * closes[later]), rel=1e-12)
    [series] = [daily_series(inputs([portfolio.pk], as_of=later), later)]
    at_split = np.searchsorted(series.grid.days, np.datetime64(ex_date))
    assert series.values[0][at_split] == pytest.approx(values[eve], rel=1e-12)


def test_on_a_day_that_no_asset_has_and_after_the_last_bar(alice: User) -> None:
    asset, friday = make_asset("AAPL"), date(2024, 3, 1)
    make_bars(asset, {friday: 100})
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, 3, 100, friday)
    split(asset, friday + timedelta(days=1), 3)

    sunday = friday + timedelta(days=2)
    series = daily_series(inputs([portfolio.pk], as_of=sunday), sunday)
    np.testing.assert_allclose(series.values[0], 300.0, rtol=1e-12)
    services.recompute([portfolio.pk])
    assert Snapshot.objects.get().market_value == Decimal(300)
    assert performance(portfolio, friday, sunday).end.value == 300


def test_what_was_spun_off_splits_too(alice: User) -> None:
    parent, child, day = make_asset("OLD"), make_asset("NEW"), date(2024, 3, 1)
    days = [day + timedelta(days=offset) for offset in range(6)]
    make_bars(parent, dict.fromkeys(days, 100))
    make_bars(child, {days[1]: 40, days[2]: 40, days[5]: 20})
    portfolio = make_portfolio(alice)
    buy(portfolio, parent, 10, 100, day)
    spun = {"ratio": Decimal(1), "per": Decimal(2), "target": child, "basis_share": Decimal("0.2")}
    apply_action(asset=parent, kind="spin_off", ex_date=days[1], actor=None, **spun)  # type: ignore[arg-type]
    split(child, days[3])

    series = daily_series(inputs([portfolio.pk], as_of=days[5]), days[5])
    assert series.values[0].tolist() == [1000, 1200, 1200, 1200, 1200, 1200]


def test_securities_that_move_after_a_split_without_a_bar_are_worth_what_they_were(alice: User) -> None:
    asset, day = make_asset("AAPL"), date(2024, 3, 1)
    make_bars(asset, {day: 90})
    source, target = make_portfolio(alice, "Source"), make_portfolio(alice, "Target")
    buy(source, asset, 10, 90, day)
    split(asset, date(2024, 3, 4), 3)
    moved = {"source": source, "target": target, "asset": asset, "quantity": Decimal(15), "actor": alice}
    transfer_securities(**moved, traded_at=at("2024-03-05"))  # type: ignore[arg-type]

    assert set(Trade.objects.filter(kind__startswith="transfer").values_list("price", flat=True)) == {Decimal(30)}
    found = performance(target, date(2024, 3, 4), date(2024, 3, 6))
    assert [flow.amount for flow in found.flows] == [450]
    assert found.end.value == 450
    assert found.reconciliation.unexplained == 0


# --- bars that come late or are restated --------------------------------------------------------------------------


def fresh(closes: Mapping[date, Decimal], actions: list[tuple[str, date, dict[str, Any]]]) -> dict[date, Any]:
    """The adjusted closes of an asset that had these bars before any action."""
    asset = make_asset(f"FRESH{Asset.objects.count()}")
    make_bars(asset, closes)
    for kind, day, terms in actions:
        apply_action(asset=asset, kind=kind, ex_date=day, actor=None, **terms)
    return adjusted(asset)


@pytest.mark.parametrize(("symbol", "split_on"), SPLITS)
def test_a_restated_bar_derives_the_adjusted_closes_anew(db: None, symbol: str, split_on: str) -> None:
    asset, closes, ex_date = make_asset(symbol), closes_of(symbol, split_on[:4]), date.fromisoformat(split_on)
    actions = [("split", ex_date, {"ratio": Decimal(2)}), ("cash_dividend", max(closes), {"cash": Decimal("0.08")})]
    make_bars(asset, closes)
    for kind, day, terms in actions:
        apply_action(asset=asset, kind=kind, ex_date=day, actor=None, **terms)  # type: ignore[arg-type]
    days = sorted(closes)

    for day, close in ((days[0], "60.5"), (days[-2], "24.75"), (days[-1], "25.13")):  # the one before pays the factor
        closes[day] = Decimal(close)
        make_bars(asset, {day: close})
        assert adjusted(asset) == fresh(closes, actions)
        version = PriceClock.read()
        assert Asset.objects.get(pk=asset.pk).price_version <= version


def test_readers_see_every_close_that_a_restatement_adjusts(db: None) -> None:
    asset, closes = make_asset("AAPL"), closes_of("AAPL", "2000")
    make_bars(asset, closes)
    split(asset, date(2000, 6, 21))
    apply_action(asset=asset, kind="cash_dividend", ex_date=max(closes), cash=Decimal(1), actor=None)
    before = sorted(closes)[-2]
    make_bars(asset, {before: "50"})
    version = PriceClock.read()
    assert Asset.objects.get().price_version == version
    assert set(HistoricValue.objects.filter(version=version).values_list("day", flat=True)) == set(sorted(closes)[:-1])


def test_what_a_source_adjusts_itself_is_left_aside_where_actions_do(db: None) -> None:
    asset, closes = make_asset("AAPL"), closes_of("AAPL", "2000")
    make_bars(asset, closes)
    split(asset, date(2000, 6, 21))
    ours, clock = adjusted(asset), PriceClock.read()

    assert make_bars(asset, closes, adjusted_close=Decimal("1.23")) == 0
    assert (PriceClock.read(), PriceRevision.objects.count()) == (clock, 0)
    next_day = max(closes) + timedelta(days=1)
    assert make_bars(asset, {next_day: 50}, adjusted_close=Decimal("1.23")) == 1
    assert adjusted(asset) == ours | {next_day: Decimal(50)}
    other = make_asset("MSFT")
    make_bars(other, {next_day: 50}, adjusted_close=Decimal("1.23"))
    assert adjusted(other) == {next_day: Decimal("1.23")}


def test_a_new_day_of_an_asset_with_actions_reads_no_history(db: None) -> None:
    asset, closes = make_asset("AAPL"), closes_of("AAPL", "2000")
    make_bars(asset, closes)
    action = split(asset, date(2000, 6, 21))
    day = max(closes)
    new, _ = count_queries(lambda: make_bars(asset, {day + timedelta(days=1): 50}))
    old, _ = count_queries(lambda: make_bars(asset, {day + timedelta(days=2): 50, min(closes): 90}))
    assert new < old
    void_action(action=action, actor=None)
    make_bars(asset, {min(closes): 91})
    assert set(adjusted(asset).values()) == {*closes.values(), Decimal(91), Decimal(50)} - {closes[min(closes)]}


DAYS = [date(2024, 3, 1) + timedelta(days=offset) for offset in range(8)]
histories = st.dictionaries(st.sampled_from(DAYS), st.decimals(5, 200, places=2), min_size=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, histories, st.lists(st.sampled_from(DAYS[1:]), unique=True, max_size=2), st.sampled_from(DAYS[1:]))
def test_bars_in_any_order_end_as_if_they_had_been_there_from_the_beginning(
    db: None, first: dict[date, Decimal], second: dict[date, Decimal], splits: list[date], paid: date
) -> None:
    first |= {DAYS[0]: Decimal(100)}
    actions: list[tuple[str, date, dict[str, Any]]] = [("split", day, {"ratio": Decimal(3)}) for day in splits]
    actions += [("cash_dividend", paid, {"cash": Decimal("0.5")})]
    with transaction.atomic():
        asset = make_asset("LATE")
        make_bars(asset, first)
        for kind, day, terms in actions:
            apply_action(asset=asset, kind=kind, ex_date=day, actor=None, **terms)
        make_bars(asset, second)
        assert adjusted(asset) == fresh(first | second, actions)
        transaction.set_rollback(True)


def test_the_exact_value_is_the_cents_of_the_series(alice: User) -> None:
    """The two valuations of the day before and of the ex-date, which has no bar, are the same to the cent."""
    asset, closes = make_asset("AAPL"), closes_of("AAPL", "2005")
    ex_date = date(2005, 2, 28)
    make_bars(asset, {day: close for day, close in closes.items() if day < ex_date})
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, UNITS, "88", min(closes))
    split(asset, ex_date)
    eve = max(day for day in closes if day < ex_date)
    expected = quantise(UNITS * closes[eve], "USD")
    assert [holdings([portfolio], day)[portfolio.pk][0].value for day in (eve, ex_date)] == [expected, expected]
    series = daily_series(inputs([portfolio.pk], as_of=ex_date), ex_date)
    assert [quantise(Decimal(repr(value)), "USD") for value in series.values[0][-2:].tolist()] == [expected, expected]
