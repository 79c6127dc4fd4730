"""The pages of banking, through a browser's requests."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assets.models import Asset
from assets.tests.factories import make_bars
from banking.balance_charts import balance_chart
from banking.models import Account, BalanceAssertion, CashTransaction, Category, Counterparty, TermDeposit
from banking.services.accounts import open_account
from banking.services.categories import create_category, install_categories
from banking.services.classification import counterparty_named
from banking.services.transactions import book_cash
from core.testing import Page, make_user
from users.models import Membership, Organisation, Role, User

DAY = date(2024, 1, 2)


@pytest.fixture
def browser(alice: User, client: Client) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def account(alice: User) -> Account:
    return open_account(holder=alice, name="Giro", actor=alice, balance=Decimal(100), opened_on=DAY)


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert Page(html).faults == []
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_somebody_without_accounts_is_led_to_the_first_one(browser: Client) -> None:
    assert "No accounts yet" in text_of(browser, "/banking/accounts/")
    body = {"name": "Giro", "kind": "checking", "currency": "EUR", "balance": "12.50", "opened_on": "2024-01-02"}
    made = browser.post("/banking/accounts/new/", body | {"iban": "CH9300762011623852957", "receives": "on"})
    account = Account.objects.get()
    assert made["Location"] == f"/banking/accounts/{account.pk}/"
    assert (account.currency, account.receives, account.opened_on) == ("EUR", True, DAY)
    assert "12.50 EUR" in text_of(browser, made["Location"])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("iban", "CH9400762011623852957", "check digits"),
        ("balance", "1e5", "plain number"),
        ("balance", "0.001", "decimals"),
        ("opened_on", "2999-01-01", "has begun"),
        ("opened_on", "1.2.2024", "such as"),
        ("kind", "deposit", "not one of"),
    ],
)
def test_what_is_wrong_is_told_beside_its_input(browser: Client, field: str, value: str, said: str) -> None:
    body = {"name": "Giro", "kind": "checking", "currency": "EUR", "opened_on": "2024-01-02", field: value}
    answer = browser.post("/banking/accounts/new/", body)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert Page(answer.content.decode()).faults == []
    assert not Account.objects.exists()


def test_accounts_stand_by_their_holders_in_one_currency(browser: Client, account: Account, alice: User) -> None:
    firm = Organisation.objects.create(name="Acme", base_currency="EUR")
    Membership.objects.create(organisation=firm, user=alice, role=Role.MANAGER)
    pair = Asset.objects.create(symbol="EURUSD", name="EUR/USD", type="fx", currency="USD")
    make_bars(pair, {date(2024, 1, 5): "1.1"})
    open_account(holder=firm, name="Operating", actor=alice, balance=Decimal(-50), opened_on=DAY)
    open_account(holder=alice, name="Yen", currency="JPY", actor=alice, balance=Decimal(7), opened_on=DAY)
    shown = text_of(browser, "/banking/accounts/")
    assert "45.00 USD" in shown  # 100 − 50 × 1.1
    assert "at rates of 5 Jan 2024 or later; without JPY" in shown
    assert shown.index("Your own") < shown.index("Acme") < shown.index("overdrawn")
    assert "0.00 USD" in text_of(browser, "/banking/accounts/?as_of=2024-01-01")


def test_a_statement_that_differs_is_shown_with_what_to_do(browser: Client, account: Account) -> None:
    url = f"/banking/accounts/{account.pk}/"
    assert browser.post(url, {"action": "state", "day": "2024-01-31", "balance": "120"}).status_code == 302
    assert "The statement has 20.00 USD more than the books" in text_of(browser, url)
    assert "differs from its statement" in text_of(browser, "/banking/accounts/")
    again = browser.post(url, {"action": "state", "day": "2024-01-31", "balance": "120"})
    assert "There is a statement of this day already" in again.content.decode()
    assertion = BalanceAssertion.objects.get()
    browser.post(f"/banking/assertions/{assertion.pk}/", {"action": "void"})
    assert "taken back" in text_of(browser, url)
    assert "differs from its statement" not in text_of(browser, "/banking/accounts/")


def test_an_account_is_changed_closed_and_deleted(browser: Client, account: Account) -> None:
    url = f"/banking/accounts/{account.pk}/"
    assert browser.post(f"{url}edit/", {"name": "Salary", "kind": "savings", "iban": "pay me"}).status_code == 302
    refused = browser.post(url, {"action": "close", "closed_on": "2024-02-01"})
    assert "100 USD is left" in refused.content.decode()
    book_cash(account=account, amount=Decimal(-100), booked_on=DAY, section="expense", actor=None)  # type: ignore[arg-type]
    browser.post(url, {"action": "close", "closed_on": "2024-02-01"})
    assert "closed from 1 February 2024" in text_of(browser, url)
    browser.post(url, {"action": "reopen"})
    browser.post(url, {"action": "delete"})
    assert "close the account instead" in browser.get(url).content.decode()
    assert browser.post(url, {"action": "burn"}).status_code == 400


def test_a_viewer_of_an_organisation_is_offered_nothing(client: Client, alice: User, bob: User) -> None:
    firm = Organisation.objects.create(name="Acme")
    account = open_account(holder=firm, name="Operating", actor=alice)
    Membership.objects.create(organisation=firm, user=bob, role=Role.VIEWER)
    client.force_login(bob)
    url = f"/banking/accounts/{account.pk}/"
    shown = text_of(client, url)
    assert "Close it" not in shown
    assert "Note it" not in shown
    for action in ("state", "close", "reopen", "delete"):
        assert client.post(url, {"action": action}).status_code == 403
    assert client.get(f"{url}edit/").status_code == 403


def test_categories_are_added_merged_and_deleted(browser: Client, account: Account, alice: User) -> None:
    install_categories()
    food = Category.objects.get(name="Food")
    browser.post("/banking/categories/", {"section": "expense", "parent": str(food.pk), "name": "Kebab"})
    kebab = Category.objects.get(name="Kebab", owner=alice)
    assert kebab.parent == food
    row = book_cash(account=account, amount=Decimal(-5), booked_on=DAY, section="expense", category=kebab, actor=alice)  # type: ignore[arg-type]
    url = f"/banking/categories/{kebab.pk}/"
    asked = browser.post(url, {"action": "merge", "into": "Restaurants"}).content.decode()
    assert "takes its place in 1 row" in asked
    assert Category.objects.filter(pk=kebab.pk).exists()
    browser.post(url, {"action": "merge", "into": "Restaurants", "sure": "yes"})
    row.refresh_from_db()
    assert row.category == Category.objects.get(name="Restaurants")
    assert browser.get(url).status_code == 404
    lonely = create_category(holder=alice, section="income", name="Lonely", actor=alice)
    browser.post(f"/banking/categories/{lonely.pk}/", {"action": "delete"})
    assert not Category.objects.filter(owner=alice).exists()
    assert browser.get(f"/banking/categories/{food.pk}/").status_code == 403
    assert "Food" in text_of(browser, "/banking/categories/")


def test_counterparties_are_searched_and_changed(browser: Client, account: Account) -> None:
    for number in range(60):
        counterparty_named(f"Shop {number:02}", books=account)
    assert "1 to 50 of 60" in text_of(browser, "/banking/counterparties/")
    assert "Shop 07" in text_of(browser, "/banking/counterparties/?q=p+07")
    shop = Counterparty.objects.get(name="Shop 07")
    url = f"/banking/counterparties/{shop.pk}/"
    wrong = browser.post(url, {"action": "change", "name": "Shop 08", "iban": ""})
    assert "one of this name already" in wrong.content.decode()
    browser.post(url, {"action": "change", "name": "Baker", "iban": "CH9300762011623852957"})
    shop.refresh_from_db()
    assert (shop.name, shop.iban) == ("Baker", "CH9300762011623852957")


DEPOSIT = {"name": "Year", "principal": "1000", "percent": "3", "day_count": "act/365"}


def test_a_deposit_is_previewed_opened_and_taken_back(browser: Client, account: Account) -> None:
    start = timezone.now().date()
    days = {"started_on": start.isoformat(), "matures_on": (start + timedelta(days=365)).isoformat()}
    body = DEPOSIT | days | {"source": str(account.pk)}
    shown = browser.post("/banking/deposits/preview/", body).content.decode()
    assert "30.00" in shown
    assert not TermDeposit.objects.exists()
    assert "shows here" in browser.post("/banking/deposits/preview/", body | {"percent": "300"}).content.decode()
    wrong = browser.post("/banking/deposits/", body | {"percent": "300"})
    assert "fraction from 0 to 1" in wrong.content.decode()
    assert browser.post("/banking/deposits/", body).status_code == 302
    deposit = TermDeposit.objects.get()
    assert "0 of 365 days" in text_of(browser, "/banking/deposits/")
    browser.post(reverse("banking-deposit-cancel", args=[deposit.pk]))
    assert CashTransaction.objects.standing().filter(account=deposit.account).count() == 0
    assert "Cancelled" in text_of(browser, "/banking/deposits/")


def test_deposits_of_an_organisation_are_its_managers(client: Client, alice: User) -> None:
    firm = Organisation.objects.create(name="Acme")
    account = open_account(holder=firm, name="Operating", actor=None)
    member, manager = make_user("member"), make_user("manager")
    for user, role in ((member, Role.MEMBER), (manager, Role.MANAGER)):
        Membership.objects.create(organisation=firm, user=user, role=role)
    body = DEPOSIT | {"source": str(account.pk), "started_on": "2024-01-02", "matures_on": "2060-01-02"}
    client.force_login(member)
    assert client.post("/banking/deposits/", body).status_code == 200
    assert not TermDeposit.objects.exists()
    client.force_login(manager)
    assert client.post("/banking/deposits/", body).status_code == 302
    deposit = TermDeposit.objects.get()
    assert deposit.account.organisation == firm
    client.force_login(member)
    assert "Acme" in text_of(client, "/banking/deposits/")
    assert client.post(reverse("banking-deposit-cancel", args=[deposit.pk])).status_code == 403


def test_a_long_chart_keeps_its_ends_and_extremes() -> None:
    balances = [(DAY + timedelta(days=place), Decimal(place % 97)) for place in range(4000)]
    balances[1234] = (balances[1234][0], Decimal(-5))
    chart = balance_chart(balances, "USD", 2)
    [series] = chart.json["series"]
    assert len(chart.json["days"]) == len(series["values"]) <= 510
    assert min(series["values"]) == -5
    assert (chart.json["days"][0], chart.json["days"][-1]) == (DAY.isoformat(), balances[-1][0].isoformat())
    assert (len(chart.rows), chart.rows[0], chart.rows[-1], chart.lowest[1]) == (40, balances[-1], balances[0], -5)
