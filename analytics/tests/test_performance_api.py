"""Performance, income and the tax report over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from analytics import queries
from analytics.services import recompute
from assets.models import Asset, CorporateAction
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Section
from banking.services.transactions import book_cash
from banking.services.transfers import book_transfer
from core.testing import client_of, owner_of
from portfolios.book.performance import PERIODS, ValuedDay, time_weighted
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.borders import borders
from portfolios.queries.performance import performance
from portfolios.services.portfolios import attach_account, change_portfolio
from portfolios.services.rebuild import rebuild
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio, sell
from users.models import User

FIRST = date(2024, 1, 2)  # a Tuesday
CLOSES = [100, 102, 101, 105, 110, 108, 112, 111, 115, 120]


@pytest.fixture
def asset(db: None) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, CLOSES, start=FIRST)
    return asset


@pytest.fixture
def portfolio(alice: User, asset: Asset) -> Portfolio:
    """10 bought on Tuesday for 100, 5 more on Thursday for 101, 3 sold on the second Tuesday for 108."""
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, 10, 100, "2024-01-02", fee=Decimal(1))
    buy(portfolio, asset, 5, 101, "2024-01-04")
    sell(portfolio, asset, 3, 108, "2024-01-09", fee=Decimal("0.5"))
    return portfolio


def ask(portfolio: Portfolio, what: str = "performance", **query: str) -> Any:
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/{what}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def refused(portfolio: Portfolio, what: str = "performance", **query: str) -> Any:
    answer = client_of(portfolio.owner).get(f"/api/portfolios/{portfolio.pk}/{what}/", query)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return answer.json()


def lines(body: Any) -> dict[str, Decimal]:
    found = {line["key"]: Decimal(line["amount"]) for line in body["reconciliation"]["lines"]}
    assert sum(found.values()) == Decimal(body["reconciliation"]["change"])
    return {key: amount for key, amount in found.items() if amount}


def worth(portfolio: Portfolio, day: date) -> Decimal:
    """The exact value at the close of ``day``."""
    return borders(portfolio, day, day)[0].value


def by_day(portfolio: Portfolio, start: date, end: date) -> float:
    """The time-weighted return from the exact value of every single day."""
    flows = performance(portfolio, start, end).flows
    days = []
    for offset in range(1, (end - start).days + 1):
        day = start + timedelta(days=offset)
        amounts = [flow.amount for flow in flows if flow.day == day]
        paid_in = sum((amount for amount in amounts if amount > 0), Decimal(0))
        days.append(ValuedDay(day, worth(portfolio, day), paid_in, paid_in - sum(amounts, Decimal(0))))
    return float(time_weighted(days, worth(portfolio, start)))


# --- performance --------------------------------------------------------------------------------------------------


def test_since_inception(portfolio: Portfolio) -> None:
    body = ask(portfolio)
    assert (body["start"], body["end"], body["as_of"]) == ("2024-01-01", "2024-01-16", "2024-01-16")
    assert (body["currency"], body["problem"], body["benchmark"]) == ("USD", None, None)
    assert body["reconciliation"]["end_value"] == "1440"
    # 1001 + 505 − 323.5 paid; 323.5 − 300.3 realised; 1440 − 1205.7 unrealised
    expected = {"net_flows": "1182.5", "realised_gains": "23.2", "unrealised_gains": "234.3"}
    assert lines(body) == {key: Decimal(amount) for key, amount in expected.items()}
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))
    assert body["time_weighted"]["annual"] is None
    assert body["money_weighted"]["problem"] is None
    [held] = body["holdings"]
    assert (held["asset"], held["gain"], held["paid"]) == ("AAPL", "257.5", "1182.5")
    assert held["money_weighted"]["value"] == pytest.approx(body["money_weighted"]["value"])


def test_a_period_in_between(portfolio: Portfolio) -> None:
    body = ask(portfolio, start="2024-01-05", end="2024-01-10")
    values = body["reconciliation"]["start_value"], body["reconciliation"]["end_value"]
    assert values == ("1575", "1344")
    assert lines(body)["net_flows"] == Decimal("-323.5")
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 5), date(2024, 1, 10)))
    assert body["series"]["days"] == ["2024-01-08", "2024-01-09", "2024-01-10"]
    assert body["series"]["values"] == ["1650.00", "1296.00", "1344.00"]
    assert body["series"]["flows"] == ["0.00", "-323.50", "0.00"]
    assert body["series"]["returns"][-1] == pytest.approx(body["time_weighted"]["value"])


def test_trades_at_a_weekend_have_a_day_of_their_own(alice: User, asset: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, 10, 100, "2024-01-02")
    sell(portfolio, asset, 5, 109, "2024-01-06")
    buy(portfolio, asset, 8, 104, "2024-01-07")
    body = ask(portfolio)
    assert {"2024-01-06", "2024-01-07"} < set(body["series"]["days"])
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))


def test_as_of_is_another_name_for_the_end(portfolio: Portfolio) -> None:
    assert ask(portfolio, as_of="2024-01-08") == ask(portfolio, end="2024-01-08")
    assert ask(portfolio, as_of="2024-01-08")["as_of"] == "2024-01-08"
    assert "as_of" in refused(portfolio, as_of="2024-01-08", end="2024-01-09")["errors"]


def test_the_table_of_periods(portfolio: Portfolio, asset: Asset) -> None:
    make_bars(asset, {date(2025, 3, 14): 130, date(2025, 3, 17): 140, date(2025, 3, 18): 150})
    body = ask(portfolio)
    rows = {row["key"]: row for row in body["periods"]}
    assert list(rows) == list(PERIODS)
    for row in rows.values():
        assert row["end"] == "2025-03-18"
    assert rows["day"]["start"] == "2025-03-17"
    assert rows["day"]["time_weighted"]["value"] == pytest.approx(150 / 140 - 1)
    assert rows["week"]["time_weighted"]["value"] == pytest.approx(150 / 120 - 1)
    assert rows["year"]["time_weighted"] == {"value": pytest.approx(0.25), "annual": None, "problem": None}
    assert rows["year"]["money_weighted"]["value"] == pytest.approx(0.25)
    assert rows["three_years"]["time_weighted"]["problem"] == "the portfolio is younger"
    whole = rows["inception"]
    assert whole["start"] == "2024-01-01"
    for kind in ("time_weighted", "money_weighted"):
        assert whole[kind]["value"] == pytest.approx(body[kind]["value"])
        assert whole[kind]["annual"] == pytest.approx(body[kind]["annual"])
    years = (date(2025, 3, 18) - date(2024, 1, 1)).days / 365
    assert (1 + whole["time_weighted"]["annual"]) ** years == pytest.approx(1 + whole["time_weighted"]["value"])


def test_the_same_flows_in_the_benchmark(portfolio: Portfolio) -> None:
    index = make_asset("INDEX", type="index")
    make_bars(index, [1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090], start=FIRST)
    change_portfolio(portfolio=portfolio, actor=None, benchmark=index)
    beside = ask(portfolio)["benchmark"]
    # Bought at the closes before (the first at its own), sold at the day's close of the sixth session.
    units = Decimal(1001) / 1000 + Decimal(505) / 1010 - Decimal("323.5") / 1050
    assert Decimal(beside["value"]) == (units * 1090).quantize(Decimal("0.01"))
    assert Decimal(beside["difference"]) == 1440 - Decimal(beside["value"])
    assert beside["growth"] == pytest.approx(0.09)


def test_a_benchmark_that_begins_later(portfolio: Portfolio) -> None:
    index = make_asset("INDEX", type="index")
    make_bars(index, {date(2024, 1, 12): 1000})
    change_portfolio(portfolio=portfolio, actor=None, benchmark=index)
    beside = ask(portfolio)["benchmark"]
    assert (beside["value"], beside["problem"]) == (None, "its history begins later")


def test_an_empty_portfolio(alice: User) -> None:
    body = ask(make_portfolio(alice))
    assert (body["problem"], body["reconciliation"], body["series"]["days"]) == (
        "nothing was booked until then",
        None,
        [],
    )


def test_before_the_first_trade(portfolio: Portfolio) -> None:
    assert ask(portfolio, end="2023-06-01")["problem"] == "nothing was booked until then"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": "2024-01-09", "end": "2024-01-09"}, "start"),
        ({"start": "2024-01-10", "end": "2024-01-09"}, "start"),
        ({"start": "soon"}, "start"),
        ({"end": "2024-02-30"}, "end"),
        ({"end": "2999-01-01"}, "end"),
    ],
)
def test_bad_periods(query: dict[str, str], field: str, portfolio: Portfolio) -> None:
    assert field in refused(portfolio, **query)["errors"]


def test_no_value_without_a_rate(alice: User) -> None:
    asset = make_asset("SAP", currency="EUR")
    make_bars(asset, CLOSES, start=FIRST)
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, 1, 100, "2024-01-02", exchange_rate=Decimal("1.1"))
    assert refused(portfolio)["code"] == "value_unknown"


def test_a_switch_to_tracked_cash_counts_no_trade_twice(portfolio: Portfolio) -> None:
    """The trades' cash is then inside: only what is paid into the account crosses the border."""
    portfolio = change_portfolio(portfolio=portfolio, actor=None, cash=CashSetting.TRACKED)
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(2000), booked_on=FIRST, section=Section.TRANSFER, actor=None)
    body = ask(portfolio)
    assert lines(body)["net_flows"] == 2000
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))
    assert body["time_weighted"]["value"] == pytest.approx(257.5 / 2000)
    assert queries.series(portfolio).cumulative[-1] == pytest.approx(257.5 / 2000)


