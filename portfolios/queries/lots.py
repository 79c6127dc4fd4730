"""The lots of a day in the past, folded from the facts as they stand now."""

from __future__ import annotations

from datetime import date

from assets.models import Asset
from portfolios.models import Lot, Portfolio
from portfolios.queries.books import books_of


def lots_on(portfolio: Portfolio, day: date) -> list[Lot]:
    """The lots that were open at the close of ``day``, oldest first, not stored; at most 10 queries."""
    books = {asset_id: book for (_, asset_id), book in books_of([portfolio], until=day).items()}
    assets = Asset.objects.in_bulk(books)
    lots = [
        Lot(
            portfolio=portfolio,
            asset=assets[asset_id],
            opened_by_id=lot.opened_by,
            sequence=lot.sequence,
            opened_on=lot.opened_on,
            opened_quantity=lot.opened_quantity,
            quantity=lot.quantity,
            cost=lot.cost,
            cost_base=lot.cost_base,
            actions=list(lot.actions),
        )
        for asset_id, book in books.items()
        for lot in book.lots
        if lot.quantity
    ]
    return sorted(lots, key=lambda lot: (lot.opened_on, lot.opened_by_id, lot.sequence))
