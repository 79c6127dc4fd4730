"""Trades in units that can be traded: rounding, fees, minimum amounts, currencies, and cash that stays above zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.money import total
from portfolios.book.allocation import Bands, Mode, Reach
from portfolios.book.rebalance import CashShort, Fees, Options, Plan, Security, after, rebalance
from portfolios.tests.factories import Number, exact


def security(key: int, price: Number, quantity: Number, target: Number, **values: Any) -> Security:
    terms: dict[str, Any] = {"currency": "USD", "factor": Decimal(1), "rate": Decimal(1)} | values
    return Security(key, f"S{key}", price=Decimal(price), quantity=Decimal(quantity), target=Decimal(target), **terms)


def signed(plan: Plan) -> dict[int, Decimal]:
    return {order.security.key: order.signed for order in plan.orders}


def test_to_the_targets_in_whole_units() -> None:
    plan = rebalance([security(1, 100, 7, "0.5"), security(2, 30, 10, "0.5")], Decimal(0), "USD", Options())
    assert signed(plan) == {1: Decimal(-2), 2: Decimal(6)}  # 500 and 16.67 units of 30
    assert plan.cash_after == Decimal(20)
    assert plan.turnover == Decimal(380)


def test_sales_come_first_and_nothing_is_bought_and_sold() -> None:
    plan = rebalance([security(1, 10, 0, "0.5"), security(2, 10, 100, "0.5")], Decimal(0), "USD", Options())
    assert [(order.security.key, order.is_buy) for order in plan.orders] == [(2, False), (1, True)]


def test_fractions_of_units_reach_the_target_nearly_exactly() -> None:
    step = Decimal("0.0001")
    held = [security(1, 100, 7, "0.5", step=step), security(2, 30, 10, "0.5", step=step)]
    assert signed(rebalance(held, Decimal(0), "USD", Options())) == {1: Decimal(-2), 2: Decimal("6.6667")}


def test_a_target_of_nothing_sells_every_unit_even_a_fraction_of_one() -> None:
    plan = rebalance([security(1, 100, "7.35", 0), security(2, 50, 1, 1)], Decimal(0), "USD", Options())
    assert signed(plan) == {1: Decimal("-7.35"), 2: Decimal(14)}


def test_prices_in_pence_and_another_currency() -> None:
    pence = security(1, 2000, 100, "0.5", currency="GBP", factor=Decimal("0.01"), rate=Decimal("1.25"))
    plan = rebalance([pence, security(2, 10, 0, "0.5")], Decimal(0), "USD", Options())
    assert signed(plan) == {1: Decimal(-50), 2: Decimal(125)}
    sale = plan.orders[0]
    assert (sale.gross, sale.cash) == (Decimal("1000.00"), Decimal("1250.00"))


def test_small_trades_are_not_made() -> None:
    held = [security(1, 10, 52, "0.5"), security(2, 10, 38, "0.4"), security(3, 10, 10, "0.1")]
    assert signed(rebalance(held, Decimal(0), "USD", Options(minimum=Decimal(20)))) == {1: Decimal(-2), 2: Decimal(2)}
    assert rebalance(held, Decimal(0), "USD", Options(minimum=Decimal("20.01"))).orders == ()


def test_only_what_is_outside_its_band_is_traded() -> None:
    held = [security(1, 10, 56, "0.5"), security(2, 10, 24, "0.3"), security(3, 10, 20, "0.2")]
    bands = Bands(Decimal("0.055"))
    assert signed(rebalance(held, Decimal(0), "USD", Options(bands=bands))) == {1: Decimal(-6), 2: Decimal(6)}
    assert rebalance(held, Decimal(0), "USD", Options(bands=Bands(Decimal("0.06")))).orders == ()


def test_to_the_edge_of_the_band() -> None:
    held = [security(1, 10, 60, "0.5"), security(2, 10, 40, "0.5")]
    bands = Bands(Decimal("0.05"), reach=Reach.EDGE)
    assert signed(rebalance(held, Decimal(0), "USD", Options(bands=bands))) == {1: Decimal(-5), 2: Decimal(5)}


def test_fees_are_paid_from_the_cash() -> None:
    held = [security(1, 10, 100, "0.5"), security(2, 10, 0, "0.5")]
    fees = Fees(Decimal(3), Decimal("0.01"))
    plan = rebalance(held, Decimal(0), "USD", Options(fees=fees))
    assert [order.fee for order in plan.orders] == [Decimal("8.10"), Decimal("7.90")]
    assert signed(plan) == {1: Decimal(-51), 2: Decimal(49)}
    assert plan.cash_after == Decimal("4.00")


def test_a_contribution_only_buys() -> None:
    held = [security(1, 10, 40, "0.4"), security(2, 10, 30, "0.4"), security(3, 10, 30, "0.2")]
    options = Options(mode=Mode.CONTRIBUTION, amount=Decimal(200))
    plan = rebalance(held, Decimal(0), "USD", options)
    assert signed(plan) == {1: Decimal(5), 2: Decimal(15)}
    assert plan.cash_after == 0


@pytest.mark.parametrize(("use_cash", "spent"), [(True, 300), (False, 200)])
def test_a_contribution_with_or_without_the_free_cash(use_cash: bool, spent: int) -> None:
    held = [security(1, 10, 40, "0.5"), security(2, 10, 30, "0.5")]
    options = Options(mode=Mode.CONTRIBUTION, amount=Decimal(200), use_cash=use_cash)
    plan = rebalance(held, Decimal(100), "USD", options)
    assert plan.turnover == spent
    assert plan.cash_after == 300 - spent


@pytest.mark.parametrize(
    ("mode", "target", "sold"),
    [(Mode.CONTRIBUTION, 0, {}), (Mode.FULL, "0.00001", {}), (Mode.FULL, 0, {1: Decimal(-1)})],
)
def test_what_is_worth_less_than_a_cent_is_sold_only_if_it_shall_go(
    mode: Mode, target: Number, sold: dict[int, Decimal]
) -> None:
    crumb = security(1, "0.05", 1, target, rate=Decimal("0.0067"))
    options = Options(mode=mode, bands=Bands(Decimal("0.1")))
    assert signed(rebalance([crumb, security(2, 10, 10, "0.99")], Decimal(1), "USD", options)) == sold


def test_a_withdrawal_only_sells() -> None:
    held = [security(1, 10, 50, "0.4"), security(2, 10, 30, "0.4"), security(3, 10, 20, "0.2")]
    plan = rebalance(held, Decimal(0), "USD", Options(mode=Mode.WITHDRAWAL, amount=Decimal(200)))
    assert signed(plan) == {1: Decimal(-17), 3: Decimal(-3)}
    assert plan.cash_after == 0


def test_a_withdrawal_sells_a_unit_more_rather_than_a_cent_too_little() -> None:
    plan = rebalance([security(1, 30, 50, 1)], Decimal(0), "USD", Options(mode=Mode.WITHDRAWAL, amount=Decimal(100)))
    assert signed(plan) == {1: Decimal(-4)}
    assert plan.cash_after == 20


def test_the_least_sale_that_is_made_and_no_more() -> None:
    """Where a few cents are missing and small trades are not made, a trade of the least amount brings them."""
    options = Options(mode=Mode.WITHDRAWAL, amount=Decimal(5), minimum=Decimal(100))
    assert signed(rebalance([security(1, 10, 50, 1)], Decimal(0), "USD", options)) == {1: Decimal(-10)}


def test_more_than_there_is_cannot_be_paid_out() -> None:
    fees = Fees(fraction=Decimal("0.5"))
    with pytest.raises(CashShort):
        rebalance(
            [security(1, 10, 50, 1)], Decimal(0), "USD", Options(mode=Mode.WITHDRAWAL, amount=Decimal(400), fees=fees)
        )


def test_a_short_position_is_bought_back() -> None:
    plan = rebalance([security(1, 10, -5, 0), security(2, 10, 100, 1)], Decimal(50), "USD", Options())
    assert signed(plan) == {1: Decimal(5)}


@st.composite
def books(draw: st.DrawFn) -> tuple[list[Security], Decimal, Options]:
    count = draw(st.integers(1, 6))
    parts = draw(st.lists(st.integers(0, 50), min_size=count + 1, max_size=count + 1).filter(any))
    held = [
        security(
            key,
            draw(st.decimals("0.05", 900, places=2)),
            draw(st.integers(0, 500)),
            Decimal(parts[key]) / sum(parts) // Decimal("0.0001") * Decimal("0.0001"),
            currency=draw(st.sampled_from(["USD", "JPY", "EUR"])),
            rate=draw(st.sampled_from(exact(1, "0.0067", "1.0823"))),
            step=draw(st.sampled_from(exact(1, "0.0001", 10))),
        )
        for key in range(count)
    ]
    options = Options(
        mode=draw(st.sampled_from([Mode.FULL, Mode.CONTRIBUTION])),
        amount=Decimal(draw(st.integers(0, 1000))),
        bands=Bands(Decimal(draw(st.integers(0, 10))) / 100, reach=draw(st.sampled_from(list(Reach)))),
        minimum=Decimal(draw(st.sampled_from([0, 50]))),
        fees=Fees(Decimal(draw(st.integers(0, 5))), Decimal(draw(st.sampled_from(exact(0, "0.002"))))),
        use_cash=draw(st.booleans()),
    )
    return held, Decimal(draw(st.integers(1, 10_000))), options


@given(books())
@example(([security(1, "0.05", 1, 1, rate=Decimal("0.0067"))], Decimal(1), Options(mode=Mode.CONTRIBUTION)))
@example(([security(1, "0.05", 1, 0, rate=Decimal("0.0067"))], Decimal(1), Options(mode=Mode.CONTRIBUTION)))
def test_no_book_ends_below_zero(book: tuple[list[Security], Decimal, Options]) -> None:
    held, cash, options = book
    plan = rebalance(held, cash, "USD", options)
    assert plan.cash_after >= 0
    assert plan.cash_after == plan.cash_before + total(order.cash for order in plan.orders)
    assert len({order.security.key for order in plan.orders}) == len(plan.orders)
    for order in plan.orders:
        assert after(order.security, plan.orders).quantity >= 0
        assert order.is_buy or options.mode == Mode.FULL
        whole_exit = order.quantity == order.security.quantity
        assert whole_exit or order.quantity % order.security.step == 0
        assert abs(order.cash) + Decimal(order.fee) * order.security.rate + 1 >= options.minimum
