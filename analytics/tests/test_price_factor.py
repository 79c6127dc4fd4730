"""Prices in pence and in percent of par: every amount to the cent, in the books, over HTTP, in series and snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from analytics import queries, services
from analytics.models import Snapshot
from assets.models import Asset, HistoricValue
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import CashTransaction
from core.errors import DomainError
from core.money import UnknownCurrency
from core.testing import client_of
from portfolios.models import Disposal, Investment, Lot, Portfolio, Trade, TradeKind
from portfolios.queries import holdings
from portfolios.queries.performance import performance
from portfolios.services.actions import apply_action
from portfolios.services.portfolios import NewInvestment
from portfolios.services.rebuild import rebuild
from portfolios.services.terms import NotQuotedInMinor, TooManyDecimals
from portfolios.services.trades import book_trade
from portfolios.services.transfers import transfer_securities
from portfolios.services.verification import findings
from portfolios.tests.factories import at, buy, derived_rows, exact, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
BOUGHT, SOLD, LAST = date(2024, 3, 1), date(2024, 3, 15), date(2024, 3, 28)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Case:
    """One asset of a portfolio: closes on the three days, a purchase, a sale of a part, and what follows by hand."""

    base: str
    asset: dict[str, Any]
    closes: tuple[str, str, str]
    bought: tuple[str, str, str]  # quantity, price, fee and tax
    sold: tuple[str, str, str]
    rates: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    cost: str = ""  # of the purchase, in the asset's currency
    cost_base: str = ""
    proceeds: str = ""
    proceeds_base: str = ""
    left_cost: str = ""
    left_cost_base: str = ""
    average_cost: str = ""
    value: str = ""
    quote: str = ""
    unit: str = ""


# A contract note of a London broker: 1,000 HSBC at 623.4p, commission £5.95, stamp duty 0.5 % = £31.17.
PENCE = Case(
    "USD",
    {"currency": "GBP", "price_factor": Decimal("0.01")},
    ("625.1", "612.3", "618.9"),
    ("1000", "623.4", "37.12"),
    ("400", "611.8", "5.95"),
    {"GBPUSD": ("1.2655", "1.2737", "1.2623")},
    cost="6271.12",
    cost_base="7936.10",  # 7,936.10236
    proceeds="2441.25",
    proceeds_base="3109.42",  # 3,109.420125
    left_cost="3762.672",
    left_cost_base="4761.66",
    average_cost="627.112",
    value="4687.42",  # 600 × £6.189 × 1.2623 = 4,687.42482
    quote="GBX",
    unit="GBX",
)
# A US Treasury note, 4.125 % of November 2032: 25,000 nominal at 98-16½ (98 16.5/32), sold at 99-07.
PERCENT = Case(
    "USD",
    {"currency": "USD", "type": "bond", "price_factor": Decimal("0.01")},
    ("98.5", "99.25", "97.890625"),
    ("25000", "98.515625", "12.50"),
    ("10000", "99.21875", "5"),
    cost="24641.41",  # 24,628.90625 rounds up
    cost_base="24641.41",
    proceeds="9916.88",
    proceeds_base="9916.88",
    left_cost="14784.846",
    left_cost_base="14784.846",
    average_cost="98.56564",
    value="14683.59",
    quote="USD",
    unit="% of par",
)
CENTS_OF_RAND = Case(
    "EUR",
    {"currency": "ZAR", "price_factor": Decimal("0.01")},
    ("305112", "310000", "318050"),
    ("12", "305112", "0"),
    ("4", "310250", "100"),
    {"EURZAR": ("20.45", "20.62", "20.41")},
    cost="36613.44",
    cost_base="1790.39",  # 36,613.44 / 20.45 = 1,790.3883
    proceeds="12310",
    proceeds_base="596.99",  # 12,310 / 20.62 = 596.9932
    left_cost="24408.96",
    left_cost_base="1193.5933",
    average_cost="305112",
    value="1246.64",  # 8 × 3,180.50 / 20.41 = 1,246.6438
    quote="ZAC",
    unit="ZAC",
)
CASES = [
    pytest.param(PENCE, id="pence"),
    pytest.param(PERCENT, id="percent of par"),
    pytest.param(CENTS_OF_RAND, id="cents of a rand"),
]


def made(case: Case, owner: User, *, cash: str = "tracked") -> tuple[Portfolio, Asset]:
    for pair, rates in case.rates.items():
        make_rate(pair, dict(zip((BOUGHT, SOLD, LAST), rates, strict=True)))
    asset = make_asset("PRICED", **case.asset)
    make_bars(asset, dict(zip((BOUGHT, SOLD, LAST), case.closes, strict=True)))
    portfolio = make_portfolio(owner, base_currency=case.base, cash=cash)
    buy(portfolio, asset, case.bought[0], case.bought[1], BOUGHT, fee=Decimal(case.bought[2]))
    sell(portfolio, asset, case.sold[0], case.sold[1], SOLD, fee=Decimal(case.sold[2]))
    return portfolio, asset


def plain_values(case: Case) -> list[Decimal]:
    """The value of what is held at the close of each day, from nothing but the case's own numbers."""
    rates = {pair: list(map(Decimal, given)) for pair, given in case.rates.items()}
    held = [Decimal(case.bought[0]), *[Decimal(case.bought[0]) - Decimal(case.sold[0])] * 2]
    values = []
    for day, quantity in enumerate(held):
        money = quantity * Decimal(case.closes[day]) * case.asset["price_factor"]
        for pair, given in rates.items():
            money = money * given[day] if pair.endswith(case.base) else money / given[day]
        values.append(money.quantize(CENT, ROUND_HALF_UP))
    return values