def test_cash_alone(alice: User, asset: Asset) -> None:
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(1000), booked_on=FIRST, section=Section.TRANSFER, actor=None)
    interest = {"section": Section.INCOME, "actor": None}
    book_cash(account=account, amount=Decimal(10), booked_on=date(2024, 1, 5), **interest)  # type: ignore[arg-type]
    body = ask(portfolio)
    assert lines(body) == {"net_flows": 1000, "income": 10}
    assert body["time_weighted"]["value"] == pytest.approx(0.01)


# --- corporate actions and transfers ------------------------------------------------------------------------------


def acted(portfolio: Portfolio, asset: Asset, kind: str, ex: str, **terms: Any) -> None:
    CorporateAction.objects.create(asset=asset, kind=kind, ex_date=date.fromisoformat(ex), **terms)
    rebuild(portfolio)


@pytest.mark.parametrize("cash", CashSetting.values)
@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("split", {"ratio": 2, "per": 1}),
        ("reverse_split", {"ratio": 1, "per": 7, "cash_in_lieu": 700}),
        ("stock_dividend", {"ratio": 1, "per": 10}),
        ("spin_off", {"ratio": 1, "per": 2, "basis_share": Decimal("0.1")}),
        ("merger", {"ratio": 3, "per": 2}),
        ("merger", {"cash": 101}),
        ("return_of_capital", {"cash": 5, "pay_date": date(2024, 1, 11)}),
        ("cash_dividend", {"cash": 2, "withholding_rate": Decimal("0.2"), "pay_date": date(2024, 1, 11)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_daily_series_knows_corporate_actions(
    cash: str, kind: str, terms: dict[str, Any], alice: User, asset: Asset
) -> None:
    """Every day's value and the return are those of the exact books."""
    target = make_asset("OTHER")
    make_bars(target, [30, 31, 32, 33, 34, 35, 36, 37, 38, 39], start=FIRST)
    portfolio = make_portfolio(alice, cash=cash)
    if cash == CashSetting.TRACKED:
        account = portfolio.portfolio_accounts.get().account
        book_cash(account=account, amount=Decimal(5000), booked_on=FIRST, section=Section.TRANSFER, actor=None)
    buy(portfolio, asset, 10, 100, "2024-01-02")
    buy(portfolio, asset, 5, 101, "2024-01-04")
    terms = terms | ({"target": target} if kind == "spin_off" or (kind == "merger" and "ratio" in terms) else {})
    acted(portfolio, asset, kind, "2024-01-08", **terms)
    body = ask(portfolio)
    lines(body)
    exact = [worth(portfolio, date.fromisoformat(day)) for day in body["series"]["days"]]
    assert [float(value) for value in body["series"]["values"]] == pytest.approx([float(value) for value in exact])
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))


