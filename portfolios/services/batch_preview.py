"""What several purchases and sales would do together, before they are booked. Nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portfolios.book.types import Book, Refused
from portfolios.models import Disposal, Portfolio, Trade
from portfolios.queries import with_linked
from portfolios.queries.books import inputs_of
from portfolios.queries.facts import TRIAL, Trials
from portfolios.services.derivations import check_sizes, derived
from portfolios.services.drafting import Draft, drafted
from portfolios.services.refusals import broken
from portfolios.services.settlement import check_digits
from portfolios.services.terms import NewTrade


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """``trades`` are rows that are not stored, in the order of the terms; ``taken`` is what each of them realises."""

    trades: tuple[Trade, ...]
    taken: tuple[tuple[Disposal, ...], ...]


def preview_trades(portfolio: Portfolio, new: Sequence[NewTrade], now: datetime) -> BatchPreview:
    """What booking ``new`` at once would do; transfers are not foreseen here. A fixed number of queries.

    Raises what booking raises; an error's field begins with the trade's position among ``trades``.
    """
    if not new:
        return BatchPreview((), ())
    draft = drafted(portfolio, new, actor=None, now=now, where=lambda position: f"trades.{position}.")
    for place, trade in enumerate(draft.trades):
        trade.pk = TRIAL + place
    books = _folded(portfolio, draft)
    check_sizes(books)
    taken: dict[int, list[Disposal]] = {trade.pk: [] for trade in draft.trades}
    actions = with_linked(books)[1]
    for _model, rows in derived(portfolio, books, actions):
        for row in rows:
            check_digits(row)
            if isinstance(row, Disposal) and row.trade_id in taken:
                taken[row.trade_id].append(row)
    return BatchPreview(tuple(draft.trades), tuple(tuple(found) for found in taken.values()))


def _folded(portfolio: Portfolio, draft: Draft) -> dict[int, Book]:
    """The books of the assets that the draft concerns, with it in them."""
    scope, actions = with_linked({trade.asset_id for trade in draft.trades})
    trials = Trials(draft.trades, draft.picks)
    inputs = inputs_of([portfolio], asset_ids=scope, actions=actions, trial=trials)[portfolio.pk]
    try:
        return inputs.folded()
    except Refused as error:
        if error.entry.key >= TRIAL:
            error.field = f"trades.{error.entry.key - TRIAL}.{error.field}"
            raise
        raise broken(error) from error
