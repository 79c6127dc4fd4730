"""The prices of one asset as arrays, and the trades that a portfolio made of it."""

from __future__ import annotations

from datetime import date

import numpy as np
from django.db.models import FloatField
from django.db.models.functions import Cast, Coalesce

from analytics.charts import DayArray, FloatArray
from assets.models import Asset, HistoricValue
from core.arrays import EpochDay, records
from portfolios.models import Portfolio, Trade

COLUMNS = [("day", "i8"), ("close", "f8")]


def adjusted_closes(asset: Asset, until: date) -> tuple[DayArray, FloatArray]:
    """Days ascending and the adjusted close of each (the close itself where nothing adjusts it); one query."""
    price = Cast(Coalesce("adjusted_close", "close"), FloatField())
    bars = HistoricValue.objects.filter(asset=asset, day__lte=until).order_by("day")
    rows = records(bars.annotate(epoch=EpochDay("day"), price=price).values_list("epoch", "price"), COLUMNS)
    return rows["day"].astype("datetime64[D]"), np.ascontiguousarray(rows["close"])


def trades_until(portfolio: Portfolio, asset: Asset, until: date) -> list[Trade]:
    """The standing trades up to ``until``, each with its asset, the oldest first; one query."""
    trades = Trade.objects.standing().filter(portfolio=portfolio, asset=asset, day__lte=until)
    of_asset = ("asset__currency", "asset__price_factor", "asset__type")
    columns = ("day", "kind", "quantity", "price", "currency", "asset", *of_asset)
    return list(trades.select_related("asset").only(*columns).in_booking_order())
