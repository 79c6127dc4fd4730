"""Trades over HTTP: booked, replaced, voided, restored; refused by field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from activity.models import AuditEvent
from assets.models import Asset
from assets.tests.factories import make_asset
from banking.models import Account, CashTransaction
from core.testing import client_of
from portfolios.models import Investment, Portfolio, Trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

BUY = {"kind": "buy", "asset": "AAPL", "quantity": "10", "price": "100.5", "traded_at": "2024-01-10T15:30:00Z"}


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    return make_portfolio(alice)


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


@pytest.fixture
def url(portfolio: Portfolio) -> str:
    return f"/portfolios/{portfolio.pk}/trades/"


def quantity_held() -> list[Decimal]:
    return list(Investment.objects.values_list("quantity", flat=True))


def test_a_trade_is_booked(client: APIClient, url: str) -> None:
    body = BUY | {"fee": "1.5", "tax": 0.25, "external_id": "X-1", "note": "first", "account": None}
    answer = client.post(url, body)

    assert answer.status_code == 201, answer.content
    trade = answer.json()
    expected: dict[str, Any] = BUY | {
        "day": "2024-01-10",
        "currency": "USD",
        "fee": "1.5",
        "tax": "0.25",
        "gross": "1005",
        "net": "1006.75",
        "exchange_rate": None,
        "account": None,
        "external_id": "X-1",
        "note": "first",
        "lots": [],
        "replaces": None,
        "voided_at": None,
    }
    assert {name: trade[name] for name in expected} == expected
    assert client.get(f"{url}{trade['id']}/").json() == trade
    assert AuditEvent.objects.filter(action="trade.booked").count() == 1


def test_a_transfer_brings_its_lots(client: APIClient, url: str) -> None:
    lots = [
        {"opened_on": "2019-05-01", "quantity": "4", "cost": "400"},
        {"opened_on": "2020-06-01", "quantity": "6", "cost": "900.1234"},
    ]
    body = {key: value for key, value in BUY.items() if key != "price"} | {"kind": "transfer_in", "lots": lots}
    answer = client.post(url, body)

    assert answer.status_code == 201, answer.content
    assert answer.json()["price"] == "130.01234"
    assert [lot["cost_base"] for lot in answer.json()["lots"]] == ["400", "900.1234"]


NO_PRICES: list[Any] = ["-0.01", "NaN", "0.00000000001", {}]
BAD_FIELDS: list[Any] = [
    *(pytest.param({name: None}, name, id=f"no {name}") for name in ("kind", "asset", "quantity", "traded_at")),
    pytest.param({"price": ...}, "price", id="no price"),
    pytest.param({"kind": "gift"}, "kind", id="unknown kind"),
    pytest.param({"asset": "NOPE"}, "asset", id="unknown symbol"),
    pytest.param({"asset": "\u0000"}, "asset", id="null character"),
    pytest.param({"asset": "EURUSD"}, "asset", id="an exchange rate"),
    *(
        pytest.param({"quantity": value}, "quantity", id=f"quantity {value}")
        for value in ("0", "-1", "NaN", "1e3", "1_0", True)
    ),
    *(pytest.param({"price": value}, "price", id=f"price {value}") for value in NO_PRICES),
    pytest.param({"fee": "0.001"}, "fee", id="fee below a cent"),
    pytest.param({"tax": "-1"}, "tax", id="negative tax"),
    pytest.param({"traded_at": "2999-01-01T00:00:00Z"}, "traded_at", id="in the future"),
    pytest.param({"traded_at": "9999-12-31T23:59:59-14:00"}, "traded_at", id="after the calendar's end"),
    pytest.param({"traded_at": "0001-01-01T00:00:00+14:00"}, "traded_at", id="before its beginning"),
    pytest.param({"traded_at": "2024-01-10"}, "traded_at", id="a date without a time"),
    pytest.param({"traded_at": "2024-01-10T10:00:00"}, "traded_at", id="a time without a zone"),
    pytest.param({"currency": "XXX"}, "currency", id="unknown currency"),
    pytest.param({"currency": "CHF"}, "exchange_rate", id="no rate"),
    pytest.param({"exchange_rate": "0"}, "exchange_rate", id="rate 0"),
    pytest.param({"account": 999999}, "account", id="unknown account"),
    pytest.param({"account": True}, "account", id="account is no number"),
    pytest.param({"account": 10**30}, "account", id="account beyond any"),
    pytest.param({"external_id": "x" * 65}, "external_id", id="long external id"),
    pytest.param({"note": "\ud800"}, "note", id="lone surrogate"),
    pytest.param({"lots": [{"opened_on": "2019-05-01", "quantity": "10", "cost": "1"}]}, "lots", id="a buy with lots"),
    pytest.param({"colour": "red"}, "colour", id="unknown field"),
    pytest.param({"day": "2024-01-01"}, "day", id="a field that is derived"),
    pytest.param({"kind": "sell", "quantity": "11"}, "quantity", id="selling what is not held"),
]


@pytest.mark.parametrize(("change", "field"), BAD_FIELDS)
def test_a_bad_trade_names_the_field_and_stores_nothing(
    client: APIClient, portfolio: Portfolio, url: str, change: dict[str, Any], field: str
) -> None:
    make_asset("EURUSD", type="fx", exchange=None)
    body = {name: value for name, value in (BUY | change).items() if value is not ...}
    if change.get("note"):  # the test client cannot encode it, so it is escaped as a sender would
        answer = client.post(url, _escaped(body), content_type="application/json")
    else:
        answer = client.post(url, body)

    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert field in answer.json().get("errors", {field: "the parser refuses the body as a whole"})
    assert not Trade.objects.exists()
    assert not AuditEvent.objects.filter(action="trade.booked").exists()
    portfolio.refresh_from_db()
    assert portfolio.version == 0


def _escaped(body: dict[str, Any]) -> bytes:
    import json

    return json.dumps(body, ensure_ascii=True).encode()


def test_an_account_of_somebody_else_looks_as_if_it_did_not_exist(client: APIClient, url: str, bob: User) -> None:
    theirs = Account.objects.create(owner=bob, name="Bob's", currency="USD")

    answer, nobodys = (client.post(url, BUY | {"account": pk}) for pk in (theirs.pk, theirs.pk + 1))

    assert answer.status_code == 400
    message = answer.json()["errors"]["account"][0]
    assert message.replace(str(theirs.pk), str(theirs.pk + 1)) == nobodys.json()["errors"]["account"][0]


def test_an_external_id_is_booked_once(client: APIClient, url: str) -> None:
    first, second = (client.post(url, BUY | {"external_id": "X-1"}) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 400)
    assert second.json()["code"] == "duplicate_trade"
    assert quantity_held() == [10]


def test_a_change_replaces_the_trade(client: APIClient, url: str, portfolio: Portfolio, apple: Asset) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10", external_id="X-1")
    answer = client.patch(f"{url}{trade.pk}/", {"quantity": "12"})

    assert answer.status_code == 200, answer.content
    replacement = answer.json()
    assert (replacement["replaces"], replacement["quantity"], replacement["external_id"]) == (trade.pk, "12", "X-1")
    assert [row["id"] for row in client.get(url).json()["results"]] == [replacement["id"]]
    assert [row["id"] for row in client.get(url + "?voided=true&ordering=day").json()["results"]] == [
        trade.pk,
        replacement["id"],
    ]
    assert client.get(f"{url}{trade.pk}/").json()["voided_at"]
    assert quantity_held() == [12]


def test_a_deleted_trade_is_voided_and_can_be_restored(
    client: APIClient, url: str, portfolio: Portfolio, apple: Asset
) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")

    assert client.delete(f"{url}{trade.pk}/").status_code == 204
    assert client.get(url).json()["count"] == 0
    again = client.delete(f"{url}{trade.pk}/")
    assert (again.status_code, again.json()["code"]) == (400, "trade_voided")

    restored = client.post(f"{url}{trade.pk}/restore/")
    assert (restored.status_code, restored.json()["voided_at"]) == (200, None)
    assert client.post(f"{url}{trade.pk}/restore/").json()["code"] == "trade_stands"
    assert quantity_held() == [10]


def test_a_change_that_breaks_a_later_sale_is_refused_and_names_it(
    client: APIClient, url: str, portfolio: Portfolio, apple: Asset
) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")
    later = sell(portfolio, apple, 10, 100, "2024-01-11")

    for answer in (client.patch(f"{url}{trade.pk}/", {"quantity": "9"}), client.delete(f"{url}{trade.pk}/")):
        assert (answer.status_code, answer.json()["code"]) == (400, "breaks_later_trade")
        assert f"trade {later.pk}" in answer.json()["detail"]
    assert Trade.objects.standing().count() == 2


@pytest.mark.parametrize("method", ["get", "patch", "delete", "put"])
def test_a_strangers_trade_looks_as_if_it_did_not_exist(
    bob: User, portfolio: Portfolio, apple: Asset, method: str
) -> None:
    trade, own = buy(portfolio, apple, 10, 100, "2024-01-10"), make_portfolio(bob, "Own")
    call = getattr(client_of(bob), method)

    for where in (portfolio.pk, own.pk):
        theirs, nobodys = (call(f"/portfolios/{where}/trades/{pk}/", {"quantity": "1"}) for pk in (trade.pk, 999999))
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
        assert theirs.status_code in (404, 405)
    trade.refresh_from_db()
    assert trade.voided_at is None


def test_restoring_a_strangers_trade_is_a_404(bob: User, portfolio: Portfolio, apple: Asset) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")

    assert client_of(bob).post(f"/portfolios/{portfolio.pk}/trades/{trade.pk}/restore/").status_code == 404


def test_trades_are_filtered_and_ordered(client: APIClient, url: str, portfolio: Portfolio, apple: Asset) -> None:
    first = buy(portfolio, apple, 10, 100, "2024-01-10")
    second = buy(portfolio, make_asset("MSFT"), 10, 90, "2024-02-10")
    third = sell(portfolio, apple, 1, 110, "2024-03-10")

    def ids(query: str) -> list[int]:
        return [row["id"] for row in client.get(url + query).json()["results"]]

    assert ids("") == [third.pk, second.pk, first.pk]
    assert ids("?asset=AAPL&ordering=day") == [first.pk, third.pk]
    assert ids("?kind=sell") == [third.pk]
    assert ids("?start=2024-02-10&end=2024-02-10") == [second.pk]
    for bad in ("?kind=gift", "?start=soon", "?ordering=colour", "?voided=perhaps"):
        assert client.get(url + bad).status_code == 400, bad


def test_a_tracked_portfolio_moves_its_cash(client: APIClient, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, "Tracked", cash="tracked")
    answer = client.post(f"/portfolios/{portfolio.pk}/trades/", BUY | {"fee": "5"})

    assert answer.json()["account"] == Account.objects.get().pk
    assert CashTransaction.objects.get().amount == -1010


def test_a_portfolio_that_is_deleted_meanwhile_looks_as_if_it_did_not_exist(
    client: APIClient, url: str, portfolio: Portfolio
) -> None:
    """The deletion comes between the view's look at the portfolio and the booking's."""

    def delete_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "portfolios_portfolio"'):
            Portfolio.objects.filter(pk=portfolio.pk).delete()
        return execute(sql, *rest)

    with connection.execute_wrapper(delete_first):
        answer = client.post(url, BUY)

    assert answer.status_code == 404
    assert answer.json() == client.post("/portfolios/999999/trades/", BUY).json()


# --- previews -----------------------------------------------------------------------------------------------------


def test_a_preview_says_what_booking_does_and_stores_nothing(
    client: APIClient, url: str, portfolio: Portfolio, apple: Asset
) -> None:
    bought = buy(portfolio, apple, 10, 100, "2022-01-10")
    body = BUY | {"kind": "sell", "quantity": "4", "price": "120", "fee": "2"}

    answer = client.post(f"{url}preview/", body)

    assert answer.status_code == 200, answer.content
    seen = answer.json()
    assert (seen["gross"], seen["fee"], seen["net"], seen["amount_base"]) == ("480", "2", "478", "478")
    assert (seen["gain"], seen["gain_base"], seen["price_gain"], seen["currency_gain"]) == ("78", "78", "78", "0")
    assert (seen["before"]["quantity"], seen["after"]["quantity"], seen["after"]["average_cost"]) == ("10", "6", "100")
    [part] = seen["taken"]
    assert (part["opened_by"], part["quantity"], part["holding_days"], part["long_term"]) == (bought.pk, "4", 730, True)
    assert seen["cash"] == {
        "account": None,
        "currency": "USD",
        "amount": "478",
        "rate": "1",
        "rate_day": None,
        "rate_source": "",
        "balance_before": None,
        "balance_after": None,
        "negative_from": None,
    }
    assert (seen["opened"], seen["departed"], seen["moved"], seen["arrival"]) == ([], [], [], None)
    assert list(Trade.objects.all()) == [bought]

    client.post(url, body)
    [booked] = client.get(f"/portfolios/{portfolio.pk}/disposals/").json()["results"]
    assert {name: booked[name] for name in part} == part


def test_a_preview_is_refused_with_the_words_of_booking(client: APIClient, url: str) -> None:
    body = BUY | {"kind": "sell"}
    asked, booked = client.post(f"{url}preview/", body), client.post(url, body)
    assert (asked.status_code, asked.json()) == (400, booked.json())
    assert (asked.json()["code"], set(asked.json()["errors"])) == ("short_sale", {"quantity"})


def test_a_preview_of_a_transfer_shows_what_arrives(
    client: APIClient, url: str, portfolio: Portfolio, apple: Asset, alice: User
) -> None:
    other = make_portfolio(alice, "Other")
    buy(portfolio, apple, 10, 100, "2022-01-10")
    body = BUY | {"kind": "transfer_out", "quantity": "4", "target": other.pk}

    seen = client.post(f"{url}preview/", body).json()

    assert [(part["opened_on"], part["quantity"]) for part in seen["departed"]] == [("2022-01-10", "4")]
    assert (seen["arrival"]["kind"], seen["arrival"]["after"]["quantity"]) == ("transfer_in", "4")
    assert [lot["opened_on"] for lot in seen["arrival"]["opened"]] == ["2022-01-10"]
    assert client.post(f"{url}preview/", body | {"target": 987654321}).json()["errors"].keys() == {"target"}


def test_a_preview_sends_as_many_queries_for_many_trades_as_for_few(
    client: APIClient, url: str, portfolio: Portfolio, apple: Asset
) -> None:
    body = BUY | {"kind": "sell", "quantity": "1", "traded_at": "2024-03-12T15:30:00Z"}
    counts = []
    for number in range(1, 21):
        buy(portfolio, apple, 1, 100 + number, f"2024-01-{number:02}")
        if number in (2, 20):
            with CaptureQueriesContext(connection) as sent:
                assert client.post(f"{url}preview/", body).status_code == 200
            counts.append(len(sent))
    assert counts[0] == counts[1] <= 14
