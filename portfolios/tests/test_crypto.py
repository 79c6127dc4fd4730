"""Coins in the books: small parts of one, bought on a Sunday."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assets.tests.factories import make_asset, make_exchange
from portfolios.models import Investment
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db


def test_ten_decimals_of_a_coin_are_kept(alice: User) -> None:
    market = make_exchange("CRYPTO", calendar="24/7", time_zone="UTC")
    coin = make_asset("BTC-USD", type="crypto", exchange=market)
    portfolio = make_portfolio(alice)
    buy(portfolio, coin, Decimal("0.1234567891"), Decimal("67512.12345678"), "2024-06-02")
    sell(portfolio, coin, Decimal("0.0000000001"), Decimal("67512.12345678"), "2024-06-02")
    held = Investment.objects.get()
    assert (held.quantity, held.cost) == (Decimal("0.123456789"), Decimal("8334.83"))
