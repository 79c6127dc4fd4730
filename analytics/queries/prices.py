"""The prices of one asset as arrays, and the trades that a portfolio made of it."""

from __future__ import annotations

from datetime import date

import numpy as np
from django.db.models import FloatField
from django.db.models.functions import Cast, Coalesce

from analytics.accrual import total_return_closes
from analytics.charts import DayArray, FloatArray
from assets.models import Asset, HistoricValue
from assets.queries import bond_terms
from core.arrays import EpochDay, records
from portfolios.models import Portfolio, Trade

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
