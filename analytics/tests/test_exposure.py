"""What is held today on its own history: weights, returns in the base currency, and what is missing by name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.engine import InsufficientData
from analytics.exposure import NothingHeld, NoWeights
from analytics.queries import exposure, exposures
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Section
from banking.services.transactions import book_cash
from core.testing import owner_of
from portfolios.models import Portfolio
from portfolios.services.portfolios import attach_account
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2022, 6, 30))


def moving(symbol: str, seed: int, start: int = 0) -> Asset:
    asset = make_asset(symbol)
    moves = np.random.default_rng(seed).normal(0.0005, 0.015, len(SESSIONS) - start)
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[start])
    return asset


def funded(owner: User, name: str = "Growth") -> Portfolio:
    portfolio = make_portfolio(owner, name, cash="tracked")
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, booked_on=SESSIONS[0], amount=Decimal(2000), section=Section.TRANSFER, actor=owner)
    return portfolio


@pytest.fixture
def growth(alice: User) -> Portfolio:
    portfolio = funded(alice)
    buy(portfolio, moving("AAPL", 1), 10, 100, SESSIONS[0])
    buy(portfolio, moving("MSFT", 2, start=20), 5, 100, SESSIONS[25])
    return portfolio


def closes(symbol: str) -> np.ndarray:
    return np.array([float(bar.close) for bar in Asset.objects.get(symbol=symbol).history.order_by("day")])


def test_weights_are_shares_of_everything_owned(growth: Portfolio) -> None:
    found = exposure(growth)

    aapl, msft = closes("AAPL")[-1] * 10, closes("MSFT")[-1] * 5
    cash = 2000 - 10 * 100 - 5 * 100
    total = aapl + msft + cash
    assert [position.symbol for position in found.positions] == ["AAPL", "MSFT"]
    np.testing.assert_allclose(found.weights, [aapl / total, msft / total], rtol=1e-12)
    assert found.cash_weight == pytest.approx(cash / total)
    assert found.weights.sum() + found.cash_weight == pytest.approx(1)
    assert found.total_value == sum(position.value for position in found.positions) + cash
    assert found.as_of == SESSIONS[-1]


def test_returns_begin_when_the_youngest_has_one(growth: Portfolio) -> None:
    found = exposure(growth)

    assert (found.start, found.end, found.periods) == (SESSIONS[21], SESSIONS[-1], 252)
    np.testing.assert_allclose(found.returns[:, 0], np.diff(closes("AAPL"))[20:] / closes("AAPL")[20:-1], rtol=1e-12)
    np.testing.assert_allclose(found.portfolio_returns, found.returns @ found.weights)
    assert exposure(growth, window=40).start == SESSIONS[-40]


def test_another_currency_moves_with_its_rate(alice: User) -> None:
    portfolio = make_portfolio(alice, base_currency="EUR")
    make_rate("EURUSD", {day: f"{1 + place / 500:.4f}" for place, day in enumerate(SESSIONS)})
    buy(portfolio, moving("AAPL", 1), 10, 100, SESSIONS[0], exchange_rate=Decimal(1))

    found = exposure(portfolio)

    rates = np.array([float(bar.close) for bar in Asset.objects.get(symbol="EURUSD").history.order_by("day")])
    euros = closes("AAPL") / rates
    np.testing.assert_allclose(found.returns[:, 0], euros[1:] / euros[:-1] - 1, rtol=1e-9)
    assert found.currency == "EUR"


def test_foreign_cash_is_known_by_currency(growth: Portfolio) -> None:
    make_rate("EURUSD", dict.fromkeys(SESSIONS, "1.2"))
    account = Account.objects.create(owner=growth.owner, name="Euros", currency="EUR")
    attach_account(portfolio=growth, account=account, actor=growth.owner)
    book_cash(
        account=account, booked_on=SESSIONS[0], amount=Decimal(-100), section=Section.TRANSFER, actor=growth.owner
    )

    found = exposure(growth)

    [euros] = found.cash
    total = float(found.total_value)
    assert (euros.currency, euros.weight) == ("EUR", pytest.approx(-120 / total))
    assert found.cash_weight == pytest.approx((500 - 120) / total)
    assert found.weights.sum() + found.cash_weight == pytest.approx(1)


def test_as_of_knows_nothing_later(growth: Portfolio) -> None:
    found = exposure(growth, as_of=SESSIONS[60])

    assert (found.as_of, found.end) == (SESSIONS[60], SESSIONS[60])
    assert found.positions[0].value == Decimal(str(closes("AAPL")[60])) * 10


def test_the_asset_with_too_short_a_history_is_named(growth: Portfolio) -> None:
    buy(growth, moving("NEW", 3, start=len(SESSIONS) - 13), 1, 100, SESSIONS[-1])

    with pytest.raises(InsufficientData, match="NEW: needs 30 days, has 12"):
        exposure(growth)


def test_nothing_held_and_no_price_say_so(alice: User) -> None:
    empty, unpriced = make_portfolio(alice, "Empty"), make_portfolio(alice, "Unpriced", base_currency="CHF")
    buy(unpriced, moving("AAPL", 1), 1, 100, SESSIONS[0], exchange_rate=Decimal(1))

    found = exposures([empty, unpriced])

    assert isinstance(found[empty.pk], NothingHeld)
    assert isinstance(found[unpriced.pk], NoWeights)


def test_as_many_queries_for_many(growth: Portfolio, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    others = [funded(owner_of(growth), f"P{place}") for place in range(4)]
    for other in others:
        buy(other, Asset.objects.get(symbol="AAPL"), 1, 100, SESSIONS[0])
    exposure(growth)  # publishes the panel

    with django_assert_max_num_queries(15):
        assert len(exposures([growth, *others])) == 5
