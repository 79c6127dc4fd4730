"""Writing what follows from the trades: lots, disposals, investments. By difference, so a booking touches few rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Manager

from core.errors import DomainError
from core.fields import MONEY_LIMIT, QUANTITY_LIMIT
from portfolios.book.fold import fold
from portfolios.book.types import Book, Position
from portfolios.models import Disposal, Investment, Lot, Portfolio
from portfolios.queries import entries_of

BATCH = 500
LOT = ["asset_id", "opened_on", "opened_quantity", "quantity", "cost", "cost_base"]
DISPOSAL = ["asset_id", "opened_on", "closed_on", "quantity", "proceeds", "cost", "proceeds_base", "cost_base"]
DISPOSAL += ["price_gain"]
INVESTMENT = ["quantity", "cost", "cost_base", "realised_gain", "realised_gain_base", "first_traded_on"]

Key = tuple[Any, ...]
Rows = dict[Key, tuple[Any, ...]]


class PositionTooLarge(DomainError):
    """The position would become larger than the books keep."""


def refold(portfolio: Portfolio, asset_ids: Collection[int]) -> None:
    """Fold these assets' trades anew and bring the derived rows in line.

    The number of queries does not depend on how many assets or trades there are, up to
    batches of 500 written rows. The caller holds the portfolio's lock. Raises ShortSale.
    """
    entries = entries_of([portfolio], asset_ids=asset_ids)
    books = {asset_id: fold(found, portfolio.cost_method) for (_, asset_id), found in entries.items()}
    for book in books.values():
        _check_size(book.position)
    of_assets = {"portfolio": portfolio, "asset__in": asset_ids}
    _write(Lot.objects, portfolio, of_assets, ["opened_by_id", "sequence"], LOT, _lots(books))
    _write(
        Disposal.objects, portfolio, of_assets, ["trade_id", "opened_by_id", "sequence"], DISPOSAL, _disposals(books)
    )
    _write(Investment.objects, portfolio, of_assets, ["asset_id"], INVESTMENT, _investments(books))


def _lots(books: Mapping[int, Book]) -> Rows:
    return {
        lot.key: (asset_id, lot.opened_on, lot.opened_quantity, lot.quantity, lot.cost, lot.cost_base)
        for asset_id, book in books.items()
        for lot in book.lots
    }


def _disposals(books: Mapping[int, Book]) -> Rows:
    return {
        (made.closed_by, made.opened_by, made.sequence): (
            asset_id,
            made.opened_on,
            made.closed_on,
            made.quantity,
            made.proceeds,
            made.cost,
            made.proceeds_base,
            made.cost_base,
            made.price_gain,
        )
        for asset_id, book in books.items()
        for made in book.disposals
    }


def _investments(books: Mapping[int, Book]) -> Rows:
    return {(asset_id,): tuple(getattr(book.position, name) for name in INVESTMENT) for asset_id, book in books.items()}


def _write(
    rows: Manager[Any],
    portfolio: Portfolio,
    scope: Mapping[str, Any],
    key: Sequence[str],
    columns: Sequence[str],
    wanted: Rows,
) -> None:
    """Make the rows within ``scope`` equal to ``wanted``: key values to column values."""
    stored: dict[Key, tuple[int, tuple[Any, ...]]] = {}
    for pk, *values in rows.filter(**scope).values_list("pk", *key, *columns):
        stored[tuple(values[: len(key)])] = (pk, tuple(values[len(key) :]))
    _delete(rows, [pk for found, (pk, _) in stored.items() if found not in wanted])
    new = [
        rows.model(portfolio=portfolio, **dict(zip(key, found, strict=True)), **dict(zip(columns, values, strict=True)))
        for found, values in wanted.items()
        if found not in stored or stored[found][1] != values
    ]
    rows.bulk_create(
        new,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=_names(["portfolio_id", *key] if rows.model is Investment else key),
        update_fields=_names(columns),
    )


def _names(columns: Iterable[str]) -> list[str]:
    return [column.removesuffix("_id") for column in columns]


def _delete(rows: Manager[Any], ids: Sequence[int]) -> None:
    for start in range(0, len(ids), BATCH):
        rows.filter(pk__in=ids[start : start + BATCH]).delete()


def _check_size(position: Position) -> None:
    if position.quantity >= QUANTITY_LIMIT:
        raise PositionTooLarge(field="quantity")
    amounts = (position.cost, position.cost_base, position.realised_gain, position.realised_gain_base)
    if any(abs(amount) >= MONEY_LIMIT for amount in amounts) or not all(map(Decimal.is_finite, amounts)):
        raise PositionTooLarge(field="price")
