"""The prices of one asset as arrays, and the trades that a portfolio made of it."""

from __future__ import annotations

from datetime import date

import numpy as np
from django.db.models import FloatField
from django.db.models.functions import Cast, Coalesce

from analytics.accrual import total_return_closes
from analytics.charts import DayArray, FloatArray
from assets.models import ActionProposal, Announced, Asset, CorporateAction, HistoricValue
from assets.models.action import MULTIPLYING
from assets.queries import bond_terms
from core.arrays import EpochDay, records
from portfolios.models import Entitlement, Portfolio, Trade

COLUMNS = [("day", "i8"), ("close", "f8"), ("adjusted", "f8")]


def adjusted_closes(asset: Asset, until: date) -> tuple[DayArray, FloatArray]:
    """Days ascending and the adjusted close of each (the close itself where nothing adjusts it); one query.

    One more for a bond: its closes have the interest that had accrued, and its coupons taken from them.
    """
    price, close = Cast(Coalesce("adjusted_close", "close"), FloatField()), Cast("close", FloatField())
    bars = HistoricValue.objects.filter(asset=asset, day__lte=until).order_by("day")
    columns = bars.annotate(epoch=EpochDay("day"), raw=close, price=price).values_list("epoch", "raw", "price")
    rows = records(columns, COLUMNS)
    days, closes, adjusted = rows["day"].astype("datetime64[D]"), rows["close"], np.ascontiguousarray(rows["adjusted"])
    terms = bond_terms([asset]).get(asset.pk)
    return days, adjusted if terms is None else total_return_closes(terms, days, closes, adjusted)


def trades_until(portfolio: Portfolio, asset: Asset, until: date) -> list[Trade]:
    """The standing trades up to ``until``, each with its asset, the oldest first; one query."""
    trades = Trade.objects.standing().filter(portfolio=portfolio, asset=asset, day__lte=until)
    of_asset = ("asset__currency", "asset__price_factor", "asset__type")
    columns = ("day", "kind", "quantity", "price", "currency", "asset", *of_asset)
    return list(trades.select_related("asset").only(*columns).in_booking_order())


def events_until(portfolio: Portfolio, asset: Asset, until: date) -> tuple[list[Entitlement], list[CorporateAction]]:
    """The dividends that the portfolio got of the asset, and its splits, with ex-dates up to ``until``; 2 queries."""
    dividends = Entitlement.objects.filter(portfolio=portfolio, asset=asset, ex_date__lte=until)
    splits = CorporateAction.objects.standing().filter(asset=asset, kind__in=MULTIPLYING, ex_date__lte=until)
    return list(dividends.order_by("ex_date", "pk")), list(splits.order_by("ex_date", "pk"))


def due_payments(portfolio: Portfolio, asset: Asset, day: date) -> list[Entitlement]:
    """What went ex by ``day`` and is paid later, the next first; one query."""
    found = Entitlement.objects.filter(portfolio=portfolio, asset=asset, ex_date__lte=day, pay_date__gt=day)
    return list(found.select_related("action").order_by("pay_date", "pk"))


def announced(asset: Asset, day: date) -> list[Announced]:
    """The cash that feeds announced to go ex after ``day`` and nobody refused, the next first; one query."""
    return ActionProposal.objects.filter(asset=asset, ex_date__gt=day).announced()