def test_the_daily_series_knows_transfers_out(portfolio: Portfolio, asset: Asset) -> None:
    other = make_portfolio(owner_of(portfolio), "Other")
    transfer_securities(
        source=portfolio, target=other, asset=asset, quantity=Decimal(4), traded_at=at("2024-01-10"), actor=None
    )
    for each in (portfolio, other):
        body = ask(each)
        start = date.fromisoformat(body["start"])
        assert body["time_weighted"]["value"] == pytest.approx(by_day(each, start, date(2024, 1, 16)))
        assert Decimal(body["series"]["values"][-1]) == Decimal(body["reconciliation"]["end_value"])


def test_the_daily_series_knows_transfers_between_own_accounts(alice: User, asset: Asset) -> None:
    """Euros are changed at 1.06 when the day's rate is 1.10, and some leave for an account that is not its own."""
    make_rate("EURUSD", {FIRST: "1.10", date(2024, 1, 10): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    dollars = portfolio.portfolio_accounts.get().account
    euros, outside = (
        Account.objects.create(owner=alice, name=name, kind="brokerage", currency="EUR") for name in ("EUR", "Bank")
    )
    attach_account(portfolio=portfolio, account=euros, actor=None)
    book_cash(account=euros, amount=Decimal(2000), booked_on=FIRST, section=Section.TRANSFER, actor=None)
    terms: dict[str, Any] = {"source": euros, "amount": Decimal(1000), "actor": None}
    book_transfer(target=dollars, received=Decimal(1060), booked_on=date(2024, 1, 4), **terms)
    book_transfer(target=outside, booked_on=date(2024, 1, 11), **terms | {"amount": Decimal(50)})
    buy(portfolio, asset, 5, 101, "2024-01-04")
    body = ask(portfolio)
    flows = {
        day: flow for day, flow in zip(body["series"]["days"], body["series"]["flows"], strict=True) if flow != "0.00"
    }
    assert flows == {"2024-01-02": "2200.00", "2024-01-11": "-60.00"}
    assert lines(body)["currency_effect"] == -40 + 100
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))
    exact = [worth(portfolio, date.fromisoformat(day)) for day in body["series"]["days"]]
    assert [float(value) for value in body["series"]["values"]] == pytest.approx([float(value) for value in exact])


