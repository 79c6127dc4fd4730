"""Portfolios and trades for the tests of every app, booked through the services."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from assets.models import Asset
from portfolios.models import Portfolio, Trade, TradeKind
from portfolios.services.derivations import DERIVED
from portfolios.services.portfolios import create_portfolio
from portfolios.services.trades import NewTrade, book_trade
from users.models import User

Number = str | int | Decimal


def at(day: str | date, clock: str = "15:30") -> datetime:
    """An instant of that day in UTC."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=UTC)


def exact(*values: Number) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, values))


def make_portfolio(owner: User, name: str = "Growth", **values: Any) -> Portfolio:
    return create_portfolio(owner=owner, name=name, **values)


def new_trade(
    kind: TradeKind, asset: Asset, quantity: Number, price: Number, day: str | date, **values: Any
) -> NewTrade:
    instant = values.pop("traded_at", None) or at(day)
    return NewTrade(
        asset=asset, kind=kind, quantity=Decimal(quantity), price=Decimal(price), traded_at=instant, **values
    )


def buy(portfolio: Portfolio, asset: Asset, quantity: Number, price: Number, day: str | date, **values: Any) -> Trade:
    return _book(portfolio, TradeKind.BUY, asset, quantity, price, day, values)


def sell(portfolio: Portfolio, asset: Asset, quantity: Number, price: Number, day: str | date, **values: Any) -> Trade:
    return _book(portfolio, TradeKind.SELL, asset, quantity, price, day, values)


def _book(
    portfolio: Portfolio,
    kind: TradeKind,
    asset: Asset,
    quantity: Number,
    price: Number,
    day: str | date,
    values: dict[str, Any],
) -> Trade:
    return book_trade(
        portfolio=portfolio,
        asset=asset,
        kind=kind,
        quantity=Decimal(quantity),
        price=Decimal(price),
        traded_at=values.pop("traded_at", None) or at(day),
        actor=values.pop("actor", portfolio.owner),
        **values,
    )


def derived_rows(portfolio: Portfolio) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is derived for a portfolio, without the rows' own ids: equal after any rebuild."""
    return {
        model.__name__: sorted(
            model._default_manager.filter(portfolio=portfolio).values_list(*_columns(model)), key=repr
        )
        for model in DERIVED
    }


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if not field.primary_key]
