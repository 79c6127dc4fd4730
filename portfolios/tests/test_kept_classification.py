"""What a person sets on the cash rows of trades and dividends stays, whatever the rows are derived anew for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from activity.models import AuditEvent
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, AccountKind, CashTransaction, ClassifiedBy, Origin, Recategorisation
from banking.queries.transactions import CashList, Wanted
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.classifying import Classification, classify, undo_recategorisation
from banking.services.derived import SplitOfDerivedRow
from banking.services.splits import Part, split_cash
from portfolios.models import Portfolio, PortfolioAccount, Trade
from portfolios.services.actions import apply_action, restore_action, void_action
from portfolios.services.portfolios import change_portfolio, delete_portfolio
from portfolios.services.rates import follow_rates
from portfolios.services.rebuild import rebuild
from portfolios.services.trades import replace_trade, restore_trade, void_trade
from portfolios.services.verification import findings
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

DAY = "2024-01-10"


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 10): 100})
    return asset


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    return make_portfolio(alice, cash="tracked")


@pytest.fixture
def trade(portfolio: Portfolio, apple: Asset) -> Trade:
    return buy(portfolio, apple, 3, 10, DAY)


def row_of(origin: Origin = Origin.TRADE) -> CashTransaction:
    return CashTransaction.objects.standing().get(origin=origin)


def say(row: CashTransaction, section: str = "transfer") -> Recategorisation:
    """A person gives a row a category, a counterparty and a tag."""
    books = row.account
    to = Classification(
        sets=frozenset({"category", "counterparty"}),
        category=category_named("Retirement", section, books=books),
        counterparty=counterparty_named("My broker", books=books),
        tags=tags_named(["long term"], books=books),
    )
    return classify(row_ids=[row.pk], to=to, actor=books.owner)


def split(row: CashTransaction) -> None:
    names = ("Retirement", "Education")
    categories = [category_named(name, "transfer", books=row.account) for name in names]
    amounts = (row.amount - 10, Decimal(10))
    parts = [Part(category, amount) for category, amount in zip(categories, amounts, strict=True)]
    split_cash(row=row, parts=parts, actor=row.account.owner)


def said(row: CashTransaction) -> Any:
    parts = sorted(row.splits.values_list("category__name", "amount"))
    tags = sorted(row.tags.values_list("name", flat=True))
    names = (row.category and row.category.name, row.counterparty and row.counterparty.name)
    return row.classified_by, names, tags, parts


SAID: Any = (ClassifiedBy.PERSON, ("Retirement", "My broker"), ["long term"], [])
NOTHING_SAID: Any = (ClassifiedBy.NOBODY, (None, None), [], [])


def rebuilt(portfolio: Portfolio, trade: Trade) -> None:
    rebuild(portfolio)


def switched(portfolio: Portfolio, trade: Trade) -> None:
    for cash in ("untracked", "tracked"):
        change_portfolio(portfolio=portfolio, actor=None, cash=cash)


def voided_and_back(portfolio: Portfolio, trade: Trade) -> None:
    void_trade(trade=trade, actor=None)
    assert not CashTransaction.objects.standing().exists()
    assert list(findings()) == []
    restore_trade(trade=trade, actor=None)


def edited(portfolio: Portfolio, trade: Trade) -> None:
    replace_trade(trade=trade, actor=None, price=Decimal(20))


def edited_twice_and_back(portfolio: Portfolio, trade: Trade) -> None:
    second = replace_trade(trade=trade, actor=None, price=Decimal(20))
    third = replace_trade(trade=second, actor=None, quantity=Decimal(2))
    void_trade(trade=third, actor=None)
    restore_trade(trade=trade, actor=None)


def edited_while_untracked(portfolio: Portfolio, trade: Trade) -> None:
    change_portfolio(portfolio=portfolio, actor=None, cash="untracked")
    trade = replace_trade(trade=trade, actor=None, price=Decimal(20))
    change_portfolio(portfolio=portfolio, actor=None, cash="tracked")


CHANGES: dict[str, Callable[[Portfolio, Trade], Any]] = {
    "a rebuild": rebuilt,
    "cash untracked and tracked again": switched,
    "voided and restored": voided_and_back,
    "edited": edited,
    "edited twice, voided, the first restored": edited_twice_and_back,
    "edited while cash was untracked": edited_while_untracked,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_a_person_set_on_a_trades_cash_stays(
    portfolio: Portfolio, trade: Trade, change: Callable[[Portfolio, Trade], Any]
) -> None:
    say(row_of())

    change(portfolio, trade)

    assert said(row_of()) == SAID
    assert CashTransaction.objects.count() == 1
    assert row_of().amount == -Trade.objects.standing().get().net
    assert list(findings()) == []


@pytest.mark.parametrize("name", ["a rebuild", "cash untracked and tracked again", "voided and restored"])
def test_the_parts_of_a_split_stay(portfolio: Portfolio, trade: Trade, name: str) -> None:
    split(row_of())

    CHANGES[name](portfolio, trade)

    assert said(row_of())[3] == [("Education", Decimal(10)), ("Retirement", Decimal(-40))]
    assert row_of().classified_by == ClassifiedBy.PERSON


def test_an_edit_that_keeps_the_amount_keeps_the_parts(portfolio: Portfolio, trade: Trade) -> None:
    split(row_of())

    replace_trade(trade=trade, actor=None, note="by telephone", traded_at=trade.traded_at.replace(hour=9))

    assert len(said(row_of())[3]) == 2


def test_an_edit_that_the_parts_do_not_add_up_to_is_refused(portfolio: Portfolio, trade: Trade) -> None:
    split(row_of())

    with pytest.raises(SplitOfDerivedRow):
        replace_trade(trade=trade, actor=None, price=Decimal(20))

    assert Trade.objects.standing().get() == trade
    assert len(said(row_of())[3]) == 2


def test_a_rate_that_changes_the_amount_takes_the_parts_off_and_says_so(alice: User) -> None:
    euro = make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, make_asset("SAP", currency="EUR"), 10, 100, DAY)
    row = row_of()
    split(row)

    make_bars(euro, {date(2024, 1, 9): "1.20"})
    assert follow_rates([portfolio.pk]) == 1

    assert (row_of().pk, row_of().amount, said(row_of())) == (row.pk, Decimal(-1200), NOTHING_SAID)
    event = AuditEvent.objects.get(action="cash.unsplit")
    assert event.actor is None
    assert {part["category"]: part["amount"] for part in event.data["parts"]} == {
        "Retirement": "-1110",
        "Education": "10",
    }
    assert list(findings()) == []


def test_a_changed_rate_keeps_the_category(alice: User) -> None:
    euro = make_rate("EURUSD", {date(2024, 1, 2): "1.10"})
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, make_asset("SAP", currency="EUR"), 10, 100, DAY)
    say(row_of())

    make_bars(euro, {date(2024, 1, 9): "1.20"})
    follow_rates([portfolio.pk])

    assert (row_of().amount, said(row_of())) == (Decimal(-1200), SAID)


def test_what_nobody_said_anything_about_is_not_kept(portfolio: Portfolio, trade: Trade) -> None:
    void_trade(trade=trade, actor=None)

    assert not CashTransaction.objects.exists()


def test_a_row_that_waits_is_in_no_list_and_no_balance(portfolio: Portfolio, trade: Trade) -> None:
    row = row_of()
    say(row)
    void_trade(trade=trade, actor=None)

    assert CashTransaction.objects.set_aside().get() == row
    assert CashList(Wanted(accounts=[row.account_id], voided=True)).count() == 0
    assert CashTransaction.objects.balances() == {}


def test_taking_the_classification_back_works_after_a_rebuild(portfolio: Portfolio, trade: Trade, alice: User) -> None:
    act = say(row_of())
    rebuild(portfolio)

    assert undo_recategorisation(act=act, actor=alice).restored == 1
    assert said(row_of()) == NOTHING_SAID


def test_what_was_said_of_a_dividend_stays(portfolio: Portfolio, apple: Asset, alice: User) -> None:
    trade = buy(portfolio, apple, 10, 100, DAY)
    terms: Any = {"cash": Decimal(2), "pay_date": date(2024, 3, 15)}
    action = apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 3, 1), actor=None, **terms)
    say(row_of(Origin.ACTION), "income")

    rebuild(portfolio)
    assert said(row_of(Origin.ACTION)) == SAID
    void_trade(trade=trade, actor=None)
    assert not CashTransaction.objects.standing().filter(origin=Origin.ACTION).exists()
    restore_trade(trade=trade, actor=None)
    assert said(row_of(Origin.ACTION)) == SAID
    void_action(action=action, actor=None)
    assert list(findings()) == []
    restore_action(action=action, actor=None)
    assert said(row_of(Origin.ACTION)) == SAID
    replace_trade(trade=trade, actor=None, quantity=Decimal(5))
    assert (row_of(Origin.ACTION).amount, said(row_of(Origin.ACTION))) == (10, SAID)
    assert list(findings()) == []


def test_of_two_rows_that_wait_the_one_of_the_same_account_comes_back(portfolio: Portfolio, apple: Asset) -> None:
    buy(portfolio, apple, 10, 100, DAY)
    terms: Any = {"cash": Decimal(2), "pay_date": date(2024, 3, 15)}
    action = apply_action(asset=apple, kind="cash_dividend", ex_date=date(2024, 3, 1), actor=None, **terms)
    row = row_of(Origin.ACTION)
    say(row, "income")
    void_action(action=action, actor=None)
    waiting = CashTransaction.objects.set_aside().get()
    assert waiting == row
    other = Account.objects.create(owner=portfolio.owner, name="More", kind=AccountKind.BROKERAGE, currency="USD")
    PortfolioAccount.objects.create(portfolio=portfolio, account=other)
    waiting.pk, waiting.account = None, other
    waiting.save(force_insert=True)

    restore_action(action=action, actor=None)

    assert (row_of(Origin.ACTION), said(row_of(Origin.ACTION))) == (row, SAID)
    assert row_of(Origin.ACTION).account_id != other.pk
    assert CashTransaction.objects.set_aside().get() == waiting
    assert list(findings()) == []


def test_a_portfolio_that_goes_takes_what_waits_along(portfolio: Portfolio, trade: Trade) -> None:
    say(row_of())
    void_trade(trade=trade, actor=None)

    delete_portfolio(portfolio=portfolio, actor=None)

    assert not CashTransaction.objects.exists()
