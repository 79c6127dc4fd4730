"""Each case is a rule of the books that a reader can check by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from core.money import quantise
from portfolios.book.fold import fold
from portfolios.book.types import Book, Disposal, ShortSale
from portfolios.book.value import market_value
from portfolios.tests.books import bought, moved_in, sold
from portfolios.tests.factories import exact

GOLDEN = json.loads((Path(__file__).parent / "golden" / "lots.json").read_text())


def three_lots() -> list[Any]:
    """Ten units each, a year apart; the middle ones were the dearest."""
    return [
        bought("2021-01-04", 10, 500, key=1001),
        bought("2022-01-04", 10, 900, key=1002),
        bought("2023-01-04", 10, 700, key=1003),
    ]


def taken(book: Book) -> list[tuple[int, Decimal, Decimal]]:
    return [(made.opened_by, made.quantity, made.cost) for made in book.disposals]


@pytest.mark.parametrize(
    ("method", "quantity", "expected"),
    [
        pytest.param("fifo", 10, [(1001, 10, 500)], id="fifo takes the oldest lot"),
        pytest.param("fifo", 15, [(1001, 10, 500), (1002, 5, 450)], id="fifo splits the lot it ends in"),
        pytest.param("lifo", 15, [(1003, 10, 700), (1002, 5, 450)], id="lifo starts from the newest"),
        pytest.param("hifo", 15, [(1002, 10, 900), (1003, 5, 350)], id="hifo starts from the dearest"),
        pytest.param("fifo", 30, [(1001, 10, 500), (1002, 10, 900), (1003, 10, 700)], id="a full sale takes all"),
    ],
)
def test_which_lots_a_sale_takes(method: str, quantity: int, expected: list[tuple[int, int, int]]) -> None:
    book = fold([*three_lots(), sold("2024-01-04", quantity, 3000)], method)

    assert taken(book) == [(key, Decimal(units), Decimal(cost)) for key, units, cost in expected]


@pytest.mark.parametrize(("method", "first"), [("fifo", 1), ("lifo", 2), ("hifo", 1)])
def test_lots_of_one_day_and_cost_go_in_booking_order_or_its_reverse(method: str, first: int) -> None:
    twins = [bought("2024-01-04", 1, 10, key=1), bought("2024-01-04", 1, 10, key=2)]

    assert fold([*twins, sold("2024-01-05", 1, 10)], method).disposals[0].opened_by == first


def test_the_parts_of_a_lot_and_of_a_sale_add_up_exactly() -> None:
    """100.00 in thirds is 33.3333, 33.3334 and 33.3333; a hundredth never goes missing."""
    lot = bought("2024-01-04", 3, 100, base="90.01")
    sales = [sold(f"2024-02-0{day}", 1, 50, base="45.55") for day in (1, 2, 3)]
    book = fold([lot, *sales], "fifo")

    assert [made.cost for made in book.disposals] == list(exact("33.3333", "33.3334", "33.3333"))
    assert sum(made.cost_base for made in book.disposals) == Decimal("90.01")
    assert book.lots[0].cost == book.lots[0].cost_base == 0


def test_a_sale_over_several_lots_spreads_its_proceeds_over_them_exactly() -> None:
    book = fold([*three_lots(), sold("2024-01-04", 30, "1000.01", base="900.03")], "fifo")

    assert [made.proceeds for made in book.disposals] == list(exact("333.3367", "333.3366", "333.3367"))
    assert sum(made.proceeds_base for made in book.disposals) == Decimal("900.03")


def one_disposal(cost: int, cost_base: int, proceeds: int, proceeds_base: int, rate: str) -> Disposal:
    sale = sold("2024-03-01", 10, proceeds, base=proceeds_base, rate=rate)
    return fold([bought("2024-01-04", 10, cost, base=cost_base), sale], "fifo").disposals[0]


@pytest.mark.parametrize(
    ("amounts", "gain", "price_gain", "currency_gain"),
    [
        pytest.param((1000, 900, 1200, 960, "0.8"), 200, 160, -100, id="the price rose, the currency fell"),
        pytest.param((1000, 900, 1000, 950, "0.95"), 0, 0, 50, id="only the currency moved"),
        pytest.param((0, 0, 1000, 950, "0.95"), 1000, 950, 0, id="what cost nothing has no currency part"),
        pytest.param((1000, 1000, 1200, 1200, "1"), 200, 200, 0, id="one currency"),
    ],
)
def test_a_gain_has_a_price_part_and_a_currency_part(
    amounts: tuple[int, int, int, int, str], gain: int, price_gain: int, currency_gain: int
) -> None:
    made = one_disposal(*amounts)

    assert (made.gain, made.price_gain, made.currency_gain) == exact(gain, price_gain, currency_gain)
    assert made.price_gain + made.currency_gain == made.gain_base


def test_a_transfer_keeps_each_lots_day_and_cost() -> None:
    transfer = moved_in("2024-01-04", ("2019-05-01", 4, 400), ("2020-06-01", 6, 900))
    book = fold([bought("2020-01-04", 5, 1, key=7), transfer, sold("2024-02-01", 10, 1)], "fifo")

    assert [(made.opened_by, made.sequence, made.opened_on) for made in book.disposals] == [
        (transfer.key, 0, date(2019, 5, 1)),
        (7, 0, date(2020, 1, 4)),
        (transfer.key, 1, date(2020, 6, 1)),
    ]


def test_what_comes_in_later_cannot_be_sold_before() -> None:
    late = moved_in("2024-03-01", ("2019-05-01", 4, 400))
    with pytest.raises(ShortSale, match="1 sold on 2024-02-01, but 0 held") as refusal:
        fold([late, sold("2024-02-01", 1, 100, key=5)], "fifo")

    assert (refusal.value.entry.key, refusal.value.held) == (5, Decimal(0))


@pytest.mark.parametrize(
    "differing",
    [
        pytest.param([{"clock": "09:30"}, {"clock": "16:00"}], id="time"),
        pytest.param([{"sequence": 1}, {"sequence": 2}], id="sequence"),
        pytest.param([{"external_id": "a"}, {"external_id": "b"}], id="external id"),
        pytest.param([{"place": 1}, {"place": 2}], id="insertion, for equals"),
    ],
)
def test_the_order_is_day_time_sequence_external_id_then_insertion(differing: list[dict[str, Any]]) -> None:
    first = bought("2024-01-04", 1, 10, **{"key": 2, "place": 9, **differing[0]})
    second = bought("2024-01-04", 1, 20, **{"key": 1, "place": 8, **differing[1]})
    sale = sold("2024-01-05", 1, 30)

    books = {fold(order, "fifo") for order in permutations([first, second, sale])}

    assert len(books) == 1
    assert books.pop().disposals[0].opened_by == 2


def test_an_empty_book_holds_nothing() -> None:
    assert fold([], "fifo") == Book()


@pytest.mark.parametrize("case", GOLDEN["lots"], ids=lambda case: case["id"])
def test_lots_as_beancount_books_them(case: dict[str, Any]) -> None:
    # The lots were opened before by other days than their labels say: a transfer brings them with those days.
    lots = [(day, units, Decimal(units) * Decimal(cost)) for day, units, cost in case["lots"]]
    day = max(case["sold_on"], *(lot[0] for lot in lots))
    transfer = moved_in(day, *lots)
    book = fold([transfer, *(sold(day, units, 1) for units in case["sales"])], case["method"])

    assert [_unit(made) for made in book.disposals] == [_case(row) for row in case["taken"]]
    assert sorted(_unit(lot) for lot in book.lots if lot.quantity) == sorted(_case(row) for row in case["left"])


def _unit(part: Any) -> tuple[str, Decimal, Decimal]:
    return part.opened_on.isoformat(), part.quantity, part.cost / part.quantity


def _case(row: list[str]) -> tuple[str, Decimal, Decimal]:
    return row[0], Decimal(row[1]), Decimal(row[2])


@pytest.mark.parametrize("case", GOLDEN["gains"], ids=lambda case: case["id"])
def test_gains_as_portfolio_performance_computes_them(case: dict[str, Any]) -> None:
    make: dict[str, Callable[..., Any]] = {"buy": bought, "sell": sold}
    position = fold([make[kind](day, units, amount) for kind, day, units, amount in case["trades"]], "fifo").position

    cents = {"cost": quantise(position.cost, "EUR"), "realised": quantise(position.realised_gain, "EUR")}
    if case["price"]:
        value = market_value(position.quantity, Decimal(case["price"]), Decimal(1), "EUR")
        cents["unrealised"] = quantise(value - position.cost, "EUR")
    expected = {name: Decimal(case[name]) for name in cents if case[name]}
    assert {name: cents[name] for name in expected} == expected
    assert expected
