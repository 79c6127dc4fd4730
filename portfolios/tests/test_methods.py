"""Average cost, picked lots, short positions, changes of the method and transfers out, each by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from portfolios.book.fold import fold
from portfolios.book.types import (
    Book,
    BroughtLot,
    Entry,
    PicksNotAllowed,
    PickUncovered,
    Rules,
    ShortSale,
    TransferAltered,
)
from portfolios.tests.books import bought, moved_in, moved_out, picking, sold
from portfolios.tests.factories import exact

SHORT = Rules("fifo", allow_short=True)


def two_lots() -> list[Entry]:
    return [bought("2024-01-02", 10, 1000, key=1), bought("2024-02-02", 30, 6000, key=2)]


def open_lots(book: Book) -> list[tuple[int, Decimal, Decimal]]:
    return [(lot.opened_by, lot.quantity, lot.cost) for lot in book.lots if lot.quantity]


def test_the_average_merges_all_open_units_first() -> None:
    book = fold([*two_lots(), sold("2024-03-01", 20, 4000)], "average")

    [made] = book.disposals
    assert (made.opened_by, made.opened_on, made.quantity, made.cost) == (
        1,
        date(2024, 1, 2),
        Decimal(20),
        Decimal(3500),
    )
    assert open_lots(book) == [(1, *exact(20, 3500))]


def test_a_new_pool_begins_when_the_old_one_is_sold() -> None:
    entries = [*two_lots(), sold("2024-03-01", 40, 8000), bought("2024-04-01", 1, 7, key=9)]

    assert open_lots(fold(entries, "average")) == [(9, *exact(1, 7))]


@pytest.mark.parametrize(
    ("picks", "expected"),
    [
        pytest.param([(2, 15)], [(2, *exact(15, 3000))], id="all picked"),
        pytest.param([(2, 5)], [(2, *exact(5, 1000)), (1, *exact(10, 1000))], id="the rest falls to FIFO"),
        pytest.param([(1, 10)], [(1, *exact(10, 1000)), (2, *exact(5, 1000))], id="FIFO skips what was picked"),
        pytest.param([(1, 4), (2, 1)], [(1, *exact(10, 1000)), (2, *exact(5, 1000))], id="picked and FIFO of one lot"),
        pytest.param([], [(1, *exact(10, 1000)), (2, *exact(5, 1000))], id="none picked"),
    ],
)
def test_a_sale_takes_the_lots_it_picks(
    picks: list[tuple[int, int]], expected: list[tuple[int, Decimal, Decimal]]
) -> None:
    book = fold([*two_lots(), picking(sold("2024-03-01", 15, 3000), *picks)], "specific")

    assert [(made.opened_by, made.quantity, made.cost) for made in book.disposals] == expected
    assert sum(made.proceeds for made in book.disposals) == 3000


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        pytest.param([(1, 11)], "opened by trade 1 holds 10, but 11 is picked", id="more than it holds"),
        pytest.param([(7, 1)], "opened by trade 7 is not open", id="no such lot"),
        pytest.param([(3, 1)], "opened by trade 3 is not open", id="a lot of later"),
    ],
)
def test_a_pick_that_no_lot_covers_is_refused(picks: list[tuple[int, int]], message: str) -> None:
    later = bought("2024-05-01", 5, 5, key=3)
    with pytest.raises(PickUncovered, match=message):
        fold([*two_lots(), later, picking(sold("2024-03-01", 15, 3000), *picks)], "specific")


def test_only_the_specific_method_takes_picks() -> None:
    with pytest.raises(PicksNotAllowed, match="method is fifo"):
        fold([*two_lots(), picking(sold("2024-03-01", 1, 3), (2, 1))], "fifo")


def test_a_sale_that_crosses_zero_is_split_there_and_the_short_is_bought_back_first_in_first_out() -> None:
    """Sells 20 with 10 held: 1,990 net is 995 for the lot and 995 owed; buying 5 and then 10 crosses zero again."""
    entries = [
        bought("2024-01-02", 10, 1000, key=1),
        sold("2024-02-01", 20, 1990, key=2),
        bought("2024-03-01", 5, 400, key=3),
        bought("2024-04-01", 10, 600, key=4),
    ]
    after = [fold(entries[:count], SHORT) for count in (2, 3, 4)]

    assert open_lots(after[0]) == [(2, *exact(-10, -995))]
    assert (after[0].position.quantity, after[0].position.cost) == exact(-10, -995)
    assert open_lots(after[1]) == [(2, *exact(-5, "-497.5"))]
    assert open_lots(after[2]) == [(4, *exact(5, 300))]
    figures = [(made.short, made.quantity, made.proceeds, made.cost, made.gain) for made in after[2].disposals]
    assert figures == [
        (False, *exact(10, 995, 1000, -5)),
        (True, *exact(5, "497.5", 400, "97.5")),
        (True, *exact(5, "497.5", 300, "197.5")),
    ]


def test_a_short_is_converted_at_the_rates_of_its_opening_and_closing_day() -> None:
    short = sold("2024-01-02", 10, 1000, base=900, rate="0.9")
    [made] = fold([short, bought("2024-02-01", 10, 800, base=640)], SHORT).disposals

    assert (made.proceeds_base, made.cost_base, made.gain_base) == exact(900, 640, 260)
    assert (made.opened_on, made.closed_on) == (date(2024, 1, 2), date(2024, 2, 1))


def test_short_sales_are_refused_unless_they_are_allowed() -> None:
    with pytest.raises(ShortSale, match="20 sold on 2024-02-01, but 10 held"):
        fold([bought("2024-01-02", 10, 1000), sold("2024-02-01", 20, 1)], "fifo")


@pytest.mark.parametrize(
    ("first", "then", "lots", "costs"),
    [
        pytest.param("fifo", "average", [(1, *exact(25, "4583.3333"))], exact(500, "916.6667"), id="to the average"),
        pytest.param(
            "average", "fifo", [(1, *exact(25, "4285.7143"))], exact("857.1429", "857.1428"), id="a pool is one lot"
        ),
        pytest.param("fifo", "lifo", [(1, *exact(5, 500)), (2, *exact(20, 4000))], exact(500, 1000), id="to lifo"),
    ],
)
def test_a_change_of_the_method_lets_earlier_disposals_stand(
    first: str, then: str, lots: list[tuple[int, Decimal, Decimal]], costs: tuple[Decimal, ...]
) -> None:
    """10 for 1,000 and 25 for 5,000; 5 are sold before the change and 5 after it."""
    bought_first = [bought("2024-01-02", 10, 1000, key=1), bought("2024-02-02", 25, 5000, key=2)]
    entries = [*bought_first, sold("2024-02-10", 5, 700), sold("2024-04-01", 5, 900)]
    book = fold(entries, Rules(first, changes=((date(2024, 3, 1), then),)))

    assert tuple(made.cost for made in book.disposals) == costs
    assert open_lots(book) == lots


def test_lots_leave_with_their_basis_and_nothing_is_realised() -> None:
    book = fold([*two_lots(), moved_out("2024-03-01", 15)], "fifo")

    assert [(left.opened_by, left.quantity, left.cost) for left in book.departures] == [
        (1, *exact(10, 1000)),
        (2, *exact(5, 1000)),
    ]
    assert (book.disposals, book.position.quantity, book.position.cost) == ((), Decimal(25), Decimal(5000))


def test_more_than_is_held_cannot_leave_even_where_shorts_are_allowed() -> None:
    with pytest.raises(ShortSale):
        fold([*two_lots(), moved_out("2024-03-01", 41)], SHORT)


def test_what_another_portfolio_took_over_cannot_change() -> None:
    arrived = (BroughtLot(date(2024, 1, 2), *exact(10, 1000, 1000)),)
    leg = moved_out("2024-03-01", 10, lots=arrived)
    assert fold([*two_lots(), leg], "fifo").position.quantity == 30

    with pytest.raises(TransferAltered, match="10 on 2024-03-01"):
        fold([bought("2023-12-01", 5, 400), *two_lots(), leg], "fifo")


def test_a_transfer_in_closes_a_short_at_its_cost() -> None:
    book = fold([sold("2024-01-02", 4, 400, key=1), moved_in("2024-02-01", ("2020-01-01", 10, 700))], SHORT)

    [made] = book.disposals
    assert (made.short, made.proceeds, made.cost) == (True, *exact(400, 280))
    assert [lot[1:] for lot in open_lots(book)] == [exact(6, 420)]


def test_lots_that_buy_one_short_back_together_are_one_disposal() -> None:
    """Its rows are told apart by trade and lot, so two of them would become one."""
    lots = (("2020-01-01", 3, 210), ("2021-01-01", 1, 50), ("2022-01-01", 2, 9))
    book = fold([sold("2024-01-02", 5, 500, key=1), moved_in("2024-02-01", *lots)], SHORT)

    [made] = book.disposals
    assert (made.quantity, made.proceeds, made.cost, made.gain) == exact(5, 500, "264.5", "235.5")
    assert book.position.realised_gain == made.gain
    assert [lot[1:] for lot in open_lots(book)] == [exact(1, "4.5")]
