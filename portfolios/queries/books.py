"""The books of portfolios, folded from their facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from assets.models import CorporateAction
from assets.queries import RateTable, rates
from portfolios.book.fold import fold_all
from portfolios.book.types import Book, Entry, Rules
from portfolios.models import CostMethodChange, Portfolio
from portfolios.queries.actions import as_booked, concerning, currencies_of, with_linked
from portfolios.queries.facts import BookKey, entries_of


def books_of(
    portfolios: Sequence[Portfolio],
    *,
    asset_ids: Collection[int] | None = None,
    until: date | None = None,
    rules: Mapping[int, Rules] | None = None,
    actions: Sequence[CorporateAction] | None = None,
) -> dict[BookKey, Book]:
    """The books of ``portfolios`` as their facts give them, up to and including ``until``.

    ``asset_ids`` must be closed under the links of corporate actions (see ``with_linked``); None is all.
    ``rules`` (by portfolio id) and ``actions`` replace those that are stored. At most 9 queries. Raises Refused,
    RateMissing.
    """
    entries = entries_of(portfolios, asset_ids=asset_ids, until=until)
    if actions is None:
        actions = with_linked({asset_id for _, asset_id in entries}, until)[1] if entries else []
    rules = rules or rules_of(portfolios)
    table = _table(portfolios, actions)
    books: dict[BookKey, Book] = {}
    by_portfolio: dict[int, dict[int, list[Entry]]] = defaultdict(dict)
    for (portfolio_id, asset_id), found in entries.items():
        by_portfolio[portfolio_id][asset_id] = found
    for portfolio in portfolios:
        own = by_portfolio[portfolio.pk]
        since = {asset_id: min(entry.day for entry in found) for asset_id, found in own.items()}
        applied = [as_booked(action, portfolio.base_currency, table) for action in concerning(actions, since)]
        for asset_id, book in fold_all(own, rules[portfolio.pk], applied).items():
            books[portfolio.pk, asset_id] = book
    return books


def rules_of(portfolios: Sequence[Portfolio]) -> dict[int, Rules]:
    """Portfolio id to how its books are kept; one query."""
    changes: dict[int, list[tuple[date, str]]] = defaultdict(list)
    standing = CostMethodChange.objects.standing().filter(portfolio__in=portfolios)
    for portfolio_id, day, method in standing.order_by("day").values_list("portfolio_id", "day", "method"):
        changes[portfolio_id].append((day, method))
    return {
        portfolio.pk: Rules(portfolio.cost_method, tuple(changes[portfolio.pk]), portfolio.allow_short)
        for portfolio in portfolios
    }


def _table(portfolios: Sequence[Portfolio], actions: Sequence[CorporateAction]) -> RateTable:
    if not actions:
        return RateTable()
    codes = currencies_of(actions) | {portfolio.base_currency for portfolio in portfolios}
    return rates(codes, min(codes))
