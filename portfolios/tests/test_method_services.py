"""Picks, dated cost methods, short positions and transfers through the services and the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from assets.models import Asset
from assets.tests.factories import make_asset
from portfolios.book.types import ShortSale
from portfolios.models import CostMethodChange, Disposal, Investment, Lot, LotPick, Portfolio, Trade
from portfolios.services.methods import (
    ChangeVoided,
    MethodChangesThen,
    MethodHolds,
    MethodInFuture,
    change_method,
    preview_method,
    restore_change,
    void_change,
)
from portfolios.services.portfolios import CostMethodFixed, ShortPositionsExist, change_portfolio
from portfolios.services.rebuild import rebuild
from portfolios.services.refusals import BreaksLaterTrade, BreaksPick, BreaksTransfer
from portfolios.services.trades import LinkedLeg, replace_trade, restore_trade, void_trade
from portfolios.tests.factories import buy, derived_rows, exact, make_portfolio, sell
from users.models import User

MARCH = date(2024, 3, 1)


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice, cost_method="specific")


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


@pytest.fixture
def client(api: Callable[[User], APIClient], alice: User) -> APIClient:
    return api(alice)


def sale(asset: Asset, quantity: str, *picks: dict[str, Any], kind: str = "sell", **more: Any) -> dict[str, Any]:
    at = "2024-04-01T15:00:00Z"
    body = {"kind": kind, "asset": asset.symbol, "quantity": quantity, "price": "120", "traded_at": at}
    return body | ({"lots": list(picks)} if picks else {}) | more


def test_a_sale_takes_the_lots_it_names(portfolio: Portfolio, apple: Asset, client: APIClient) -> None:
    buy(portfolio, apple, 10, 100, "2024-01-10")
    second = buy(portfolio, apple, 10, 110, "2024-01-11")
    url = f"/portfolios/{portfolio.pk}/trades/"
    made = client.post(url, sale(apple, "6", {"opened_by": second.pk, "quantity": "5"}), format="json")

    assert made.status_code == 201, made.content
    assert made.json()["lots"] == [{"opened_by": second.pk, "sequence": 0, "quantity": "5"}]
    taken = set(Disposal.objects.values_list("opened_by", "quantity", "cost"))
    assert {(row[0] == second.pk, *row[1:]) for row in taken} == {(True, *exact(5, 550)), (False, *exact(1, 100))}

    with pytest.raises(BreaksPick, match="without its lots"):
        void_trade(trade=second, actor=None)
    with pytest.raises(BreaksPick):
        replace_trade(trade=second, actor=None, quantity=Decimal(4))
    edited = replace_trade(trade=second, actor=None, note="the same units")
    assert set(Disposal.objects.values_list("opened_by", flat=True)) >= {edited.pk}
    before = derived_rows(portfolio)
    rebuild(portfolio)
    assert derived_rows(portfolio) == before


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param({"quantity": "11"}, "picks_exceed_sale", id="more than is sold"),
        pytest.param({"quantity": "0"}, "not_positive", id="none"),
        pytest.param({"quantity": "-1"}, "not_positive", id="negative"),
        pytest.param({"opened_by": 987654}, "pick_unknown", id="no such trade"),
        pytest.param({"opened_by": "other"}, "pick_of_another_asset", id="another asset's lot"),
        pytest.param({"sequence": 3}, "pick_uncovered", id="no such lot of the trade"),
        pytest.param({"opened_by": "small", "quantity": "9"}, "pick_uncovered", id="more than the lot holds"),
    ],
)
def test_a_pick_that_cannot_be_is_refused_by_name(
    portfolio: Portfolio, apple: Asset, client: APIClient, wrong: dict[str, Any], code: str
) -> None:
    first = buy(portfolio, apple, 20, 100, "2024-01-10")
    named = {
        "small": buy(portfolio, apple, 2, 100, "2024-01-11").pk,
        "other": buy(portfolio, make_asset("MSFT"), 20, 100, "2024-01-11").pk,
    }
    pick: dict[str, Any] = {"opened_by": first.pk, "quantity": "1"} | wrong
    pick["opened_by"] = named.get(pick["opened_by"], pick["opened_by"])
    before = (Trade.objects.count(), derived_rows(portfolio))
    answer = client.post(f"/portfolios/{portfolio.pk}/trades/", sale(apple, "10", pick), format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (Trade.objects.count(), derived_rows(portfolio)) == before
    assert not LotPick.objects.exists()


def test_a_portfolio_that_is_not_specific_takes_no_picks(alice: User, apple: Asset, client: APIClient) -> None:
    fifo = make_portfolio(alice, "First in")
    first = buy(fifo, apple, 20, 100, "2024-01-10")
    body = sale(apple, "10", {"opened_by": first.pk, "quantity": "1"})
    answer = client.post(f"/portfolios/{fifo.pk}/trades/", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "picks_not_allowed")


def test_the_method_changes_from_a_day_on_after_a_preview(alice: User, apple: Asset, client: APIClient) -> None:
    portfolio = make_portfolio(alice)
    for price, day in ((100, "2024-01-10"), (130, "2024-01-11")):
        buy(portfolio, apple, 10, price, day)
    sell(portfolio, apple, 5, 150, "2024-02-01")
    sell(portfolio, apple, 5, 150, "2024-04-01")
    before, url = derived_rows(portfolio), f"/portfolios/{portfolio.pk}/cost-methods/"
    body = {"method": "average", "day": "2024-03-01"}

    [effect] = client.post(url + "preview/", body, format="json").json()
    assert derived_rows(portfolio) == before
    assert (effect["asset"], effect["lots_before"], effect["lots_after"]) == ("AAPL", 1, 1)
    assert (effect["cost_before"], effect["cost_after"]) == ("1300", "1200")
    assert (effect["realised_before"], effect["realised_after"]) == ("500", "400")

    made = client.post(url, body, format="json")
    assert made.status_code == 201, made.content
    assert list(Disposal.objects.order_by("closed_on").values_list("cost", flat=True)) == [500, 600]
    assert Investment.objects.get().cost == 1200
    after = derived_rows(portfolio)
    assert client.delete(f"{url}{made.json()['id']}/").status_code == 204
    assert derived_rows(portfolio) == before
    assert client.post(f"{url}{made.json()['id']}/restore/").status_code == 200
    assert derived_rows(portfolio) == after
    with pytest.raises(CostMethodFixed):
        change_portfolio(portfolio=portfolio, actor=None, cost_method="lifo")


def test_what_is_bought_meanwhile_is_not_in_the_preview(alice: User, apple: Asset) -> None:
    """Whichever of its queries a first purchase of something else comes before."""
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 10, 100, "2024-01-10")
    with CaptureQueriesContext(connection) as asked:
        preview_method(portfolio=portfolio, method="lifo", day=MARCH)
    for number in range(len(asked)):
        asset, waiting = make_asset(f"NEW{number}"), [number]

        def buy_before(execute: Any, *query: Any, asset: Asset = asset, waiting: list[int] = waiting) -> Any:
            waiting[0] -= 1
            if waiting[0] == -1:
                buy(portfolio, asset, 1, 10, "2024-01-10")
            return execute(*query)

        with connection.execute_wrapper(buy_before):
            effects = preview_method(portfolio=portfolio, method="lifo", day=MARCH)
        assert portfolio.investments.filter(asset=asset).exists()
        assert len(effects) in (number + 1, number + 2)


def test_changes_that_cannot_be_are_refused(alice: User) -> None:
    portfolio = make_portfolio(alice)
    change = change_method(portfolio=portfolio, method="lifo", day=MARCH, actor=alice)
    refused = [
        ({"method": "hifo", "day": MARCH}, MethodChangesThen),
        ({"method": "lifo", "day": date(2024, 5, 1)}, MethodHolds),
        ({"method": "hifo", "day": date(2999, 1, 1)}, MethodInFuture),
    ]
    for terms, error in refused:
        with pytest.raises(error):
            change_method(portfolio=portfolio, actor=alice, **terms)  # type: ignore[arg-type]
        with pytest.raises(error):
            preview_method(portfolio=portfolio, **terms)  # type: ignore[arg-type]
    void_change(change=change, actor=alice)
    with pytest.raises(ChangeVoided):
        void_change(change=change, actor=alice)
    restore_change(change=change, actor=alice)
    assert CostMethodChange.objects.standing().count() == 1


def test_short_positions_where_they_are_allowed(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    with pytest.raises(ShortSale):
        sell(portfolio, apple, 10, 100, "2024-01-10")
    change_portfolio(portfolio=portfolio, actor=alice, allow_short=True)
    sell(portfolio, apple, 10, 100, "2024-01-10", fee=Decimal(1))

    assert Lot.objects.values_list("quantity", "cost").get() == exact(-10, -999)
    assert (Investment.objects.get().quantity, Investment.objects.get().cost) == exact(-10, -999)
    assert Investment.objects.open().exists()
    assert Lot.objects.open().exists()
    with pytest.raises(ShortPositionsExist):
        change_portfolio(portfolio=portfolio, actor=alice, allow_short=False)
    buy(portfolio, apple, 4, 90, "2025-06-10")
    made = Disposal.objects.get()
    assert (made.short, made.proceeds, made.cost, made.gain) == (True, *exact("399.6", 360, "39.6"))
    assert made.long_term is True


def test_securities_move_between_two_portfolios_with_their_lots(alice: User, apple: Asset, client: APIClient) -> None:
    source, target = make_portfolio(alice), make_portfolio(alice, "Other")
    first = buy(source, apple, 10, 100, "2024-01-10", fee=Decimal(1))
    buy(source, apple, 10, 110, "2024-01-11")
    body = sale(apple, "15", kind="transfer_out", target=target.pk)
    answer = client.post(f"/portfolios/{source.pk}/trades/", body, format="json")

    assert answer.status_code == 201, answer.content
    left, arrived = Trade.objects.get(kind="transfer_out"), Trade.objects.get(kind="transfer_in")
    assert arrived.source == left
    lots = list(target.lots.values_list("opened_on", "quantity", "cost"))
    assert lots == [(date(2024, 1, 10), *exact(10, 1001)), (date(2024, 1, 11), *exact(5, 550))]
    assert not Disposal.objects.exists()
    assert Investment.objects.get(portfolio=source).quantity == 5
    before = {each.pk: derived_rows(each) for each in (source, target)}

    with pytest.raises(BreaksTransfer, match=rf"trade {left.pk}\) would then take other lots"):
        buy(source, apple, 3, 90, "2023-12-01")
    with pytest.raises(BreaksTransfer):
        replace_trade(trade=first, actor=None, price=Decimal(101))
    with pytest.raises(LinkedLeg):
        replace_trade(trade=arrived, actor=None, quantity=Decimal(1))
    assert {each.pk: derived_rows(each) for each in (source, target)} == before
    sold = sell(target, apple, 1, 120, "2024-05-01")
    with pytest.raises(BreaksLaterTrade, match="sale of 1 AAPL"):
        void_trade(trade=left, actor=None)
    void_trade(trade=sold, actor=None)
    void_trade(trade=arrived, actor=None)
    assert Trade.objects.standing().filter(kind__startswith="transfer").count() == 0
    assert Investment.objects.get(portfolio=source).quantity == 20
    restore_trade(trade=left, actor=None)
    assert {each.pk: derived_rows(each) for each in (source, target)} == before


def test_a_transfer_goes_to_a_portfolio_of_ones_own(alice: User, bob: User, apple: Asset, client: APIClient) -> None:
    source = make_portfolio(alice)
    buy(source, apple, 10, 100, "2024-01-10")
    for target, more in ((make_portfolio(bob).pk, {}), (source.pk, {}), (make_portfolio(alice, "B").pk, {"fee": "1"})):
        body = sale(apple, "5", kind="transfer_out", target=target, **more)
        assert client.post(f"/portfolios/{source.pk}/trades/", body, format="json").status_code == 400
    assert Trade.objects.count() == 1