@pytest.mark.parametrize("case", CASES)
def test_the_books_to_the_cent(case: Case, alice: User) -> None:
    portfolio, _ = made(case, alice)
    disposal, lot, [held] = Disposal.objects.get(), Lot.objects.get(), holdings([portfolio])[portfolio.pk]

    assert disposal.cost + lot.cost == Decimal(case.cost)
    assert disposal.cost_base + lot.cost_base == Decimal(case.cost_base)
    assert (disposal.proceeds, disposal.proceeds_base) == exact(case.proceeds, case.proceeds_base)
    assert (lot.cost, lot.cost_base) == exact(case.left_cost, case.left_cost_base)
    assert (held.value, held.average_cost) == exact(case.value, case.average_cost)
    assert (held.price, held.quote_currency, held.price_unit) == (Decimal(case.closes[2]), case.quote, case.unit)
    assert held.unrealised_gain == Decimal(case.value) - Decimal(case.left_cost_base)
    assert lot.unit_cost == Investment.objects.get().average_cost == Decimal(case.average_cost)
    paid, came = CashTransaction.objects.order_by("booked_on").values_list("amount", flat=True)
    assert (paid, came) == exact(f"-{case.cost_base}", case.proceeds_base)


@pytest.mark.parametrize("case", CASES)
def test_a_plain_valuation_agrees_on_every_day(case: Case, alice: User) -> None:
    portfolio, _ = made(case, alice, cash="untracked")
    client, days = client_of(alice), (BOUGHT, SOLD, LAST)
    expected = plain_values(case)

    for day, value in zip(days, expected, strict=True):
        assert holdings([portfolio], day)[portfolio.pk][0].value == value
        rows = client.get(f"/portfolios/{portfolio.pk}/investments/?as_of={day}").json()["results"]
        assert [Decimal(row["value"]) for row in rows] == [value]
        sectors = client.get(f"/portfolios/{portfolio.pk}/sectors/?as_of={day}").json()
        assert Decimal(sectors["total"]) == value
    daily = queries.series(portfolio)
    assert [day for day in daily.days.tolist() if day in days] == list(days)
    at_days = daily.values[np.isin(daily.days, np.array(days, "datetime64[D]"))]
    np.testing.assert_allclose(at_days, np.array(expected, float), atol=0.00501)
    # What was paid in and out is what the trades cost and brought.
    moved = daily.inflows[0], daily.outflows[daily.days == np.datetime64(SOLD)][0]
    assert moved == pytest.approx((float(case.cost_base), float(case.proceeds_base)), abs=0.006)


@pytest.mark.parametrize("case", CASES)
def test_performance_snapshot_rebuild_and_checks(case: Case, alice: User) -> None:
    portfolio, _ = made(case, alice)
    found = performance(portfolio, date(2024, 2, 29), LAST)
    assert found.reconciliation.unexplained == 0
    assert found.holdings[0].paid == Decimal(case.cost_base) - Decimal(case.proceeds_base)
    assert found.holdings[0].end_value == Decimal(case.value)
    services.recompute([portfolio.pk])
    stored = Snapshot.objects.get()
    assert (stored.market_value, stored.invested) == exact(case.value, case.left_cost_base)
    before = derived_rows(portfolio)
    rebuild(portfolio)
    assert derived_rows(portfolio) == before
    assert list(findings()) == []


