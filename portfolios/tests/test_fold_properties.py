"""What must hold for every history, whatever the method."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolios.book.fold import fold
from portfolios.book.lots import PRIORITIES
from portfolios.book.types import Book, Entry, EntryKind
from portfolios.book.value import weights
from portfolios.tests.books import bought, sold

ONE_UNIT = Decimal("0.0001")
methods = st.sampled_from(sorted(PRIORITIES))
lot_methods = st.sampled_from(sorted(PRIORITIES.keys() - {"average"}))  # a pool grows after it is opened
quantities = st.decimals(min_value=Decimal("0.0001"), max_value=10**6, places=4)
amounts = st.decimals(min_value=0, max_value=10**7, places=2)


@st.composite
def histories(draw: Any) -> list[Entry]:
    """Purchases and sales that never sell more than is held, each on its own day."""
    entries: list[Entry] = []
    held = Decimal(0)
    for number in range(draw(st.integers(1, 12))):
        day = (date(2020, 1, 1) + timedelta(days=number)).isoformat()
        cost, cost_base = draw(amounts), draw(amounts)
        if held and draw(st.booleans()):
            quantity = draw(st.decimals(min_value=ONE_UNIT, max_value=held, places=4))
            entries.append(sold(day, quantity, cost, base=cost_base, rate="0.9", key=number + 1))
            held -= quantity
        else:
            quantity = draw(quantities)
            entries.append(bought(day, quantity, cost, base=cost_base, key=number + 1))
            held += quantity
    return entries


def of(entries: list[Entry], kind: EntryKind) -> list[Entry]:
    return [entry for entry in entries if entry.kind == kind]


def total(values: Any) -> Decimal:
    return sum(values, Decimal(0))


@given(histories(), methods)
def test_holdings_lots_and_trades_agree(entries: list[Entry], method: str) -> None:
    book = fold(entries, method)
    buys, sells = of(entries, EntryKind.BUY), of(entries, EntryKind.SELL)

    expected = total(entry.quantity for entry in buys) - total(entry.quantity for entry in sells)
    assert book.position.quantity == expected == total(lot.quantity for lot in book.lots)
    assert all(0 <= lot.quantity <= lot.opened_quantity and lot.cost >= 0 for lot in book.lots)


@given(histories(), methods)
def test_no_amount_is_lost_or_made(entries: list[Entry], method: str) -> None:
    book = fold(entries, method)
    buys, sells = of(entries, EntryKind.BUY), of(entries, EntryKind.SELL)

    assert book.position.cost + total(made.cost for made in book.disposals) == total(e.amount for e in buys)
    assert book.position.cost_base + total(made.cost_base for made in book.disposals) == total(
        e.amount_base for e in buys
    )
    for sale in sells:
        parts = [made for made in book.disposals if made.closed_by == sale.key]
        assert total(made.quantity for made in parts) == sale.quantity
        assert total(made.proceeds for made in parts) == sale.amount
        assert total(made.proceeds_base for made in parts) == sale.amount_base


@given(histories(), lot_methods)
def test_a_lots_slices_add_up_to_it_and_each_is_within_a_unit_of_its_share(entries: list[Entry], method: str) -> None:
    book = fold(entries, method)
    for lot in book.lots:
        parts = [made for made in book.disposals if (made.opened_by, made.sequence) == lot.key]
        assert lot.quantity + total(made.quantity for made in parts) == lot.opened_quantity
        assert lot.cost + total(made.cost for made in parts) == lot.opened_cost
        for made in parts:
            assert abs(made.cost - lot.opened_cost * made.quantity / lot.opened_quantity) <= ONE_UNIT


@given(histories(), methods, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(entries: list[Entry], method: str, shuffler: random.Random) -> None:
    shuffled = list(entries)
    shuffler.shuffle(shuffled)

    assert fold(shuffled, method) == fold(entries, method)


@given(histories())
def test_what_was_sold_in_all_costs_the_same_by_every_method(entries: list[Entry]) -> None:
    books: list[Book] = [fold(entries, method) for method in PRIORITIES]
    held = books[0].position.quantity
    sale = [sold("2030-01-01", held, 1000)] if held else []

    gains = {fold([*entries, *sale], method).position.realised_gain for method in PRIORITIES}

    assert len(gains) == 1


@given(st.lists(st.tuples(quantities, amounts), min_size=1, max_size=8), st.data())
def test_no_method_realises_a_higher_cost_than_hifo(lots: list[tuple[Decimal, Decimal]], data: st.DataObject) -> None:
    buys = [bought("2024-01-01", quantity, cost, key=key) for key, (quantity, cost) in enumerate(lots, 1)]
    held = total(quantity for quantity, _ in lots)
    sale = sold("2024-01-02", data.draw(st.decimals(min_value=ONE_UNIT, max_value=held, places=4)), 1)

    cost = {m: total(made.cost for made in fold([*buys, sale], m).disposals) for m in PRIORITIES}

    assert cost["hifo"] >= max(cost.values()) - ONE_UNIT * len(lots)


@settings(max_examples=200)
@given(st.lists(st.decimals(min_value=0, max_value=10**12, places=2), min_size=1, max_size=40))
def test_weights_add_up_to_one_and_are_near_their_shares(values: list[Decimal]) -> None:
    whole, shares = sum(values), weights(values)
    if not whole:
        assert shares is None
        return
    assert shares is not None
    assert sum(shares) == 1
    assert all(
        abs(share - value / whole) <= Decimal("0.0000000001") for share, value in zip(shares, values, strict=True)
    )
