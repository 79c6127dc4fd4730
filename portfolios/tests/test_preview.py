"""A preview is what booking finds: the same cash, lots and gains, or the same refusal, and nothing is stored."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import CashTransaction, Section
from banking.services.transactions import book_cash
from core.errors import DomainError
from core.money import quantise
from portfolios.models import CostMethod, Departure, Disposal, Investment, Lot, Portfolio, Trade, TradeKind
from portfolios.queries.pickable import open_lots
from portfolios.services.actions import apply_action
from portfolios.services.payments import match_payments
from portfolios.services.preview import Preview, preview_trade, preview_transfer
from portfolios.services.terms import NewLot, NewPick, NewTrade
from portfolios.services.trades import book_trade, replace_trade, void_trade
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, exact, make_portfolio, new_trade, sell
from users.models import User

SLICE = ("opened_by", "sequence", "short", "quantity", "proceeds", "cost", "proceeds_base", "cost_base", "price_gain")
TERMS = NewTrade.__dataclass_fields__
Outcome = tuple[str, Any]


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice)


def terms_as_arguments(terms: NewTrade) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in TERMS}


def attempt(action: Any) -> Outcome:
    """What comes of it: ("done", result), or ("refused", what is said)."""
    try:
        return "done", action()
    except DomainError as error:
        return "refused", (type(error), error.field, error.message)


def foreseen(portfolio: Portfolio, terms: NewTrade, replacing: Trade | None = None) -> Outcome:
    """The preview; it sends no statement that writes."""
    with CaptureQueriesContext(connection) as sent:
        outcome = attempt(lambda: preview_trade(portfolio=portfolio, terms=terms, replacing=replacing))
    assert not [query["sql"] for query in sent if not query["sql"].startswith("SELECT")]
    return outcome


def slices(trade: Trade) -> set[tuple[Any, ...]]:
    return set(Disposal.objects.filter(trade=trade).values_list(*SLICE))


def shown_slices(seen: Preview) -> set[tuple[Any, ...]]:
    return {tuple(getattr(part, name) for name in ("opened_by_id", *SLICE[1:])) for part in seen.taken}


def gains() -> dict[tuple[int | None, int | None], Decimal]:
    """Who closed lots, and the gain in the base currency that was realised by it."""
    sums: dict[tuple[int | None, int | None], Decimal] = {}
    for made in Disposal.objects.all():
        closer = (made.trade_id, made.action_id)
        sums[closer] = sums.get(closer, Decimal(0)) + made.gain_base
    return sums


def balance(portfolio: Portfolio) -> Decimal:
    accounts = portfolio.portfolio_accounts.values_list("account", flat=True)
    return sum(CashTransaction.objects.filter(account__in=accounts).balances().values(), Decimal(0))


def assert_came_true(seen: Preview, trade: Trade, before: dict[Any, Decimal]) -> None:
    """Everything that ``seen`` said of ``trade`` is what was booked."""
    assert shown_slices(seen) == slices(trade)
    assert {(left.opened_by, left.quantity, left.cost) for left in seen.departed} == set(
        Departure.objects.filter(trade=trade).values_list("opened_by", "quantity", "cost")
    )
    held = Investment.objects.get(portfolio=trade.portfolio, asset=trade.asset)
    for name in ("quantity", "cost", "cost_base", "realised_gain", "realised_gain_base", "income_base"):
        assert getattr(seen.after, name) == getattr(held, name), name
    row = CashTransaction.objects.filter(origin="trade", origin_id=trade.pk).first()
    if row is not None:
        assert seen.cash is not None
        assert (seen.cash.amount, seen.cash.account) == (row.amount, row.account)
        assert seen.cash.balance_after == balance(trade.portfolio)
        rated = quantise(seen.trade.net * seen.cash.rate, seen.cash.currency)
        assert abs(seen.cash.amount) == rated
    now = gains()
    for one in seen.moved:
        key = (one.trade_id, one.action_id)
        assert (one.gain_before, one.gain_after) == (before.get(key, Decimal(0)), now.get(key, Decimal(0)))
    told = {(one.trade_id, one.action_id) for one in seen.moved}
    assert {key for key in {*before, *now} if before.get(key) != now.get(key)} <= told | {
        (trade.pk, None),
        (trade.replaces_id, None),
    }


def test_a_dividend_whose_payment_was_entered_adds_nothing_to_the_balance(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    pay: dict[str, Any] = {"cash": Decimal(2), "pay_date": date(2024, 3, 15)}
    apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 3, 1), actor=None, **pay)
    entered: dict[str, Any] = {"amount": Decimal(20), "booked_on": date(2024, 3, 15), "asset": apple, "actor": alice}
    book_cash(account=portfolio.portfolio_accounts.get().account, section=Section.INCOME, **entered)
    assert match_payments([portfolio.pk]) == 1
    terms = new_trade(TradeKind.BUY, apple, 1, 100, "2024-04-01")
    seen = preview_trade(portfolio=portfolio, terms=terms)
    assert seen.cash is not None
    assert (seen.cash.balance_before, seen.cash.balance_after) == exact(-980, -1080)
    book_trade(portfolio=portfolio, actor=alice, **terms_as_arguments(terms))
    assert seen.cash.balance_after == balance(portfolio)


def test_what_is_booked_while_it_is_foreseen_is_no_failure(alice: User, portfolio: Portfolio, apple: Asset) -> None:
    """Who presses the button does not wait for the preview of what was typed last."""
    buy(portfolio, apple, 10, 100, "2024-01-10")
    booked: list[Trade] = []

    def book_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not booked and sql.startswith(f'SELECT "{Disposal._meta.db_table}"'):
            booked.append(Trade())  # what booking reads is not to book once more
            booked[0] = sell(portfolio, apple, 4, 120, "2024-02-01")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(book_first):
        seen = preview_trade(portfolio=portfolio, terms=new_trade(TradeKind.SELL, apple, 4, 120, "2024-02-01"))
    assert booked[0].pk
    assert (seen.gain, seen.moved) == (Decimal(80), ())


# --- what is foreseen is what is booked ---------------------------------------------------------------------------


def random_terms(dice: random.Random, asset: Asset, portfolio: Portfolio) -> NewTrade:
    kind = dice.choice([TradeKind.BUY] * 4 + [TradeKind.SELL] * 4 + [TradeKind.TRANSFER_IN, TradeKind.TRANSFER_OUT])
    moving = kind in (TradeKind.TRANSFER_IN, TradeKind.TRANSFER_OUT)
    quantity = Decimal(dice.randint(1, 400)) / 10
    currency = dice.choice(["USD", "USD", "EUR", "CHF"]) if not moving else None
    rate = Decimal("0.9123") if currency == "USD" and dice.random() < 0.3 else None
    terms = new_trade(
        kind, asset, quantity, Decimal(dice.randint(0, 20000)) / 100, date(2024, 1, 2) + timedelta(dice.randint(0, 60))
    )
    terms = replace(terms, currency=currency, exchange_rate=rate)
    if not moving:
        terms = replace(terms, fee=Decimal(dice.randint(0, 999)) / 100, tax=Decimal(dice.randint(0, 99)) / 100)
    if kind in (TradeKind.SELL, TradeKind.TRANSFER_OUT) and dice.random() < 0.4:
        lots = list(Lot.objects.open().filter(portfolio=portfolio, quantity__gt=0))
        chosen = dice.sample(lots, min(len(lots), 2))
        picks = [NewPick(lot.opened_by_id, min(lot.quantity, quantity / 2), lot.sequence) for lot in chosen]
        terms = replace(terms, picks=tuple(picks))
    return terms


def world_of_currencies(owner: User, method: str, *, allow_short: bool) -> Portfolio:
    """A portfolio in francs with an account in francs, of a share in dollars that splits and pays."""
    days = [date(2024, 1, 2) + timedelta(number) for number in range(0, 62, 3)]
    make_rate("USDCHF", {day: Decimal("0.85") + Decimal(number % 7) / 100 for number, day in enumerate(days)})
    make_rate("EURUSD", {day: Decimal("1.05") + Decimal(number % 5) / 100 for number, day in enumerate(days)})
    return make_portfolio(owner, base_currency="CHF", cash="tracked", cost_method=method, allow_short=allow_short)


@pytest.mark.parametrize("allow_short", [False, True], ids=["long", "short"])
@pytest.mark.parametrize("method", CostMethod.values)
def test_whatever_is_tried_comes_out_as_foreseen(alice: User, apple: Asset, method: str, allow_short: bool) -> None:
    """Random trades, backdated ones, replacements, foreign currencies, dividends and splits between."""
    portfolio = world_of_currencies(alice, method, allow_short=allow_short)
    dice, done = random.Random(f"{method}{allow_short}"), 0
    for number in range(30):
        if number == 12:
            apply_action(asset=apple, kind="split", ex_date=date(2024, 1, 20), ratio=Decimal(3), actor=None)
        if number == 20:
            apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 2, 9), cash=Decimal("0.24"), actor=None)
        terms, standing = random_terms(dice, apple, portfolio), list(Trade.objects.standing())
        original = dice.choice(standing) if standing and dice.random() < 0.25 else None
        expected, seen = foreseen(portfolio, terms, original)
        before, given = gains(), terms_as_arguments(terms)
        if original:
            happened, got = attempt(lambda: replace_trade(trade=original, actor=alice, **given))  # noqa: B023
        else:
            happened, got = attempt(lambda: book_trade(portfolio=portfolio, actor=alice, **given))  # noqa: B023
        assert expected == happened, (seen, got)
        if happened == "refused":
            assert seen == got
            continue
        assert_came_true(seen, got, before)
        done += 1
    assert done >= 8


def test_the_gain_of_a_foreign_sale_is_shown_in_its_parts(alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "0.90", date(2024, 3, 12): "0.80"})
    portfolio = make_portfolio(alice, base_currency="CHF")
    buy(portfolio, apple, 10, 100, "2024-01-10")

    _, seen = foreseen(portfolio, new_trade(TradeKind.SELL, apple, 10, 120, "2024-03-13"))

    assert (seen.gain, seen.gain_base, seen.price_gain, seen.currency_gain) == exact(200, 60, 160, -100)
    assert (seen.cash.amount, seen.cash.currency, seen.cash.account) == (Decimal(960), "CHF", None)
    assert (seen.cash.rate, seen.cash.rate_day, seen.cash.rate_source) == (Decimal("0.8"), date(2024, 3, 12), "market")
    assert (seen.before.quantity, seen.then.quantity, seen.after.quantity) == exact(10, 0, 0)


def test_the_brokers_rate_is_named_as_such(alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "0.90"})
    portfolio = make_portfolio(alice, base_currency="CHF", cash="tracked")
    terms = replace(new_trade(TradeKind.BUY, apple, 10, 100, "2024-01-10"), exchange_rate=Decimal("0.91"))

    _, seen = foreseen(portfolio, terms)

    assert (seen.amount, seen.amount_base, seen.cash.amount) == exact(1000, 910, -910)
    assert (seen.cash.rate, seen.cash.rate_source) == (Decimal("0.91"), "broker")
    assert seen.cash.negative_from == date(2024, 1, 10)


def test_a_balance_that_is_positive_today_may_still_have_been_negative_then(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, amount=Decimal(2000), booked_on=date(2024, 2, 1), section=Section.TRANSFER, actor=alice)

    _, early = foreseen(portfolio, new_trade(TradeKind.BUY, apple, 10, 100, "2024-01-10"))
    _, late = foreseen(portfolio, new_trade(TradeKind.BUY, apple, 10, 100, "2024-02-01"))

    assert (early.cash.balance_before, early.cash.balance_after) == exact(2000, 1000)
    assert (early.cash.negative_from, late.cash.negative_from) == (date(2024, 1, 10), None)


def test_a_backdated_purchase_names_the_sale_that_takes_other_lots(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 100, "2024-01-10")
    sale = sell(portfolio, apple, 10, 120, "2024-03-12")

    _, seen = foreseen(portfolio, new_trade(TradeKind.BUY, apple, 10, 80, "2024-01-05"))

    assert seen.later == 2
    [one] = seen.moved
    assert (one.trade_id, one.day, one.gain_before, one.gain_after) == (sale.pk, sale.day, *exact(200, 400))
    assert not seen.taken
    assert [(lot.opened_on, lot.quantity, lot.cost) for lot in seen.opened] == [(date(2024, 1, 5), *exact(10, 800))]


def test_a_sale_through_zero_closes_and_opens(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, allow_short=True)
    buy(portfolio, apple, 4, 100, "2024-01-10")

    _, seen = foreseen(portfolio, new_trade(TradeKind.SELL, apple, 10, 120, "2024-03-12"))

    assert (seen.gain, seen.after.quantity) == exact(80, -6)
    assert [(lot.quantity, lot.cost) for lot in seen.opened] == [exact(-6, -720)]


def test_in_the_average_pool_a_purchase_opens_no_lot_of_its_own(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cost_method="average")
    _, first = foreseen(portfolio, new_trade(TradeKind.BUY, apple, 10, 100, "2024-01-10"))
    buy(portfolio, apple, 10, 100, "2024-01-10")
    _, second = foreseen(portfolio, new_trade(TradeKind.BUY, apple, 10, 120, "2024-01-11"))

    assert (len(first.opened), first.pooled) == (1, False)
    assert (second.opened, second.pooled, second.after.cost) == ((), True, Decimal(2200))


def test_a_transfer_shows_both_sides(alice: User, apple: Asset) -> None:
    make_bars(apple, {date(2024, 1, 10): 100})
    source, target = make_portfolio(alice), make_portfolio(alice, "Other")
    buy(source, apple, 10, 100, "2024-01-10", fee=Decimal(1))
    terms = replace(new_trade(TradeKind.TRANSFER_OUT, apple, 4, 100, "2024-02-01"), price=None)

    seen = preview_transfer(source=source, target=target, terms=terms)
    transfer_securities(
        source=source, target=target, asset=apple, quantity=Decimal(4), traded_at=terms.traded_at, actor=alice
    )

    assert seen.arrival is not None
    assert (seen.cash, seen.gain, seen.after.quantity) == (None, None, Decimal(6))
    arrived = Lot.objects.get(portfolio=target)
    assert [(lot.opened_on, lot.quantity, lot.cost) for lot in seen.arrival.opened] == [
        (arrived.opened_on, arrived.quantity, arrived.cost)
    ]
    assert arrived.cost == Decimal("400.40")


def test_lots_that_are_brought_are_shown(portfolio: Portfolio, apple: Asset) -> None:
    lots = (NewLot(date(2019, 5, 1), Decimal(4), Decimal(400)), NewLot(date(2020, 6, 1), Decimal(6), Decimal(900)))
    terms = replace(new_trade(TradeKind.TRANSFER_IN, apple, 10, 150, "2024-01-10"), lots=lots)

    _, seen = foreseen(portfolio, terms)

    assert [(lot.opened_on, lot.cost) for lot in seen.opened] == [(lot.opened_on, lot.cost) for lot in lots]
    assert (seen.cash, seen.after.cost) == (None, Decimal(1300))


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal(11)}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"quantity": Decimal("1e17")}, "price"),
        ({"price": None}, "price"),
        ({"price": Decimal("0.12345678901")}, "price"),
        ({"price": Decimal("1e17"), "quantity": Decimal(9)}, "price"),
        ({"fee": Decimal("0.001")}, "fee"),
        ({"tax": Decimal(-1)}, "tax"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "JPY"}, "exchange_rate"),
        ({"exchange_rate": Decimal(2)}, "exchange_rate"),
        ({"external_id": "known"}, "external_id"),
        ({"external_id": "x" * 65}, "external_id"),
        ({"traded_at": at("2999-01-01")}, "traded_at"),
        ({"traded_at": at("2024-01-09")}, "quantity"),
        ({"picks": (NewPick(10**9, Decimal(1)),)}, "lots.0.opened_by"),
        ({"lots": (NewLot(date(2020, 1, 1), Decimal(1), Decimal(1)),)}, "lots"),
        ({"kind": TradeKind.TRANSFER_OUT, "fee": Decimal(1)}, "fee"),
    ],
    ids=str,
)
def test_a_preview_refuses_as_booking_does(
    portfolio: Portfolio, apple: Asset, alice: User, changes: dict[str, Any], field: str
) -> None:
    buy(portfolio, apple, 10, 100, "2024-01-10", external_id="known")
    terms = replace(new_trade(TradeKind.SELL, apple, 5, 120, "2024-03-12"), **changes)

    expected = foreseen(portfolio, terms)

    assert expected[0] == "refused"
    assert expected[1][1] == field
    assert expected == attempt(lambda: book_trade(portfolio=portfolio, actor=alice, **terms_as_arguments(terms)))


@pytest.mark.parametrize(
    "changes", [{"price": Decimal("1234567.1234567891")}, {"quantity": Decimal("1.00000000000001")}]
)
def test_digits_that_the_embedded_database_does_not_keep(
    portfolio: Portfolio, apple: Asset, alice: User, changes: dict[str, Any]
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the other database keeps every digit")
    terms = replace(new_trade(TradeKind.BUY, apple, 10, 100, "2024-01-10"), **changes)
    expected = foreseen(portfolio, terms)
    assert expected[0] == "refused"
    assert expected == attempt(lambda: book_trade(portfolio=portfolio, actor=alice, **terms_as_arguments(terms)))


def test_what_a_replacement_breaks_later_is_named(portfolio: Portfolio, apple: Asset, alice: User) -> None:
    bought = buy(portfolio, apple, 10, 100, "2024-01-10")
    sale = sell(portfolio, apple, 10, 120, "2024-03-12")
    terms = new_trade(TradeKind.BUY, apple, 4, 100, "2024-01-10")

    expected = foreseen(portfolio, terms, bought)

    assert expected[0] == "refused"
    assert f"(trade {sale.pk})" in expected[1][2]
    assert expected == attempt(lambda: replace_trade(trade=bought, actor=alice, **terms_as_arguments(terms)))


def test_what_was_voided_or_is_a_leg_cannot_be_replaced(portfolio: Portfolio, apple: Asset, alice: User) -> None:
    other = make_portfolio(alice, "Other")
    voided = void_trade(trade=buy(portfolio, apple, 10, 100, "2024-01-10"), actor=alice)
    buy(portfolio, apple, 10, 100, "2024-01-10")
    when = at("2024-02-01")
    leg = transfer_securities(
        source=portfolio, target=other, asset=apple, quantity=Decimal(1), traded_at=when, price=Decimal(1), actor=alice
    )
    terms = new_trade(TradeKind.BUY, apple, 1, 1, "2024-01-10")
    for trade in (voided, leg):
        expected = foreseen(portfolio, terms, trade)
        assert expected[0] == "refused"
        assert expected == attempt(
            lambda: replace_trade(trade=trade, actor=alice, **terms_as_arguments(terms))  # noqa: B023
        )


# --- the lots to pick from ----------------------------------------------------------------------------------------


def test_the_lots_are_those_of_the_sales_place_in_the_order(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cost_method="specific", long_term_days=30)
    first = buy(portfolio, apple, 10, 100, "2024-01-10")
    second = buy(portfolio, apple, 5, 130, "2024-02-01")
    sale = sell(portfolio, apple, 12, 120, "2024-03-12")
    buy(portfolio, apple, 9, 90, "2024-03-13")
    apply_action(asset=apple, kind="split", ex_date=date(2024, 3, 1), ratio=Decimal(2), actor=None)

    def offered(when: str, clock: str = "15:30", replacing: Trade | None = None) -> list[tuple[Any, ...]]:
        day = date.fromisoformat(when)
        found = open_lots(portfolio, apple, at(when, clock), day, value_of_unit=Decimal(60), replacing=replacing)
        assert found.may_pick
        return [(lot.opened_by, lot.quantity, lot.unit_cost, lot.gain, lot.long_term) for lot in found.lots]

    whole = [(first.pk, *exact(20, 50, 200), True), (second.pk, *exact(10, 65, -50), True)]
    assert offered("2024-02-01", "15:29") == [(first.pk, *exact(10, 100, -400), False)]
    assert offered("2024-03-12", "15:29") == whole
    assert offered("2024-03-12", replacing=sale) == whole
    assert offered("2024-03-12", "15:31")[0] == (first.pk, *exact(8, 50, 80), True)


def test_lots_are_ranked_for_the_buttons(alice: User, apple: Asset) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "1", date(2024, 2, 1): "0.5"})
    portfolio = make_portfolio(alice, cost_method="specific", base_currency="CHF")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    buy(portfolio, apple, 10, 130, "2024-02-01")

    found = open_lots(portfolio, apple, at("2024-03-01"), date(2024, 3, 1))

    assert [(lot.oldest, lot.highest_cost, lot.lowest_gain) for lot in found.lots] == [(0, 1, 0), (1, 0, 1)]
    assert (found.held, [lot.gain for lot in found.lots]) == (Decimal(20), [None, None])
