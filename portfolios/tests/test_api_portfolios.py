"""Portfolios over HTTP: their JSON, what is refused, and who sees them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from activity.models import AuditEvent
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import client_of
from portfolios.models import Investment, Portfolio, Trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


@pytest.fixture
def apple(db: None) -> Asset:
    apple = make_asset("AAPL", sector="Technology", price_basis="total_return")
    make_bars(apple, {date(2024, 1, 10): "100", date(2024, 3, 1): "130"})
    return apple


@pytest.fixture
def microsoft(db: None) -> Asset:
    microsoft = make_asset("MSFT", sector="Software")
    make_bars(microsoft, {date(2024, 1, 10): "50", date(2024, 2, 1): "60"}, source="simulated")
    return microsoft


def test_a_name_is_enough(client: APIClient, alice: User) -> None:
    answer = client.post("/portfolios/", {"name": "Growth"})

    assert answer.status_code == 201
    body = answer.json()
    assert {name: body[name] for name in ("name", "base_currency", "cost_method", "cash", "benchmark")} == {
        "name": "Growth",
        "base_currency": "USD",
        "cost_method": "fifo",
        "cash": "untracked",
        "benchmark": None,
    }
    assert body["investments"] == []
    assert body["totals"]["total_value"] == "0"
    assert Portfolio.objects.get().owner == alice


def test_a_portfolio_is_created_with_its_investments(client: APIClient, apple: Asset, microsoft: Asset) -> None:
    investments = [
        {"asset": "AAPL", "quantity": "10", "unit_cost": "150.00"},
        {"asset": "MSFT", "quantity": 2.5},
    ]
    body = {
        "name": "All",
        "description": "Everything",
        "base_currency": "USD",
        "cost_method": "lifo",
        "cash": "tracked",
        "benchmark": "AAPL",
        "investments": investments,
    }
    answer = client.post("/api/portfolios/", body)

    assert answer.status_code == 201, answer.content
    first, second = answer.json()["investments"]
    assert (first["asset"], first["quantity"], first["cost"], first["value"]) == ("AAPL", "10", "1500", "1300")
    assert (first["price"], first["price_day"], first["price_basis"]) == ("130", "2024-03-01", "total_return")
    assert (second["cost"], second["price_source"], second["unrealised_gain"]) == ("150", "simulated", "0")
    assert first["weight"] + second["weight"] == pytest.approx(1, abs=1e-15)
    totals = answer.json()["totals"]
    assert (totals["market_value"], totals["invested"], totals["unrealized_pnl"]) == ("1450", "1650", "-200")
    assert client.get(f"/portfolios/{answer.json()['id']}/").json() == answer.json()


NO_QUANTITIES: list[Any] = [
    "-1",
    "0",
    "NaN",
    "Infinity",
    "1e5",
    "1_000",
    "١٢",
    " 1",
    "",
    True,
    None,
    [],
    "0.00000000001",
]
BAD_BODIES: list[Any] = [
    pytest.param({}, "name", id="no name"),
    pytest.param({"name": ""}, "name", id="empty name"),
    pytest.param({"name": "  "}, "name", id="blank name"),
    pytest.param({"name": "P", "colour": "red"}, "colour", id="unknown field"),
    pytest.param({"name": "P", "version": 7}, "version", id="a field that cannot be set"),
    pytest.param({"name": "P", "owner": 1}, "owner", id="somebody else's"),
    pytest.param({"name": "P", "base_currency": "XXX"}, "base_currency", id="unknown currency"),
    pytest.param({"name": "P", "cost_method": "guess"}, "cost_method", id="unknown method"),
    pytest.param({"name": "P", "benchmark": "NOPE"}, "benchmark", id="unknown benchmark"),
    pytest.param({"name": "P", "benchmark": 7}, "benchmark", id="benchmark is a number"),
    pytest.param({"name": "P", "investments": "AAPL"}, "investments", id="investments are no list"),
    pytest.param({"name": "P", "investments": [{"asset": "AAPL"}]}, "investments.0.quantity", id="no quantity"),
    pytest.param(
        {"name": "P", "investments": [{"asset": "NOPE", "quantity": "1"}]}, "investments.0.asset", id="unknown symbol"
    ),
    pytest.param(
        {"name": "P", "investments": [{"asset": "AAPL", "quantity": "1"}, {"asset": "AAPL", "quantity": "2"}]},
        "investments.1.asset",
        id="the same asset twice",
    ),
    *(
        pytest.param(
            {"name": "P", "investments": [{"asset": "AAPL", "quantity": quantity}]},
            "investments.0.quantity",
            id=f"quantity {quantity}",
        )
        for quantity in NO_QUANTITIES
    ),
    pytest.param(
        {"name": "P", "investments": [{"asset": "AAPL", "quantity": "1", "unit_cost": "-1"}]},
        "investments.0.unit_cost",
        id="negative cost",
    ),
    pytest.param(
        {"name": "P", "investments": [{"asset": "AAPL", "quantity": "1", "opened_on": "2999-01-01"}]},
        "investments.0.opened_on",
        id="opened in the future",
    ),
]


@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_a_bad_body_names_the_field_and_stores_nothing(
    client: APIClient, apple: Asset, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/portfolios/", body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert field in answer.json()["errors"]
    assert not Portfolio.objects.exists()
    assert not Trade.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_number_that_the_database_would_not_keep_whole_is_refused_by_its_place(
    client: APIClient, apple: Asset, microsoft: Asset
) -> None:
    investments = [{"asset": "MSFT", "quantity": "1"}, {"asset": "AAPL", "quantity": "12345678.123456789"}]
    answer = client.post("/portfolios/", {"name": "P", "investments": investments})

    if connection.vendor == "sqlite":
        assert (answer.status_code, answer.json()["code"]) == (400, "too_many_digits")
        assert list(answer.json()["errors"]) == ["investments.1.quantity"]
        assert not Portfolio.objects.exists()
    else:
        assert answer.json()["investments"][0]["quantity"] == "12345678.123456789"


def test_creating_takes_the_same_queries_for_more_investments(client: APIClient, alice: User) -> None:
    counts = []
    for size in (2, 20):
        for number in range(size):
            make_bars(make_asset(f"A{size}N{number}"), {date(2024, 1, 10): "11"})
        investments = [{"asset": f"A{size}N{number}", "quantity": "1"} for number in range(size)]
        with CaptureQueriesContext(connection) as queries:
            assert client.post("/portfolios/", {"name": "P", "investments": investments}).status_code == 201
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_portfolio_is_changed_and_deleted(client: APIClient, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 1, 10, "2024-01-10")
    url = f"/portfolios/{portfolio.pk}/"

    changed = client.patch(url, {"name": "Income", "benchmark": "AAPL"})
    assert (changed.status_code, changed.json()["name"], changed.json()["benchmark"]) == (200, "Income", "AAPL")
    refused = client.patch(url, {"base_currency": "CHF"})
    assert (refused.status_code, refused.json()["code"]) == (400, "base_currency_fixed")
    assert client.patch(url, {"investments": []}).status_code == 400
    assert client.put(url, {"name": "Income"}).status_code == 405

    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert not Trade.objects.exists()


def test_investments_are_ordered_filtered_and_paged(
    client: APIClient, alice: User, apple: Asset, microsoft: Asset
) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 1, 100, "2024-01-10")
    buy(portfolio, microsoft, 1, 50, "2024-01-10")
    url = f"/portfolios/{portfolio.pk}/investments/"

    def symbols(query: str) -> list[str]:
        return [row["asset"] for row in client.get(url + query).json()["results"]]

    assert symbols("") == ["AAPL", "MSFT"]
    assert symbols("?ordering=value") == ["MSFT", "AAPL"]
    assert symbols("?ordering=-asset&limit=1") == ["MSFT"]
    assert symbols("?sector=Technology") == ["AAPL"]
    assert symbols("?as_of=2024-01-09") == []
    assert client.get(url + "?as_of=2024-02-15").json()["results"][0]["price"] == "100"
    for bad in ("?ordering=colour", "?as_of=yesterday", "?closed=maybe", "?limit=-1"):
        assert client.get(url + bad).status_code == 400


def test_sectors_hold_their_investments(client: APIClient, alice: User, apple: Asset, microsoft: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 1, 100, "2024-01-10")
    buy(portfolio, microsoft, 2, 50, "2024-01-10")

    body = client.get(f"/portfolios/{portfolio.pk}/sectors/").json()
    then = client.get(f"/portfolios/{portfolio.pk}/sectors/?as_of=2024-01-31").json()

    assert (body["portfolio"], body["as_of"], body["currency"], body["total"]) == (
        portfolio.pk,
        "2024-03-01",
        "USD",
        "250",
    )
    assert [(row["sector"], row["value"], row["weight"]) for row in body["sectors"]] == [
        ("Technology", "130", 0.52),
        ("Software", "120", 0.48),
    ]
    assert body["sectors"][1]["investments"][0]["price_source"] == "simulated"
    assert (then["as_of"], then["total"]) == ("2024-01-31", "200")


def test_lots_and_disposals_show_what_the_books_hold(client: APIClient, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    first = buy(portfolio, apple, 10, "144.00", "2024-01-10")
    second = buy(portfolio, apple, 3, 150, "2024-01-11", fee=Decimal("1.00"))
    sale = sell(portfolio, apple, 10, "158.50", "2024-03-12", fee=Decimal("1.50"))

    [lot] = client.get(f"/portfolios/{portfolio.pk}/lots/").json()["results"]
    [disposal] = client.get(f"/portfolios/{portfolio.pk}/disposals/?asset=AAPL&start=2024-03-12").json()["results"]

    assert lot == {
        "opened_by": second.pk,
        "sequence": 0,
        "asset": "AAPL",
        "opened_on": "2024-01-11",
        "opened_quantity": "3",
        "quantity": "3",
        "unit_cost": "150.3333333333",
        "cost": "451",
        "cost_base": "451",
        "currency": "USD",
        "quote_currency": "USD",
        "actions": [],
    }
    assert disposal == {
        "trade": sale.pk,
        "action": None,
        "short": False,
        "opened_by": first.pk,
        "sequence": 0,
        "asset": "AAPL",
        "currency": "USD",
        "opened_on": "2024-01-10",
        "closed_on": "2024-03-12",
        "quantity": "10",
        "proceeds": "1583.5",
        "cost": "1440",
        "gain": "143.5",
        "proceeds_base": "1583.5",
        "cost_base": "1440",
        "gain_base": "143.5",
        "price_gain": "143.5",
        "currency_gain": "0",
        "holding_days": 62,
        "long_term": False,
    }


@pytest.mark.parametrize("path", ["", "investments/", "sectors/", "trades/", "lots/", "disposals/"])
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete", "put"])
def test_a_strangers_portfolio_looks_as_if_it_did_not_exist(
    bob: User, alice: User, apple: Asset, path: str, method: str
) -> None:
    portfolio = make_portfolio(alice)
    trade = buy(portfolio, apple, 1, 10, "2024-01-10")
    other, call = client_of(bob), getattr(client_of(bob), method)

    theirs = call(f"/portfolios/{portfolio.pk}/{path}", {"name": "x"}, format="json")
    nobodys = call(f"/portfolios/999999/{path}", {"name": "x"}, format="json")

    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
    assert theirs.status_code in (404, 405)
    assert other.get("/portfolios/").json()["count"] == 0
    trade.refresh_from_db()
    assert trade.voided_at is None


@pytest.mark.parametrize("path", ["trades/", "lots/", "disposals/"])
def test_each_portfolio_lists_its_own_rows(client: APIClient, alice: User, apple: Asset, path: str) -> None:
    portfolios = [make_portfolio(alice, name) for name in ("First", "Second", "Empty")]
    for portfolio in portfolios[:2]:
        buy(portfolio, apple, 2, 10, "2024-01-10")
        sell(portfolio, apple, 1, 10, "2024-01-11")

    counts = [client.get(f"/portfolios/{portfolio.pk}/{path}").json()["count"] for portfolio in portfolios]

    assert counts == ([2, 2, 0] if path == "trades/" else [1, 1, 0])


def test_a_visitor_is_asked_to_log_in(alice: User) -> None:
    portfolio = make_portfolio(alice)

    assert APIClient().get(f"/portfolios/{portfolio.pk}/").status_code == 401


@pytest.mark.parametrize("path", ["", "{0}/", "{0}/investments/", "{0}/sectors/", "{0}/trades/", "{0}/lots/"])
def test_the_number_of_queries_does_not_grow(client: APIClient, alice: User, path: str) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    counts = []
    for rows in (range(2), range(2, 20)):
        for number in rows:
            asset = make_asset(f"A{number}", sector=f"S{number}")
            make_bars(asset, {date(2024, 1, 10): "11"})
            buy(portfolio, asset, 2, 10, "2024-01-10")
            sell(portfolio, asset, 1, 11, "2024-01-11")
            make_portfolio(alice, f"P{number}", benchmark=asset)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/portfolios/{path.format(portfolio.pk)}").status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 13
    assert Investment.objects.count() == 20


@pytest.mark.parametrize("text", ["-1e3000000", "1e3", "1_0", "٣", "1.5", "9" * 19])
def test_disposals_are_filtered_by_plain_integers_only(client: APIClient, alice: User, text: str) -> None:
    answer = client.get(f"/portfolios/{make_portfolio(alice).pk}/disposals/", {"trade": text})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["trade"])


@pytest.mark.parametrize("path", ["sectors", "investments"])
def test_a_valuation_in_the_future_is_refused(client: APIClient, alice: User, path: str) -> None:
    answer = client.get(f"/portfolios/{make_portfolio(alice).pk}/{path}/", {"as_of": "2999-01-01"})

    assert (answer.status_code, answer.json()["errors"]) == (400, {"as_of": ["This day is in the future."]})


def test_a_unit_cost_that_makes_the_cost_too_large_is_to_blame(client: APIClient, apple: Asset) -> None:
    investment = {"asset": apple.symbol, "quantity": "1000000000", "unit_cost": "1000000000"}
    answer = client.post("/portfolios/", {"name": "Large", "investments": [investment]})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["investments.0.unit_cost"])
