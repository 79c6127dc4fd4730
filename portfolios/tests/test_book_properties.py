"""What must hold for random sequences of trades and corporate actions, by every method, long and short."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolios.book.actions import Action
from portfolios.book.fold import fold_all
from portfolios.book.lots import PRIORITIES
from portfolios.book.types import Book, Entry, EntryKind, Refused, Rules
from portfolios.tests.books import acted, bought, moved_out, sold

START = date(2020, 1, 1)
ASSET, CHILD = 0, 1
METHODS = sorted(PRIORITIES)
quantities = st.decimals(min_value=Decimal("0.01"), max_value=10**5, places=2)
amounts = st.decimals(min_value=0, max_value=10**6, places=2)

History = tuple[dict[int, list[Entry]], list[Action]]


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


@st.composite
def actions(draw: Any, number: int) -> Action:
    kind = draw(st.sampled_from(["split", "reverse_split", "stock_dividend", "spin_off", "return_of_capital"]))
    lieu = draw(st.sampled_from([None, 7]))
    ratio = draw(st.sampled_from(["2", "3", "1.5"]))
    terms: dict[str, dict[str, Any]] = {
        "split": {"ratio": ratio, "cash_in_lieu": lieu},
        "reverse_split": {"ratio": 1, "per": ratio, "cash_in_lieu": lieu},
        "stock_dividend": {"ratio": "0.05", "cash_in_lieu": lieu},
        "spin_off": {"ratio": 1, "per": 2, "target": CHILD, "basis_share": "0.3", "cash_in_lieu": lieu},
        "return_of_capital": {"cash": draw(st.sampled_from(["0.5", "900"]))},
    }
    return acted(kind, day(number), asset=ASSET, **terms[kind])


@st.composite
def histories(draw: Any) -> History:
    """Trades of one asset and actions that change what is held of it and of another; some may be refused."""
    entries: list[Entry] = []
    applied: list[Action] = []
    for number in range(draw(st.integers(1, 10))):
        kind = draw(st.sampled_from(["buy", "buy", "sell", "out", "action"]))
        quantity, amount, base = draw(quantities), draw(amounts), draw(amounts)
        if kind == "action":
            applied.append(draw(actions(number)))
        elif kind == "out":
            entries.append(moved_out(day(number), quantity))
        else:
            make = bought if kind == "buy" else sold
            entries.append(
                make(day(number), quantity, amount, base=base, rate="0.9")
                if make is sold
                else bought(day(number), quantity, amount, base=base)
            )
    return {ASSET: entries}, applied


@st.composite
def rules(draw: Any) -> Rules:
    changes = draw(
        st.lists(st.tuples(st.integers(0, 10), st.sampled_from(METHODS)), max_size=2, unique_by=lambda c: c[0])
    )
    dated = tuple(sorted((START + timedelta(days=number), method) for number, method in changes))
    return Rules(draw(st.sampled_from(METHODS)), dated, allow_short=draw(st.booleans()))


def total(values: Any) -> Decimal:
    return sum(values, Decimal(0))


def kept(history: History, under: Rules) -> tuple[dict[int, list[Entry]], dict[int, Book]]:
    """The history without the trades that the books refuse, and its books."""
    entries = {asset: list(found) for asset, found in history[0].items()}
    while True:
        try:
            return entries, fold_all(entries, under, history[1])
        except Refused as error:
            entries[ASSET].remove(error.entry)


@settings(max_examples=200, deadline=None)
@given(histories(), rules())
def test_holdings_are_the_sum_of_lots_and_long_and_short_never_stand_together(history: History, under: Rules) -> None:
    _, books = kept(history, under)

    for book in books.values():
        quantities_left = [lot.quantity for lot in book.lots if lot.quantity]
        assert book.position.quantity == total(quantities_left)
        assert all(q > 0 for q in quantities_left) or all(q < 0 for q in quantities_left)
        assert len({lot.key for lot in book.lots}) == len(book.lots)
        if not quantities_left:
            assert book.position.cost == book.position.cost_base == 0


@settings(max_examples=200, deadline=None)
@given(histories(), rules())
def test_no_money_is_lost_or_made(history: History, under: Rules) -> None:
    """What was paid less what was brought and given back is what is open, departed and realised, in both currencies."""
    entries, books = kept(history, under)
    bought_for = total(entry.amount for entry in entries[ASSET] if entry.kind == EntryKind.BUY)
    sold_for = total(entry.amount for entry in entries[ASSET] if entry.kind == EntryKind.SELL)
    paid_out = total(due.gross for book in books.values() for due in book.entitlements)
    open_cost = total(book.position.cost for book in books.values())
    left = total(part.cost for book in books.values() for part in book.departures)
    gains = total(book.position.realised_gain for book in books.values())

    assert bought_for - sold_for - paid_out == open_cost + left - gains


@settings(max_examples=100, deadline=None)
@given(histories(), rules())
def test_the_same_in_the_base_currency(history: History, under: Rules) -> None:
    entries, books = kept(history, under)
    flows = {EntryKind.BUY: 1, EntryKind.SELL: -1, EntryKind.TRANSFER_OUT: 0}
    net = total(entry.amount_base * flows[entry.kind] for entry in entries[ASSET])
    paid_out = total(due.gross for book in books.values() for due in book.entitlements)  # actions are in the base
    open_cost = total(book.position.cost_base for book in books.values())
    left = total(part.cost_base for book in books.values() for part in book.departures)
    gains = total(book.position.realised_gain_base for book in books.values())

    assert net - paid_out == open_cost + left - gains


@settings(max_examples=100, deadline=None)
@given(histories(), rules(), st.randoms(use_true_random=False))
def test_insertion_order_does_not_matter(history: History, under: Rules, shuffler: random.Random) -> None:
    entries, books = kept(history, under)
    shuffled, mixed = list(entries[ASSET]), list(history[1])
    shuffler.shuffle(shuffled)
    shuffler.shuffle(mixed)

    assert fold_all({ASSET: shuffled}, under, mixed) == books
