"""What each corporate action does to lots, with figures that can be checked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portfolios.book.fold import fold, fold_all
from portfolios.book.types import Book, Entry, Rules
from portfolios.tests.books import acted, bought, sold
from portfolios.tests.factories import exact

SHORT = Rules("fifo", allow_short=True)
DAY = "2024-06-03"


def lots(book: Book) -> list[tuple[Decimal, Decimal]]:
    return [(lot.quantity, lot.cost) for lot in book.lots if lot.quantity]


def held() -> list[Entry]:
    return [bought("2024-01-02", 10, 1000, key=1), bought("2024-02-02", 5, 600, key=2)]


@pytest.mark.parametrize(
    ("kind", "terms", "expected"),
    [
        pytest.param("split", {"ratio": 2}, [exact(20, 1000), exact(10, 600)], id="2 for 1"),
        pytest.param("split", {"ratio": 3, "per": 2}, [exact(15, 1000), exact("7.5", 600)], id="3 for 2"),
        pytest.param("reverse_split", {"ratio": 1, "per": 10}, [exact(1, 1000), exact("0.5", 600)], id="1 for 10"),
        pytest.param("stock_dividend", {"ratio": "0.05"}, [exact("10.5", 1000), exact("5.25", 600)], id="5 %"),
        pytest.param("return_of_capital", {"cash": 20}, [exact(10, 800), exact(5, 500)], id="capital comes back"),
        pytest.param("symbol_change", {}, [exact(10, 1000), exact(5, 600)], id="the asset stays itself"),
    ],
)
def test_lots_after_an_action(kind: str, terms: dict[str, Any], expected: list[tuple[Decimal, ...]]) -> None:
    action = acted(kind, DAY, **terms)
    book = fold(held(), "fifo", [action])

    assert lots(book) == expected
    assert [lot.opened_on for lot in book.lots] == [date(2024, 1, 2), date(2024, 2, 2)]
    assert {lot.actions for lot in book.lots} == {() if kind == "symbol_change" else (action.key,)}
    assert book.disposals == ()


def test_an_action_comes_before_the_trades_of_its_day_and_after_those_of_the_day_before() -> None:
    entries = [bought("2024-06-02", 1, 10), bought(DAY, 1, 10), sold(DAY, 3, 30)]

    assert fold(entries, "fifo", [acted("split", DAY, ratio=2)]).position.quantity == 0


def test_a_fraction_is_paid_out_as_a_disposal() -> None:
    """15 units become 1.5; the half is sold at 990 in lieu: 495.00, out of the older lot by FIFO."""
    book = fold(held(), "fifo", [acted("reverse_split", DAY, ratio=1, per=10, cash_in_lieu=990)])

    [made] = book.disposals
    assert (made.by_action, made.quantity, made.proceeds, made.cost, made.gain) == (True, *exact("0.5", 495, 500, -5))
    assert lots(book) == [exact("0.5", 500), exact("0.5", 600)]
    assert [due.net for due in book.entitlements] == [Decimal(495)]


def test_thirds_keep_the_whole_quantity() -> None:
    entries = [bought("2024-01-02", 1, 10, key=number) for number in (1, 2, 3)]

    assert fold(entries, "fifo", [acted("reverse_split", DAY, ratio=1, per=3)]).position.quantity == 1


def test_capital_beyond_the_cost_is_gain() -> None:
    book = fold(held(), "fifo", [acted("return_of_capital", DAY, cash=110)])

    [made] = book.disposals
    assert (made.opened_by, made.quantity, made.proceeds, made.cost) == (1, *exact(0, 100, 0))
    assert lots(book) == [exact(10, 0), exact(5, 50)]
    assert [due.gross for due in book.entitlements] == [Decimal(1650)]


def test_a_dividend_goes_to_who_held_at_the_close_before() -> None:
    entries = [*held(), bought(DAY, 100, 1), sold("2024-06-02", 3, 1)]
    book = fold(entries, "fifo", [acted("cash_dividend", DAY, cash="0.333", withholding_rate="0.15")])

    [due] = book.entitlements
    assert (due.quantity, due.gross, due.withholding, due.net) == exact(12, "4.00", "0.60", "3.40")
    assert (book.position.income, book.position.realised_gain) == (
        Decimal("4.00"),
        fold(entries, "fifo").position.realised_gain,
    )


def test_who_is_short_owes_the_dividend_and_the_new_units() -> None:
    actions = [acted("cash_dividend", DAY, cash=1), acted("split", DAY, ratio=2)]
    book = fold([sold("2024-01-02", 10, 1000)], SHORT, actions)

    assert [due.net for due in book.entitlements] == [Decimal(-10)]
    assert (book.position.quantity, book.position.cost) == exact(-20, -1000)


def test_a_spin_off_moves_its_share_of_each_basis_and_keeps_the_day() -> None:
    action = acted("spin_off", DAY, ratio=1, per=5, target=9, basis_share="0.25")
    books = fold_all({0: held()}, Rules("fifo"), [action])

    assert lots(books[0]) == [exact(10, 750), exact(5, 450)]
    assert lots(books[9]) == [exact(2, 250), exact(1, 150)]
    assert [(lot.opened_by, lot.opened_on, lot.actions) for lot in books[9].lots] == [
        (1, date(2024, 1, 2), (action.key,)),
        (2, date(2024, 2, 2), (action.key,)),
    ]


def test_two_spin_offs_of_one_lot_have_names_of_their_own() -> None:
    actions = [acted("spin_off", day, ratio=1, target=9, basis_share="0.1") for day in (DAY, "2024-07-01")]
    book = fold_all({0: held()[:1]}, Rules("fifo"), actions)[9]

    assert [lot.key for lot in book.lots] == [(1, 0), (1, 1)]
    assert lots(book) == [exact(10, 100), exact(10, 90)]


@pytest.mark.parametrize(
    ("terms", "gains", "target"),
    [
        pytest.param({"cash": 150}, exact(500, 150), [], id="cash: a disposal"),
        pytest.param({"target": 9, "ratio": 2}, (), [exact(20, 1000), exact(10, 600)], id="stock: basis carries over"),
        pytest.param(
            {"target": 9, "ratio": 1, "cash": 30, "target_price": 100},
            exact(300, 50),
            [exact(10, 1000), exact(5, 500)],
            id="both: gain is at most the cash",
        ),
        pytest.param(
            {"target": 9, "ratio": 1, "cash": 30, "target_price": 40},
            exact(0, 0),
            [exact(10, 700), exact(5, 450)],
            id="both: never a loss",
        ),
    ],
)
def test_a_merger(terms: dict[str, Any], gains: tuple[Decimal, ...], target: list[tuple[Decimal, ...]]) -> None:
    """Stock and cash: 10 for 1,000 become 10 × 100 and 300 cash, gain 300; 5 for 600 become 500 and 150, gain 50."""
    books = fold_all({0: held()}, Rules("fifo"), [acted("merger", DAY, **terms)])

    assert books[0].position.quantity == books[0].position.cost == 0
    assert tuple(made.gain for made in books[0].disposals) == gains
    assert (lots(books[9]) if 9 in books else []) == target


def test_a_mergers_fraction_is_paid_out_of_what_came() -> None:
    own = bought("2020-01-02", "0.5", 1, key=8)
    action = acted("merger", DAY, ratio=1, per=4, target=9, cash_in_lieu=100)
    book = fold_all({0: held(), 9: [own]}, Rules("fifo"), [action])[9]

    assert [(made.opened_by, made.quantity, made.proceeds) for made in book.disposals] == [(1, *exact("0.75", 75))]
    assert lots(book) == [exact("0.5", 1), exact("1.75", 700), exact("1.25", 600)]


def test_units_that_come_in_close_a_short_of_the_target() -> None:
    action = acted("spin_off", DAY, ratio=1, target=9, basis_share="0.5")
    book = fold_all({0: held()[:1], 9: [sold("2024-01-02", 4, 400, key=8)]}, SHORT, [action])[9]

    [made] = book.disposals
    assert (made.short, made.quantity, made.proceeds, made.cost) == (True, *exact(4, 400, 200))
    assert lots(book) == [exact(6, 300)]
