"""Shocks of a model's factors: each holding's exposures times what the factors do, over HTTP and on the page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from numpy.testing import assert_allclose

from analytics.models import FactorSet
from analytics.tests.kept import kept_for_module
from analytics.tests.test_portfolio_factors import DAYS, MOVES, factor_set, moving
from assets.tests.factories import make_rate
from banking.models import Account, Section
from banking.services.transactions import book_cash
from core.testing import Page, client_of, owner_of
from portfolios.models import Portfolio
from portfolios.services.portfolios import attach_account
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db


def two_shares(owner: User) -> Portfolio:
    """Two shares in dollars, and 500 €."""
    portfolio = make_portfolio(owner, cash="tracked")
    buy(portfolio, moving("AAPL", [1.2, 0.5, -0.3], 1), 10, 100, DAYS[0])
    buy(portfolio, moving("MSFT", [0.8, -0.2, 0.4], 2), 5, 100, DAYS[10])
    make_rate("EURUSD", dict.fromkeys(DAYS, "1.1"))
    euros = Account.objects.create(owner=owner, name="Euros", currency="EUR")
    attach_account(portfolio=portfolio, account=euros, actor=owner)
    book_cash(account=euros, booked_on=DAYS[0], amount=Decimal(500), section=Section.TRANSFER, actor=owner)
    return portfolio


built, alice, growth = kept_for_module(two_shares)


@pytest.fixture
def daily(db: None) -> FactorSet:
    return factor_set("us", {name: MOVES[:, place] for place, name in enumerate(("mkt_rf", "smb", "hml"))}, DAYS)


def post(portfolio: Portfolio, status: int = 200, **body: Any) -> Any:
    answer = client_of(portfolio.owner).post(f"/portfolios/{portfolio.pk}/stress/", body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_each_holding_moves_by_its_exposures(growth: Portfolio, daily: FactorSet) -> None:
    body = post(growth, model="ff3", factors={"mkt_rf": "-0.2", "hml": "0.05"})

    report = client_of(growth.owner).get(f"/portfolios/{growth.pk}/factors/?model=ff3").json()
    betas = {row["asset"]: row["exposures"] for row in report["holdings"]}
    rows = {row["symbol"]: row for row in body["holdings"]}
    for symbol in ("AAPL", "MSFT"):
        move = -0.2 * betas[symbol]["mkt_rf"] + 0.05 * betas[symbol]["hml"]
        assert_allclose(rows[symbol]["shock"], move, rtol=1e-9)
        assert_allclose(rows[symbol]["contribution"], move * rows[symbol]["weight"], rtol=1e-9)
    assert [row["source"] for row in body["holdings"]] == ["factors", "factors", "none"]
    assert (rows[""]["name"], rows[""]["shock"]) == ("Cash in EUR", 0)
    assert_allclose(rows["AAPL"]["shock"], -0.2 * 1.2 - 0.05 * 0.3, atol=0.02)  # what drives its prices
    assert_allclose(body["total"], sum(row["contribution"] for row in body["holdings"]))
    assert body["name"] == "Fama–French 3: mkt_rf -20.0%, hml +5.0%"
    assert "no risk-free rate" in body["notes"][0]
    by_id = post(growth, model=str(daily.pk), factors={"mkt_rf": "-0.2", "hml": "0.05"})
    assert by_id["holdings"] == body["holdings"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"model": "ff3", "factors": {"MKT": "-0.2"}}, "unknown_factor", "factors"),
        ({"model": "capm", "factors": {"smb": "-0.2"}}, "unknown_factor", "factors"),
        ({"model": "nosuch", "factors": {"mkt_rf": "-0.2"}}, "no_such_model", "model"),
        ({"model": "ff5", "factors": {"mkt_rf": "-0.2"}}, "no_factor_set", "model"),
        ({"model": "ff3", "set": "nosuch", "factors": {"mkt_rf": "-0.2"}}, "no_factor_set", "set"),
        ({"model": "brief", "factors": {"mkt_rf": "-0.2"}}, "too_little_overlap", "model"),
        ({"factors": {"mkt_rf": "-0.2"}}, None, "model"),
        ({"model": "ff3", "factors": {}}, None, "factors"),
        ({"model": "ff3", "factors": ["mkt_rf"]}, None, "factors"),
        ({"model": "ff3", "benchmark": "-0.1"}, None, "model"),
    ],
)
def test_what_cannot_be_is_named(growth: Portfolio, daily: FactorSet, body: Any, code: str | None, field: str) -> None:
    factor_set("brief", {"mkt_rf": MOVES[:5, 0]}, DAYS[:5])

    answer = post(growth, status=400, **body)

    assert code in (None, answer["code"])
    assert field in answer["errors"]


@pytest.mark.parametrize("size", ["NaN", "Infinity", "1e999", "-1.5", None, []])
def test_bad_sizes_are_refused(growth: Portfolio, daily: FactorSet, size: Any) -> None:
    assert "factors" in str(post(growth, status=400, model="ff3", factors={"mkt_rf": size})["errors"])


def test_the_page_from_its_form_to_each_holding(growth: Portfolio, daily: FactorSet) -> None:
    browser = Client()
    browser.force_login(owner_of(growth))
    page = f"/analytics/stress/?portfolio={growth.pk}"

    offered = browser.get(page).content.decode()
    shown = browser.get(f"{page}&show=factors&model=capm&f_mkt_rf=-20").content.decode()

    assert 'name="f_hml"' in offered
    assert 'name="f_hml"' not in shown
    assert Page(offered).faults == Page(shown).faults == []
    assert "CAPM: mkt_rf −20.0%: each holding" in shown
    assert "its factors" in shown
    assert 'value="-20.0"' in shown or 'value="-20"' in shown
    for wrong, reason in (("f_mkt_rf=NaN", "Enter a number."), ("f_mkt_rf=-200", "greater than or equal to -100")):
        assert reason in browser.get(f"{page}&show=factors&model=capm.us&{wrong}").content.decode()
    unknown = browser.get(f"{page}&show=factors&model=nosuch&f_mkt_rf=-20").content.decode()
    assert "Select a valid choice" in unknown
    factor_set("brief", {"mkt_rf": MOVES[:5, 0]}, DAYS[:5])
    short = browser.get(f"{page}&show=factors&model=brief.brief&f_mkt_rf=-20").content.decode()
    assert "are needed." in short


def test_the_page_without_a_factor_set_has_no_such_form(growth: Portfolio) -> None:
    browser = Client()
    browser.force_login(owner_of(growth))

    assert "stress-factors" not in browser.get(f"/analytics/stress/?portfolio={growth.pk}").content.decode()
