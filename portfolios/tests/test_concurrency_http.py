"""Many clients of a running server on one portfolio: every request is answered, and none with a fault of the server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.models import Sum
from pytest_django.live_server_helper import LiveServer

from assets.models import Asset
from assets.tests.factories import make_asset
from banking.models import CashTransaction
from core.testing import PASSWORD, make_user
from portfolios.models import Disposal, Investment, Portfolio, Trade
from portfolios.services import verification
from portfolios.services.rebuild import rebuild
from portfolios.tests.factories import buy, derived_rows, make_portfolio

CLIENTS = 10
BUY, SELL = {"kind": "buy", "price": "100"}, {"kind": "sell", "price": "110"}


@dataclass(frozen=True)
class Api:
    """alice's way to her portfolio: one connection for each request."""

    host: str
    portfolio: Portfolio
    asset: Asset
    token: str = ""

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection(self.host, timeout=60)
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()

    def trade(self, terms: dict[str, str], quantity: int) -> Callable[[], int]:
        body = terms | {"asset": "AAPL", "quantity": str(quantity), "traded_at": "2024-02-01T15:30:00Z"}
        return lambda: self.send("POST", f"/api/portfolios/{self.portfolio.pk}/trades/", body)[0]

    def void(self, trade: Trade) -> Callable[[], int]:
        return lambda: self.send("DELETE", f"/api/portfolios/{self.portfolio.pk}/trades/{trade.pk}/")[0]


@pytest.fixture
def api(live_server: LiveServer) -> Api:
    portfolio = make_portfolio(make_user("alice"), cash="tracked")
    api = Api(urlsplit(live_server.url).netloc, portfolio, make_asset("AAPL"))
    status, body = api.send("POST", "/api/auth/token", {"username": "alice", "password": PASSWORD})
    assert status == 200
    return replace(api, token=body["access_token"])


def at_once(requests: Sequence[Callable[[], int]]) -> Counter[int]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(lambda request: request(), requests))


def bought(api: Api, quantity: int) -> Trade:
    return buy(api.portfolio, api.asset, quantity, 100, "2024-01-10")


def held(api: Api) -> Decimal:
    """What is held, after everything that can be checked was."""
    assert list(verification.findings()) == []
    before = derived_rows(api.portfolio)
    rebuild(api.portfolio)
    assert derived_rows(api.portfolio) == before
    held = Investment.objects.first()  # none where the only trade is void
    return held.quantity if held else Decimal(0)


def test_of_fifty_sales_at_once_thirty_are_booked(api: Api) -> None:
    bought(api, 30)

    assert at_once([api.trade(SELL, 1)] * 50) == {201: 30, 400: 20}
    assert held(api) == 0
    assert Disposal.objects.aggregate(Sum("quantity"))["quantity__sum"] == 30
    assert Trade.objects.count() == CashTransaction.objects.count() == 31


def test_opposite_trades_at_once_are_all_booked(api: Api) -> None:
    bought(api, 20)

    assert at_once([api.trade(BUY, 1), api.trade(SELL, 1)] * 10) == {201: 20}
    assert held(api) == 20
    assert sum(CashTransaction.objects.values_list("amount", flat=True)) == -2000 - 10 * 100 + 10 * 110


def test_a_void_against_sales_leaves_the_one_or_the_other(api: Api) -> None:
    for _ in range(3):
        trade = bought(api, 10)
        statuses = at_once([api.void(trade), *[api.trade(SELL, 10)] * 3])

        # Either the void came first, and no sale has anything to sell; or one sale did, and nothing else may follow.
        assert statuses in ({204: 1, 400: 3}, {201: 1, 400: 3})
        assert held(api) == 0
