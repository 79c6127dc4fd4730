"""How the prices of many assets moved of late, read from the price panel at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from assets.panel import open_panel
from assets.sparkline import line_of

CLOSES = 90
WITHIN = timedelta(days=140)  # in which markets that close at weekends have so many
WIDTH, HEIGHT, EDGE = 178, 40, 3  # of the box that the line is drawn in


@dataclass(frozen=True, slots=True)
class Trend:
    """The last closes of an asset, adjusted for splits and dividends, at most ``CLOSES`` of them.

    ``change`` and ``day_change`` are fractions: of the last close over the first, and over the one before it.
    ``points`` is the line as SVG writes it.
    """

    first: date
    last: date
    closes: int
    change: float
    day_change: float
    points: str


def trends(asset_ids: Collection[int], until: date | None = None) -> dict[int, Trend]:
    """By asset id, up to the close of ``until`` (the newest); one query, and those of a panel that lags.

    What has fewer than two closes of late is not in the answer.
    """
    if not asset_ids:
        return {}
    panel, wanted = open_panel(), np.array(sorted(asset_ids), dtype=np.int64)
    if not len(panel.days):
        return {}
    days = _days(panel.days, until)
    places = panel.rows(wanted)
    found = {}
    for asset_id, place in zip(wanted[places >= 0].tolist(), places[places >= 0], strict=True):
        trend = _trend(panel.days[days], panel.adjusted[place, days])
        if trend:
            found[asset_id] = trend
    return found


def _days(days: NDArray[np.datetime64], until: date | None) -> slice:
    """Where the days of the last closes stand in the panel."""
    last: date = until or days[-1].astype("datetime64[D]").item()
    begin = int(np.searchsorted(days, np.datetime64(last - WITHIN)))
    return slice(begin, int(np.searchsorted(days, np.datetime64(last), side="right")))


def _trend(days: NDArray[np.datetime64], closes: NDArray[np.float64]) -> Trend | None:
    known = np.flatnonzero(np.isfinite(closes) & (closes > 0))[-CLOSES:]
    if len(known) < 2:
        return None
    values = [float(value) for value in closes[known]]
    return Trend(
        first=days[known[0]].astype("datetime64[D]").item(),
        last=days[known[-1]].astype("datetime64[D]").item(),
        closes=len(values),
        change=values[-1] / values[0] - 1,
        day_change=values[-1] / values[-2] - 1,
        points=line_of(values, WIDTH, HEIGHT, EDGE),
    )
