"""Accrued interest of trades: paid beside the price, income and no cost, to the cent and over the API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.bonds import BondTerms, DayCount
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_bond, make_rate
from banking.models import CashTransaction, Origin
from core.testing import client_of, owner_of
from portfolios.models import Disposal, Investment, Lot, Portfolio, Trade
from portfolios.queries.income import income
from portfolios.queries.performance import performance
from portfolios.services.coupons import propose_payments
from portfolios.services.proposals import apply_due
from portfolios.services.rebuild import rebuild
from portfolios.services.terms import AccruedNotOfBond
from portfolios.services.trades import replace_trade, restore_trade, void_trade
from portfolios.services.verification import findings
from portfolios.tests.factories import buy, derived_rows, make_portfolio, sell
from portfolios.tests.stories import own_account, rolled_back
from users.models import User

BUND = BondTerms(date(2023, 8, 20), date(2030, 8, 20), Decimal("0.025"), 1, DayCount.THIRTY_E_360)
FIRST = date(2024, 5, 13)
AFTER = datetime(2025, 4, 1, tzinfo=UTC)
BUY = {"kind": "buy", "asset": "UST34", "quantity": "10000", "price": "98.5", "traded_at": "2024-05-15T15:30:00Z"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def treasury(db: None) -> Asset:
    return make_bond(closes={FIRST: "98.50", date(2024, 8, 15): "99.25", date(2025, 3, 3): "100.50"})


@pytest.fixture(params=["tracked", "untracked"])
def portfolio(request: pytest.FixtureRequest, alice: User, treasury: Asset) -> Portfolio:
    return make_portfolio(alice, cash=request.param)


def on(offset: int) -> date:
    return FIRST + timedelta(days=offset)


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_bund_in_a_portfolio_in_dollars_to_the_cent(alice: User, settings: Any) -> None:
    """20,000 bought on 20 May 2024 at 95 and 1.10, a coupon of 500 on 20 August at 1.12, sold at 97 and 1.15."""
    settings.FEED_ACTIONS = "automatic"
    rates = {date(2024, 5, 20): "1.10", date(2024, 8, 20): "1.12", date(2024, 11, 20): "1.15"}
    make_rate("EURUSD", rates)
    bund = make_bond("BUND", terms=BUND, currency="EUR", closes={date(2024, 5, 20): "95", date(2024, 11, 20): "97"})
    portfolio = make_portfolio(alice, cash="tracked")
    bought = buy(portfolio, bund, 20_000, 95, "2024-05-20", fee=Decimal(10))
    sold = sell(portfolio, bund, 20_000, 97, "2024-11-20", fee=Decimal(10))
    propose_payments(datetime(2024, 12, 1, tzinfo=UTC))
    assert apply_due(datetime(2024, 12, 1, tzinfo=UTC)) == 1
    # 270 of 360 days of a coupon of 500, and 90 of 360.
    assert (bought.accrued, sold.accrued) == (375, 125)
    assert (bought.net, bought.settled, bought.cash) == (19_010, 19_385, -19_385)
    assert (sold.net, sold.settled, sold.cash) == (19_390, 19_515, 19_515)
    held = Investment.objects.get()
    assert (held.realised_gain, held.realised_gain_base) == (380, Decimal("1387.50"))  # 22,298.50 − 20,911
    # −375 × 1.10 + 500 × 1.12 + 125 × 1.15
    assert (held.income, held.income_base) == (250, Decimal("291.25"))
    rows = CashTransaction.objects.filter(origin=Origin.TRADE).order_by("booked_on")
    assert [row.amount for row in rows] == [Decimal("-21323.50"), Decimal("22442.25")]
    found = performance(portfolio, date(2024, 5, 19), date(2024, 11, 20)).reconciliation
    assert found.lines["income"] == Decimal("291.25")
    assert found.lines["realised_gains"] == Decimal("1387.50")
    assert found.unexplained == 0
    assert found.end_value == Decimal("1678.75")  # what is left of no money at all
    assert list(findings()) == []


def test_the_day_of_a_purchase_is_worth_its_fee_less(portfolio: Portfolio, treasury: Asset) -> None:
    buy(portfolio, treasury, 10_000, "98.50", "2024-05-15", fee=Decimal(5))
    found = performance(portfolio, date(2024, 5, 14), date(2024, 5, 15))
    flows = sum(flow.amount for flow in found.flows)
    assert found.end.value - flows == -5
    assert found.reconciliation.lines["income"] == Decimal("-98.90")
    [row] = found.holdings
    assert (row.income, row.gain) == (Decimal("-98.90"), -5)
    assert Lot.objects.get().cost == 9_855, "what has accrued is no cost"


def test_what_is_earned_is_a_day_of_interest_for_each_day_held(portfolio: Portfolio, treasury: Asset) -> None:
    buy(portfolio, treasury, 10_000, "98.50", "2024-05-15")
    sell(portfolio, treasury, 10_000, "98.50", "2024-06-05")
    assert Investment.objects.get().income == Decimal("23.08")  # 111/182 × 200 − 90/182 × 200
    found = income(portfolio, None, date(2024, 12, 31))
    assert [(month.month, month.amount) for month in found.months] == [
        (date(2024, 5, 1), Decimal("-98.90")),
        (date(2024, 6, 1), Decimal("121.98")),
    ]
    period = performance(portfolio, date(2024, 5, 14), date(2024, 12, 31))
    assert found.total == period.reconciliation.lines["income"] == Decimal("23.08")


def test_a_short_sale_receives_it_once(alice: User, treasury: Asset) -> None:
    portfolio = make_portfolio(alice, allow_short=True)
    buy(portfolio, treasury, 4_000, "98.50", "2024-05-15")
    sell(portfolio, treasury, 10_000, "98.50", "2024-05-15", traded_at=datetime(2024, 5, 15, 17, tzinfo=UTC))
    assert Investment.objects.get().income == Decimal("98.90") - Decimal("39.56")
    assert performance(portfolio, date(2024, 5, 14), date(2024, 7, 1)).reconciliation.unexplained == 0


def test_on_the_day_of_a_coupon_nothing_has_accrued(portfolio: Portfolio, treasury: Asset) -> None:
    assert buy(portfolio, treasury, 10_000, 99, "2024-08-15").accrued == 0
    assert buy(portfolio, treasury, 10_000, 99, "2024-08-14").accrued == Decimal("198.90")


def test_a_third_currency_takes_the_rate_of_the_day(alice: User, treasury: Asset) -> None:
    make_rate("EURUSD", {FIRST: "1.25"})
    trade = buy(make_portfolio(alice), treasury, 10_000, "80", "2024-05-15", currency="EUR")
    assert trade.accrued == Decimal("79.12")  # 98.9011 / 1.25


def test_a_bond_without_terms_has_what_is_stated(alice: User) -> None:
    bond = make_asset("B1", type="bond", price_factor=Decimal("0.01"))
    portfolio = make_portfolio(alice)
    assert buy(portfolio, bond, 100, 100, "2024-05-15").accrued == 0
    assert buy(portfolio, bond, 100, 100, "2024-05-15", accrued=Decimal("1.25")).accrued == Decimal("1.25")


# --- any books ----------------------------------------------------------------------------------------------------

MOVE = st.tuples(st.integers(0, 320), st.booleans(), st.integers(1, 40), st.integers(9_000, 11_000), st.booleans())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(MOVE, min_size=1, max_size=8),
    tracked=st.booleans(),
    cut=st.tuples(st.integers(-1, 320), st.integers(1, 90)),
)
def test_the_lines_add_up_whatever_is_traded(
    alice: User, moves: list[tuple[int, bool, int, int, bool]], tracked: bool, cut: tuple[int, int]
) -> None:
    def check() -> None:
        make_rate("EURUSD", {on(day): f"{1.1 + day / 2000:.4f}" for day in range(0, 420, 7)})
        bonds = {
            True: make_bond(
                "BUND", terms=BUND, currency="EUR", closes={on(day): 95 + day % 5 for day in range(0, 420, 9)}
            ),
            False: make_bond("UST34", closes={on(day): 97 + day % 4 for day in range(0, 420, 11)}),
        }
        portfolio = make_portfolio(alice, cash="tracked" if tracked else "untracked", allow_short=True)
        if tracked:
            own_account(portfolio, "EUR")
        for day, european, units, price, buying in moves:
            book = buy if buying else sell
            book(portfolio, bonds[european], units * 100, Decimal(price) / 100, on(day), fee=Decimal("1.5"))
        propose_payments(AFTER)
        apply_due(AFTER)
        start, end = on(cut[0]), on(cut[0] + cut[1])
        found = performance(portfolio, start, end)
        assert found.reconciliation.unexplained == 0
        assert income(portfolio, start + timedelta(days=1), end).total == found.reconciliation.lines["income"]
        lines = found.reconciliation.lines
        gains = lines["realised_gains"] + lines["unrealised_gains"] + lines["income"]
        assert sum(row.gain for row in found.holdings) == gains
        assert list(findings()) == []
        before = derived_rows(portfolio)
        rebuild(portfolio)
        assert derived_rows(portfolio) == before

    rolled_back(check)


# --- changes ------------------------------------------------------------------------------------------------------


def test_it_follows_what_it_depends_on(portfolio: Portfolio, treasury: Asset) -> None:
    trade = buy(portfolio, treasury, 10_000, "98.50", "2024-05-15")
    noted = replace_trade(trade=trade, actor=None, note="a")
    assert noted.accrued == Decimal("98.90")
    less = replace_trade(trade=noted, actor=None, quantity=Decimal(5_000))
    assert less.accrued == Decimal("49.45")
    stated = replace_trade(trade=less, actor=None, accrued=Decimal("49.50"))
    assert stated.accrued == Decimal("49.50")
    assert replace_trade(trade=stated, actor=None, price=Decimal(99)).accrued == Decimal("49.50")
    last = Trade.objects.standing().get()
    again = replace_trade(trade=last, actor=None, accrued=None)
    assert again.accrued == Decimal("49.45")
    share = make_asset("AAPL")
    assert replace_trade(trade=again, actor=None, asset=share, accrued=None).accrued == 0


def test_a_void_takes_it_back_and_undo_brings_it_again(portfolio: Portfolio, treasury: Asset) -> None:
    trade = buy(portfolio, treasury, 10_000, "98.50", "2024-05-15")
    before = derived_rows(portfolio)
    void_trade(trade=trade, actor=None)
    assert Investment.objects.filter(portfolio=portfolio).exclude(income=0).count() == 0
    restore_trade(trade=trade, actor=None)
    assert derived_rows(portfolio) == before
    assert list(findings()) == []


def test_the_database_keeps_none_of_a_transfer_and_none_below_zero(portfolio: Portfolio, treasury: Asset) -> None:
    trade = buy(portfolio, treasury, 10_000, "98.50", "2024-05-15")
    for change in ({"accrued": Decimal(-1)}, {"kind": "transfer_in"}):
        with pytest.raises(IntegrityError, match="trade_accrued_paid"), transaction.atomic():
            Trade.objects.filter(pk=trade.pk).update(**change)
    assert Trade.objects.get().accrued == Decimal("98.90")


def test_only_a_bond_has_any(portfolio: Portfolio) -> None:
    with pytest.raises(AccruedNotOfBond):
        buy(portfolio, make_asset("AAPL"), 1, 100, "2024-05-15", accrued=Decimal(1))
    assert not Trade.objects.exists()


# --- over the API and on pages ------------------------------------------------------------------------------------


def post(portfolio: Portfolio, **body: Any) -> Any:
    return client_of(portfolio.owner).post(f"/api/portfolios/{portfolio.pk}/trades/", BUY | body, format="json")


def test_what_was_stated_of_a_bond_without_terms_outlives_a_correction(portfolio: Portfolio) -> None:
    loan, other = (make_asset(symbol, type="bond") for symbol in ("LOAN", "OTHER"))
    trade = buy(portfolio, loan, 100, 100, "2024-05-15", accrued=Decimal(100))
    changes: list[dict[str, Any]] = [
        {"quantity": Decimal(50)},
        {"traded_at": datetime(2024, 5, 16, 15, tzinfo=UTC)},
        {"kind": "sell", "quantity": Decimal(1)},
    ]
    buy(portfolio, loan, 5, 100, "2024-05-14")
    for change in changes:
        trade = replace_trade(trade=trade, actor=None, **change)
        assert trade.accrued == 100
    assert replace_trade(trade=trade, actor=None, accrued=None).accrued == 0
    stated = buy(portfolio, loan, 100, 100, "2024-05-15", accrued=Decimal(100))
    assert replace_trade(trade=stated, actor=None, asset=other).accrued == 0


@pytest.mark.parametrize(("given", "kept"), [({}, "98.9"), ({"accrued": None}, "98.9"), ({"accrued": "0"}, "0")])
def test_the_api_computes_what_is_left_out(portfolio: Portfolio, given: dict[str, Any], kept: str) -> None:
    answer = post(portfolio, **given)
    assert answer.status_code == 201, answer.content
    assert Decimal(answer.json()["accrued"]) == Decimal(kept)
    changed = client_of(portfolio.owner).patch(
        f"/api/portfolios/{portfolio.pk}/trades/{answer.json()['id']}/", {"accrued": "97.5"}, format="json"
    )
    assert Decimal(changed.json()["accrued"]) == Decimal("97.5")


@pytest.mark.parametrize(
    "body",
    [
        {"accrued": "-1"},
        {"accrued": "NaN"},
        {"accrued": "Infinity"},
        {"accrued": "1e400"},
        {"accrued": "1.001"},
        {"accrued": "1e15"},
        {"accrued": []},
        {"accrued": "1", "kind": "transfer_in"},
        {"accrued": "1", "asset": "AAPL"},
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(portfolio: Portfolio, body: dict[str, Any]) -> None:
    make_asset("AAPL")
    answer = post(portfolio, **body)
    assert answer.status_code == 400, answer.content
    assert "accrued" in answer.content.decode()
    assert not Trade.objects.exists()


def test_the_preview_has_it_beside_the_cost(portfolio: Portfolio) -> None:
    url = f"/api/portfolios/{portfolio.pk}/trades/preview/"
    told = client_of(portfolio.owner).post(url, BUY, format="json").json()
    assert (Decimal(told["net"]), Decimal(told["accrued"]), Decimal(told["cash"]["amount"])) == (
        9_850,
        Decimal("98.90"),
        Decimal("-9948.90"),
    )
    assert [Decimal(lot["cost"]) for lot in told["opened"]] == [9_850]


def test_pages_show_it_of_bonds_alone(portfolio: Portfolio, client: Client, treasury: Asset) -> None:
    share = make_asset("AAPL")
    make_bars(share, {FIRST: 100})
    client.force_login(owner_of(portfolio))
    written = {**BUY, "traded_at": "2024-05-15T15:30", "accrued": ""}
    form = client.get(f"/transactions/new/?portfolio={portfolio.pk}&asset=UST34").content.decode()
    assert 'name="accrued"' in form
    assert (
        'name="accrued"' not in client.get(f"/transactions/new/?portfolio={portfolio.pk}&asset=AAPL").content.decode()
    )
    part = f"/transactions/preview/?portfolio={portfolio.pk}"
    live = client.post(part, written).content.decode()
    assert "98.90 USD on 15 May 2024" in live
    assert 'id="entry-accrued"' not in live, "the field that is being written stays"
    assert 'id="entry-accrued"' in client.post(part, written | {"asset": "AAPL"}).content.decode()
    done = client.post(f"/transactions/new/?portfolio={portfolio.pk}", written)
    assert done.status_code == 302, done.content.decode()
    trade = Trade.objects.get()
    assert trade.accrued == Decimal("98.90")
    assert "9,948.90 USD" in client.get(f"/transactions/{trade.pk}/").content.decode()
    assert 'value="98.9"' in client.get(f"/transactions/{trade.pk}/edit/").content.decode()
    listed = client.get(f"/transactions/?portfolio={portfolio.pk}").content.decode()
    assert "and 98.90 interest" in listed


def test_gains_are_without_it(portfolio: Portfolio, treasury: Asset) -> None:
    buy(portfolio, treasury, 10_000, "98.50", "2024-05-15")
    sell(portfolio, treasury, 10_000, "99.50", "2024-06-05")
    assert [(made.proceeds, made.cost) for made in Disposal.objects.all()] == [(9_950, 9_850)]
