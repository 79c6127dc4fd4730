"""Balances over time as a chart draws them. Pure: days and exact amounts in, plain data out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

POINTS = 500
TABLE_ROWS = 40
Balances = Sequence[tuple[date, Decimal]]


@dataclass(frozen=True, slots=True)
class BalanceChart:
    """``json`` is what static/charts.js draws; ``rows`` the same as a table, the newest first."""

    json: dict[str, Any]
    rows: Balances
    first: tuple[date, Decimal]
    last: tuple[date, Decimal]
    lowest: tuple[date, Decimal]


def balance_chart(balances: Balances, currency: str, digits: int, name: str = "Balance") -> BalanceChart:
    """The chart of at least one day, in ``currency`` with ``digits`` decimals; its line is called ``name``."""
    drawn = _thinned(balances)
    values = [float(balance) for _, balance in drawn]
    series = {"name": name, "role": "portfolio", "area": True, "values": values}
    json = {
        "unit": "money",
        "currency": currency,
        "digits": digits,
        "scale": False,
        "clock": False,
        "days": [day.isoformat() for day, _ in drawn],
        "series": [series],
        "marks": [],
    }
    lowest = min(balances, key=lambda row: row[1])
    return BalanceChart(json, _spaced(balances)[::-1], balances[0], balances[-1], lowest)


def _thinned(balances: Balances) -> Balances:
    """At most about 500 days: both ends, and the lowest and the highest of each of equal stretches."""
    if len(balances) <= POINTS:
        return balances
    size = -(-len(balances) // (POINTS // 2 - 1))
    kept = {balances[0], balances[-1]}
    for place in range(0, len(balances), size):
        stretch = balances[place : place + size]
        kept |= {min(stretch, key=lambda row: row[1]), max(stretch, key=lambda row: row[1])}
    return sorted(kept)


def _spaced(balances: Balances) -> list[tuple[date, Decimal]]:
    """At most 40 evenly spaced days, both ends included."""
    count = min(TABLE_ROWS, len(balances))
    if count == 1:
        return [balances[0]]
    return [balances[round(place * (len(balances) - 1) / (count - 1))] for place in range(count)]
