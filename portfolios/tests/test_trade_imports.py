"""Files of trades: instruments found or made, everything booked together, and out again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from assets.models import Asset
from assets.tests.factories import make_asset, make_exchange
from banking.models import CashTransaction
from banking.services.accounts import open_account
from banking.services.imports import request_commit
from banking.statements.trades import COLUMNS
from portfolios.models import Disposal, Investment, Portfolio, PortfolioAccount, Trade
from portfolios.services.portfolios import create_portfolio
from portfolios.services.trades import void_trade
from portfolios.tests.factories import sell
from portfolios.tests.test_imports import book, errors, step, undo, upload
from users.models import User

pytestmark = pytest.mark.django_db
HEADER = ",".join(COLUMNS)
ISIN = "US0378331005"


def line(**given: str) -> str:
    cells = {"account_ref": "depot", "trade_time": "2024-05-01T15:30:00Z", "symbol": "AAPL", "side": "BUY"}
    cells |= {"qty": "10", "price": "100", "currency": "USD"}
    return ",".join((cells | given).get(name, "") for name in COLUMNS)


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make(alice)


def make(owner: User, ref: str = "depot", **given: Any) -> Portfolio:
    portfolio = create_portfolio(owner=owner, name="Growth", base_currency="USD", **given)
    if given.get("cash") == "tracked":
        account = portfolio.portfolio_accounts.get().account
        account.iban = ref
        account.save()
    else:
        account = open_account(holder=owner, name="Depot", actor=owner, currency="USD", kind="brokerage", iban=ref)
        PortfolioAccount.objects.get_or_create(portfolio=portfolio, account=account)
    return portfolio


def trades(user: User, *lines: str) -> Any:
    return book(user, *lines, header=HEADER)


def test_trades_are_booked_with_their_instruments(alice: User, portfolio: Portfolio) -> None:
    apple = make_asset("AAPL", isin=ISIN)
    batch = upload(
        alice,
        line(isin=ISIN, symbol="APPLE", external_id="1", fees="4.95"),
        line(symbol="NEW", qty="3", price="7.5", external_id="2"),
        line(symbol="AAPL", side="SELL", qty="4", price="120", trade_time="2024-05-02T15:30:00Z", external_id="3"),
        header=HEADER,
    )
    assert (batch.state, batch.kind, batch.new, errors(batch)) == ("ready", "trades", 3, {})
    assert list(batch.names.missing().values_list("name", "kind")) == [("NEW", "instrument")]
    assert not Asset.objects.filter(symbol="NEW").exists()

    batch = trades(alice, *[line(isin=ISIN, symbol="APPLE", external_id="1", fees="4.95")])
    assert Trade.objects.get().fee == Decimal("4.95")
    done = trades(
        alice,
        line(isin=ISIN, symbol="APPLE", external_id="1", fees="4.95"),
        line(symbol="NEW", qty="3", price="7.5", external_id="2"),
        line(symbol="AAPL", side="SELL", qty="4", price="120", trade_time="2024-05-02T15:30:00Z", external_id="3"),
    )
    assert (done.new, done.known) == (2, 1)
    held = dict(Investment.objects.values_list("asset__symbol", "quantity"))
    assert held == {"AAPL": 6, "NEW": 3}
    first = Trade.objects.get(external_id="1")
    assert (first.asset, first.traded_at, first.batch_line) == (apple, datetime(2024, 5, 1, 15, 30, tzinfo=UTC), 2)
    assert Disposal.objects.count() == 1


def test_tracked_cash_moves(alice: User) -> None:
    make(alice, "tracked", cash="tracked")
    make_asset("AAPL")
    batch = trades(alice, line(account_ref="tracked"))
    assert CashTransaction.objects.get().amount == -1000
    undo(batch, alice)
    assert not CashTransaction.objects.exists()


def test_a_time_without_a_zone_is_that_of_the_exchange(alice: User, portfolio: Portfolio) -> None:
    make_asset("AAPL", exchange=make_exchange())
    trades(alice, line(trade_time="2024-05-01T09:30:00"), line(symbol="NEW", trade_time="2024-05-01T09:30:00"))
    times = dict(Trade.objects.values_list("asset__symbol", "traded_at"))
    assert times["NEW"] == datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
    zone = Asset.objects.get(symbol="AAPL").exchange
    assert zone is not None
    assert times["AAPL"] == datetime(2024, 5, 1, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"account_ref": "nobody"}, "no IBAN or alias"),
        ({"account_ref": "plain"}, "open a portfolio with it first"),
        ({"isin": "US0378331006"}, "not an ISIN"),
        ({"symbol": "MSFT", "isin": "US5949181045"}, "has the ISIN US0000000002, not US5949181045"),
        ({"symbol": "a b"}, "cannot be added"),
        ({"symbol": "NEW", "currency": "XYZ"}, "not the ISO 4217 code"),
        ({"side": "SHORT"}, "not BUY or SELL"),
        ({"side": "SELL"}, "qty: "),
        ({"qty": "0"}, "qty: This must be more than 0"),
        ({"qty": "1e3"}, "plain number"),
        ({"fees": "1.005"}, "fees: At most 2 decimals"),
        ({"trade_time": "2999-01-01T00:00:00Z"}, "trade_time: It is"),
        ({"trade_time": "2024-05-01"}, "not a moment"),
        ({"symbol": ""}, "both missing"),
    ],
)
def test_wrong_trades_are_named(alice: User, portfolio: Portfolio, row: dict[str, str], text: str) -> None:
    make_asset("AAPL")
    make_asset("MSFT", isin="US0000000002")
    open_account(holder=alice, name="Plain", actor=alice, currency="USD", kind="brokerage", iban="plain")
    batch = upload(alice, line(symbol="MSFT"), line(**row), header=HEADER)
    assert (batch.state, list(errors(batch))) == ("failed", [3])
    assert text in errors(batch)[3]
    assert not Trade.objects.exists()


def test_a_file_that_is_read_again_adds_nothing(alice: User, portfolio: Portfolio) -> None:
    lines = [line(external_id="1"), line(), line(), line(symbol="NEW")]
    first = trades(alice, *lines)
    again = trades(alice, *lines)
    assert (again.new, again.known, Trade.objects.count()) == (0, 4, 4)
    void_trade(trade=Trade.objects.get(external_id="1"), actor=alice)
    assert trades(alice, *lines, line()).new == 1
    undo(first, alice)
    assert trades(alice, *lines).new == 3  # one of the equal ones came with the third file
    assert Trade.objects.standing().count() == 4


def test_what_was_sold_since_cannot_be_undone(alice: User, portfolio: Portfolio) -> None:
    apple = make_asset("AAPL")
    batch = trades(alice, line())
    later = sell(portfolio, apple, 4, 120, "2024-06-03")
    kept = undo(batch, alice)
    assert (kept.state, "The sale of 4 AAPL on 2024-06-03" in kept.message) == ("committed", True)
    assert Trade.objects.standing().count() == 2
    void_trade(trade=later, actor=alice)
    assert undo(batch, alice).state == "undone"
    assert not Trade.objects.standing().exists()
    assert not Investment.objects.exclude(quantity=0).exists()


def test_a_portfolio_that_one_may_only_see(alice: User, bob: User, portfolio: Portfolio) -> None:
    batch = upload(alice, line(), header=HEADER)
    Portfolio.objects.update(owner=bob)
    done = step(request_commit(batch=batch, actor=alice))
    assert (done.state, "no longer one of a portfolio" in done.message) == ("failed", True)
    assert not Trade.objects.exists()