def test_the_daily_series_knows_accounts_that_join(alice: User, asset: Asset) -> None:
    make_rate("EURUSD", {FIRST: "1.10", date(2024, 1, 10): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    dollars = portfolio.portfolio_accounts.get().account
    euros = Account.objects.create(owner=alice, name="EUR", kind="brokerage", currency="EUR")
    attach_account(portfolio=portfolio, account=euros, actor=None, joined_on=date(2024, 1, 8))
    for account, amount, day in ((dollars, 1000, 2), (euros, 500, 3), (euros, -100, 5), (euros, 10, 8), (euros, 7, 11)):
        terms: dict[str, Any] = {"amount": Decimal(amount), "section": Section.TRANSFER, "actor": None}
        book_cash(account=account, booked_on=date(2024, 1, day), **terms)
    buy(portfolio, asset, 5, 101, "2024-01-04")
    body = ask(portfolio)
    flows = {
        day: flow for day, flow in zip(body["series"]["days"], body["series"]["flows"], strict=True) if flow != "0.00"
    }
    assert flows == {"2024-01-02": "1000.00", "2024-01-08": "451.00", "2024-01-11": "8.40"}
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))
    exact = [worth(portfolio, date.fromisoformat(day)) for day in body["series"]["days"]]
    assert [float(value) for value in body["series"]["values"]] == pytest.approx([float(value) for value in exact])
    assert ask(portfolio, end="2024-01-05")["reconciliation"]["end_value"] == "1020"


