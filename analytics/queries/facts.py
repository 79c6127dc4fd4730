"""The facts of a chunk of portfolios as arrays.

This is the one door from Decimal to float: what passes it never comes back as money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np
from django.db.models import Case, F, FloatField, IntegerField, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from analytics.market import CONTINUOUS, AssetFacts, Market
from analytics.performance import BUY, CASH, SELL, TRADE, TRANSFER_IN, TRANSFER_OUT, Inputs, PortfolioFacts
from analytics.queries.actions import Action, actions_of, changed_units, due_cash, splits_of
from analytics.queries.cash import account_cash
from analytics.queries.versions import stale, with_versions
from assets.bonds import BondTerms
from assets.models import Asset, AssetType, Bond, PriceBasis
from assets.panel import open_panel
from core.arrays import EpochDay, among, records
from portfolios.models import CashSetting, Portfolio, Trade, TradeKind

TERMS = [field.name for field in fields(BondTerms)]
UNKNOWN = -1.0  # stands for an exchange rate that the broker did not give: arrays know no NULL


def inputs(portfolio_ids: Iterable[int], *, only_stale: bool = False, as_of: date | None = None) -> Inputs:
    """The facts of a chunk of portfolios, up to and including ``as_of`` if it is given.

    At most 9 queries, and those that a price panel needs that lags. The versions are
    read before everything else, so they can only be older than the facts: at worst the portfolio is computed once too
    often.
    """
    chosen = Portfolio.objects.filter(pk__in=among(portfolio_ids))
    portfolios = _portfolio_facts(stale(chosen) if only_stale else with_versions(chosen))
    if not portfolios:
        return Inputs([], np.empty(0, TRADE), np.empty(0, CASH), _market(as_of, _asset_facts(), []))
    trades = _trades(portfolios, as_of)
    actions = actions_of(trades, as_of)
    cash = np.concatenate([account_cash(portfolios, as_of), due_cash(portfolios, as_of)])
    assets = _asset_facts()  # later than what names them
    trades = _in_money(trades, assets)
    trades = np.concatenate([changed_units(trades, actions), trades])
    return Inputs(portfolios, trades, cash, _market(as_of, assets, actions))


def _portfolio_facts(portfolios: QuerySet[Any]) -> list[PortfolioFacts]:
    rows = portfolios.order_by("pk").values_list(
        "pk", "version", "accounts_version", "price_version", "base_currency", "benchmark_id", "cash", "created_at"
    )
    return [PortfolioFacts._make([*facts, cash == CashSetting.TRACKED, at.date()]) for *facts, cash, at in rows]


def _trades(portfolios: Sequence[PortfolioFacts], as_of: date | None) -> NDArray[np.void]:
    """Standing trades in the order of booking, portfolio by portfolio: an index has them so, which spares the database
    most of the sorting. SQL turns decimals and days to numbers, which takes a third of the time
    of making Decimals and dates of them."""
    standing = Trade.objects.standing().filter(portfolio__in=among([portfolio.pk for portfolio in portfolios]))
    standing = standing.filter(day__lte=as_of) if as_of else standing
    kind = Case(
        When(kind=TradeKind.BUY, then=BUY),
        When(kind=TradeKind.SELL, then=SELL),
        When(kind=TradeKind.TRANSFER_OUT, then=TRANSFER_OUT),
        default=TRANSFER_IN,
        output_field=IntegerField(),
    )
    costs = F("fee") + F("tax")
    paid = Case(  # a sale brings accrued interest: there it is less to pay
        When(kind=TradeKind.SELL, then=Cast(costs - F("accrued"), FloatField())),
        default=Cast(costs + F("accrued"), FloatField()),
    )
    columns = standing.in_booking_order("portfolio_id").values_list(
        "portfolio_id",
        "asset_id",
        kind,
        EpochDay(F("day")),
        _float("quantity"),
        _float("price"),
        "currency",
        paid,
        Coalesce(_float("exchange_rate"), Value(UNKNOWN)),
        Value(0),
    )
    trades = records(columns, TRADE)
    trades["row"] = np.searchsorted([portfolio.pk for portfolio in portfolios], trades["row"])
    trades["rate"][trades["rate"] == UNKNOWN] = np.nan
    trades["external"] = ~np.array([portfolio.tracked for portfolio in portfolios], bool)[trades["row"]]
    return trades


def _float(column: str) -> Cast:
    return Cast(column, FloatField())


def _in_money(trades: NDArray[np.void], assets: Mapping[int, AssetFacts]) -> NDArray[np.void]:
    """``trades`` with prices that are what one unit cost in the trade's currency, however their asset is quoted."""
    for asset in np.unique(trades["asset"]).tolist():
        factor = assets[asset].price_factor
        if factor != 1:
            trades["price"][trades["asset"] == asset] *= float(factor)
    return trades


def market_on(as_of: date | None = None) -> Market:
    """Every asset's prices up to ``as_of``, adjusted closes among them, without the splits that raw closes need.

    One query, and those that a price panel needs that lags.
    """
    return _market(as_of, _asset_facts(), [])


def _market(as_of: date | None, assets: Mapping[int, AssetFacts], actions: Sequence[Action]) -> Market:
    panel = open_panel()
    until = len(panel.days) if as_of is None else int(np.searchsorted(panel.days, np.datetime64(as_of), side="right"))
    closes, adjusted = panel.closes[:, :until], panel.adjusted[:, :until]
    return Market(panel.days[:until], panel.asset_ids, closes, adjusted, assets, splits_of(actions))


def _asset_facts() -> dict[int, AssetFacts]:
    """Asset id to its facts, the terms of bonds among them; one query."""
    calendar = Case(
        When(type=AssetType.CRYPTO, then=Value(CONTINUOUS)), default=Coalesce(F("exchange__calendar"), Value(""))
    )
    columns = ("pk", "symbol", "currency", calendar, "type", "price_factor", "price_basis")
    rows: QuerySet[Any, Any] = Asset.objects.order_by("pk").values_list(*columns, *(f"bond__{name}" for name in TERMS))
    return {row[0]: AssetFacts._make([*row[:4], row[4] == AssetType.FX, row[5], _terms(*row[6:])]) for row in rows}


def _terms(basis: str, issued: date | None, *others: Any) -> BondTerms | None:
    """None for what is no bond, or has its income in its closes."""
    if issued is None or basis == PriceBasis.TOTAL_RETURN:
        return None
    return Bond.terms_of(issued, *others)
