"""Stress tests: windows of history against a plain recomputation, a fall of the benchmark, a person's shocks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from analytics.models import Scenario, ScenarioShock, StressWindow
from analytics.scenarios import Shock, Target
from analytics.services.scenarios import create_scenario
from analytics.services.windows import install_windows
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Section
from banking.services.transactions import book_cash
from core.testing import Page, client_of, owner_of
from portfolios.models import Portfolio
from portfolios.services.portfolios import attach_account
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2020, 1, 2), date(2020, 6, 30))
YOUNG = 70  # the session on which the younger asset begins: after the window


def moving(symbol: str, seed: int, start: int = 0, **values: Any) -> Asset:
    asset = make_asset(symbol, **values)
    moves = np.random.default_rng(seed).normal(0.0005, 0.02, len(SESSIONS) - start)
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[start])
    return asset


@pytest.fixture
def growth(alice: User) -> Portfolio:
    """10 AAPL, 5 of a younger share, 3 of one in euros, and cash, in dollars against an index."""
    portfolio = make_portfolio(alice, cash="tracked", benchmark=moving("INDEX", 9, type="index"))
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, booked_on=SESSIONS[0], amount=Decimal(3000), section=Section.TRANSFER, actor=alice)
    make_rate("EURUSD", {day: f"{1.1 + place / 1000:.4f}" for place, day in enumerate(SESSIONS)})
    buy(portfolio, moving("AAPL", 1, sector="Technology"), 10, 100, SESSIONS[0])
    buy(portfolio, moving("NEW", 2, start=YOUNG, sector="Energy"), 5, 100, SESSIONS[YOUNG])
    sap = moving("SAP", 3, sector="Technology", currency="EUR")
    buy(portfolio, sap, 3, 100, SESSIONS[0], currency="EUR", exchange_rate=Decimal("1.1"))
    install_windows()
    return portfolio


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def post(client: APIClient, portfolio: Portfolio, status: int = 200, **body: Any) -> Any:
    answer = client.post(f"/portfolios/{portfolio.pk}/stress/", body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def closes(symbol: str) -> dict[date, float]:
    return {bar.day: float(bar.close) for bar in Asset.objects.get(symbol=symbol).history.all()}


def values() -> dict[str, float]:
    """What each holding is worth in dollars on the last day, and what is left of the cash."""
    rate = closes("EURUSD")[SESSIONS[-1]]
    units = {"AAPL": 10, "NEW": 5, "SAP": 3 * rate}
    return {symbol: number * closes(symbol)[SESSIONS[-1]] for symbol, number in units.items()} | {
        "": 3000 - 10 * 100 - 5 * 100 - 3 * 100 * 1.1
    }


def effects(body: Any) -> dict[str, Any]:
    return {row["symbol"]: row for row in body["holdings"]}


def test_a_window_moves_each_holding_as_its_prices_did(client: APIClient, growth: Portfolio) -> None:
    body = post(client, growth, window="covid_2020")

    start, end = date(2020, 2, 19), date(2020, 3, 23)
    aapl, rate, sap = closes("AAPL"), closes("EURUSD"), closes("SAP")
    index, young = closes("INDEX"), closes("NEW")
    days = sorted(young)
    moves: Any = [
        (np.diff([young[day] for day in days]) / [young[day] for day in days[:-1]]),
        (np.diff([index[day] for day in days]) / [index[day] for day in days[:-1]]),
    ]
    beta = np.cov(*moves)[0, 1] / np.var(moves[1], ddof=1)
    plain = {
        "AAPL": aapl[end] / aapl[start] - 1,
        "SAP": sap[end] * rate[end] / (sap[start] * rate[start]) - 1,
        "NEW": beta * (index[end] / index[start] - 1),
    }
    held, found = values(), effects(body)
    total = sum(held.values())
    for symbol, move in plain.items():
        assert found[symbol]["shock"] == pytest.approx(move, rel=1e-9), symbol
        assert found[symbol]["contribution"] == pytest.approx(move * held[symbol] / total, rel=1e-4)
    assert {symbol: row["source"] for symbol, row in found.items()} == {
        "AAPL": "prices",
        "SAP": "prices",
        "NEW": "beta",
    }
    assert body["total"] == pytest.approx(sum(row["contribution"] for row in found.values()))
    assert (body["covered"], body["start"], body["end"], body["basis"]) == (1, "2020-02-19", "2020-03-23", "ex-ante")
    assert float(body["amount"]) == pytest.approx(total * body["total"], abs=0.02)


def test_what_has_no_price_and_no_beta_is_taken_as_unmoved_and_said(client: APIClient, growth: Portfolio) -> None:
    growth.benchmark = None
    growth.save(update_fields=["benchmark"])

    body = post(client, growth, window="covid_2020")

    assert (effects(body)["NEW"]["shock"], effects(body)["NEW"]["source"]) == (0, "none")
    held = values()
    assert body["covered"] == pytest.approx((held["AAPL"] + held["SAP"]) / (sum(held.values()) - held[""]), rel=1e-4)


@pytest.fixture
def euros(growth: Portfolio) -> float:
    """500 € on a second account of the portfolio; what they are worth in dollars."""
    account = Account.objects.create(owner=growth.owner, name="Euros", currency="EUR")
    attach_account(portfolio=growth, account=account, actor=growth.owner)
    book_cash(account=account, booked_on=SESSIONS[0], amount=Decimal(500), section=Section.TRANSFER, actor=growth.owner)
    return 500 * closes("EURUSD")[SESSIONS[-1]]


def test_foreign_cash_moves_with_its_rate(client: APIClient, growth: Portfolio, euros: float) -> None:
    whole = sum(values().values()) + euros
    rate = closes("EURUSD")

    found = effects(post(client, growth, window="covid_2020"))[""]
    shocked = post(client, growth, shocks=[{"target": "currency", "key": "EUR", "size": "-0.2"}])

    assert (found["name"], found["source"]) == ("Cash in EUR", "rate")
    assert found["shock"] == pytest.approx(rate[date(2020, 3, 23)] / rate[date(2020, 2, 19)] - 1, rel=1e-9)
    assert found["weight"] == pytest.approx(euros / whole, rel=1e-4)
    assert shocked["total"] == pytest.approx(-0.2 * (values()["SAP"] + euros) / whole, rel=1e-4)
    fallen = effects(post(client, growth, benchmark="-0.1"))[""]
    assert (fallen["shock"], fallen["source"]) == (0, "none")


def test_a_fall_of_the_base_currency_lifts_all_that_is_foreign(
    client: APIClient, growth: Portfolio, euros: float
) -> None:
    dollar = {"target": "currency", "key": "USD"}
    body = post(client, growth, shocks=[dollar | {"size": "-0.1"}])

    lift = 1 / 0.9 - 1
    shocks = {symbol: pytest.approx(row["shock"]) for symbol, row in effects(body).items()}
    assert shocks == {"AAPL": 0, "NEW": 0, "SAP": lift, "": lift}
    both = post(client, growth, shocks=[dollar | {"size": "-0.1"}, {"target": "all", "size": "-0.5"}])
    assert {symbol: pytest.approx(row["shock"]) for symbol, row in effects(both).items()} == {
        "AAPL": -0.5,
        "NEW": -0.5,
        "SAP": 0.5 / 0.9 - 1,
        "": lift,
    }
    lost = post(client, growth, status=400, shocks=[dollar | {"size": "-1"}])
    assert (lost["code"], list(lost["errors"])) == ("worthless_base", ["shocks"])


def test_the_page_shows_cash_and_a_scenario_that_cannot_be(growth: Portfolio, euros: float) -> None:
    for name, size in (("Weak dollar", -0.1), ("No dollar", -1.0)):
        create_scenario(owner=owner_of(growth), name=name, shocks=[Shock(Target.CURRENCY, "USD", size)])
    browser = Client()
    browser.force_login(owner_of(growth))

    weak = Scenario.objects.get(name="Weak dollar")
    text = browser.get(f"/analytics/stress/?portfolio={growth.pk}&show=own{weak.pk}").content.decode()

    assert Page(text).faults == []
    assert "Cash in EUR" in text
    assert "+11.1%" in text
    assert "cannot lose everything" in text


def test_only_windows_with_prices_are_shown(client: APIClient, growth: Portfolio) -> None:
    rows = client.get(f"/portfolios/{growth.pk}/stress/").json()
    assert [row["name"] for row in rows] == ["Pandemic 2020"]
    assert post(client, growth, status=400, window="lehman_2008")["code"] == "window_not_covered"

    before = client.get(f"/portfolios/{growth.pk}/stress/", {"as_of": "2020-03-20"}).json()
    assert before == []  # it was not over yet


def test_a_fall_of_the_benchmark_goes_through_betas(client: APIClient, growth: Portfolio) -> None:
    small, large = post(client, growth, benchmark="-0.1"), post(client, growth, benchmark=-0.2)

    assert {row["source"] for row in small["holdings"]} == {"beta"}
    assert large["total"] == pytest.approx(2 * small["total"])
    growth.benchmark = None
    growth.save(update_fields=["benchmark"])
    assert post(client, growth, status=400, benchmark="-0.1")["code"] == "no_benchmark"


SHOCKS = [
    {"target": "all", "size": "-0.1"},
    {"target": "sector", "key": "Technology", "size": "-0.3"},
    {"target": "asset", "key": "AAPL", "size": "0.05"},
    {"target": "currency", "key": "EUR", "size": "-0.2"},
]


def test_the_narrowest_shock_counts_and_a_currency_comes_besides(client: APIClient, growth: Portfolio) -> None:
    found = effects(post(client, growth, shocks=SHOCKS))

    shocks = {symbol: pytest.approx(row["shock"]) for symbol, row in found.items()}
    assert shocks == {"AAPL": 0.05, "NEW": -0.1, "SAP": 0.7 * 0.8 - 1}


@pytest.mark.parametrize(
    ("shock", "reason"),
    [
        ({"target": "asset", "key": "NOPE"}, "There is no asset with the symbol “NOPE”."),
        ({"target": "asset", "key": "aapl"}, "There is no asset with the symbol “aapl”."),
        ({"target": "asset"}, "Say which asset is shocked."),
        ({"target": "all", "key": "x"}, "A shock of everything names nothing."),
        ({"target": "sector", "key": "Nonsense"}, "No asset is of the sector “Nonsense”."),
        ({"target": "currency", "key": "nonsense"}, "“nonsense” is not the ISO 4217 code of a currency in use."),
    ],
)
def test_shocks_aimed_at_nothing_are_refused_alike_inline_and_stored(
    client: APIClient, growth: Portfolio, shock: Any, reason: str
) -> None:
    shocks = [shock | {"size": "-0.1"}]

    inline = post(client, growth, status=400, shocks=shocks)
    stored = client.post("/api/scenarios/", {"name": "Crash", "shocks": shocks}, format="json").json()

    for answer in (inline, stored):
        assert (answer["code"], answer["errors"]) == ("bad_shocks", {"shocks": [reason]})
    assert not Scenario.objects.exists()


def test_a_shock_of_what_is_not_held_is_said_to_move_nothing(client: APIClient, growth: Portfolio) -> None:
    yen, other = {"target": "currency", "key": "JPY"}, {"target": "asset", "key": "INDEX"}

    body = post(client, growth, shocks=[yen | {"size": "-0.1"}, other | {"size": "-0.2"}])
    some = post(client, growth, shocks=[yen | {"size": "-0.1"}, {"target": "asset", "key": "AAPL", "size": "-0.2"}])

    assert (body["total"], body["covered"], body["unused"]) == (0, 0, [yen, other])
    assert some["unused"] == [yen]
    assert some["covered"] > 0


def test_a_stored_scenario_gives_the_same(client: APIClient, growth: Portfolio) -> None:
    made = client.post("/api/scenarios/", {"name": "Crash", "shocks": SHOCKS}, format="json")

    assert made.status_code == 201, made.content
    assert made.json()["shocks"][1] == {"target": "sector", "key": "Technology", "size": -0.3}
    ours, given = post(client, growth, scenario=made.json()["id"]), post(client, growth, shocks=SHOCKS)
    assert ours | {"name": ""} == given | {"name": ""}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"window": "nosuch"}, "window"),
        ({"scenario": 987654321}, "scenario"),
        ({"shocks": []}, "shocks"),
        ({"shocks": SHOCKS + SHOCKS[:1]}, "shocks"),
        ({"benchmark": "-1.1"}, "benchmark"),
        ({"benchmark": "NaN"}, "benchmark"),
        ({"benchmark": "-0.1", "as_of": "2999-01-01"}, "as_of"),
    ],
)
def test_bad_requests_name_the_field(client: APIClient, growth: Portfolio, body: Any, named: str) -> None:
    assert named in post(client, growth, status=400, **body)["errors"]


@pytest.mark.parametrize("body", [{}, {"window": "covid_2020", "benchmark": "-0.1"}])
def test_one_scenario_at_a_time(client: APIClient, growth: Portfolio, body: Any) -> None:
    assert "Send one of window" in post(client, growth, status=400, **body)["detail"]


@pytest.mark.parametrize(
    "shocks",
    [
        [{"target": "asset", "key": "NOSUCH", "size": "-0.1"}],
        [{"target": "sector", "key": "", "size": "-0.1"}],
        [{"target": "all", "key": "AAPL", "size": "-0.1"}],
        [{"target": "all", "size": "-0.1"}, {"target": "all", "size": "-0.2"}],
    ],
)
def test_shocks_that_name_nothing_are_refused_and_nothing_is_stored(
    client: APIClient, growth: Portfolio, shocks: Any
) -> None:
    answer = client.post("/api/scenarios/", {"name": "Crash", "shocks": shocks}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_shocks")
    assert not Scenario.objects.exists()


def test_scenarios_are_their_owners_alone(client: APIClient, growth: Portfolio, alice: User, bob: User) -> None:
    made = client.post("/api/scenarios/", {"name": "Crash", "shocks": SHOCKS}, format="json").json()["id"]
    other = client_of(bob)

    assert other.get(f"/api/scenarios/{made}/").status_code == 404
    assert other.get("/api/scenarios/").json()["count"] == 0
    theirs = make_portfolio(bob)
    buy(theirs, Asset.objects.get(symbol="AAPL"), 1, 100, SESSIONS[0])
    assert "scenario" in post(other, theirs, status=400, scenario=made)["errors"]
    assert client.post("/api/scenarios/", {"name": "Crash", "shocks": SHOCKS}, format="json").status_code == 400


def test_how_many_a_person_may_keep(client: APIClient, growth: Portfolio, settings: Any) -> None:
    settings.SCENARIOS_PER_PERSON = 1
    assert client.post("/api/scenarios/", {"name": "A", "shocks": SHOCKS}, format="json").status_code == 201
    answer = client.post("/api/scenarios/", {"name": "B", "shocks": SHOCKS}, format="json")
    assert answer.json()["code"] == "too_many_scenarios"


@pytest.mark.parametrize(
    "values",
    [
        {"target": "sector", "key": ""},
        {"target": "all", "key": "x"},
        {"target": "asset", "key": ""},
        {"target": "planet", "key": "x"},
        {"target": "all", "key": "", "size": -1.5},
        {"target": "all", "key": "", "size": float("nan")},
    ],
)
def test_the_database_refuses_broken_shocks(alice: User, values: Any) -> None:
    scenario = Scenario.objects.create(owner=alice, name="Crash")
    with pytest.raises(IntegrityError), transaction.atomic():
        ScenarioShock.objects.create(scenario=scenario, position=0, **({"size": -0.1} | values))


def test_windows_are_installed_once() -> None:
    assert install_windows() == StressWindow.objects.count() > 5
    assert install_windows() == 0


def test_the_page_from_the_form_to_each_holding(growth: Portfolio, alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    typed = {
        "scenario-name": "My crash",
        "scenario-description": "",
        "shock-TOTAL_FORMS": "2",
        "shock-INITIAL_FORMS": "0",
        "shock-0-target": "asset",
        "shock-0-key": "AAPL",
        "shock-0-size": "-50",
        "shock-1-target": "sector",
        "shock-1-key": "",
        "shock-1-size": "",
    }

    saved = browser.post(f"/analytics/scenarios/?portfolio={growth.pk}", typed, follow=True)

    text = saved.content.decode()
    assert Page(text).faults == []
    assert "“My crash” is saved." in text
    assert "My crash: each holding" in text
    assert "−50.0%" in text
    [scenario] = Scenario.objects.all()
    edited = browser.get(f"/analytics/stress/?portfolio={growth.pk}&edit={scenario.pk}").content.decode()
    assert 'value="-50.0"' in edited
    refused = browser.post(
        f"/analytics/scenarios/{scenario.pk}/?portfolio={growth.pk}", typed | {"shock-0-key": "NOSUCH"}
    )
    assert "There is no asset with the symbol “NOSUCH”." in refused.content.decode()
    assert scenario.shocks.get().asset == Asset.objects.get(symbol="AAPL")
    browser.post(f"/analytics/scenarios/{scenario.pk}/?portfolio={growth.pk}", {"action": "delete"})
    assert not Scenario.objects.exists()


def test_the_page_of_a_portfolio_that_holds_nothing(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    make_portfolio(alice)

    assert "Nothing is held on this day" in browser.get("/analytics/stress/").content.decode()
    assert "Nothing is held on this day" in browser.get("/analytics/correlation/").content.decode()
