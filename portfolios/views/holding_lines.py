"""A holding as a line of a CSV file: what the list shows of it, with all digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from core.api import plain
from core.web import text_cell
from portfolios.queries.holding_list import Listed, sector_of

Cells = dict[str, str]


def _number(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def _fraction(value: float) -> str:
    return f"{value:.6f}"


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def _price(row: Listed) -> Cells:
    holding = row.holding
    day, source = _day(holding.price_day), holding.price_source
    return {"price": _number(holding.price), "price_in": holding.price_unit, "price_day": day, "price_source": source}


def _quantity(row: Listed) -> Cells:
    return {"quantity": plain(row.holding.quantity), "average_cost": plain(row.holding.average_cost)}


def _realised(row: Listed) -> Cells:
    return {"realised_gain": plain(row.holding.realised_gain), "income": plain(row.holding.income)}


def _gain(row: Listed) -> Cells:
    gain, share = row.holding.unrealised_gain, row.holding.unrealised_return
    return {"unrealised_gain": _number(gain), "unrealised_return": _number(share)}


def _trend(row: Listed) -> Cells:
    trend = row.known.trend
    if trend is None:
        return {"trend": "", "trend_since": ""}
    return {"trend": _fraction(trend.change), "trend_since": _day(trend.first)}


def _last_day(row: Listed) -> Cells:
    return {"day_change": _fraction(row.known.trend.day_change) if row.known.trend else ""}


# What each column of the list says, under the names of the file.
CELLS: dict[str, Callable[[Listed], Cells]] = {
    "sector": lambda row: {"sector": text_cell(sector_of(row.holding))},
    "type": lambda row: {"class": row.holding.asset_type},
    "country": lambda row: {"country": text_cell(row.known.country)},
    "currency": lambda row: {"currency": row.holding.currency},
    "quantity": _quantity,
    "price": _price,
    "day": _last_day,
    "trend": _trend,
    "cost": lambda row: {"cost": plain(row.holding.cost), "cost_base": plain(row.holding.cost_base)},
    "value": lambda row: {"value": _number(row.holding.value)},
    "gain": _gain,
    "realised": _realised,
    "weight": lambda row: {"weight": _number(row.holding.weight)},
    "held": lambda row: {"held_since": _day(row.holding.opened_on)},
}
NAMES: dict[str, Sequence[str]] = {
    "type": ("class",),
    "quantity": ("quantity", "average_cost"),
    "price": ("price", "price_in", "price_day", "price_source"),
    "day": ("day_change",),
    "trend": ("trend", "trend_since"),
    "cost": ("cost", "cost_base"),
    "gain": ("unrealised_gain", "unrealised_return"),
    "realised": ("realised_gain", "income"),
    "held": ("held_since",),
}
ALWAYS = ("symbol", "name")


def head(columns: Iterable[str], *, grouped: bool) -> list[str]:
    """The names of the cells that ``lines`` has."""
    first = ["group"] if grouped else []
    return [*first, *ALWAYS, *(name for column in columns for name in NAMES.get(column, (column,))), "base_currency"]


def lines(
    rows: Iterable[tuple[str, Listed]], columns: Sequence[str], base: str, *, grouped: bool
) -> Iterator[list[str]]:
    """One line for each holding with the name of its group. Numbers with all digits, days ISO, shares as fractions."""
    names = head(columns, grouped=grouped)
    for group, row in rows:
        cells = {"group": text_cell(group), "base_currency": base}
        cells |= {"symbol": text_cell(row.holding.symbol), "name": text_cell(row.holding.name)}
        for column in columns:
            cells |= CELLS[column](row)
        yield [cells[name] for name in names]