def test_the_daily_series_knows_the_day_on_which_a_dividend_came(alice: User, asset: Asset) -> None:
    make_rate("EURUSD", {FIRST: "1.10", date(2024, 1, 10): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    account = portfolio.portfolio_accounts.get().account
    terms: dict[str, Any] = {"account": account, "actor": None}
    book_cash(amount=Decimal(5000), booked_on=FIRST, section=Section.TRANSFER, **terms)
    buy(portfolio, asset, 10, 100, "2024-01-02")
    pay_date = date(2024, 1, 9)
    acted(portfolio, asset, "cash_dividend", "2024-01-08", pay_date=pay_date, cash="2", currency="EUR")
    book_cash(amount=Decimal("22.40"), booked_on=date(2024, 1, 11), section=Section.INCOME, asset=asset, **terms)
    assert recompute([portfolio.pk]) == 1  # which finds that the two are one
    body = ask(portfolio)
    assert lines(body)["income"] == 22
    exact = {day: worth(portfolio, date.fromisoformat(day)) for day in body["series"]["days"]}
    values = dict(zip(exact, body["series"]["values"], strict=True))
    assert values == {day: f"{value:.2f}" for day, value in exact.items()}
    assert exact["2024-01-10"] == 5000 - 1000 + 10 * 112 + 24
    assert exact["2024-01-11"] == 5000 - 1000 + 10 * 111 + Decimal("22.40")
    assert body["time_weighted"]["value"] == pytest.approx(by_day(portfolio, date(2024, 1, 1), date(2024, 1, 16)))


# --- income -------------------------------------------------------------------------------------------------------


def test_income_by_month_and_asset(alice: User, asset: Asset) -> None:
    make_rate("EURUSD", {FIRST: "1.10", date(2024, 2, 1): "1.20"})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    dollars = portfolio.portfolio_accounts.get().account
    euros = Account.objects.create(owner=alice, name="EUR", kind="brokerage", currency="EUR")
    attach_account(portfolio=portfolio, account=euros, actor=None)
    for account, amount, day, source in (
        (dollars, "12.5", "2024-01-10", asset),
        (dollars, "1", "2024-01-31", None),
        (euros, "10", "2024-02-03", asset),
        (euros, "-3", "2024-02-03", None),
    ):
        section = Section.INCOME if Decimal(amount) > 0 else Section.EXPENSE
        terms: dict[str, Any] = {"amount": Decimal(amount), "booked_on": date.fromisoformat(day), "actor": None}
        book_cash(account=account, section=section, asset=source, **terms)
    body = ask(portfolio, "income")
    assert body["total"] == "25.5"
    assert body["months"] == [
        {
            "month": "2024-01",
            "amount": "13.5",
            "assets": [{"asset": "", "amount": "1"}, {"asset": "AAPL", "amount": "12.5"}],
        },
        {"month": "2024-02", "amount": "12", "assets": [{"asset": "AAPL", "amount": "12"}]},
    ]
    assert body["assets"] == [{"asset": "", "amount": "1"}, {"asset": "AAPL", "amount": "24.5"}]
    assert ask(portfolio, "income", start="2024-01-31", end="2024-01-31")["total"] == "1"
    assert ask(portfolio, "income", as_of="2024-01-30")["total"] == "12.5"


@pytest.mark.parametrize("cash", CashSetting.values)
def test_the_income_of_a_dividend_is_gross_on_its_ex_date(cash: str, alice: User, asset: Asset) -> None:
    """20 € at 1.10; without tracked cash what is paid, less a quarter at 1.20, leaves the portfolio on the pay-date."""
    make_rate("EURUSD", {FIRST: "1.10", date(2024, 2, 1): "1.20"})
    portfolio = make_portfolio(alice, cash=cash)
    buy(portfolio, asset, 10, 100, "2024-01-02")
    terms: dict[str, Any] = {"cash": "2", "currency": "EUR", "withholding_rate": Decimal("0.25")}
    acted(portfolio, asset, "cash_dividend", "2024-01-08", pay_date=date(2024, 2, 5), **terms)
    acted(portfolio, asset, "return_of_capital", "2024-01-09", pay_date=date(2024, 2, 5), cash="1")
    body = ask(portfolio, "income", end="2024-02-29")
    assert body["months"] == [{"month": "2024-01", "amount": "22", "assets": [{"asset": "AAPL", "amount": "22"}]}]
    assert (body["total"], body["assets"]) == ("22", [{"asset": "AAPL", "amount": "22"}])
    assert ask(portfolio, "income", end="2024-01-07")["total"] == "0"
    assert ask(portfolio, "income", start="2024-01-09", end="2024-02-29")["total"] == "0"
    flows = performance(portfolio, date(2024, 1, 5), date(2024, 2, 29)).flows
    left = {flow.amount for flow in flows}
    assert left == ({Decimal(-18), Decimal(-10)} if cash == CashSetting.UNTRACKED else set())


def test_the_newest_value_is_not_of_a_pay_date_to_come(alice: User, asset: Asset) -> None:
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    buy(portfolio, asset, 10, 100, "2024-01-02")
    today = timezone.now().date()
    acted(portfolio, asset, "cash_dividend", "2024-01-08", pay_date=today + timedelta(9), cash="2")
    body = ask(portfolio)
    assert body["as_of"] == "2024-01-16"
    assert lines(body)["income"] == 20
    detail = client_of(alice).get(f"/api/portfolios/{portfolio.pk}/").json()["totals"]
    assert (detail["cash"], detail["receivables"], detail["total_value"]) == ("-1000", "20", "220")


# --- tax report ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sold(alice: User, asset: Asset) -> Portfolio:
    """Lots of 2022 and 2023, sold in 2024: one after more than a year, one at a loss."""
    portfolio = make_portfolio(alice)
    buy(portfolio, asset, 2, 80, "2022-06-01")
    buy(portfolio, asset, 2, 130, "2023-06-01")
    sell(portfolio, asset, 3, 120, "2024-01-16")
    sell(portfolio, asset, 1, 120, "2025-01-02")
    return portfolio


def test_the_tax_report_of_a_year(sold: Portfolio) -> None:
    body = ask(sold, "tax-report", year="2024")
    assert (body["year"], body["currency"]) == (2024, "USD")
    rows = [(row["opened_on"], row["quantity"], row["gain"], row["term"]) for row in body["disposals"]]
    assert rows == [("2022-06-01", "2", "80", "long"), ("2023-06-01", "1", "-10", "short")]
    totals = body["totals"]
    assert (totals["long"]["gain"], totals["short"]["gain"], totals["total"]["gain"]) == ("80", "-10", "70")
    assert (totals["total"]["gains"], totals["total"]["losses"]) == ("80", "-10")
    assert (totals["total"]["proceeds"], totals["total"]["cost"], totals["total"]["disposals"]) == ("360", "290", 2)
    assert ask(sold, "tax-report", year="2025")["totals"]["long"]["gain"] == "-10"
    assert ask(sold, "tax-report", year="2020")["disposals"] == []


def test_exactly_a_year_is_short(alice: User, asset: Asset) -> None:
    portfolio = make_portfolio(alice)
    for day in ("2023-01-15", "2023-01-16"):
        buy(portfolio, asset, 1, 80, day)
    sell(portfolio, asset, 2, 120, "2024-01-16")
    rows = ask(portfolio, "tax-report", year="2024")["disposals"]
    assert [(row["holding_days"], row["term"]) for row in rows] == [(366, "long"), (365, "short")]


def test_the_tax_report_as_csv(sold: Portfolio) -> None:
    url = f"/api/portfolios/{sold.pk}/tax-report/?year=2024"
    asked_by_name = client_of(sold.owner).get(url + "&format=csv")
    asked_by_header = client_of(sold.owner).get(url, headers={"accept": "text/csv"})
    for answer in (asked_by_name, asked_by_header):
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert f"tax-report-{sold.pk}-2024.csv" in answer["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        expected = [{**row, "holding_days": str(row["holding_days"])} for row in ask_rows(sold)]
        assert rows == expected


def ask_rows(portfolio: Portfolio) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask(portfolio, "tax-report", year="2024")["disposals"]
    return rows


@pytest.mark.parametrize("format_", ["json", "csv"])
@pytest.mark.parametrize("year", ["", "abc", "24", "1899", "20240", "2024.5", "-2024", "२०२४", "next"])
def test_bad_years(year: str, format_: str, sold: Portfolio) -> None:
    year = str(timezone.now().year + 1) if year == "next" else year
    assert "year" in refused(sold, "tax-report", year=year, format=format_)["errors"]


def test_the_current_year_is_the_default(sold: Portfolio) -> None:
    assert ask(sold, "tax-report")["year"] == timezone.now().year


def test_a_portfolio_of_somebody_else_has_no_csv(sold: Portfolio, bob: User) -> None:
    answer = client_of(bob).get(f"/api/portfolios/{sold.pk}/tax-report/?format=csv")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
