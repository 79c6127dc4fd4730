"""Corporate actions through the service: every holder, their cash, taken back and applied again."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.models import Asset, CorporateAction, HistoricValue
from assets.services import actions as refusals
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import CashTransaction
from core.errors import DomainError
from core.money import UnknownCurrency, quantise
from portfolios.models import Disposal, Entitlement, Investment, Lot, Portfolio
from portfolios.queries import holdings
from portfolios.services.actions import apply_action, restore_action, void_action
from portfolios.services.derivations import PositionTooLarge
from portfolios.services.rebuild import rebuild
from portfolios.services.refusals import BreaksLaterTrade
from portfolios.services.trades import replace_trade, void_trade
from portfolios.tests.factories import buy, derived_rows, exact, make_portfolio, sell
from users.models import User

# Six unadjusted bars around each of three real splits; from bokeh_sampledata 2026.1, stated to be public domain.
BARS = list(csv.DictReader((Path(__file__).parent / "golden" / "splits.csv").read_text().splitlines()))
SPLITS = [("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("MSFT", "2003-02-18")]
DAY = date(2024, 3, 1)


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice, cash="tracked")


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


def act(asset: Asset, kind: str, day: date = DAY, **terms: Any) -> CorporateAction:
    numbers: dict[str, Any] = {
        n: Decimal(v) if isinstance(v, int | str) and n not in TEXTS else v for n, v in terms.items()
    }
    return apply_action(asset=asset, kind=kind, ex_date=day, actor=None, **numbers)


TEXTS = ("currency", "new_symbol")


def bars_around(symbol: str, split_on: str) -> list[dict[str, str]]:
    year = split_on[:4]
    return [row for row in BARS if row["ticker"] == symbol and row["date"].startswith(year)]


def value(portfolio: Portfolio, day: str) -> Decimal | None:
    [holding] = holdings([portfolio], date.fromisoformat(day))[portfolio.pk]
    return holding.value


@pytest.mark.parametrize(("symbol", "split_on"), SPLITS)
def test_a_real_split_leaves_the_value_as_it_was_to_the_cent(portfolio: Portfolio, symbol: str, split_on: str) -> None:
    asset, rows = make_asset(symbol), bars_around(symbol, split_on)
    before = [row for row in rows if row["date"] < split_on]
    make_bars(asset, {date.fromisoformat(row["date"]): row["close"] for row in before})
    buy(portfolio, asset, "17.3", before[0]["close"], before[0]["date"])
    eve = value(portfolio, before[-1]["date"])

    act(asset, "split", date.fromisoformat(split_on), ratio=2)

    assert eve == quantise(Decimal("17.3") * Decimal(before[-1]["close"]), "USD")
    assert value(portfolio, before[-1]["date"]) == eve
    assert value(portfolio, split_on) == eve  # no close that day yet: the last one, divided by the ratio
    after = [row for row in rows if row["date"] >= split_on]
    make_bars(asset, {date.fromisoformat(row["date"]): row["close"] for row in after})
    assert value(portfolio, split_on) == quantise(Decimal("34.6") * Decimal(after[0]["close"]), "USD")
    assert Investment.objects.get().quantity == Decimal("34.6")


@pytest.mark.parametrize(("symbol", "split_on"), SPLITS)
def test_adjusted_closes_move_as_the_sources_own_do(db: None, symbol: str, split_on: str) -> None:
    asset, rows = make_asset(symbol), bars_around(symbol, split_on)
    make_bars(asset, {date.fromisoformat(row["date"]): row["close"] for row in rows})
    action = act(asset, "split", date.fromisoformat(split_on), ratio=2)
    if symbol == "MSFT":
        act(asset, "cash_dividend", date(2003, 2, 19), cash="0.08")

    ours = [bar.adjusted_close or Decimal(0) for bar in HistoricValue.objects.order_by("day")]
    theirs = [Decimal(row["adj_close"]) for row in rows]
    scale = theirs[-1] / ours[-1]
    assert all(abs(mine * scale / other - 1) < Decimal("0.0005") for mine, other in zip(ours, theirs, strict=True))
    version = Asset.objects.get(pk=asset.pk).price_version
    void_action(action=action, actor=None)
    assert Asset.objects.get(pk=asset.pk).price_version > version


def test_every_holder_gets_it_once_and_a_void_restores_what_was(portfolio: Portfolio, apple: Asset, bob: User) -> None:
    other, stranger = make_portfolio(bob, cost_method="average"), make_portfolio(bob, "Later")
    for owner, quantity in ((portfolio, 10), (other, 7)):
        buy(owner, apple, quantity, 100, "2024-01-10")
    sell(portfolio, apple, 2, 480, "2024-04-01")
    buy(stranger, apple, 5, 100, "2024-03-01")
    before = {each.pk: derived_rows(each) for each in (portfolio, other, stranger)}
    cash = list(CashTransaction.objects.order_by("pk").values_list("amount", flat=True))

    split = act(apple, "reverse_split", ratio=1, per=4, cash_in_lieu=396)
    after = {each.pk: derived_rows(each) for each in (portfolio, other, stranger)}
    left = dict(Investment.objects.values_list("portfolio", "quantity"))
    assert left == {portfolio.pk: 0, other.pk: Decimal(1), stranger.pk: Decimal(5)}
    assert Disposal.objects.filter(action=split).count() == 2
    assert after[stranger.pk] == before[stranger.pk]

    void_action(action=split, actor=None)
    assert {each.pk: derived_rows(each) for each in (portfolio, other, stranger)} == before
    assert list(CashTransaction.objects.order_by("pk").values_list("amount", flat=True)) == cash
    restore_action(action=split, actor=None)
    assert {each.pk: derived_rows(each) for each in (portfolio, other, stranger)} == after
    for each in (portfolio, other, stranger):
        rebuild(each)
    assert {each.pk: derived_rows(each) for each in (portfolio, other, stranger)} == after


def test_a_dividend_is_owed_from_the_ex_date_and_paid_into_the_account_on_the_pay_date(
    portfolio: Portfolio, apple: Asset
) -> None:
    trade = buy(portfolio, apple, 10, 100, "2024-01-10")
    pay_date = date(2024, 3, 15)
    dividend = act(apple, "cash_dividend", cash="0.24", withholding_rate="0.15", pay_date=pay_date)

    due = Entitlement.objects.get()
    assert (due.quantity, due.gross, due.withholding, due.net) == exact(10, "2.40", "0.36", "2.04")
    assert (due.ex_date, due.pay_date, due.currency) == (DAY, date(2024, 3, 15), "USD")
    row = CashTransaction.objects.get(origin="action")
    assert (row.booked_on, row.amount, row.section) == (date(2024, 3, 15), Decimal("2.04"), "income")
    assert Investment.objects.get().income_base == Decimal("2.40")

    replace_trade(trade=trade, actor=None, quantity=Decimal(20))
    assert CashTransaction.objects.get(origin="action").amount == Decimal("4.08")
    void_action(action=dividend, actor=None)
    assert not Entitlement.objects.exists()
    assert not CashTransaction.objects.filter(origin="action").exists()


def test_a_dividend_of_a_foreign_share_is_income_at_the_rate_of_its_ex_date(alice: User) -> None:
    make_rate("EURUSD", {date(2024, 1, 2): "1.10", DAY: "1.20", date(2024, 3, 15): "1.30"})
    portfolio, asset = make_portfolio(alice, cash="tracked"), make_asset("SAP", currency="EUR")
    buy(portfolio, asset, 10, 100, "2024-01-10")
    act(asset, "cash_dividend", cash=2, pay_date=date(2024, 3, 15))

    assert (Investment.objects.get().income, Investment.objects.get().income_base) == exact(20, 24)
    assert CashTransaction.objects.get(origin="action").amount == Decimal("26.00")


def test_a_spin_off_and_what_becomes_of_the_child(portfolio: Portfolio, apple: Asset) -> None:
    child = make_asset("KID")
    first = buy(portfolio, apple, 10, 100, "2024-01-10")
    spin_off = act(apple, "spin_off", ratio=1, per=2, target=child, basis_share="0.2")
    sell(portfolio, child, 3, 60, "2024-04-01")

    lot = Lot.objects.get(asset=child)
    assert (lot.opened_by, lot.opened_on, lot.actions) == (first, date(2024, 1, 10), [spin_off.pk])
    assert (lot.quantity, lot.cost) == exact(2, 80)
    with pytest.raises(BreaksLaterTrade, match="sale of 3 KID on 2024-04-01"):
        void_action(action=spin_off, actor=None)
    with pytest.raises(BreaksLaterTrade, match="KID"):
        void_trade(trade=first, actor=None)
    assert CorporateAction.objects.get().voided_at is None
    before = derived_rows(portfolio)
    rebuild(portfolio)
    assert derived_rows(portfolio) == before


@pytest.mark.parametrize("first", ["split", "spin-off"])
def test_a_spin_off_and_a_split_of_one_day_are_the_same_in_either_order(
    portfolio: Portfolio, apple: Asset, first: str
) -> None:
    """Units that come in at the start of the day are split with it, whichever was booked first."""
    child = make_asset("KID")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    book = {
        "split": lambda: act(child, "split", ratio=2),
        "spin-off": lambda: act(apple, "spin_off", ratio=1, target=child, basis_share="0.2"),
    }
    for kind in sorted(book, key=lambda kind: kind != first):
        book[kind]()

    assert Investment.objects.get(asset=child).quantity == 20


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("cash_dividend", {"cash": 99_999_999}),
        ("return_of_capital", {"cash": 99_999_999}),
        ("merger", {"cash": 99_999_999}),
        ("split", {"ratio": 99_999_999}),
    ],
)
@pytest.mark.parametrize("cash", ["tracked", "untracked"])
def test_what_no_column_holds_is_refused(
    alice: User, apple: Asset, kind: str, terms: dict[str, Any], cash: str
) -> None:
    portfolio = make_portfolio(alice, "Large", cash=cash)
    buy(portfolio, apple, 100_000_000_000, "0.01", "2024-01-10")
    with pytest.raises(PositionTooLarge):
        act(apple, kind, **terms)

    assert not CorporateAction.objects.exists()


def test_a_symbol_change_keeps_the_asset_and_is_voidable(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 100, "2024-01-10")
    change = act(apple, "symbol_change", new_symbol="APPL.X")

    assert (Asset.objects.get().symbol, change.old_symbol) == ("APPL.X", "AAPL")
    void_action(action=change, actor=None)
    assert Asset.objects.get().symbol == "AAPL"
    assert Investment.objects.get().quantity == 10


def test_an_action_that_would_break_a_later_sale_is_refused_by_name(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 100, "2024-01-10")
    late = sell(portfolio, apple, 8, 100, "2024-04-01")
    with pytest.raises(BreaksLaterTrade, match=rf"trade {late.pk}\) would then sell more than is held: 5"):
        act(apple, "reverse_split", ratio=1, per=2)
    assert not CorporateAction.objects.exists()
    assert Investment.objects.get().quantity == 2


SPLIT: dict[str, Any] = {"kind": "split", "ex_date": DAY, "ratio": Decimal(2)}


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        pytest.param({"ratio": Decimal(0)}, refusals.TermNotPositive, "ratio", id="a split of 0"),
        pytest.param({"ratio": Decimal("NaN")}, refusals.TermNotPositive, "ratio", id="not a number"),
        pytest.param({"ratio": Decimal("0.00000000001")}, refusals.TermNotPositive, "ratio", id="too many decimals"),
        pytest.param({"ratio": Decimal("0.5")}, refusals.RatioOfOtherKind, "ratio", id="a split that is a reverse one"),
        pytest.param({"ratio": None}, refusals.TermMissing, "ratio", id="no ratio"),
        pytest.param({"cash": Decimal(1)}, refusals.TermNotAllowed, "cash", id="a term of another kind"),
        pytest.param({"kind": "bonus"}, refusals.UnknownActionKind, "kind", id="unknown kind"),
        pytest.param({"ex_date": date(2020, 1, 1)}, refusals.ActionBeforeListing, "ex_date", id="before the listing"),
        pytest.param({"ex_date": date(2999, 1, 1)}, refusals.ActionInFuture, "ex_date", id="in the future"),
        pytest.param({"pay_date": date(2024, 2, 1)}, refusals.PaidBeforeExDate, "pay_date", id="paid before"),
        pytest.param({"currency": "XXX"}, UnknownCurrency, "currency", id="unknown currency"),
        pytest.param({"kind": "merger", "ratio": None}, refusals.TermMissing, "cash", id="a merger for nothing"),
        pytest.param({"kind": "spin_off"}, refusals.TermMissing, "target", id="a spin-off without child"),
        pytest.param(
            {"kind": "cash_dividend", "ratio": None, "cash": Decimal(1), "withholding_rate": Decimal(1)},
            refusals.NotAFraction,
            "withholding_rate",
            id="all withheld",
        ),
        pytest.param(
            {"kind": "symbol_change", "ratio": None, "new_symbol": "a b"},
            refusals.SymbolMalformed,
            "new_symbol",
            id="malformed symbol",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_stored(
    portfolio: Portfolio, apple: Asset, wrong: dict[str, Any], error: type[DomainError], field: str
) -> None:
    make_bars(apple, {date(2024, 1, 2): 100})
    buy(portfolio, apple, 10, 100, "2024-01-10")
    before = derived_rows(portfolio)
    with pytest.raises(error) as refused:
        apply_action(asset=apple, actor=None, **(SPLIT | wrong))

    assert refused.value.field == field
    assert not CorporateAction.objects.exists()
    assert derived_rows(portfolio) == before


@pytest.mark.parametrize(
    ("basis", "kind", "terms"),
    [
        ("split_adjusted", "split", {"ratio": 2}),
        ("split_adjusted", "stock_dividend", {"ratio": "0.1"}),
        ("total_return", "split", {"ratio": 2}),
        ("total_return", "cash_dividend", {"cash": 1}),
    ],
)
def test_what_is_in_the_prices_already_is_not_applied_again(
    db: None, basis: str, kind: str, terms: dict[str, Any]
) -> None:
    with pytest.raises(refusals.ActionInPrices):
        act(make_asset("ADJ", price_basis=basis), kind, **terms)


def test_the_same_action_is_booked_once(apple: Asset) -> None:
    first = act(apple, "split", ratio=2)
    with pytest.raises(refusals.DuplicateAction):
        act(apple, "split", ratio=2)
    void_action(action=first, actor=None)
    act(apple, "split", ratio=3)
    with pytest.raises(refusals.DuplicateAction):
        restore_action(action=first, actor=None)
    with pytest.raises(refusals.ActionVoided):
        void_action(action=first, actor=None)
