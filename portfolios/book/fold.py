"""The fold: a portfolio's trades and the corporate actions, in their order, become lots, disposals and positions.

A portfolio's derived rows are this function of its facts and nothing else, so they can be
dropped and rebuilt at any time. The same facts give the same books in whatever order they
arrive; only facts that are equal in day, time, sequence and external id go by insertion.

A day begins with a change of the cost method, then come its actions, then its trades.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import localcontext
from functools import partial
from operator import attrgetter

from portfolios.book.actions import Action, apply
from portfolios.book.ledger import Ledger
from portfolios.book.types import Book, Entry, Rules
from portfolios.book.value import books_context

Event = tuple[date, Callable[[], None]]


def fold(entries: Iterable[Entry], rules: Rules | str, actions: Iterable[Action] = ()) -> Book:
    """Fold the trades of one asset in one portfolio; ``rules`` may be just the cost method's name.

    Raises a Refused: ShortSale where a sale takes more than is held at its place in the order,
    PickUncovered, PicksNotAllowed or TransferAltered.
    """
    rules = Rules(rules) if isinstance(rules, str) else rules
    found = list(entries)
    actions = list(actions)
    asset = actions[0].asset if actions else 0
    return fold_all({asset: found}, rules, actions).get(asset, Book())


def fold_all(entries: Mapping[int, Iterable[Entry]], rules: Rules, actions: Iterable[Action] = ()) -> dict[int, Book]:
    """Fold the trades of several assets (asset to entries) together, as a spin-off or merger links them.

    Returns the book of each asset that ever had a unit. Raises as ``fold`` does.
    """
    with localcontext(books_context()), collector_paused():
        ledgers = Ledgers(rules)
        events = iter(ledgers.events(actions))
        due = next(events, None)
        for asset, entry in in_order(entries):
            while due is not None and due[0] <= entry.day:
                due[1]()
                due = next(events, None)
            ledgers.of(asset).apply(entry)
        while due is not None:
            due[1]()
            due = next(events, None)
        return ledgers.close()


@contextmanager
def collector_paused() -> Iterator[None]:
    """A fold makes many objects and no cycles: looking for some among them would take a third of its time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


class Ledgers:
    """The ledgers of one portfolio's assets, all kept by the method that is in force."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._method = rules.method
        self._ledgers: dict[int, Ledger] = {}

    def of(self, asset: int) -> Ledger:
        ledger = self._ledgers.get(asset)
        if ledger is None:
            ledger = self._ledgers[asset] = Ledger(self._method, allow_short=self._rules.allow_short)
        return ledger

    def events(self, actions: Iterable[Action]) -> list[Event]:
        """What happens at the start of days, in its order: changes of the method first."""
        changes = [(day, partial(self._switch, method)) for day, method in self._rules.changes]
        applied = [(action.day, partial(apply, action, self.of)) for action in sorted(actions, key=attrgetter("order"))]
        return sorted([*changes, *applied], key=lambda event: event[0])  # stable

    def _switch(self, method: str) -> None:
        if method == self._method:
            return
        self._method = method
        for ledger in self._ledgers.values():
            ledger.longs.switch(method)

    def close(self) -> dict[int, Book]:
        return {asset: ledger.close() for asset, ledger in self._ledgers.items() if ledger.since is not None}


def in_order(entries: Mapping[int, Iterable[Entry]]) -> list[tuple[int, Entry]]:
    """Every entry with its asset, in the order of booking."""
    pairs = [(asset, entry) for asset, found in entries.items() for entry in found]
    pairs.sort(key=lambda pair: pair[1].order)
    return pairs
