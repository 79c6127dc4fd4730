"""Any past day over the API: what was held then, at that day's prices, in that day's lots."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assets.tests.factories import make_asset, make_bars
from banking.models import Section
from banking.services.transactions import book_cash
from core.testing import client_of, count_queries, owner_of
from portfolios.models import Lot, Portfolio
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    """10 at 100 in January and 4 at 150 in March, split 2 for 1 in April, dividend in May, 22 of 28 sold in June."""
    apple = make_asset("AAPL")
    closes = {(1, 2): 100, (2, 1): 120, (3, 1): 150, (4, 2): 80, (5, 2): 82, (6, 3): 60}
    make_bars(apple, {date(2024, month, day): close for (month, day), close in closes.items()})
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-02")
    buy(portfolio, apple, 4, 150, "2024-03-01")
    apply_action(asset=apple, kind="split", ex_date=date(2024, 4, 2), ratio=Decimal(2), actor=None)
    dividend: dict[str, Any] = {"kind": "cash_dividend", "cash": Decimal(1), "pay_date": date(2024, 5, 20)}
    apply_action(asset=apple, ex_date=date(2024, 5, 2), actor=None, **dividend)
    sell(portfolio, apple, 22, 60, "2024-06-03")
    return portfolio


def ask(portfolio: Portfolio, what: str = "", **query: str) -> Any:
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/{what}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("day", "invested", "market_value", "cash", "receivables", "realised", "win_rate"),
    [
        ("2024-01-01", "0", "0", "0", "0", "0", None),
        ("2024-02-01", "1000", "1200", "-1000", "0", "0", None),
        ("2024-04-02", "1600", "2240", "-1600", "0", "0", None),
        ("2024-05-02", "1600", "2296", "-1600", "28", "0", None),
        ("2024-05-20", "1600", "2296", "-1572", "0", "0", None),
        # 20 of the first lot gain 200, 2 of the second lose 30
        ("2024-06-03", "450", "360", "-252", "0", "170", 50),
        ("", "450", "360", "-252", "0", "170", 50),
    ],
)
def test_totals_of_a_day(
    portfolio: Portfolio,
    day: str,
    invested: str,
    market_value: str,
    cash: str,
    receivables: str,
    realised: str,
    win_rate: float | None,
) -> None:
    figures = ask(portfolio, **({"as_of": day} if day else {}))["totals"]

    assert figures["as_of"] == (day or "2024-06-03")
    found = [figures[name] for name in ("invested", "market_value", "cash", "receivables", "realized_pnl")]
    assert found == [invested, market_value, cash, receivables, realised]
    assert Decimal(figures["total_value"]) == Decimal(market_value) + Decimal(cash) + Decimal(receivables)
    assert figures["win_rate"] == win_rate


def test_an_account_below_zero_is_named(portfolio: Portfolio) -> None:
    account = portfolio.portfolio_accounts.get().account
    assert ask(portfolio)["totals"]["overdrawn"] == [account.name]
    assert ask(portfolio, as_of="2024-01-01")["totals"]["overdrawn"] == []
    deposit: dict[str, Any] = {"amount": Decimal(252), "section": Section.TRANSFER, "actor": None}
    book_cash(account=account, booked_on=date(2024, 6, 3), **deposit)
    assert ask(portfolio)["totals"]["overdrawn"] == []
    assert ask(portfolio, as_of="2024-06-02")["totals"]["overdrawn"] == [account.name]
    assert ask(make_portfolio(owner_of(portfolio), "Untracked"))["totals"]["overdrawn"] == []


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-01-01", []),
        ("2024-02-01", [("2024-01-02", "10", "1000")]),
        ("2024-04-01", [("2024-01-02", "10", "1000"), ("2024-03-01", "4", "600")]),
        ("2024-04-02", [("2024-01-02", "20", "1000"), ("2024-03-01", "8", "600")]),
        ("2024-06-03", [("2024-03-01", "6", "450")]),
    ],
)
def test_lots_of_a_day(portfolio: Portfolio, day: str, expected: list[tuple[str, str, str]]) -> None:
    rows = ask(portfolio, "lots/", as_of=day)["results"]
    assert [(row["opened_on"], row["quantity"], row["cost"]) for row in rows] == expected


def test_todays_lots_are_the_stored_ones(portfolio: Portfolio) -> None:
    assert ask(portfolio, "lots/", as_of="2024-06-03") == ask(portfolio, "lots/")
    assert Lot.objects.count() == 2  # nothing was stored for the day


def test_lots_of_a_day_are_narrowed_and_ordered_as_stored_ones_are(portfolio: Portfolio) -> None:
    def days(**query: str) -> list[str]:
        return [row["opened_on"] for row in ask(portfolio, "lots/", as_of="2024-05-01", **query)["results"]]

    assert days(ordering="-opened_on") == ["2024-03-01", "2024-01-02"]
    assert days(ordering="quantity,cost") == ["2024-03-01", "2024-01-02"]
    assert days(start="2024-02-01") == days(asset="AAPL", start="2024-03-01") == ["2024-03-01"]
    assert days(end="2024-02-01") == ["2024-01-02"]
    assert days(asset="MSFT") == []
    assert ask(portfolio, "lots/", as_of="2024-05-01", page_size="1")["count"] == 2


def test_disposals_up_to_a_day(portfolio: Portfolio) -> None:
    assert ask(portfolio, "disposals/", as_of="2024-06-02")["count"] == 0
    assert ask(portfolio, "disposals/", as_of="2024-06-03")["count"] == 2


@pytest.mark.parametrize("what", ["", "lots/", "investments/", "sectors/"])
@pytest.mark.parametrize("day", ["yesterday", "2999-01-01"])
def test_a_day_that_cannot_be_is_refused(portfolio: Portfolio, what: str, day: str) -> None:
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/{what}", {"as_of": day})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["as_of"])


def test_a_bad_filter_of_a_days_lots_is_refused(portfolio: Portfolio) -> None:
    answer = client_of(portfolio.owner).get(
        f"/api/portfolios/{portfolio.pk}/lots/", {"as_of": "2024-05-01", "start": "soon"}
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["start"])


def test_the_queries_for_a_day_do_not_grow(portfolio: Portfolio) -> None:
    few, _ = count_queries(lambda: ask(portfolio, "lots/", as_of="2024-05-01"))
    for number in range(5):
        buy(portfolio, make_asset(f"S{number}"), 1, 100, "2024-01-03")
    many, queries = count_queries(lambda: ask(portfolio, "lots/", as_of="2024-05-01"))
    assert many == few, queries
