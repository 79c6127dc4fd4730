"""Booking trades through the service: what follows from them, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activity.models import AuditEvent
from assets.models import Asset
from assets.queries import RateMissing
from assets.tests.factories import make_asset, make_bars, make_rate
from core.errors import DomainError
from portfolios.book.types import ShortSale
from portfolios.models import Disposal, Investment, Lot, Portfolio, Trade, TradeKind
from portfolios.services.terms import NewLot, PriceRequired
from portfolios.services.trades import (
    BreaksLaterTrade,
    DuplicateTrade,
    book_trade,
    book_trades,
    replace_trade,
    restore_trade,
    void_trade,
)
from portfolios.tests.factories import at, buy, derived_rows, exact, make_portfolio, new_trade, sell
from users.models import User


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice)


@pytest.fixture
def amazon(db: None) -> Asset:
    return make_asset("AMZN")


def position(portfolio: Portfolio, asset: Asset) -> Investment:
    return Investment.objects.get(portfolio=portfolio, asset=asset)


def test_the_closed_amazon_trade_gains_143_50(portfolio: Portfolio, amazon: Asset) -> None:
    """quant_research_dashboard.md: 10 bought at 144.00, sold at 158.50 with a commission of 1.50."""
    buy(portfolio, amazon, 10, "144.00", "2024-01-10")
    sale = sell(portfolio, amazon, 10, "158.50", "2024-03-12", fee=Decimal("1.50"))

    disposal = Disposal.objects.get(trade=sale)

    assert (disposal.proceeds, disposal.cost, disposal.gain) == exact("1583.50", 1440, "143.50")
    assert (disposal.price_gain, disposal.currency_gain) == exact("143.50", 0)
    assert disposal.holding_days == 62
    held = position(portfolio, amazon)
    assert (held.quantity, held.cost, held.realised_gain_base) == exact(0, 0, "143.50")


def test_fee_and_tax_are_part_of_a_lots_cost(portfolio: Portfolio, amazon: Asset) -> None:
    trade = buy(portfolio, amazon, 3, "10.335", "2024-01-10", fee=Decimal("1.01"), tax=Decimal("0.24"))

    lot = Lot.objects.get(opened_by=trade)

    assert lot.cost == Decimal("32.26")  # 31.005 is rounded to 31.01 before the costs are added
    assert lot.cost_base == lot.cost
    assert (lot.opened_on, lot.quantity, lot.sequence) == (date(2024, 1, 10), Decimal(3), 0)


def test_a_foreign_lot_is_converted_on_its_opening_day_and_a_sale_on_its_closing_day(alice: User) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "0.90", date(2024, 3, 12): "0.80"})
    apple, portfolio = make_asset("AAPL"), make_portfolio(alice, base_currency="CHF")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    sale = sell(portfolio, apple, 10, 120, "2024-03-12")

    disposal = Disposal.objects.get(trade=sale)

    assert (disposal.cost_base, disposal.proceeds_base) == exact(900, 960)
    assert (disposal.gain, disposal.price_gain, disposal.currency_gain) == exact(200, 160, -100)


def test_the_brokers_rate_goes_before_the_days(alice: User) -> None:
    make_rate("USDCHF", {date(2024, 1, 10): "0.90"})
    portfolio = make_portfolio(alice, base_currency="CHF")

    trade = buy(portfolio, make_asset("AAPL"), 10, 100, "2024-01-10", exchange_rate=Decimal("0.91"))

    assert Lot.objects.get(opened_by=trade).cost_base == 910


def test_a_trade_in_a_third_currency_is_converted_to_both(alice: User) -> None:
    make_rate("EURUSD", {date(2024, 1, 10): "1.10"})
    make_rate("EURCHF", {date(2024, 1, 10): "0.95"})
    portfolio = make_portfolio(alice, base_currency="CHF")

    trade = buy(portfolio, make_asset("AAPL"), 10, 100, "2024-01-10", currency="EUR")

    lot = Lot.objects.get(opened_by=trade)
    assert (lot.cost, lot.cost_base) == exact(1100, 950)


def test_the_brokers_rate_holds_for_an_asset_in_the_base_currency_too(alice: User) -> None:
    make_rate("EURCHF", {date(2024, 1, 10): "0.95"})
    portfolio, nestle = make_portfolio(alice, base_currency="CHF"), make_asset("NESN", currency="CHF")

    trade = buy(portfolio, nestle, 10, 100, "2024-01-10", currency="EUR", exchange_rate=Decimal("0.96"))

    lot = Lot.objects.get(opened_by=trade)
    assert (lot.cost, lot.cost_base) == exact(960, 960)


def test_a_trade_in_the_base_currency_of_a_foreign_asset(alice: User) -> None:
    """Wealthfolio, test_buy_activity_updates_holdings_and_cash: 10 at 150 CAD and a fee of 5, at 0.75 USD for 1 CAD."""
    make_rate("CADUSD", {date(2023, 1, 1): "0.75"})
    portfolio = make_portfolio(alice, base_currency="CAD")

    trade = buy(portfolio, make_asset("AAPL"), 10, 150, "2023-01-01", currency="CAD", fee=Decimal(5))

    lot = Lot.objects.get(opened_by=trade)
    assert (lot.cost, lot.cost_base, lot.unit_cost) == exact("1128.75", 1505, "112.875")


def test_without_a_rate_nothing_is_booked(alice: User) -> None:
    portfolio = make_portfolio(alice, base_currency="CHF")

    with pytest.raises(RateMissing, match="USD to CHF") as refusal:
        buy(portfolio, make_asset("AAPL"), 10, 100, "2024-01-10")

    assert refusal.value.field == "exchange_rate"
    assert not Trade.objects.exists()


def test_a_transfer_in_keeps_the_lots_that_it_brings(portfolio: Portfolio, amazon: Asset) -> None:
    lots = (
        NewLot(date(2019, 5, 1), Decimal(4), Decimal("400.00")),
        NewLot(date(2020, 6, 1), Decimal(6), Decimal("900.00")),
    )
    transfer = new_trade(TradeKind.TRANSFER_IN, amazon, 10, 150, "2024-01-10", lots=lots)
    [trade] = book_trades(portfolio=portfolio, trades=[transfer], actor=portfolio.owner)

    sell(portfolio, amazon, 5, 160, "2024-02-01")

    assert list(Disposal.objects.values_list("opened_by", "sequence", "opened_on", "quantity", "cost")) == [
        (trade.pk, 0, date(2019, 5, 1), *exact(4, 400)),
        (trade.pk, 1, date(2020, 6, 1), *exact(1, 150)),
    ]


DAY = "2024-01-10"


@pytest.mark.parametrize(
    ("code", "field", "terms"),
    [
        pytest.param("not_positive", "quantity", {"quantity": 0}, id="quantity 0"),
        pytest.param("not_positive", "quantity", {"quantity": -1}, id="quantity negative"),
        pytest.param("not_finite", "quantity", {"quantity": "NaN"}, id="quantity NaN"),
        pytest.param("not_finite", "price", {"price": "Infinity"}, id="price infinite"),
        pytest.param("negative", "price", {"price": "-0.01"}, id="price negative"),
        pytest.param("too_many_decimals", "quantity", {"quantity": "0.00000000001"}, id="quantity with 11 decimals"),
        pytest.param("too_many_decimals", "fee", {"fee": Decimal("0.001")}, id="fee below a cent"),
        pytest.param("negative", "tax", {"tax": Decimal(-1)}, id="tax negative"),
        pytest.param("number_too_large", "quantity", {"quantity": "1" + "0" * 18}, id="quantity beyond the column"),
        pytest.param(
            "amount_too_large", "price", {"quantity": "1" + "0" * 9, "price": "1" + "0" * 9}, id="amount too large"
        ),
        pytest.param("unknown_currency", "currency", {"currency": "XXX"}, id="unknown currency"),
        pytest.param("rate_of_base_currency", "exchange_rate", {"exchange_rate": Decimal(2)}, id="rate of the base"),
        pytest.param("not_positive", "exchange_rate", {"exchange_rate": Decimal(0)}, id="rate 0"),
        pytest.param("date_too_early", "traded_at", {"traded_at": at("0001-01-01", "00:00")}, id="in the year 1"),
        pytest.param("date_in_future", "traded_at", {"traded_at": at("9999-12-31", "23:59")}, id="in the year 9999"),
        pytest.param(
            "lots_not_allowed", "lots", {"lots": (NewLot(date(2024, 1, 1), Decimal(1), Decimal(1)),)}, id="a buy's lots"
        ),
        pytest.param("external_id_too_long", "external_id", {"external_id": "x" * 65}, id="long external id"),
    ],
)
def test_what_cannot_be_booked_is_refused_by_field(
    portfolio: Portfolio, amazon: Asset, code: str, field: str, terms: dict[str, Any]
) -> None:
    values: dict[str, Any] = {"quantity": 1, "price": 10, "day": DAY} | terms
    with pytest.raises(DomainError) as refusal:
        buy(portfolio, amazon, values.pop("quantity"), values.pop("price"), values.pop("day"), **values)

    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not Trade.objects.exists()
    assert not AuditEvent.objects.filter(action="trade.booked").exists()


@pytest.mark.parametrize("kind", ["fx", "index"])
def test_rates_and_indices_cannot_be_bought(portfolio: Portfolio, kind: str) -> None:
    with pytest.raises(DomainError) as refusal:
        buy(portfolio, make_asset("EURUSD", type=kind), 1, 1, DAY)

    assert (refusal.value.code, refusal.value.field) == ("not_tradable", "asset")


def test_the_future_begins_at_the_exchanges_midnight(portfolio: Portfolio, amazon: Asset) -> None:
    """02:00 UTC on the 10th is the evening of the 9th in New York."""
    now = at("2024-01-10", "02:00")
    trade = buy(portfolio, amazon, 1, 10, "2024-01-10", traded_at=at("2024-01-10", "03:00"), now=now)
    assert trade.day == date(2024, 1, 9)

    with pytest.raises(DomainError, match="It is 2024-01-09 at the exchange"):
        buy(portfolio, amazon, 1, 10, "2024-01-10", traded_at=at("2024-01-10", "06:00"), now=now)


def test_selling_more_than_held_names_what_is_held(portfolio: Portfolio, amazon: Asset) -> None:
    buy(portfolio, amazon, 10, 100, "2024-01-10")

    with pytest.raises(ShortSale, match="11 sold on 2024-01-11, but 10 held") as refusal:
        sell(portfolio, amazon, 11, 100, "2024-01-11")

    assert refusal.value.field == "quantity"
    assert position(portfolio, amazon).quantity == 10
    assert Trade.objects.count() == 1


def test_a_backdated_sale_that_leaves_a_later_one_short_names_the_later_one(
    portfolio: Portfolio, amazon: Asset
) -> None:
    buy(portfolio, amazon, 10, 100, "2024-01-10")
    later = sell(portfolio, amazon, 8, 100, "2024-03-01")

    with pytest.raises(BreaksLaterTrade, match=rf"8 AMZN on 2024-03-01 \(trade {later.pk}\)"):
        sell(portfolio, amazon, 5, 100, "2024-02-01")

    assert Trade.objects.count() == 2


def test_a_backdated_purchase_changes_which_lot_an_earlier_booked_sale_takes(
    portfolio: Portfolio, amazon: Asset
) -> None:
    buy(portfolio, amazon, 10, 100, "2024-02-01")
    sell(portfolio, amazon, 10, 130, "2024-03-01")
    older = buy(portfolio, amazon, 10, 80, "2024-01-10")

    assert list(Disposal.objects.values_list("opened_by", "cost")) == [(older.pk, Decimal(800))]
    assert position(portfolio, amazon).cost == 1000


def test_an_external_id_stands_once(portfolio: Portfolio, amazon: Asset) -> None:
    first = buy(portfolio, amazon, 1, 10, DAY, external_id="a-1")
    with pytest.raises(DuplicateTrade):
        buy(portfolio, amazon, 1, 10, DAY, external_id="a-1")

    void_trade(trade=first, actor=None)

    assert buy(portfolio, amazon, 1, 10, DAY, external_id="a-1").external_id == "a-1"


def test_a_repeated_import_adds_nothing(portfolio: Portfolio, amazon: Asset) -> None:
    trades = [new_trade(TradeKind.BUY, amazon, 1, 10, DAY, external_id=f"a-{i}") for i in range(3)]

    assert len(book_trades(portfolio=portfolio, trades=trades[:2], actor=None)) == 2
    assert [trade.external_id for trade in book_trades(portfolio=portfolio, trades=trades, actor=None)] == ["a-2"]
    assert book_trades(portfolio=portfolio, trades=trades, actor=None) == []
    assert position(portfolio, amazon).quantity == 3


def test_an_import_with_one_bad_trade_stores_none_and_names_its_place(portfolio: Portfolio, amazon: Asset) -> None:
    trades = [
        new_trade(TradeKind.BUY, amazon, 1, 10, DAY, external_id="a"),
        new_trade(TradeKind.SELL, amazon, 2, 10, "2024-01-11", external_id="b"),
    ]
    with pytest.raises(ShortSale) as refusal:
        book_trades(portfolio=portfolio, trades=trades, actor=None)

    assert refusal.value.field == "trades.1.quantity"
    assert not Trade.objects.exists()


def test_a_void_takes_a_trade_out_and_a_restore_brings_it_back(portfolio: Portfolio, amazon: Asset) -> None:
    buy(portfolio, amazon, 10, 100, "2024-01-10")
    sale = sell(portfolio, amazon, 4, 120, "2024-02-01")
    before = derived_rows(portfolio)

    void_trade(trade=sale, actor=portfolio.owner)
    assert position(portfolio, amazon).quantity == 10
    assert not Disposal.objects.exists()

    restored = restore_trade(trade=sale, actor=portfolio.owner)
    assert restored.voided_at is None
    assert derived_rows(portfolio) == before
    assert list(AuditEvent.objects.filter(subject_id=str(sale.pk)).order_by("pk").values_list("action", flat=True)) == [
        "trade.booked",
        "trade.voided",
        "trade.restored",
    ]


def test_a_purchase_whose_units_were_sold_cannot_be_voided(portfolio: Portfolio, amazon: Asset) -> None:
    purchase = buy(portfolio, amazon, 10, 100, "2024-01-10")
    sell(portfolio, amazon, 4, 120, "2024-02-01")

    with pytest.raises(BreaksLaterTrade, match="4 AMZN on 2024-02-01"):
        void_trade(trade=purchase, actor=None)

    assert Trade.objects.standing().count() == 2


def test_a_replacement_keeps_its_originals_place_among_equals(portfolio: Portfolio, amazon: Asset) -> None:
    first = buy(portfolio, amazon, 1, 10, DAY)
    buy(portfolio, amazon, 1, 20, DAY)
    Trade.objects.update(sequence=5)
    sell(portfolio, amazon, 1, 30, "2024-02-01")

    corrected = replace_trade(trade=first, actor=portfolio.owner, price=Decimal(11))

    assert (corrected.replaces, corrected.price) == (first, Decimal(11))
    assert corrected.sequence == 5
    assert Disposal.objects.get().opened_by == corrected


def test_restoring_an_original_voids_its_replacement_and_the_other_way_round(
    portfolio: Portfolio, amazon: Asset
) -> None:
    original = buy(portfolio, amazon, 1, 10, DAY, external_id="a")
    replacement = replace_trade(trade=original, actor=None, quantity=Decimal(5))

    restore_trade(trade=original, actor=None)
    assert list(Trade.objects.standing()) == [original]
    assert position(portfolio, amazon).quantity == 1

    restore_trade(trade=replacement, actor=None)
    assert list(Trade.objects.standing()) == [replacement]
    assert position(portfolio, amazon).quantity == 5


def test_a_replacement_without_a_change_books_nothing(portfolio: Portfolio, amazon: Asset) -> None:
    trade = buy(portfolio, amazon, 1, 10, DAY)

    assert replace_trade(trade=trade, actor=None, price=Decimal("10.00")) == trade
    assert Trade.objects.count() == 1


def test_a_replacement_may_move_to_another_asset(portfolio: Portfolio, amazon: Asset) -> None:
    trade = buy(portfolio, amazon, 2, 10, DAY)
    replace_trade(trade=trade, actor=None, asset=make_asset("MSFT"))

    assert list(Investment.objects.values_list("asset__symbol", "quantity")) == [("MSFT", Decimal(2))]


def test_a_refused_replacement_leaves_the_original_standing(portfolio: Portfolio, amazon: Asset) -> None:
    purchase = buy(portfolio, amazon, 10, 100, "2024-01-10")
    sell(portfolio, amazon, 10, 120, "2024-02-01")

    with pytest.raises(BreaksLaterTrade):
        replace_trade(trade=purchase, actor=None, quantity=Decimal(9))

    purchase.refresh_from_db()
    assert purchase.voided_at is None
    assert Trade.objects.count() == 2


def test_one_booking_moves_the_version_once(portfolio: Portfolio, amazon: Asset) -> None:
    buy(portfolio, amazon, 1, 10, DAY)

    portfolio.refresh_from_db()
    assert portfolio.version == 1


def test_a_booking_costs_the_same_queries_on_a_long_history(portfolio: Portfolio, amazon: Asset) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            buy(portfolio, amazon, 2, 10, DAY)
            sell(portfolio, amazon, 1, 11, "2024-01-11")
        counts.append(len(queries))
        more = [new_trade(TradeKind.BUY, amazon, 1, 10, DAY) for _ in range(30)]
        book_trades(portfolio=portfolio, trades=more, actor=None)

    assert counts[0] == counts[1] <= 40


def transfer_in(portfolio: Portfolio, asset: Asset, **values: Any) -> Trade:
    terms = {"quantity": Decimal(1), "price": None, "traded_at": at(DAY), "actor": None} | values
    return book_trade(portfolio=portfolio, asset=asset, kind=TradeKind.TRANSFER_IN, **terms)


@pytest.mark.parametrize("lots", [(), (NewLot(date(2024, 1, 2), Decimal(1), Decimal(90)),)], ids=["close", "lots"])
def test_no_price_is_taken_from_another_currency(portfolio: Portfolio, amazon: Asset, lots: tuple[NewLot, ...]) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    if not lots:
        make_bars(amazon, {date(2024, 1, 2): "100"})

    with pytest.raises(PriceRequired) as refusal:
        transfer_in(portfolio, amazon, currency="EUR", lots=lots)

    assert refusal.value.field == "price"
    assert transfer_in(portfolio, amazon, currency="EUR", price=Decimal(95), lots=lots).price == 95


def test_a_note_leaves_the_basis_that_was_stated_and_a_price_does_not(portfolio: Portfolio) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    sap = make_asset("SAP", currency="EUR")
    lot = NewLot(date.fromisoformat(DAY), Decimal(10), Decimal(1000), Decimal(777))
    trade = transfer_in(portfolio, sap, quantity=Decimal(10), price=Decimal(100), lots=[lot])

    noted = replace_trade(trade=trade, actor=None, note="x", price=Decimal(100))
    assert (noted.note, position(portfolio, sap).cost_base) == ("x", 777)

    replace_trade(trade=noted, actor=None, price=Decimal(200))
    assert (position(portfolio, sap).cost, position(portfolio, sap).cost_base) == exact(2000, 2200)


def test_a_lot_in_the_base_currency_has_one_cost(portfolio: Portfolio, amazon: Asset) -> None:
    opened = date.fromisoformat(DAY)

    with pytest.raises(DomainError) as refusal:
        transfer_in(portfolio, amazon, price=Decimal(1), lots=[NewLot(opened, Decimal(1), Decimal(1000), Decimal(7))])

    assert (refusal.value.code, refusal.value.field) == ("costs_differ", "lots.0.cost_base")
    assert transfer_in(portfolio, amazon, price=Decimal(1), lots=[NewLot(opened, Decimal(1), Decimal(7), Decimal(7))])
