"""Income by month and asset: what was entered, and dividends on their ex-dates whether or not cash is tracked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Section
from banking.services.transactions import book_cash
from core.testing import client_of
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.income import income
from portfolios.queries.performance import performance
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

END = date(2024, 12, 31)


@pytest.fixture(params=CashSetting.values)
def portfolio(request: pytest.FixtureRequest, alice: User) -> Portfolio:
    """Dividends of 10 × 2 USD in March, paid in April, and of 4 × 1.50 EUR at 1.20 in May."""
    make_rate("EURUSD", {date(2024, 1, 2): "1.10", date(2024, 5, 2): "1.20"})
    portfolio = make_portfolio(alice, cash=request.param)
    apple, sap = make_asset("AAPL"), make_asset("SAP", currency="EUR")
    for asset in (apple, sap):
        make_bars(asset, {date(2024, 1, 2): 100})
    buy(portfolio, apple, 10, 100, "2024-01-10")
    buy(portfolio, sap, 4, 100, "2024-01-10")
    paid: dict[str, Any] = {"pay_date": date(2024, 4, 2), "withholding_rate": Decimal("0.15")}
    apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 3, 28), cash=Decimal(2), actor=None, **paid)
    apply_action(asset=sap, kind="cash_dividend", ex_date=date(2024, 5, 2), cash=Decimal("1.5"), actor=None)
    sell(portfolio, apple, 10, 100, "2024-03-28")
    return portfolio


def test_a_dividend_is_income_of_its_ex_date_gross(portfolio: Portfolio) -> None:
    found = income(portfolio, None, END)

    assert [(month.month, month.amount) for month in found.months] == [
        (date(2024, 3, 1), Decimal(20)),
        (date(2024, 5, 1), Decimal("7.20")),
    ]
    assert [(asset.symbol, asset.amount) for asset in found.assets] == [("AAPL", 20), ("SAP", Decimal("7.20"))]


@pytest.mark.parametrize(
    ("start", "end"),
    [("2024-01-02", "2024-03-27"), ("2024-03-27", "2024-03-28"), ("2024-03-28", "2024-12-31")],
)
def test_it_is_the_line_of_the_reconciliation(portfolio: Portfolio, start: str, end: str) -> None:
    if portfolio.cash == CashSetting.TRACKED:
        account = portfolio.portfolio_accounts.get().account
        interest = {"section": Section.INCOME, "actor": None}
        book_cash(account=account, amount=Decimal("3.21"), booked_on=date(2024, 3, 28), **interest)  # type: ignore[arg-type]
    first, last = date.fromisoformat(start), date.fromisoformat(end)

    earned = income(portfolio, date.fromordinal(first.toordinal() + 1), last).total

    assert earned == performance(portfolio, first, last).reconciliation.lines["income"]


def test_the_api_has_it_too(portfolio: Portfolio) -> None:
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/income/", {"end": "2024-12-31"})
    assert (answer.status_code, answer.json()["total"]) == (200, "27.2")
    assert [month["month"] for month in answer.json()["months"]] == ["2024-03", "2024-05"]
