"""Coupons and redemptions of bonds: proposed once each while somebody holds, booked on a yes or by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from assets.bonds import BondTerms, DayCount
from assets.models import ActionProposal, Asset, Bond, CorporateAction
from assets.providers.base import ActionNotice
from assets.services.bonds import OWN_TERMS, remove_terms, set_terms
from assets.services.notices import note
from assets.tests.factories import TREASURY, make_asset, make_bars, make_bond
from banking.models import Account, CashTransaction
from core.testing import count_queries
from portfolios.models import CashSetting, Investment, Portfolio
from portfolios.queries import holdings
from portfolios.services.actions import apply_action
from portfolios.services.coupons import propose_payments
from portfolios.services.proposals import accept_proposal, apply_due, ignore_proposal
from portfolios.tasks import propose_coupons
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

COUPON = date(2024, 8, 15)
NOON = datetime(2024, 8, 15, 16, tzinfo=UTC)  # noon in New York
CLOSES = {date(2024, 5, 15): "98.50", date(2024, 8, 14): "99", date(2024, 8, 15): "99.25", date(2025, 2, 14): "99.75"}
CLOSES |= {date(2025, 2, 18): "100.10", date(2025, 3, 3): "100.50"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def treasury(db: None) -> Asset:
    return make_bond(closes=CLOSES)


@pytest.fixture
def portfolio(treasury: Asset, alice: User) -> Portfolio:
    made = make_portfolio(alice, cash=CashSetting.TRACKED)
    buy(made, treasury, 10_000, "98.50", "2024-05-15")  # with 98.90 of interest, 90 of 182 days of a coupon of 200
    return made


@pytest.fixture
def automatic(settings: Any) -> None:
    settings.FEED_ACTIONS = "automatic"


def proposed() -> list[tuple[str, str, str]]:
    rows = ActionProposal.objects.order_by("ex_date", "pk")
    return [(f"{row.ex_date}", row.kind, f"{row.cash:f}".rstrip("0")) for row in rows]


def states() -> list[str]:
    return list(ActionProposal.objects.order_by("pk").values_list("state", flat=True))


def test_a_coupon_is_proposed_on_its_day_and_once(portfolio: Portfolio) -> None:
    assert propose_payments(NOON - timedelta(days=1)) == 0
    assert propose_payments(NOON) == 1
    assert propose_payments(NOON + timedelta(days=1)) == 0
    assert proposed() == [("2024-08-15", "cash_dividend", "0.02")]
    assert (ActionProposal.objects.get().provider, states()) == (OWN_TERMS, ["proposed"])
    assert not CorporateAction.objects.exists(), "nothing is booked without a yes"
    assert apply_due(NOON) == 0


def test_the_day_is_that_of_the_exchange(portfolio: Portfolio) -> None:
    assert propose_payments(datetime(2024, 8, 15, 3, 30, tzinfo=UTC)) == 0  # still the 14th in New York
    assert propose_payments(datetime(2024, 8, 15, 4, 30, tzinfo=UTC)) == 1


def test_a_yes_books_it_to_who_held_at_the_close_before(portfolio: Portfolio, treasury: Asset, carol: User) -> None:
    buy(portfolio, treasury, 5_000, "99.25", COUPON)
    propose_payments(NOON)
    accept_proposal(proposal=ActionProposal.objects.get(), actor=carol, now=NOON)
    assert Investment.objects.get().income == Decimal("101.10")
    row = CashTransaction.objects.get(origin="action")
    assert (row.amount, row.booked_on) == (200, COUPON)


def test_missed_ones_are_caught_up_and_booked_by_themselves(portfolio: Portfolio, automatic: None) -> None:
    later = datetime(2025, 9, 1, tzinfo=UTC)
    assert propose_payments(later) == 3
    assert apply_due(later) == 3
    assert propose_payments(later) == 0
    assert Investment.objects.get().income == Decimal("501.10")


def test_nobody_is_told_of_bonds_that_nobody_holds(portfolio: Portfolio, treasury: Asset) -> None:
    make_bond("UST35", closes=CLOSES)
    sell(portfolio, treasury, 10_000, "99", "2024-08-14")
    assert propose_payments(NOON) == 0


def test_one_that_fell_due_before_the_sale_is_still_proposed(portfolio: Portfolio, treasury: Asset) -> None:
    sell(portfolio, treasury, 10_000, "99.25", COUPON)
    assert propose_payments(datetime(2025, 9, 1, tzinfo=UTC)) == 1


def test_what_a_person_booked_or_a_feed_announced_is_left_to_them(
    portfolio: Portfolio, treasury: Asset, carol: User
) -> None:
    rounded = Decimal("0.0201")
    apply_action(asset=treasury, kind="cash_dividend", ex_date=COUPON, cash=rounded, actor=carol, now=NOON)
    assert propose_payments(NOON) == 0
    next_one = ActionNotice("UST34", "cash_dividend", date(2025, 2, 15), "f1", cash=rounded, currency="USD")
    note(treasury, [next_one], provider="feed", now=NOON)
    assert propose_payments(datetime(2025, 3, 1, tzinfo=UTC)) == 0


def test_an_ignored_one_is_not_proposed_again(portfolio: Portfolio, carol: User) -> None:
    propose_payments(NOON)
    ignore_proposal(proposal=ActionProposal.objects.get(), actor=carol)
    assert propose_payments(NOON + timedelta(days=1)) == 0


def test_corrected_terms_correct_what_was_booked(
    portfolio: Portfolio, treasury: Asset, automatic: None, carol: User
) -> None:
    propose_payments(NOON)
    apply_due(NOON)
    set_terms(asset=treasury, terms=replace(TREASURY, coupon=Decimal("0.05")), actor=carol)
    assert propose_payments(NOON) == 1
    apply_due(NOON)
    assert Investment.objects.get().income == Decimal("151.10")
    assert states() == ["superseded", "applied"]
    assert CorporateAction.objects.standing().count() == 1


def test_removed_terms_take_back_what_was_only_proposed(portfolio: Portfolio, treasury: Asset, carol: User) -> None:
    propose_payments(NOON)
    remove_terms(asset=treasury, actor=carol)
    assert states() == ["superseded"]
    set_terms(asset=treasury, terms=TREASURY, actor=carol)
    assert propose_payments(NOON) == 1
    assert states() == ["proposed"]


def test_the_redemption_closes_the_holding_after_the_last_coupon(alice: User, automatic: None) -> None:
    terms = BondTerms(date(2022, 8, 15), COUPON, Decimal("0.04"), 2, DayCount.ACTUAL_ACTUAL, Decimal(101))
    bond = make_bond(terms=terms, closes={date(2024, 5, 15): 100})
    portfolio = make_portfolio(alice, cash=CashSetting.TRACKED)
    buy(portfolio, bond, 10_000, "99", "2024-05-15")
    propose_payments(NOON)
    assert proposed() == [("2024-08-15", "cash_dividend", "0.02"), ("2024-08-15", "merger", "1.01")]
    assert apply_due(NOON) == 2
    held = Investment.objects.get()
    assert (held.quantity, held.income, held.realised_gain) == (
        0,
        Decimal("101.10"),
        200,
    )  # redeemed at 101, bought at 99
    assert sum(CashTransaction.objects.balances(COUPON).values()) == Decimal("301.10")
    assert propose_payments(datetime(2025, 9, 1, tzinfo=UTC)) == 0


def test_a_first_short_period_pays_its_part(alice: User) -> None:
    terms = BondTerms(date(2024, 5, 15), date(2026, 8, 15), Decimal("0.04"), 2, DayCount.THIRTY_360)
    buy(make_portfolio(alice), make_bond(terms=terms, closes=CLOSES), 10_000, "98.50", "2024-05-15")
    propose_payments(NOON)
    assert proposed() == [("2024-08-15", "cash_dividend", "0.01")]


def test_a_unit_of_a_hundred_gets_a_hundred_times_as_much(alice: User) -> None:
    bond = make_bond(closes=CLOSES, price_factor=Decimal(1))
    buy(make_portfolio(alice), bond, 100, "98.50", "2024-05-15")
    propose_payments(NOON)
    assert proposed() == [("2024-08-15", "cash_dividend", "2.")]


def test_a_treasury_over_two_coupons_to_the_cent(portfolio: Portfolio, treasury: Asset, automatic: None) -> None:
    """Bought at 98.50, 200 on 15 August and on 15 February, sold at 100.50; cash and value of each day."""
    sell(portfolio, treasury, 10_000, "100.50", "2025-03-03")
    later = datetime(2025, 3, 4, tzinfo=UTC)
    assert propose_payments(later) == 2
    assert apply_due(later) == 2
    account = Account.objects.get()
    expected = {
        date(2024, 5, 15): (Decimal("-9948.90"), Decimal("9948.90")),  # 90 of 182 days of a coupon of 200
        date(2024, 8, 14): (Decimal("-9948.90"), Decimal("10098.90")),
        date(2024, 8, 15): (Decimal("-9748.90"), Decimal(9_925)),
        date(2025, 2, 14): (Decimal("-9748.90"), Decimal("10173.91")),  # 183 of 184
        date(2025, 2, 18): (Decimal("-9548.90"), Decimal("10013.31")),  # 3 of 181
        date(2025, 3, 3): (Decimal("518.78"), Decimal(0)),  # with 17.68 of interest, 16 of 181 days
    }
    for day, (cash, value) in expected.items():
        found = holdings([portfolio], day)[portfolio.pk]
        assert CashTransaction.objects.balances(day)[account.pk] == cash, day
        assert sum(holding.value or 0 for holding in found) == value, day
    held = Investment.objects.get()
    assert (held.realised_gain, held.income) == (200, Decimal("318.78"))
    call_command("verify_books")


def test_the_queries_do_not_grow_with_what_is_known(portfolio: Portfolio, treasury: Asset) -> None:
    propose_payments(NOON)
    few, _ = count_queries(lambda: propose_payments(NOON))
    for number in range(3):
        bond = make_asset(f"B{number}", type="bond", price_factor=Decimal("0.01"))
        make_bars(bond, CLOSES)
        Bond.objects.create(asset=bond, issued=TREASURY.issued, matures=TREASURY.matures, coupon=Decimal("0.05"))
        buy(portfolio, bond, 100, 100, "2024-05-15")
    later = datetime(2026, 9, 1, tzinfo=UTC)
    assert propose_payments(later) == 4 + 3 * 5
    many, texts = count_queries(lambda: propose_payments(later))
    assert many == few, texts


def test_the_tick_proposes(portfolio: Portfolio) -> None:
    propose_coupons()
    assert len(proposed()) >= 4
    assert propose_payments(NOON) == 0