def test_a_benchmark_in_pence_has_the_returns_of_its_prices(alice: User) -> None:
    portfolio, asset = made(PENCE, alice)
    Portfolio.objects.update(benchmark=asset)
    whole = make_asset("POUNDS", currency="GBP")
    make_bars(whole, {day: Decimal(close) / 100 for day, close in zip((BOUGHT, SOLD, LAST), PENCE.closes, strict=True)})
    url = f"/portfolios/{portfolio.pk}/performance/"
    client = client_of(alice)
    in_pence = client.get(url).json()["benchmark"]
    Portfolio.objects.update(benchmark=whole)
    in_pounds = client.get(url).json()["benchmark"]
    assert {**in_pence, "symbol": ""} == {**in_pounds, "symbol": ""}
    assert in_pence["value"] is not None


def test_openings_and_transfers_are_at_money(alice: User) -> None:
    make_rate("GBPUSD", {BOUGHT: "1.25"})
    asset = make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01"))
    make_bars(asset, {BOUGHT: 620})
    stated = NewInvestment(asset, Decimal(100), unit_cost=Decimal("611.05"), opened_on=BOUGHT)
    source = make_portfolio(alice, "Stated", investments=[stated])
    target = make_portfolio(alice, "Target")
    make_portfolio(alice, "At the close", investments=[NewInvestment(asset, Decimal(100), opened_on=BOUGHT)])

    costs = Lot.objects.order_by("portfolio__name").values_list("cost", "cost_base")
    assert list(costs) == [exact(620, 775), exact("611.05", "763.81")]
    transfer_securities(
        source=source, target=target, asset=asset, quantity=Decimal(40), traded_at=at(SOLD), actor=alice
    )
    arrived = Trade.objects.get(portfolio=target)
    assert (arrived.price, arrived.gross) == exact(620, 248)
    assert performance(target, date(2024, 3, 14), SOLD).flows[0].amount == Decimal("310.00")
    assert list(findings()) == []


def test_a_transfer_without_any_close_takes_its_lots_unit_cost_as_quoted(alice: User) -> None:
    make_rate("GBPUSD", {BOUGHT: "1.25"})
    asset = make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01"))
    held = NewInvestment(asset, Decimal(100), unit_cost=Decimal("611.05"), opened_on=BOUGHT)
    portfolio = make_portfolio(alice, investments=[held])
    assert Trade.objects.get().price == Decimal("611.05")
    [shown] = holdings([portfolio])[portfolio.pk]
    assert (shown.price, shown.price_source, shown.value) == (Decimal("611.05"), "trade", Decimal("763.81"))


def test_a_lot_says_what_its_unit_cost_is_in(alice: User) -> None:
    make_rate("GBPUSD", {BOUGHT: "1.25"})
    portfolio, asset = make_portfolio(alice), make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01"))
    buy(portfolio, asset, 100, "611.05", BOUGHT)
    [lot] = client_of(alice).get(f"/api/portfolios/{portfolio.pk}/lots/").json()["results"]
    assert (lot["unit_cost"], lot["quote_currency"]) == ("611.05", "GBX")
    assert (lot["cost"], lot["currency"]) == ("611.05", "GBP")


def test_cash_of_actions_is_in_pounds_beside_closes_in_pence(alice: User) -> None:
    portfolio, asset = made(PENCE, alice)
    terms: dict[str, Any] = {"cash": Decimal("0.25")}
    apply_action(asset=asset, kind="cash_dividend", ex_date=date(2024, 3, 20), actor=None, **terms)

    assert Investment.objects.get(portfolio=portfolio).income == Decimal("150.00")
    adjusted = dict(HistoricValue.objects.filter(asset=asset).values_list("day", "adjusted_close"))
    # 1 − 0.25 / 6.123 on the closes before
    assert adjusted[SOLD] == Decimal("612.3") - 25
    assert adjusted[LAST] == Decimal("618.9")
    with pytest.raises(UnknownCurrency, match="an amount is in GBP") as refused:
        apply_action(asset=asset, kind="cash_dividend", ex_date=date(2024, 3, 21), actor=None, **terms, currency="GBX")
    assert refused.value.field == "currency"


# --- what the currency of a trade says about its price --------------------------------------------------------------


@pytest.fixture
def hsbc(db: None) -> Asset:
    make_rate("GBPUSD", {BOUGHT: "1.25"})
    return make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01"))


