"""The admin of portfolios: every list and page opens, facts change through the services only."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from activity.models import AuditEvent
from assets.models import Asset, CorporateAction
from assets.tests.factories import make_asset
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from portfolios.models import (
    CostMethodChange,
    Departure,
    Disposal,
    Entitlement,
    Investment,
    Lot,
    PaymentMatch,
    Portfolio,
    PortfolioAccount,
    Trade,
)
from portfolios.services.actions import apply_action
from portfolios.services.methods import change_method
from portfolios.services.payments import match_payment
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, make_portfolio, sell
from users.models import User

MODELS: list[Any] = [Portfolio, Trade, Lot, Disposal, Investment, Account, CashTransaction]


@pytest.fixture
def admin(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, apple, 10, 100, "2024-01-10")
    sell(portfolio, apple, 4, 110, "2024-01-11")
    return portfolio


def page(model: Any, name: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_and_page_opens(admin: Client, portfolio: Portfolio, model: Any) -> None:
    row = model.objects.first()

    assert admin.get(page(model), {"q": "AAPL"}).status_code == 200
    assert admin.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", [Trade, Lot, Disposal, Investment], ids=lambda model: model.__name__)
def test_facts_and_derived_rows_are_read_only(admin: Client, portfolio: Portfolio, model: Any) -> None:
    row = model.objects.first()

    assert admin.get(page(model, "add")).status_code == 403
    assert admin.post(page(model, "change", row.pk), {"quantity": "7"}).status_code == 403
    assert admin.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_list_takes_the_same_queries_for_more_rows(
    admin: Client, portfolio: Portfolio, alice: User, model: Any
) -> None:
    counts = []
    admin.get(page(model))
    for numbers in (range(1), range(1, 8)):
        for number in numbers:
            other = make_portfolio(alice, f"P{number}", cash="tracked")
            asset = make_asset(f"A{number}")
            buy(other, asset, 2, 10, "2024-01-10")
            sell(other, asset, 1, 10, "2024-01-11")
        with CaptureQueriesContext(connection) as queries:
            admin.get(page(model))
        counts.append(len(queries))

    assert counts[0] == counts[1]


def act(admin: Client, model: Any, action: str, *rows: Any) -> list[str]:
    answer = admin.post(page(model), {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def test_trades_are_voided_and_restored(admin: Client, portfolio: Portfolio, carol: User) -> None:
    trades = list(Trade.objects.all())

    assert [message.split(":")[0] for message in act(admin, Trade, "void", *trades)] == ["Voided", "Voided"]
    assert not Trade.objects.standing().exists()
    assert AuditEvent.objects.filter(action="trade.voided", actor=carol).count() == 2

    act(admin, Trade, "restore", *trades)
    assert Investment.objects.get().quantity == 6


def test_a_refusal_is_shown(admin: Client, portfolio: Portfolio) -> None:
    [message] = act(admin, Trade, "void", Trade.objects.get(kind="buy"))

    assert "would then sell more than is held" in message
    assert Trade.objects.standing().count() == 2


def test_a_derived_cash_row_is_not_voided(admin: Client, portfolio: Portfolio) -> None:
    [message, *_] = act(admin, CashTransaction, "void", CashTransaction.objects.first())

    assert "follows from a trade" in message
    assert CashTransaction.objects.standing().count() == 2


def test_cash_is_booked_and_a_bad_amount_shown_beside_its_field(admin: Client, portfolio: Portfolio) -> None:
    account = Account.objects.get()
    values = {"account": account.pk, "booked_on": "2024-01-02", "amount": "100.00", "section": "transfer"}

    assert (
        "USD has 2 decimals" in admin.post(page(CashTransaction, "add"), values | {"amount": "0.001"}).content.decode()
    )
    assert admin.post(page(CashTransaction, "add"), values).status_code == 302

    assert CashTransaction.objects.balances() == {account.pk: Decimal(-460)}
    assert AuditEvent.objects.filter(action="cash.booked").count() == 1


def test_a_portfolio_is_created_changed_and_deleted(admin: Client, alice: User, apple: Asset) -> None:
    values = {"owner": alice.pk, "name": "New", "base_currency": "USD", "cost_method": "fifo", "cash": "tracked"}
    values["long_term_days"] = 365
    assert admin.post(page(Portfolio, "add"), values).status_code == 302
    portfolio = Portfolio.objects.get()
    assert portfolio.portfolio_accounts.count() == 1
    buy(portfolio, apple, 1, 10, "2024-01-10")

    euros = Account.objects.create(owner=alice, name="Euros", currency="EUR")
    inline = {
        "portfolio_accounts-TOTAL_FORMS": "2",
        "portfolio_accounts-INITIAL_FORMS": "1",
        "portfolio_accounts-0-id": str(PortfolioAccount.objects.get().pk),
        "portfolio_accounts-1-portfolio": str(portfolio.pk),
        "portfolio_accounts-1-account": str(euros.pk),
        "portfolio_accounts-1-joined_on": "2999-01-01",
    }
    refused = admin.post(page(Portfolio, "change", portfolio.pk), {"name": "Newer", "long_term_days": 730} | inline)
    assert "An account joins a portfolio today or earlier" in refused.content.decode()
    inline["portfolio_accounts-1-joined_on"] = "2024-02-01"
    changed = admin.post(
        page(Portfolio, "change", portfolio.pk),
        {"name": "Newer", "benchmark": apple.pk, "long_term_days": 730, "rebalance_threshold": "0.1"} | inline,
    )
    assert changed.status_code == 302
    assert Portfolio.objects.get().rebalance_threshold == Decimal("0.1")
    portfolio.refresh_from_db()
    assert (portfolio.name, portfolio.benchmark) == ("Newer", apple)
    assert PortfolioAccount.objects.filter(account=euros, joined_on=date(2024, 2, 1)).exists()

    assert admin.post(page(Portfolio, "delete", portfolio.pk), {"post": "yes"}).status_code == 302
    assert not Portfolio.objects.exists()
    assert not Trade.objects.exists()


def test_portfolios_are_deleted_together(admin: Client, portfolio: Portfolio, alice: User) -> None:
    other = make_portfolio(alice, "Other")
    answer = admin.post(
        page(Portfolio),
        {"action": "delete_selected", "_selected_action": [portfolio.pk, other.pk], "post": "yes"},
    )

    assert answer.status_code == 302
    assert not Portfolio.objects.exists()


def test_actions_and_changes_of_the_method_are_voided_and_restored(admin: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 10, 10, "2024-01-10")
    day = date(2024, 3, 1)
    split = apply_action(asset=apple, actor=None, kind="split", ex_date=day, ratio=Decimal(2))
    change = change_method(portfolio=portfolio, method="lifo", day=day, actor=alice)
    for fact in (split, change):
        for name, voided in (("void", True), ("restore", False), ("restore", False)):
            admin.post(page(type(fact)), {"action": name, "_selected_action": [fact.pk]})
            fact.refresh_from_db()
            assert (fact.voided_at is not None) == voided
    assert Investment.objects.get().quantity == 20


def test_matches_of_payments_are_voided_and_restored(admin: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, apple, 10, 10, "2024-01-10")
    action = apply_action(asset=apple, actor=None, kind="cash_dividend", ex_date=date(2024, 3, 1), cash=Decimal(2))
    account = portfolio.portfolio_accounts.get().account
    terms: dict[str, Any] = {"amount": Decimal(20), "section": Section.INCOME, "asset": apple, "actor": None}
    row = book_cash(account=account, booked_on=action.ex_date, **terms)
    match = match_payment(portfolio=portfolio, action=action, row=row, actor=alice)
    assert admin.get(page(PaymentMatch)).status_code == 200
    for name, voided in (("void", True), ("restore", False)):
        admin.post(page(PaymentMatch), {"action": name, "_selected_action": [match.pk]})
        match.refresh_from_db()
        assert (match.voided_at is not None) == voided
        assert CashTransaction.objects.standing().filter(origin="action").exists() == voided


def test_the_lists_of_what_actions_and_transfers_leave_open(admin: Client, alice: User, apple: Asset) -> None:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 10, 10, "2024-01-10")
    other = make_portfolio(alice, "Other")
    apply_action(asset=apple, actor=None, kind="cash_dividend", ex_date=date(2024, 3, 1), cash=Decimal(2))
    change_method(portfolio=portfolio, method="lifo", day=date(2024, 3, 1), actor=alice)
    move: dict[str, Any] = {"asset": apple, "quantity": Decimal(2), "traded_at": at("2024-04-01"), "actor": alice}
    transfer_securities(source=portfolio, target=other, **move)
    for model in (CorporateAction, CostMethodChange, Departure, Entitlement):
        assert admin.get(page(model)).status_code == 200
        row: Any = model.objects.first()
        assert admin.get(page(model, "change", row.pk)).status_code == 200
        assert admin.get(page(model, "add")).status_code == 403
        assert admin.post(page(model, "change", row.pk), {"note": "x"}).status_code == 403


def test_an_asset_with_trades_and_no_prices_keeps_what_they_mean(client: Client, carol: User) -> None:
    asset = make_asset("HSBA", currency="GBP", price_factor=Decimal("0.01"), exchange=None)
    buy(make_portfolio(carol, base_currency="GBP"), asset, 10, 623, "2024-03-01")
    client.force_login(carol)
    entered = {"symbol": "HSBA", "name": "HSBC", "type": "equity", "price_basis": "raw", "price_factor": "1"}
    answer = client.post(reverse("admin:assets_asset_change", args=[asset.pk]), entered | {"currency": "USD"})
    assert answer.status_code == 302, answer.content
    asset.refresh_from_db()
    assert (asset.name, asset.currency, asset.price_factor) == ("HSBC", "GBP", Decimal("0.01"))
