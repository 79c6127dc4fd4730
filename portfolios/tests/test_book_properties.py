"""What must hold for random sequences of trades and corporate actions, by every method, long and short."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolios.book.actions import Action
from portfolios.book.fold import fold_all
from portfolios.book.types import ActionKind, Book, BroughtLot, Departure, Disposal, Entry, EntryKind, OpenLot, Rules
from portfolios.tests.histories import (
    METHODS,
    START,
    Entries,
    History,
    all_of,
    histories,
    kept,
    rules,
    total,
    with_picks,
)

CAME, WENT = (EntryKind.BUY, EntryKind.TRANSFER_IN), (EntryKind.SELL, EntryKind.TRANSFER_OUT)
LOT_METHODS = [method for method in METHODS if method != "average"]  # a pool forgets whose units it has
MULTIPLYING = (ActionKind.SPLIT, ActionKind.REVERSE_SPLIT, ActionKind.STOCK_DIVIDEND)
checked = settings(max_examples=80, deadline=None)


# --- quantities ---------------------------------------------------------------------------------------------------


@checked
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


@checked
@given(histories(), rules())
def test_holdings_are_what_trades_and_actions_leave(history: History, under: Rules) -> None:
    entries, books = kept(history, under)

    expected = replayed(entries, history.actions)
    assert {asset: book.position.quantity for asset, book in books.items()} == {
        asset: expected[asset] for asset in books
    }
    assert all(asset in books for asset, quantity in expected.items() if quantity)


def replayed(entries: Entries, actions: list[Action]) -> dict[int, Decimal]:
    """Quantities by asset without any lot: a running number each, to 10 decimals."""
    held: dict[int, Decimal] = defaultdict(Decimal)
    traded = [(asset, entry) for asset, found in entries.items() for entry in found]
    due = sorted(actions, key=lambda action: action.order)
    for asset, entry in sorted(traded, key=lambda pair: pair[1].order):
        while due and due[0].day <= entry.day:
            act(held, due.pop(0))
        held[asset] += entry.quantity if entry.kind in CAME else -entry.quantity
    for action in due:
        act(held, action)
    return held


def act(held: dict[int, Decimal], action: Action) -> None:
    ratio = action.per + action.ratio if action.kind == ActionKind.STOCK_DIVIDEND else action.ratio
    units = (held[action.asset] * ratio / action.per).quantize(Decimal("1e-10"), ROUND_HALF_UP)
    if action.cash_in_lieu is not None:
        units = units.to_integral_value(ROUND_DOWN)
    if action.kind in MULTIPLYING:
        held[action.asset] = units
    elif action.target is not None:
        held[action.target] += units
    if action.kind == ActionKind.MERGER:
        held[action.asset] = Decimal(0)


# --- amounts ------------------------------------------------------------------------------------------------------


@checked
@given(histories(), rules())
def test_no_money_is_lost_or_made(history: History, under: Rules) -> None:
    """What was paid and brought, less what was given back, is what is open, departed and realised; both currencies."""
    entries, books = kept(history, under)
    dividends = {action.key for action in history.actions if action.kind == ActionKind.CASH_DIVIDEND}
    paid_out = total(due.gross for b in books.values() for due in b.entitlements if due.action not in dividends)
    for suffix in ("", "_base"):
        amount, cost = f"amount{suffix}", f"cost{suffix}"
        bought_for = total(getattr(entry, amount) for entry in all_of(entries, EntryKind.BUY))
        sold_for = total(getattr(entry, amount) for entry in all_of(entries, EntryKind.SELL))
        brought = total(getattr(lot, cost) for entry in all_of(entries, EntryKind.TRANSFER_IN) for lot in entry.lots)
        open_cost = total(getattr(book.position, cost) for book in books.values())
        left = total(getattr(part, cost) for book in books.values() for part in book.departures)
        gains = total(getattr(book.position, f"realised_gain{suffix}") for book in books.values())

        assert bought_for + brought - sold_for - paid_out == open_cost + left - gains


@checked
@given(histories(), rules(LOT_METHODS, short=False), st.data())
def test_what_a_purchase_cost_is_found_again_to_the_last_cent(
    history: History, under: Rules, data: st.DataObject
) -> None:
    """The slices of an opening trade, in every asset that actions took them to, and what is open add up to its cost."""
    actions = [action for action in history.actions if action.kind != ActionKind.RETURN_OF_CAPITAL]
    picking = History(with_picks(history.entries, under, data), actions)
    entries, books = kept(picking, under)

    found: dict[int, Decimal] = defaultdict(Decimal)
    for book in books.values():
        parts: list[OpenLot | Disposal | Departure] = [*book.lots, *book.disposals, *book.departures]
        for part in parts:
            found[part.opened_by] += part.cost
    for entry in all_of(entries, *CAME):
        cost = total(lot.cost for lot in entry.lots) if entry.lots else entry.amount
        assert found[entry.key] == cost


@checked
@given(histories(), rules(), st.data())
def test_every_sale_is_wholly_disposed_of(history: History, under: Rules, data: st.DataObject) -> None:
    """Its slices have its quantity and its proceeds; where it goes beyond zero, the rest is a short lot."""
    entries, books = kept(History(with_picks(history.entries, under, data), history.actions), under)

    for asset, found in entries.items():
        for entry in found:
            if entry.kind not in WENT:
                continue
            book = books[asset]
            sold = [made for made in book.disposals if made.closed_by == entry.key and not made.by_action]
            left = [part for part in book.departures if part.left_by == entry.key]
            parts: list[Disposal | Departure] = [*sold, *left]
            taken = total(part.quantity for part in parts)
            assert taken <= entry.quantity
            assert taken == entry.quantity or under.allow_short
            if taken == entry.quantity and entry.kind == EntryKind.SELL:
                assert total(made.proceeds for made in sold) == entry.amount
                assert total(made.proceeds_base for made in sold) == entry.amount_base
            picked = {pick.opened_by: pick.quantity for pick in entry.picks}
            for key, quantity in picked.items():
                assert total(part.quantity for part in parts if part.opened_by == key) >= quantity


@checked
@given(histories(), rules())
def test_one_closing_of_one_lot_is_one_disposal(history: History, under: Rules) -> None:
    """The stored rows are told apart by these keys: two of one name would become one."""
    _, books = kept(history, under)

    for book in books.values():
        closings = [(m.by_action, m.closed_by, m.opened_by, m.sequence, m.short) for m in book.disposals]
        departures = [(part.left_by, part.opened_by, part.sequence) for part in book.departures]
        dues = [due.action for due in book.entitlements]
        for names in (closings, departures, dues):
            assert len(set(names)) == len(names)


@checked
@given(histories(), rules())
def test_a_gain_is_its_price_part_and_its_currency_part(history: History, under: Rules) -> None:
    _, books = kept(history, under)

    for book in books.values():
        for made in book.disposals:
            assert made.price_gain + made.currency_gain == made.gain_base == made.proceeds_base - made.cost_base
            assert made.opened_on <= made.closed_on


# --- order and time -----------------------------------------------------------------------------------------------


@checked
@given(histories(), rules(), st.randoms(use_true_random=False))
def test_insertion_order_does_not_matter(history: History, under: Rules, shuffler: random.Random) -> None:
    entries, books = kept(history, under)
    shuffled = {asset: shuffler.sample(found, len(found)) for asset, found in reversed(entries.items())}
    mixed = shuffler.sample(history.actions, len(history.actions))

    assert fold_all(shuffled, under, mixed) == books


@checked
@given(histories(), rules(), st.integers(0, 6))
def test_what_was_closed_by_a_day_does_not_depend_on_what_came_later(history: History, under: Rules, cut: int) -> None:
    """A day's books are the beginning of a later day's: disposals stand, whatever method or action follows."""
    entries, books = kept(history, under)
    day = START + timedelta(days=cut)
    sooner = {asset: [entry for entry in found if entry.day <= day] for asset, found in entries.items()}
    until = replace(under, changes=tuple(change for change in under.changes if change[0] <= day))

    then = fold_all(sooner, until, [action for action in history.actions if action.day <= day])

    for asset, book in then.items():
        later = books[asset]
        assert later.disposals[: len(book.disposals)] == book.disposals
        assert all(made.closed_on > day for made in later.disposals[len(book.disposals) :])
        assert later.departures[: len(book.departures)] == book.departures
        assert later.entitlements[: len(book.entitlements)] == book.entitlements


# --- long and short -----------------------------------------------------------------------------------------------


@checked
@given(histories(kinds=("buy", "buy", "sell", "action")))
def test_a_short_position_is_a_long_one_with_every_sign_turned(history: History) -> None:
    """Who sold short what the other bought owes what the other has, and loses what the other gains."""
    entries, longs = kept(history, Rules("fifo"))
    shorts = fold_all(turned(entries), Rules("fifo", allow_short=True), history.actions)

    assert shorts.keys() == longs.keys()
    for asset, book in longs.items():
        assert figures(shorts[asset]) == [-figure for figure in figures(book)]


def turned(entries: Entries) -> Entries:
    other = {EntryKind.BUY: EntryKind.SELL, EntryKind.SELL: EntryKind.BUY}
    return {asset: [replace(entry, kind=other[entry.kind]) for entry in found] for asset, found in entries.items()}


def figures(book: Book) -> list[Decimal]:
    held = book.position
    lots = [figure for lot in book.lots for figure in (lot.quantity, lot.cost, lot.cost_base)]
    gains = [figure for made in book.disposals for figure in (made.gain, made.gain_base, made.price_gain)]
    dues = [figure for due in book.entitlements for figure in (due.gross, due.withholding, due.income)]
    return [held.quantity, held.cost, held.realised_gain, held.realised_gain_base, held.income, *lots, *gains, *dues]


@checked
@given(histories(kinds=("buy", "buy", "action", "out")), rules(short=False))
def test_what_leaves_arrives_with_the_same_lots(history: History, under: Rules) -> None:
    """A transfer out whose lots are known folds the same with them stated; with others it is refused."""
    entries, books = kept(history, under)
    stated = {
        asset: [replace(entry, lots=brought(books[asset], entry)) for entry in found]
        for asset, found in entries.items()
    }

    assert fold_all(stated, under, history.actions) == books


def brought(book: Book, entry: Entry) -> tuple[BroughtLot, ...]:
    if entry.kind != EntryKind.TRANSFER_OUT:
        return entry.lots
    parts = [part for part in book.departures if part.left_by == entry.key]
    return tuple(BroughtLot(part.opened_on, part.quantity, part.cost, part.cost_base) for part in parts)
