"""Sums that the database makes are those of exact decimals, on each database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db.models import F, IntegerField, Value

from assets.models import Asset
from assets.tests.factories import make_asset
from core.money import MINOR_UNITS, total
from portfolios.book.value import gross_amount
from portfolios.models import Portfolio, Trade, TradeKind
from portfolios.queries.exact_sums import SumOfRounded, minor_digits
from portfolios.tests.factories import at, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db

# Ties, products that are no float, amounts that floats lose beside each other.
PAIRS = [
    *(("1", "0.005"), ("3", "0.335"), ("1", "2.675"), ("7", "1.005"), ("0.1", "0.25"), ("0.0000000001", "1")),
    *(("99999999.99", "9999999.5"), ("0.3", "0.1"), ("1", "0.015"), ("123456789", "1.0000001"), ("5", "0.001")),
]


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice)


def stored(portfolio: Portfolio, asset: Asset, currency: str) -> None:
    """Trades as rows: what is summed does not depend on how they were booked."""
    Trade.objects.bulk_create(
        Trade(
            portfolio=portfolio,
            asset=asset,
            kind=TradeKind.BUY,
            quantity=Decimal(quantity),
            price=Decimal(price),
            currency=currency,
            fee=Decimal("0.1"),
            traded_at=at("2024-01-03"),
            day=date(2024, 1, 3),
        )
        for quantity, price in PAIRS
    )


@pytest.mark.parametrize("currency", ["USD", "JPY", "BHD"])
@pytest.mark.parametrize("factor", ["1", "0.01"])
def test_gross_amounts_add_up_as_decimals_do(portfolio: Portfolio, currency: str, factor: str) -> None:
    asset = make_asset("AAPL", currency=currency)
    Asset.objects.filter(pk=asset.pk).update(price_factor=Decimal(factor))
    stored(portfolio, asset, currency)
    gross = SumOfRounded(minor_digits("currency"), F("quantity"), F("price"), F("asset__price_factor"))
    found = Trade.objects.order_by().values_list("currency").annotate(worth=gross)
    amounts = [gross_amount(Decimal(units), Decimal(price), currency, Decimal(factor)) for units, price in PAIRS]
    assert [(code, Decimal(text)) for code, text in found] == [(currency, total(amounts))]


def test_a_sum_of_one_column_has_no_error_of_floats(portfolio: Portfolio) -> None:
    stored(portfolio, make_asset("AAPL"), "USD")
    fees = SumOfRounded(Value(4, IntegerField()), F("fee"))
    assert Decimal(Trade.objects.aggregate(fees=fees)["fees"]) == Decimal("0.1") * len(PAIRS)


def test_nothing_has_no_sum(portfolio: Portfolio) -> None:
    fees = SumOfRounded(Value(4, IntegerField()), F("exchange_rate"))
    assert Trade.objects.aggregate(fees=fees)["fees"] is None
    stored(portfolio, make_asset("AAPL"), "USD")
    assert Trade.objects.aggregate(fees=fees)["fees"] is None  # no row of them has a rate


def test_every_currency_has_its_own_decimals(portfolio: Portfolio) -> None:
    asset = make_asset("AAPL")
    for currency in MINOR_UNITS:
        Trade(
            portfolio=portfolio,
            asset=asset,
            kind=TradeKind.BUY,
            quantity=Decimal(1),
            price=Decimal("1.23456"),
            currency=currency,
            traded_at=at("2024-01-03"),
            day=date(2024, 1, 3),
        ).save()
    found = dict(
        Trade.objects.order_by().values_list("currency").annotate(of=SumOfRounded(minor_digits("currency"), F("price")))
    )
    assert {code: -int(Decimal(text).as_tuple().exponent) for code, text in found.items()} == MINOR_UNITS