@pytest.mark.parametrize(
    ("stated", "price", "stored", "currency", "gross"),
    [
        (None, "623.4", "623.4", "GBP", "6234"),
        ("GBX", "623.4", "623.4", "GBP", "6234"),
        ("GBp", "623.4", "623.4", "GBP", "6234"),
        ("GBP", "6.234", "623.4", "GBP", "6234"),
        ("USD", "7.9512", "795.12", "USD", "7951.2"),
    ],
)
def test_the_currency_of_a_trade_is_that_of_its_price(
    alice: User, hsbc: Asset, stated: str | None, price: str, stored: str, currency: str, gross: str
) -> None:
    client, url = client_of(alice), f"/portfolios/{make_portfolio(alice).pk}/trades/"
    body = {"kind": "buy", "asset": "HSBA", "quantity": "1000", "price": price, "traded_at": f"{BOUGHT}T10:00:00Z"}
    answer = client.post(url, body | ({"currency": stated} if stated else {}))

    assert answer.status_code == 201, answer.content
    shown, trade = answer.json(), Trade.objects.get()
    assert (trade.price, trade.currency, trade.gross) == (Decimal(stored), currency, Decimal(gross))
    assert Lot.objects.get().cost_base == Decimal(gross) * (Decimal("1.25") if currency == "GBP" else 1)
    unit = ("623.4", "GBX") if currency == "GBP" else ("7.9512", "USD")
    assert (shown["price"], shown["currency"], shown["settlement_currency"]) == (*unit, currency)
    again = {name: shown[name] for name in ("quantity", "price", "currency", "fee", "tax", "note")}
    assert client.patch(f"{url}{trade.pk}/", again).json()["id"] == trade.pk, "what is shown means the same again"


def test_a_change_of_a_trade_states_its_price_anew(alice: User, hsbc: Asset) -> None:
    portfolio = make_portfolio(alice)
    trade = buy(portfolio, hsbc, 1000, "623.4", BOUGHT)
    client = client_of(alice)
    url = f"/portfolios/{portfolio.pk}/trades/"
    in_pence = client.patch(f"{url}{trade.pk}/", {"price": "620"}).json()
    assert (in_pence["price"], in_pence["currency"], in_pence["gross"]) == ("620", "GBX", "6200")
    in_pounds = client.patch(f"{url}{in_pence['id']}/", {"price": "6.1", "currency": "GBP"}).json()
    assert (in_pounds["price"], in_pounds["currency"], in_pounds["gross"]) == ("610", "GBX", "6100")


@pytest.mark.parametrize(
    ("asset", "currency", "price", "error", "field"),
    [
        pytest.param({"currency": "USD"}, "GBX", "623", NotQuotedInMinor, "currency", id="pence of a dollar share"),
        pytest.param({"currency": "GBP"}, "GBX", "623", NotQuotedInMinor, "currency", id="a share quoted in pounds"),
        pytest.param(
            {"currency": "GBP", "price_factor": Decimal("0.01"), "type": "bond"},
            "GBX",
            "98.5",
            NotQuotedInMinor,
            "currency",
            id="a bond in percent of par",
        ),
        pytest.param(
            {"currency": "GBP", "price_factor": Decimal("0.01")}, "ZAC", "1", NotQuotedInMinor, "currency", id="other"
        ),
        pytest.param({"currency": "GBP"}, "GBQ", "1", UnknownCurrency, "currency", id="no currency"),
        pytest.param(
            {"currency": "GBP", "price_factor": Decimal("0.01")},
            "GBX",
            "1.12345678901",
            TooManyDecimals,
            "price",
            id="too many decimals",
        ),
    ],
)
def test_a_minor_currency_that_is_not_the_assets_is_refused_by_name(
    alice: User, asset: dict[str, Any], currency: str, price: str, error: type[DomainError], field: str
) -> None:
    make_rate("GBPUSD", {BOUGHT: "1.25"})
    portfolio = make_portfolio(alice)
    with pytest.raises(error) as refused:
        book_trade(
            portfolio=portfolio,
            asset=make_asset("X", **asset),
            kind=TradeKind.BUY,
            quantity=Decimal(1),
            price=Decimal(price),
            currency=currency,
            traded_at=at(BOUGHT),
            actor=alice,
        )
    assert refused.value.field == field
    assert not Trade.objects.exists()


@pytest.mark.parametrize("price", ["1e18", "99999999999999999", "NaN", "1e999999"])
def test_a_price_that_is_too_large_once_it_is_in_pence_is_refused(alice: User, hsbc: Asset, price: str) -> None:
    client: APIClient = client_of(alice)
    body = {"kind": "buy", "asset": "HSBA", "quantity": "1", "price": price, "traded_at": f"{BOUGHT}T10:00:00Z"}
    answer = client.post(f"/portfolios/{make_portfolio(alice).pk}/trades/", body | {"currency": "GBP"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["price"])


def test_a_portfolio_keeps_its_books_in_pounds_not_in_pence(alice: User) -> None:
    answer = client_of(alice).post("/portfolios/", {"name": "P", "base_currency": "GBX"})
    assert answer.status_code == 400
    assert "an amount is in GBP" in str(answer.json()["errors"]["base_currency"])
