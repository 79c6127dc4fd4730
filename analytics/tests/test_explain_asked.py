"""What can be asked of an explanation and what is refused, its file, its page, and the numbers that lead to it."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from rest_framework.test import APIClient

from analytics.figures import ALL_LABELS, EX_ANTE_LABELS, LABELS
from analytics.models import OptimisationRun, Scenario
from analytics.queries.explain import FIGURES, Question, explain
from analytics.queries.methods import formula
from analytics.services import recompute
from analytics.tests.explained import SESSIONS, ask, dividend, get, modelled, needed, varied_portfolio, walk
from analytics.tests.kept import kept_for_module
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import Page, client_of, count_queries
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
built, alice, portfolio = kept_for_module(varied_portfolio)


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def refused(client: APIClient, portfolio: Portfolio, figure: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/portfolios/{portfolio.pk}/explain/{figure}/", query)
    assert answer["Content-Type"] == "application/problem+json"
    return {"status": answer.status_code, **answer.json().get("errors", {})}


def test_the_list_has_every_figure_with_its_method(client: APIClient, portfolio: Portfolio) -> None:
    figures = get(client, portfolio, "explain")["figures"]
    assert [figure["figure"] for figure in figures] == list(FIGURES)
    for figure in figures:
        assert formula(figure["method"].partition("#")[2]), figure["method"]
    assert {figure["figure"] for figure in figures} >= set(LABELS)


def test_questions_that_have_no_answer(client: APIClient, portfolio: Portfolio) -> None:
    assert refused(client, portfolio, "no_such_figure")["status"] == 404
    assert refused(client, portfolio, "holding_value") == {
        "status": 400,
        "asset": ["This figure needs one asset: name its symbol."],
    }
    for symbol in ("MSFT", "a" * 32, "INDEX"):
        assert "asset" in refused(client, portfolio, "holding_value", asset=symbol)
    assert "asset" in refused(client, portfolio, "holding_value", asset="a" * 33)
    assert "period" in refused(client, portfolio, "start_value", period="year", start="2024-01-02")
    assert "period" in refused(client, portfolio, "start_value", period="decade")
    for key in ("start_value", "sharpe_ratio", "time_weighted_return"):
        assert refused(client, portfolio, key, start="2024-05-02", as_of="2024-05-02")["status"] == 400
    assert "level" in refused(client, portfolio, "value_at_risk", level="1")
    assert "horizon" in refused(client, portfolio, "value_at_risk", horizon="0")
    for name, wrong in (("method", "guess"), ("window", "29"), ("window", "5001"), ("estimator", "shrunk")):
        assert name in refused(client, portfolio, "ex_ante_value_at_risk", **{name: wrong})
    for symbol in ("MSFT", "INDEX", ""):
        assert "asset" in refused(client, portfolio, "risk_share", asset=symbol)
    assert refused(client, portfolio, "cash", as_of="2999-01-01")["status"] == 400


def test_too_little_says_what_is_missing(client: APIClient, portfolio: Portfolio, alice: User) -> None:
    early = ask(client, portfolio, "sharpe_ratio", as_of="2024-01-31")
    assert (early["value"], early["problem"]) == (None, "needs 30 days, has 21")
    assert (early["inputs"], early["steps"], early["result"]) == ([], [], None)
    before = {"as_of": "2023-12-29"}
    assert ask(client, portfolio, "start_value", **before)["problem"] == "nothing was booked until then"
    assert ask(client, portfolio, "sharpe_ratio", **before)["problem"] == "there are no trades yet"
    assert ask(client, portfolio, "total_value", **before)["value"] == "0"
    empty = make_portfolio(alice, "Empty")
    for key, figure in FIGURES.items():
        if not figure.asks:
            body = ask(client, empty, key)
            assert (body["value"] is None) == bool(body["problem"]), key
    no_benchmark = ask(client, empty, "beta")
    assert no_benchmark["problem"] == "there are no trades yet"


def test_an_amount_without_a_price_or_rate(client: APIClient, alice: User) -> None:
    portfolio, share = make_portfolio(alice, "Danish"), make_asset("NOVO", currency="DKK")
    make_rate("DKKUSD", {date(2024, 6, 3): "0.15"})
    make_bars(share, {date(2024, 1, 3): 700})
    buy(portfolio, share, 2, 690, "2024-01-02", exchange_rate=Decimal("0.14"))
    assert "NOVO" in ask(client, portfolio, "market_value", as_of="2024-01-05")["problem"]
    assert ask(client, portfolio, "market_value", as_of="2024-06-04")["value"] == "210.00"


def test_the_inputs_as_a_file(client: APIClient, portfolio: Portfolio) -> None:
    answer = client.get(f"/portfolios/{portfolio.pk}/explain/beta/?format=csv")
    assert (answer["Content-Type"], "attachment" in answer["Content-Disposition"]) == ("text/csv; charset=utf-8", True)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    body = ask(client, portfolio, "beta")
    columns = {given["id"]: given["value"] for given in body["inputs"]}
    for name, values in columns.items():
        told = [float(row["value"]) for row in rows if row["id"] == name]
        assert told == (values if isinstance(values, list) else [values])
    assert {row["kind"] for row in rows} == {"returns", "benchmark"}
    assert rows[0]["day"] == body["inputs"][0]["source"]["days"][0]
    held = client.get(f"/portfolios/{portfolio.pk}/explain/ex_ante_volatility/?format=csv").content.decode()
    days = [row for row in csv.DictReader(io.StringIO(held)) if row["kind"] == "holdings"]
    [returns] = [
        each for each in ask(client, portfolio, "ex_ante_volatility")["inputs"] if each["source"]["kind"] == "holdings"
    ]
    assert [[float(row["AAPL"]), float(row["SAP"])] for row in days] == returns["value"]
    assert client.get(f"/portfolios/{portfolio.pk}/explain/nothing/?format=csv")["Content-Type"].endswith(
        "problem+json"
    )


FROM_EACH_PART = (
    "total_value",
    "holding_cost",
    "holding_weight",
    "reconciliation_costs",
    "money_weighted_return",
    "beta",
)


def test_each_figure_sends_as_many_queries_for_more_rows(portfolio: Portfolio, client: APIClient) -> None:
    queries = {key: _queries(portfolio, key) for key in FROM_EACH_PART}
    assert max(queries.values()) <= 75  # both ends of a period, and what happened in between
    apple = Asset.objects.get(symbol="AAPL")
    for number in range(6):
        asset = make_asset(f"S{number}", currency="EUR")
        make_bars(asset, walk(20 + number), start=SESSIONS[0])
        buy(portfolio, asset, 2, 100, SESSIONS[20 + number])
        buy(portfolio, apple, 1, 100, SESSIONS[20 + number])
        sell(portfolio, asset, 1, 100, SESSIONS[90 + number])
        dividend(asset, SESSIONS[40], "0.1", None)
    assert {key: _queries(portfolio, key) for key in FROM_EACH_PART} == queries


def _queries(portfolio: Portfolio, key: str) -> int:
    question = Question(portfolio, asset="AAPL" if FIGURES[key].asks else "")
    explain(FIGURES[key], question)  # what is loaded once is loaded now
    return count_queries(lambda: explain(FIGURES[key], question))[0]


# --- the page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(alice: User) -> Client:
    browser = Client()
    browser.force_login(alice)
    return browser


def shown(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    text: str = answer.content.decode()
    assert Page(text).faults == []
    return text


def test_the_page_of_each_figure(browser: Client, portfolio: Portfolio) -> None:
    modelled(portfolio)
    for key, figure in FIGURES.items():
        text = shown(browser, f"/explain/{key}/?portfolio={portfolio.pk}&{urlencode(needed(portfolio, key))}")
        assert f"/methods/#{figure.heading}" in text
        assert "Step by step" in text
        assert f"/portfolios/{portfolio.pk}/explain/{key}/?" in text


def test_the_page_leads_to_trades_prices_and_values(browser: Client, portfolio: Portfolio) -> None:
    text = shown(browser, f"/explain/holding_cost/?portfolio={portfolio.pk}&asset=AAPL")
    for trade in portfolio.trades.filter(asset__symbol="AAPL"):
        assert f'href="/transactions/{trade.pk}/"' in text
    text = shown(browser, f"/explain/market_value/?portfolio={portfolio.pk}&as_of=2025-01-15")
    assert "/assets/EURUSD/history/?start=2025-01-15&amp;end=2025-01-15" in text
    assert "15 January 2025" in text
    text = shown(browser, f"/explain/annual_volatility/?portfolio={portfolio.pk}")
    assert f"/explain/total_value/?portfolio={portfolio.pk}&amp;as_of=2025-03-31" in text
    assert "2025-03-31" in text


def test_the_page_says_why_there_is_no_figure(browser: Client, portfolio: Portfolio) -> None:
    text = shown(browser, f"/explain/sharpe_ratio/?portfolio={portfolio.pk}&as_of=2024-01-31")
    assert "needs 30 days, has 21" in text
    text = shown(browser, f"/explain/start_value/?portfolio={portfolio.pk}&start=2025-01-31&as_of=2025-01-31")
    assert "its end must be later than its start" in text
    for wrong in ("/explain/nothing/", "/explain/holding_value/"):
        assert browser.get(f"{wrong}?portfolio={portfolio.pk}").status_code == 404


PAGES = (
    "/",
    "/holdings/",
    "/holdings/SAP/",
    "/holdings/SAP/?as_of=2025-01-15",
    "/analytics/risk/",
    "/analytics/var/",
    "/analytics/history/",
    "/analytics/correlation/",
    "/analytics/factors/",
    "/analytics/factors/?basis=ex-post",
    "/analytics/stress/",
    "/analytics/stress/?show=own{scenario}",
    "/analytics/stress/?show=benchmark-20&as_of=2025-01-15",
    "/analytics/stress/?show=factors&model=ff3&f_mkt_rf=-20&f_smb=0.5",
    "/analytics/optimiser/{run}/",
    "/analytics/rebalancing/",
)
CORRELATION = "/analytics/correlation/?estimator=ledoit_wolf&window=252"
TO_THEMSELVES = (
    "/analytics/risk/",
    "/analytics/var/?horizon=10&window=250",
    "/analytics/history/?metric=beta&window=63",
    CORRELATION,
    "/analytics/factors/",
    "/analytics/factors/?basis=ex-post&model=us.us",
    "/analytics/stress/?show=benchmark-20",
    "/analytics/stress/?show=spring",
    "/analytics/stress/?show=factors&model=ff3&f_mkt_rf=-20&f_smb=0.5",
    "/analytics/rebalancing/",
)
VALUE = re.compile(r'class="explain-value">([-+.0-9e]+) ')
A_DAY = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}")


def test_the_numbers_on_the_pages_lead_to_it(browser: Client, portfolio: Portfolio) -> None:
    modelled(portfolio)
    recompute([portfolio.pk])
    links: set[str] = set()
    for path in PAGES:
        text = shown(browser, path.format(run=OptimisationRun.objects.get().pk, scenario=Scenario.objects.get().pk))
        found = re.findall(r'class="explained" href="([^"]+)"', text)
        assert found, path
        links |= {unescape(link) for link in found}
    keys = {link.split("/")[2] for link in links}
    assert keys >= {*LABELS, "total_value", "invested", "unrealised_gain", "realised_gain", "cash"}
    # A page has the share of a contribution, a beta is an input of others, and a dirty price is that of a bond.
    told = {key for key, figure in FIGURES.items() if figure.asks}
    told -= {"risk_contribution", "asset_beta", "holding_dirty_price"}
    assert keys >= told, told - keys
    of_models = {key for key in FIGURES if key.startswith("factor_")} | {"average_correlation"}
    assert keys >= of_models, of_models - keys
    assert keys >= {*ALL_LABELS, *EX_ANTE_LABELS, "risk_volatility", "diversification_ratio"}
    # Of others one is enough.
    others = "period=(?!quarter).*|as_of=.*|start=.*|place=.*|factor=.*|year=.*|asset=.*"
    first = {re.sub(others, "", link): link for link in sorted(links)}
    for link in first.values():
        assert "Step by step" in shown(browser, link), link


def test_a_number_leads_to_itself(browser: Client, portfolio: Portfolio) -> None:
    """With the terms that it was chosen with: the day, the period, the method, the level, the window, the estimator."""
    modelled(portfolio)
    recompute([portfolio.pk])
    run = f"/analytics/optimiser/{OptimisationRun.objects.get().pk}/"
    own = f"/analytics/stress/?show=own{Scenario.objects.get().pk}"
    seen = 0
    for path in (*TO_THEMSELVES, own, run):
        for past in ("", "as_of=2025-01-15"):
            browser.post("/day/", {"jump": "today"})
            text = shown(browser, path + ("&" if "?" in path else "?") + past)
            found = re.findall(r'class="explained" href="([^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL)
            for link, number in found[::7]:
                if A_DAY.fullmatch(number.strip()):
                    continue
                value = VALUE.search(shown(browser, unescape(link)))
                assert value, link
                assert close_to(float(value[1]), re.sub(r"<[^>]+>", "", number)), (path, link, number, value[1])
                seen += 1
    assert seen > 120


def close_to(value: float, told: str) -> bool:
    """Whether a page's number, perhaps in percent and with its sign in words, is the value as far as it is told."""
    text = unescape(told).replace("−", "-").replace("+", "")
    digits = re.search(r"-?[0-9,]+(\.[0-9]+)?", text)
    if digits is None:
        return False
    shown_value = float(digits[0].replace(",", "")) / (100 if "%" in text else 1)
    step = 10.0 ** -len((digits[1] or ".")[1:]) / (100 if "%" in text else 1)
    return abs(value - shown_value) <= 0.51 * step
