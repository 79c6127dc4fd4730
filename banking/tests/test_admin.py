"""The admin of accounts and cash: what cannot be stored is shown beside its field."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from banking.models import Account, CashTransaction, Category, Section
from banking.services.categories import install_categories
from banking.services.transactions import book_cash
from users.models import User

IBAN = "DE02120300000000202051"


@pytest.fixture
def admin(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD", iban=IBAN)


def cash(account: Account, amount: str) -> dict[str, Any]:
    row = {"account": account.pk, "booked_on": "2024-01-02", "amount": amount, "section": "income"}
    return row | {"external_id": "X-1"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases keep every digit")
def test_an_amount_that_the_database_would_not_keep_whole_is_shown_beside_its_field(
    admin: Client, account: Account
) -> None:
    answer = admin.post(reverse("admin:banking_cashtransaction_add"), cash(account, "12345678901234.56"))

    assert answer.status_code == 200
    assert "significant digits" in answer.context["adminform"].form.errors["amount"][0]
    assert not CashTransaction.objects.exists()


def test_an_external_id_that_is_taken_meanwhile_is_told(admin: Client, account: Account) -> None:
    def book_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "banking_account"') and not CashTransaction.objects.exists():
            CashTransaction.objects.create(
                account=account, booked_on=date(2024, 1, 2), amount=5, section=Section.INCOME, external_id="X-1"
            )
        return execute(sql, *rest)

    with connection.execute_wrapper(book_first):
        answer = admin.post(reverse("admin:banking_cashtransaction_add"), cash(account, "100"), follow=True)

    assert answer.redirect_chain
    assert [str(message) for message in answer.context["messages"]] == ["The account has a row “X-1” already."]


def test_the_list_shows_the_balance_of_today(admin: Client, account: Account) -> None:
    today = timezone.now().date()
    for amount, ahead in ((120, 0), (77, 1)):
        day = today + timedelta(ahead)
        book_cash(account=account, amount=Decimal(amount), booked_on=day, section=Section.INCOME, actor=None)
    page = admin.get(reverse("admin:banking_account_changelist")).content.decode()
    assert "120.00" in page
    assert "197.00" not in page


@pytest.mark.parametrize(("iban", "errors"), [(IBAN, ["iban"]), ("", []), ("DE75512108001245126199", [])])
def test_an_iban_is_its_owners_once(admin: Client, account: Account, iban: str, errors: list[str]) -> None:
    other = Account.objects.create(owner=account.owner, name="Savings", currency="USD")
    values = {"name": "Savings", "kind": "savings", "iban": iban}
    answer = admin.post(reverse("admin:banking_account_change", args=[other.pk]), values)

    assert answer.status_code == (200 if errors else 302)
    assert list(answer.context["adminform"].form.errors if errors else []) == errors
    same = admin.post(reverse("admin:banking_account_change", args=[account.pk]), values | {"iban": IBAN})
    assert same.status_code == 302


def test_two_owners_may_use_one_alias(admin: Client, account: Account, bob: User) -> None:
    other = Account.objects.create(owner=bob, name="Bob's", currency="USD")
    values = {"name": "Bob's", "kind": "savings", "iban": IBAN}

    assert admin.post(reverse("admin:banking_account_change", args=[other.pk]), values).status_code == 302
    book_cash(account=other, amount=Decimal(1), booked_on=date(2024, 1, 2), section=Section.INCOME, actor=bob)
    assert set(CashTransaction.objects.balances()) == {other.pk}


def test_staff_look_after_everybodys_categories_alone(carol: User, alice: User, client: Client) -> None:
    install_categories()
    client.force_login(carol)
    food, meals = Category.objects.get(name="Food"), Category.objects.create(owner=alice, section="expense", name="M")
    url = reverse("admin:banking_category_change", args=[food.pk])
    assert client.post(url, {"name": "Eating", "parent": ""}).status_code == 302
    food.refresh_from_db()
    assert food.name == "Eating"
    circle = client.post(url, {"name": "Eating", "parent": Category.objects.get(name="Groceries").pk})
    assert "cannot stand below itself" in circle.content.decode()
    theirs = reverse("admin:banking_category_change", args=[meals.pk])
    assert client.post(theirs, {"name": "Taken", "parent": ""}).status_code == 403
    for name in ("category", "counterparty", "tag", "balanceassertion"):
        assert client.get(reverse(f"admin:banking_{name}_changelist")).status_code == 200
