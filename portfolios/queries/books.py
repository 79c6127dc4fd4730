"""The books of portfolios, folded from their facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from assets.models import CorporateAction
from assets.queries import RateTable, rates
from portfolios.book.actions import Action
from portfolios.book.fold import fold_all
from portfolios.book.types import Book, Entry, Rules
from portfolios.models import CostMethodChange, Portfolio
from portfolios.queries.actions import as_booked, concerning, currencies_of, with_linked
from portfolios.queries.facts import BookKey, Trial, Trials, entries_of
from portfolios.queries.reading import AS_READ, Reading


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the fold of one portfolio takes: entries by asset, how the books are kept, corporate actions."""

    entries: Mapping[int, Sequence[Entry]]
    rules: Rules
    actions: Sequence[Action]

    def folded(self) -> dict[int, Book]:
        return fold_all(self.entries, self.rules, self.actions)

    def before(self, entry: Entry) -> Inputs:
        """Without ``entry`` and whatever comes after it in the order of booking."""
        return self._while(entry.day, lambda other: other.order < entry.order)

    def through(self, entry: Entry) -> Inputs:
        """Without what comes after ``entry`` in the order of booking."""
        return self._while(entry.day, lambda other: other.order <= entry.order)

    def until(self, day: date) -> Inputs:
        """Without what happened after ``day``; how the books are kept is as it is."""
        kept = self._while(day, lambda entry: entry.day <= day)
        begun = {asset_id: found for asset_id, found in kept.entries.items() if found}
        return replace(kept, entries=begun, rules=self.rules)

    def _while(self, day: date, kept: Callable[[Entry], bool]) -> Inputs:
        entries = {asset_id: [entry for entry in found if kept(entry)] for asset_id, found in self.entries.items()}
        changes = tuple(change for change in self.rules.changes if change[0] <= day)
        actions = [action for action in self.actions if action.day <= day]
        return Inputs(entries, replace(self.rules, changes=changes), actions)


def books_of(
    portfolios: Sequence[Portfolio],
    *,
    asset_ids: Collection[int] | None = None,
    until: date | None = None,
    actions: Sequence[CorporateAction] | None = None,
) -> dict[BookKey, Book]:
    """The books of ``portfolios`` as their facts give them, up to and including ``until``.

    ``asset_ids`` must be closed under the links of corporate actions (see ``with_linked``); None is all.
    ``actions`` replace those that are stored. At most 9 queries. Raises Refused, RateMissing.
    """
    found = inputs_of(portfolios, asset_ids=asset_ids, until=until, actions=actions)
    return {
        (portfolio_id, asset_id): book
        for portfolio_id, inputs in found.items()
        for asset_id, book in inputs.folded().items()
    }


def books_on(portfolio: Portfolio, days: Collection[date]) -> dict[date, dict[BookKey, Book]]:
    """The books at the close of each of ``days``, from facts that are read once; at most 9 queries.

    Raises as ``books_of`` does.
    """
    inputs = inputs_of([portfolio], until=max(days))[portfolio.pk]
    return {
        day: {(portfolio.pk, asset_id): book for asset_id, book in inputs.until(day).folded().items()}
        for day in set(days)
    }


def inputs_of(
    portfolios: Sequence[Portfolio],
    *,
    asset_ids: Collection[int] | None = None,
    until: date | None = None,
    actions: Sequence[CorporateAction] | None = None,
    trial: Trial | Trials | None = None,
    reading: Reading = AS_READ,
) -> dict[int, Inputs]:
    """Portfolio id to what its fold takes; arguments as those of ``books_of``, and a ``trial`` of one of them."""
    entries = entries_of(portfolios, asset_ids=asset_ids, until=until, trial=trial, reading=reading)
    if actions is None:
        actions = with_linked({asset_id for _, asset_id in entries}, until)[1] if entries else []
    rules = rules_of(portfolios)
    table = reading.rates(_table(portfolios, actions))
    by_portfolio: dict[int, dict[int, list[Entry]]] = defaultdict(dict)
    for (portfolio_id, asset_id), found in entries.items():
        by_portfolio[portfolio_id][asset_id] = found
    made: dict[int, Inputs] = {}
    for portfolio in portfolios:
        own = by_portfolio[portfolio.pk]
        since = {asset_id: min(entry.day for entry in found) for asset_id, found in own.items()}
        applied = [as_booked(action, portfolio.base_currency, table) for action in concerning(actions, since)]
        made[portfolio.pk] = Inputs(own, rules[portfolio.pk], reading.actions(applied))
    return made


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
