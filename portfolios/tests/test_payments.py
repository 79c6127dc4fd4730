"""Dividends and the entered rows that are their payment: matched, counted once, taken back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity.models import AuditEvent
from assets.models import Asset, CorporateAction
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.corrections import correct_cash
from banking.services.transactions import ReplacementIsPayment, book_cash, restore_cash, void_cash
from core.errors import DomainError
from core.testing import count_queries, owner_of
from portfolios.book.payments import Payable, Payment, fits, pairs
from portfolios.models import PaymentMatch, Portfolio
from portfolios.queries.income import income
from portfolios.queries.performance import performance
from portfolios.services import payments as refusals
from portfolios.services.actions import apply_action, void_action
from portfolios.services.payments import match_payment, match_payments, restore_match, void_match
from portfolios.services.portfolios import attach_account, change_portfolio
from portfolios.services.rebuild import rebuild
from portfolios.services.trades import void_trade
from portfolios.services.verification import findings
from portfolios.tests.factories import buy, derived_rows, make_portfolio
from portfolios.tests.stories import rolled_back
from users.models import User

EX, PAY = date(2024, 3, 1), date(2024, 3, 15)
BEFORE, AFTER = date(2024, 2, 28), date(2024, 4, 1)


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 10): 100})
    return asset


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    """10 shares that get 2 $ each, 15 % withheld: 20 gross, 17 net on the pay-date."""
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    dividend(apple)
    return portfolio


def dividend(asset: Asset, **terms: Any) -> CorporateAction:
    values: dict[str, Any] = {"cash": Decimal(2), "withholding_rate": Decimal("0.15"), "pay_date": PAY}
    return apply_action(asset=asset, kind="cash_dividend", ex_date=EX, actor=None, **values | terms)


def account_of(portfolio: Portfolio) -> Account:
    return portfolio.portfolio_accounts.order_by("pk")[0].account


def paid(portfolio: Portfolio, asset: Asset | None, amount: str = "17", day: date = PAY, **values: Any) -> Any:
    terms: dict[str, Any] = {"account": account_of(portfolio), "section": Section.INCOME, "actor": portfolio.owner}
    return book_cash(amount=Decimal(amount), booked_on=day, asset=asset, **terms | values)


def standing() -> list[tuple[str, Decimal]]:
    rows = CashTransaction.objects.standing().exclude(origin="trade").order_by("pk")
    return list(rows.values_list("origin", "amount"))


def facts_and_derivations(portfolio: Portfolio) -> Any:
    """Everything in the books but the ids of derived cash rows."""
    columns = ("account", "booked_on", "amount", "section", "origin", "origin_id", "replaced_by", "voided_at")
    matches = list(PaymentMatch.objects.order_by("pk").values_list("pk", "action", "row", "voided_at"))
    return derived_rows(portfolio), sorted(CashTransaction.objects.values_list(*columns), key=repr), matches


def lines(portfolio: Portfolio, start: date, end: date) -> dict[str, Decimal]:
    found = performance(portfolio, start, end).reconciliation
    assert found.unexplained == 0
    return {key: amount for key, amount in found.lines.items() if amount}


# --- what fits ----------------------------------------------------------------------------------------------------

DUE = Payable(1, 7, EX, PAY, "USD", Decimal(17), Decimal(20), 3, Decimal(17))
ROW = Payment(5, 7, PAY, 3, "USD", Decimal(17))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({}, True, id="the same"),
        pytest.param({"amount": Decimal(20)}, True, id="gross"),
        pytest.param({"amount": Decimal("16.66")}, True, id="2 % less than net"),
        pytest.param({"amount": Decimal("16.65")}, False, id="less than that"),
        pytest.param({"amount": Decimal("20.40")}, True, id="2 % more than gross"),
        pytest.param({"amount": Decimal("20.41")}, False, id="more than that"),
        pytest.param({"amount": Decimal(-17)}, False, id="the other way"),
        pytest.param({"asset_id": 8}, False, id="another asset"),
        pytest.param({"day": PAY - timedelta(5)}, True, id="5 days before"),
        pytest.param({"day": PAY - timedelta(6)}, False, id="6 days before"),
        pytest.param({"day": PAY + timedelta(5)}, True, id="5 days after"),
        pytest.param({"day": PAY + timedelta(6)}, False, id="6 days after"),
        pytest.param({"account_id": 4}, True, id="another account in its currency"),
        pytest.param({"account_id": 4, "currency": "EUR"}, False, id="another account in another currency"),
        pytest.param({"currency": "EUR"}, True, id="its account, converted"),
    ],
)
def test_what_fits(row: dict[str, Any], expected: bool) -> None:
    assert fits(DUE, ROW._replace(**row)) == expected


def test_a_converted_payment_is_near_what_the_account_is_due() -> None:
    due = DUE._replace(amount=Decimal("15.30"))  # 17 $ at 0.90
    euros = ROW._replace(currency="EUR")
    amounts = {amount: fits(due, euros._replace(amount=Decimal(amount))) for amount in ("15.00", "17.90", "17", "20")}
    assert amounts == {"15.00": True, "17.90": True, "17": False, "20": False}


def test_a_few_cents_are_two_minor_units_apart_at_most() -> None:
    tiny = DUE._replace(net=Decimal("0.17"), gross=Decimal("0.20"), amount=Decimal("0.17"))
    assert fits(tiny, ROW._replace(amount=Decimal("0.15")))
    assert not fits(tiny, ROW._replace(amount=Decimal("0.14")))


def test_no_payment_comes_before_the_ex_date() -> None:
    due = DUE._replace(pay_date=EX)
    assert fits(due, ROW._replace(day=EX))
    assert not fits(due, ROW._replace(day=EX - timedelta(1)))


@pytest.mark.parametrize(
    ("due", "rows", "refused", "found"),
    [
        ([DUE], [ROW], [], [(1, 5)]),
        ([DUE], [ROW, ROW._replace(row_id=6)], [], []),
        ([DUE, DUE._replace(action_id=2)], [ROW], [], []),
        ([DUE], [ROW, ROW._replace(row_id=6)], [(1, 6)], [(1, 5)]),
        ([DUE], [ROW], [(1, 5)], []),
        ([DUE, DUE._replace(action_id=2, asset_id=8)], [ROW, ROW._replace(row_id=6, asset_id=8)], [], [(1, 5), (2, 6)]),
    ],
)
def test_only_what_fits_one_alone_is_matched(
    due: list[Payable], rows: list[Payment], refused: list[tuple[int, int]], found: list[tuple[int, int]]
) -> None:
    assert pairs(due, rows, refused) == found


# --- matched on its own -------------------------------------------------------------------------------------------


def test_the_entered_row_takes_the_place_of_the_derived_one(portfolio: Portfolio, apple: Asset) -> None:
    assert standing() == [("action", 17)]
    row = paid(portfolio, apple, "16.90", PAY + timedelta(2))
    assert standing() == [("action", 17), ("entry", Decimal("16.90"))]

    assert match_payments([portfolio.pk]) == 1
    match = PaymentMatch.objects.get()
    assert (match.row, match.action, match.created_by) == (row, CorporateAction.objects.get(), None)
    assert standing() == [("entry", Decimal("16.90"))]
    assert AuditEvent.objects.filter(action="payment.matched").count() == 1
    before = facts_and_derivations(portfolio)
    assert match_payments([portfolio.pk]) == 0
    rebuild(portfolio)
    assert facts_and_derivations(portfolio) == before


def test_the_derived_row_comes_back_with_the_void_and_goes_with_its_end(portfolio: Portfolio, apple: Asset) -> None:
    row = paid(portfolio, apple)
    match_payments([portfolio.pk])
    matched = facts_and_derivations(portfolio)

    void_cash(row=row, actor=None)
    assert standing() == [("action", 17)]
    voided = facts_and_derivations(portfolio)
    rebuild(portfolio)
    assert facts_and_derivations(portfolio) == voided
    assert match_payments([portfolio.pk]) == 0

    restore_cash(row=row, actor=None)
    assert standing() == [("entry", 17)]
    assert facts_and_derivations(portfolio) == matched


def test_a_row_that_was_voided_gives_way_to_the_next(portfolio: Portfolio, apple: Asset) -> None:
    first = paid(portfolio, apple, external_id="x")
    match_payments([portfolio.pk])
    void_cash(row=first, actor=None)
    second = paid(portfolio, apple, external_id="x")
    assert match_payments([portfolio.pk]) == 1
    assert PaymentMatch.objects.standing().get().row == second
    assert standing() == [("entry", 17)]


@pytest.mark.parametrize("voided", [False, True])
def test_what_a_payment_corrects_is_not_restored_beside_the_dividend(
    portfolio: Portfolio, apple: Asset, voided: bool
) -> None:
    wrong = paid(portfolio, apple, "1.70")
    right = correct_cash(row=wrong, actor=portfolio.owner, amount=Decimal(17))
    assert match_payments([portfolio.pk]) == 1
    if voided:
        void_cash(row=right, actor=None)
    before = facts_and_derivations(portfolio)

    with pytest.raises(ReplacementIsPayment):
        restore_cash(row=wrong, actor=portfolio.owner)
    assert facts_and_derivations(portfolio) == before

    void_match(match=PaymentMatch.objects.get(), actor=portfolio.owner)
    restore_cash(row=wrong, actor=portfolio.owner)
    assert sorted(standing()) == [("action", 17), ("entry", Decimal("1.70"))]


def test_two_rows_that_fit_are_left_to_a_person(portfolio: Portfolio, apple: Asset) -> None:
    rows = [paid(portfolio, apple, amount) for amount in ("17", "20")]
    assert match_payments([portfolio.pk]) == 0
    action = CorporateAction.objects.get()
    match_payment(portfolio=portfolio, action=action, row=rows[1], actor=portfolio.owner)
    assert standing() == [("entry", 17), ("entry", 20)]
    assert match_payments([portfolio.pk]) == 0


def test_what_a_person_parted_stays_apart(portfolio: Portfolio, apple: Asset) -> None:
    paid(portfolio, apple)
    match_payments([portfolio.pk])
    match = PaymentMatch.objects.get()
    void_match(match=match, actor=portfolio.owner)
    assert standing() == [("entry", 17), ("action", 17)]
    assert match_payments([portfolio.pk]) == 0
    with pytest.raises(refusals.MatchVoided):
        void_match(match=match, actor=None)

    restore_match(match=match, actor=None)
    assert standing() == [("entry", 17)]
    with pytest.raises(refusals.MatchStands):
        restore_match(match=match, actor=None)


def test_a_dividend_that_is_booked_after_its_payment(alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    paid(portfolio, apple)
    assert match_payments([portfolio.pk]) == 0
    action = dividend(apple)
    assert match_payments([portfolio.pk]) == 1
    assert lines(portfolio, BEFORE, AFTER) == {"income": 20, "costs": -3}

    void_action(action=action, actor=None)
    assert standing() == [("entry", 17)]
    assert lines(portfolio, BEFORE, AFTER) == {"income": 17}


def test_a_dividend_that_is_entered_again_is_paid_by_the_same_row(portfolio: Portfolio, apple: Asset) -> None:
    row = paid(portfolio, apple)
    match_payments([portfolio.pk])
    first = PaymentMatch.objects.get()
    void_action(action=first.action, actor=None)
    assert income(portfolio, None, AFTER).total == lines(portfolio, BEFORE, AFTER)["income"] == 17

    again = dividend(apple)
    assert match_payments([portfolio.pk]) == 1
    match = PaymentMatch.objects.standing().get()
    assert (match.row, match.action) == (row, again)
    assert standing() == [("entry", 17)]
    assert income(portfolio, None, AFTER).total == lines(portfolio, BEFORE, AFTER)["income"] == 20

    with pytest.raises(refusals.NoDividendDue):
        restore_match(match=first, actor=None)
    void_action(action=again, actor=None)
    by_hand = match_payment(portfolio=portfolio, action=dividend(apple), row=row, actor=portfolio.owner)
    assert PaymentMatch.objects.standing().get() == by_hand
    assert standing() == [("entry", 17)]


def test_a_holder_who_was_none_has_plain_income(portfolio: Portfolio, apple: Asset) -> None:
    paid(portfolio, apple)
    match_payments([portfolio.pk])
    void_trade(trade=portfolio.trades.get(), actor=None)
    assert standing() == [("entry", 17)]
    assert lines(portfolio, BEFORE, AFTER) == {"income": 17}
    assert income(portfolio, None, AFTER).total == 17
    rebuild(portfolio)
    assert standing() == [("entry", 17)]


def test_a_switch_to_untracked_cash_and_back(portfolio: Portfolio, apple: Asset) -> None:
    paid(portfolio, apple, day=PAY + timedelta(3))
    match_payments([portfolio.pk])
    before = facts_and_derivations(portfolio)
    portfolio = change_portfolio(portfolio=portfolio, actor=None, cash="untracked")
    flows = performance(portfolio, BEFORE, AFTER).flows
    assert flows == ((PAY, -17),)
    assert match_payments([portfolio.pk]) == 0
    change_portfolio(portfolio=portfolio, actor=None, cash="tracked")
    assert facts_and_derivations(portfolio) == before


def test_each_portfolio_has_its_own(portfolio: Portfolio, apple: Asset, bob: User) -> None:
    other = make_portfolio(bob, cash="tracked")
    buy(other, apple, 10, 100, "2024-01-10")
    paid(other, apple)
    assert match_payments([portfolio.pk, other.pk]) == 1
    assert PaymentMatch.objects.get().portfolio == other
    assert not PaymentMatch.objects.visible_to(owner_of(portfolio)).exists()
    assert PaymentMatch.objects.editable_by(bob).exists()
    few, _ = count_queries(lambda: match_payments([portfolio.pk, other.pk]))
    assert few == 1


def test_no_other_derived_row_steps_aside_unseen(portfolio: Portfolio, apple: Asset) -> None:
    row = paid(portfolio, apple)
    assert list(findings()) == []
    for origin in ("action", "trade"):
        derived = CashTransaction.objects.filter(origin=origin)
        derived.update(voided_at=row.created_at)
        assert [found.promise for found in findings()] == [f"cash rows equal their {origin}s"]
        derived.update(voided_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        CashTransaction.objects.filter(origin="trade").update(replaced_by=row)


# --- by hand ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        ({"section": Section.TRANSFER}, refusals.NotAPayment, "row"),
        ({"day": EX - timedelta(1)}, refusals.PaymentBeforeExDate, "row"),
        ({"asset": "MSFT"}, refusals.PaymentOfAnotherAsset, "row"),
        ({"account": "outside"}, refusals.NotAPayment, "row"),
        ({"voided": True}, refusals.NotAPayment, "row"),
        ({"kind": "return_of_capital"}, refusals.NoDividendDue, "action"),
        ({"cash": "untracked"}, refusals.NoDividendDue, "action"),
    ],
)
def test_what_is_no_payment_is_refused_by_name(
    portfolio: Portfolio, apple: Asset, wrong: dict[str, Any], error: type[DomainError], field: str
) -> None:
    outside = Account.objects.create(owner=portfolio.owner, name="Outside", currency="USD")
    terms: dict[str, Any] = {"day": wrong.get("day", PAY), "section": wrong.get("section", Section.INCOME)}
    terms |= {"account": outside} if "account" in wrong else {}
    row = paid(portfolio, make_asset("MSFT") if "asset" in wrong else apple, **terms)
    action = CorporateAction.objects.get()
    if "voided" in wrong:
        void_cash(row=row, actor=None)
    if "kind" in wrong:
        action = apply_action(asset=apple, kind=wrong["kind"], ex_date=EX, actor=None, cash=Decimal(1))
    if "cash" in wrong:
        portfolio = change_portfolio(portfolio=portfolio, actor=None, cash="untracked")
    with pytest.raises(error) as refused:
        match_payment(portfolio=portfolio, action=action, row=row, actor=None)
    assert refused.value.field == field
    assert not PaymentMatch.objects.exists()


def test_one_row_for_one_dividend(portfolio: Portfolio, apple: Asset) -> None:
    action, other = CorporateAction.objects.get(), dividend(apple, cash=Decimal(3))
    row, second = paid(portfolio, None, "999"), paid(portfolio, apple)
    match_payment(portfolio=portfolio, action=action, row=row, actor=None)
    with pytest.raises(refusals.PaymentMatched):
        match_payment(portfolio=portfolio, action=other, row=row, actor=None)
    with pytest.raises(refusals.DividendMatched):
        match_payment(portfolio=portfolio, action=action, row=second, actor=None)
    derived = CashTransaction.objects.get(origin="action", origin_id=other.pk)
    with pytest.raises(refusals.NotAPayment):
        match_payment(portfolio=portfolio, action=other, row=derived, actor=None)


# --- what the figures say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entered", "costs"),
    [
        pytest.param([("17", Section.INCOME)], "-3", id="as expected"),
        pytest.param([("16.90", Section.INCOME)], "-3.10", id="less"),
        pytest.param([("20", Section.INCOME), ("-3", Section.EXPENSE)], "-3", id="gross, and the tax apart"),
        pytest.param([("20", Section.INCOME)], "0", id="gross"),
    ],
)
def test_performance_counts_the_income_once(
    portfolio: Portfolio, apple: Asset, entered: list[tuple[str, Section]], costs: str
) -> None:
    late = PAY + timedelta(3)
    for amount, section in entered:
        paid(portfolio, apple, amount, late, section=section)
    assert match_payments([portfolio.pk]) == 1
    expected = {"income": Decimal(20), "costs": Decimal(costs)}
    assert lines(portfolio, BEFORE, AFTER) == {key: amount for key, amount in expected.items() if amount}
    assert lines(portfolio, BEFORE, PAY) == {"income": 20, "costs": -3}
    value = {day: performance(portfolio, BEFORE, day).end.totals for day in (EX, PAY, late)}
    came = sum(Decimal(amount) for amount, _ in entered)
    assert [(t.receivables, t.cash) for t in value.values()] == [(17, -1000), (17, -1000), (0, came - 1000)]
    [held] = performance(portfolio, BEFORE, AFTER).holdings
    assert held.income == 20
    assert income(portfolio, None, AFTER).total == 20


@pytest.mark.parametrize(("amount", "costs"), [("15.00", 0), ("18.10", "3.45")], ids=["net", "gross"])
def test_a_payment_in_another_currency_is_a_conversion(alice: User, apple: Asset, amount: str, costs: str) -> None:
    """17 $ are 15.30 € on the pay-date at 0.90: what else came is the currency effect, but for tax not withheld."""
    make_rate("USDEUR", {date(2024, 1, 1): "0.85", EX: "0.88", PAY: "0.90"})
    portfolio = make_portfolio(alice, base_currency="EUR", cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    dividend(apple)
    paid(portfolio, apple, amount)
    assert match_payments([portfolio.pk]) == 1
    expected = {"income": Decimal("17.60"), "costs": Decimal("-2.64")}
    found = lines(portfolio, EX - timedelta(1), EX)
    assert {key: found[key] for key in expected} == expected
    found = lines(portfolio, EX, PAY)
    before = Decimal("14.96")  # 17 $ at 0.88
    unwithheld = Decimal("2.70") if costs else Decimal(0)
    assert found.get("costs", 0) == unwithheld
    assert found["currency_effect"] == Decimal(amount) - before - unwithheld


def test_a_payment_on_another_account_in_the_dividends_currency(alice: User, apple: Asset) -> None:
    make_rate("USDEUR", {date(2024, 1, 1): "0.90"})
    portfolio = make_portfolio(alice, base_currency="EUR", cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    dividend(apple)
    [derived] = CashTransaction.objects.filter(origin="action")
    dollars = Account.objects.create(owner=alice, name="Dollars", currency="USD")
    attach_account(portfolio=portfolio, account=dollars, actor=None, joined_on=PAY + timedelta(1))
    row = paid(portfolio, apple, "17", PAY + timedelta(1), account=dollars)
    versions = dict(Account.objects.values_list("pk", "version"))
    assert match_payments([portfolio.pk]) == 1
    assert standing() == [("entry", 17)]
    void_cash(row=row, actor=None)
    assert standing() == [("action", Decimal("15.30"))]
    assert all(version == versions[pk] + 2 for pk, version in Account.objects.values_list("pk", "version"))
    assert derived.account_id != dollars.pk


def test_a_row_from_before_its_account_joined_is_no_payment(portfolio: Portfolio, apple: Asset) -> None:
    account = Account.objects.create(owner=portfolio.owner, name="Joins", currency="USD")
    attach_account(portfolio=portfolio, account=account, actor=None, joined_on=PAY + timedelta(1))
    row = paid(portfolio, apple, account=account)
    assert match_payments([portfolio.pk]) == 0
    with pytest.raises(refusals.NotAPayment):
        match_payment(portfolio=portfolio, action=CorporateAction.objects.get(), row=row, actor=None)


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=st.decimals("-50", "50", places=2).filter(bool),
    paid_after=st.integers(0, 30),
    period=st.tuples(st.integers(-3, 35), st.integers(-3, 35)).filter(lambda days: days[0] < days[1]),
    rates=st.lists(st.decimals("0.5", "2", places=4), min_size=4, max_size=4),
    currency=st.sampled_from(["USD", "EUR"]),
)
def test_every_line_adds_up_whatever_was_paid_and_when(
    amount: Decimal,
    paid_after: int,
    period: tuple[int, int],
    rates: list[Decimal],
    currency: str,
    alice: User,
) -> None:
    def check() -> None:
        asset = make_asset("SAP", currency="EUR")
        make_bars(asset, {date(2024, 1, 10): 100})
        make_rate("EURUSD", {date(2024, 1, 1): rates[0], EX: rates[1], PAY: rates[2], AFTER: rates[3]})
        portfolio = make_portfolio(alice, "Lines", cash="tracked")
        euros = Account.objects.create(owner=alice, name="Euros", currency="EUR")
        attach_account(portfolio=portfolio, account=euros, actor=None)
        buy(portfolio, asset, 10, 100, "2024-01-10")
        action = dividend(asset)
        accounts = {"EUR": euros, "USD": account_of(portfolio)}
        row = paid(portfolio, asset, str(amount), EX + timedelta(paid_after), account=accounts[currency])
        match_payment(portfolio=portfolio, action=action, row=row, actor=None)
        start, end = (EX + timedelta(offset) for offset in period)
        found = performance(portfolio, start, end)
        assert found.reconciliation.unexplained == 0
        assert found.reconciliation.lines["net_flows"] == 0
        earned = start < EX <= end
        assert found.reconciliation.lines["income"] == (due_base(rates[1]) if earned else 0)

    rolled_back(check)


def due_base(rate: Decimal) -> Decimal:
    return (20 * rate).quantize(Decimal("0.01"), "ROUND_HALF_UP")
