"""The pages of rules and of budgets, and budgets over HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assets.models import AssetType
from assets.tests.factories import make_asset, make_bars
from banking.models import Account, Budget, CashTransaction, Category, Counterparty, Recategorisation, Rule, Tag
from banking.services.budgets import create_budget
from banking.services.classification import category_named
from banking.services.splits import Part, split_cash
from banking.services.transactions import book_cash
from core.testing import Page, client_of, count_queries
from users.models import Membership, Organisation, Role, User

RULES, BUDGETS, API = "/banking/rules/", "/banking/budgets/", "/api/banking/budgets/"
RULE = {"words": "rewe", "section": "expense", "category": "Food", "active": "on", "holder": "0", "tags": "daily"}
DAY = date(2024, 5, 10)


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def browser(alice: User, client: Client) -> Client:
    client.force_login(alice)
    return client


def book(account: Account, amount: str = "-10", text: str = "rewe", **terms: Any) -> CashTransaction:
    wanted: dict[str, Any] = {"booked_on": DAY, "section": "expense", "actor": None} | terms
    return book_cash(account=account, amount=Decimal(amount), description=text, **wanted)


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[:800]
    text = answer.content.decode()
    assert Page(text).faults == []
    return " ".join(text.split())


def test_a_first_rule_is_suggested_tried_made_and_applied(browser: Client, alice: User, account: Account) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    for number in range(3):
        book(account, text=f"REWE City {number}", booked_on=yesterday)
    text = text_of(browser.get(RULES))
    assert "No rules yet" in text
    assert "?words=rewe%20city&amp;section=expense" in text
    assert 'value="rewe city"' in text_of(browser.get(f"{RULES}?words=rewe+city&section=expense"))
    part = browser.post(f"{RULES}try/", RULE, headers={"HX-Request": "true"}).content.decode()
    assert "It would change 3 rows" in part
    assert not any(model.objects.exists() for model in (Rule, Category, Tag))
    assert browser.post(f"{RULES}new/", RULE).status_code == 302
    made = Rule.objects.get()
    assert (made.owner, made.category and made.category.name, made.active) == (alice, "Food", True)
    since = (yesterday - timedelta(days=1)).isoformat()
    text = text_of(browser.post(f"{RULES}{made.pk}/apply/", {"since": since}, follow=True))
    act = Recategorisation.objects.get()
    assert f"/banking/recategorisations/{act.pk}/undo/" in text
    assert CashTransaction.objects.filter(category=made.category, classified_by="rule").count() == 3
    assert browser.post(f"/banking/recategorisations/{act.pk}/undo/").status_code == 302
    assert not CashTransaction.objects.filter(category=made.category).exists()


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_made(browser: Client, account: Account) -> None:
    for typed, said in (
        ({"words": "", "section": ""}, "There is no category of this name"),
        ({"words": "", "section": "", "category": "", "set_counterparty": "Shop"}, "A rule says which rows"),
        ({"words": "-"}, "no word"),
        ({"least": "NaN"}, "Write an amount"),
        ({"least": "5", "most": "4"}, "The limits of an amount"),
        ({"least": "9" * 40}, "The limits of an amount"),
        ({"account": "987654321"}, "Select a valid choice"),
        ({"section": "gift"}, "Select a valid choice"),
        ({"iban": "DE02120300000000202052"}, "check digits"),
    ):
        assert said in text_of(browser.post(f"{RULES}new/", RULE | typed), 400), typed
        part = browser.post(f"{RULES}try/", RULE | typed)
        assert part.status_code == 200
        assert "would change" not in part.content.decode()
    assert not any(model.objects.exists() for model in (Rule, Counterparty, Tag, Category))


def test_a_rule_is_changed_moved_and_deleted_by_those_who_may(
    browser: Client, alice: User, bob: User, account: Account
) -> None:
    for words in ("a", "b"):
        browser.post(f"{RULES}new/", RULE | {"words": words})
    first, second = Rule.objects.order_by("position")
    assert 'value="b"' in text_of(browser.get(f"{RULES}{second.pk}/"))
    assert browser.post(f"{RULES}{second.pk}/", RULE | {"words": "c"}).status_code == 302
    assert browser.post(f"{RULES}{second.pk}/move/", {"way": "up"}).status_code == 302
    assert list(Rule.objects.order_by("position").values_list("words", flat=True)) == ["c", "a"]
    text = text_of(browser.get(RULES))
    assert "2 rules, tried from the top" in text
    assert "1,000,000" not in text
    theirs = Client()
    theirs.force_login(bob)
    for path in ("", "move/", "delete/", "apply/", "try/"):
        assert theirs.post(f"{RULES}{first.pk}/{path}", RULE).status_code == 404, path
    assert browser.post(f"{RULES}{first.pk}/apply/", {"since": "2024-13-45"}).status_code == 302
    assert browser.post(f"{RULES}{first.pk}/delete/").status_code == 302
    assert Rule.objects.count() == 1


def budget(alice: User, account: Account, name: str = "Food", amount: str = "300", **terms: Any) -> Budget:
    category = category_named(name, "expense", books=account)
    given: dict[str, Any] = {"first_month": date(2024, 4, 1), "amount": Decimal(amount), "category": category} | terms
    return create_budget(holder=alice, actor=alice, **given)


def figures(alice: User, month: str = "2024-05") -> list[dict[str, Any]]:
    answer = client_of(alice).get(f"{API}?month={month}")
    assert answer.status_code == 200, answer.content
    return [row["figures"] for row in answer.json()["results"]]


def test_a_month_counts_children_parts_and_refunds(alice: User, account: Account) -> None:
    food, other = (category_named(name, "expense", books=account) for name in ("Food", "Other"))
    sweets = Category.objects.create(owner=alice, section="expense", name="Sweets", parent=food)
    budget(alice, account, carries_over=True)
    book(account, "-250", category=food, booked_on=date(2024, 4, 30))
    book(account, "-100", category=food)
    book(account, "-10.50", category=sweets)
    book(account, "5", category=food)
    split = book(account, "-50")
    split_cash(row=split, parts=[Part(sweets, Decimal(-20)), Part(other, Decimal(-30))], actor=alice)
    book(account, "-1000", category=food, booked_on=date(2024, 6, 1))
    [found] = figures(alice)
    assert {name: found[name] for name in ("carried", "available", "spent", "left", "share", "projected", "pace")} == {
        "carried": "50",
        "available": "350",
        "spent": "125.5",
        "left": "224.5",
        "share": 1.0,
        "projected": "125.5",
        "pace": "on track",
    }


def test_other_currencies_are_converted_and_a_missing_rate_is_told(alice: User, account: Account) -> None:
    euros = Account.objects.create(owner=alice, name="Euros", currency="EUR")
    francs = Account.objects.create(owner=alice, name="Francs", currency="CHF")
    make_bars(
        make_asset("EURUSD", type=AssetType.FX, currency="USD"), {date(2024, 5, 31): "1.10", date(2024, 6, 30): "2"}
    )
    budget(alice, account)
    food = category_named("Food", "expense", books=account)
    for each in (account, euros, francs):
        book(each, "-100", category=food)
    [found] = figures(alice)
    assert (found["spent"], found["missing_rates"]) == ("210", ["CHF"])


def test_an_organisations_budget_counts_its_own_accounts_alone(alice: User, bob: User, account: Account) -> None:
    firm = Organisation.objects.create(name="Firm")
    Membership.objects.create(organisation=firm, user=bob, role=Role.VIEWER)
    Membership.objects.create(organisation=firm, user=alice, role=Role.MEMBER)
    theirs = Account.objects.create(organisation=firm, name="Firm's", currency="USD")
    food = Category.objects.create(section="expense", name="Everybody's food")
    body = {"category": food.pk, "amount": "100", "first_month": "2024-05", "organisation": firm.pk}
    made = client_of(alice).post(API, body)
    assert made.status_code == 201, made.content
    assert client_of(bob).post(API, body).status_code == 400
    book(account, "-70", category=food)
    book(theirs, "-30", category=food)
    assert [each["spent"] for each in figures(bob)] == ["30"]
    url = f"{API}{made.json()['id']}/"
    assert client_of(bob).patch(url, {"amount": "5"}).status_code == 403
    assert client_of(bob).delete(url).status_code == 403
    assert client_of(alice).patch(url, {"amount": "5", "last_month": "2024-06"}).json()["last_month"] == "2024-06"
    assert client_of(alice).delete(url).status_code == 204


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "1.001"},
        {"amount": "NaN"},
        {"currency": "XXX"},
        {"first_month": "2024-13"},
        {"first_month": "1969-12"},
        {"first_month": "2024-05-01"},
        {"last_month": "2024-04"},
        {"category": 987654321},
        {"organisation": 987654321},
        {"category": "Rent", "first_month": "2024-01", "last_month": "2024-05"},
    ],
)
def test_what_is_no_budget_is_refused(alice: User, account: Account, changes: dict[str, Any]) -> None:
    budget(alice, account, "Rent", first_month=DAY)
    body = {"category": "Food", "amount": "100", "first_month": "2024-05"} | changes
    answer = client_of(alice).post(API, body)
    assert answer.status_code in {400, 409, 422}, answer.content
    assert Budget.objects.count() == 1


def test_one_budget_at_a_time_for_a_category(alice: User, account: Account) -> None:
    client = client_of(alice)
    body = {"category": "Food", "amount": "100", "first_month": "2024-05", "last_month": "2024-06"}
    assert client.post(API, body).status_code == 201
    assert client.post(API, body | {"first_month": "2024-06", "last_month": None}).status_code >= 400
    assert client.post(API, body | {"first_month": "2024-07", "last_month": None}).status_code == 201
    assert client.get(f"{API}?month=2024-06").json()["count"] == 1
    for month in ("2024-6", "2024-00", "x", "0000-01", ""):
        assert client.get(f"{API}?month={month}").status_code == 400


def test_the_page_proposes_shows_and_changes(browser: Client, alice: User, account: Account) -> None:
    this_month = timezone.now().date().replace(day=1)
    food = category_named("Food", "expense", books=account)
    book(account, "-600", category=food, booked_on=this_month - timedelta(days=1))
    text = text_of(browser.get(BUDGETS))
    assert "No budget in" in text
    assert "100.00 USD a month" in text
    assert "?category=Food&amp;amount=100.00#budget-new" in text
    typed = {"category": "Food", "amount": "100", "first_month": f"{this_month:%Y-%m}", "holder": "0"}
    assert "Write a month" in text_of(browser.post(f"{BUDGETS}new/", typed | {"first_month": "soon"}), 400)
    assert "above 0" in text_of(browser.post(f"{BUDGETS}new/", typed | {"amount": "-5"}), 400)
    assert browser.post(f"{BUDGETS}new/", typed | {"carries_over": "on"}).status_code == 302
    made = Budget.objects.get()
    sweets = Category.objects.create(owner=alice, section="expense", name="Sweets", parent=food)
    budget(alice, account, "Sweets", "50", category=sweets, first_month=this_month)
    book(account, "-130", category=sweets, booked_on=this_month)
    queries, _ = count_queries(lambda: browser.get(BUDGETS))
    text = text_of(browser.get(BUDGETS))
    assert "Over by 30.00" in text
    assert "within Food" in text
    assert "130.00 of 100.00 USD spent" in text  # Sweets counts within Food, once
    assert "a month, 0.00 carried over" in text
    for name in ("A", "B", "C"):
        budget(alice, account, name, first_month=this_month)
    assert count_queries(lambda: browser.get(BUDGETS))[0] == queries
    assert 'value="100"' in text_of(browser.get(f"{BUDGETS}{made.pk}/"))
    changed = {"amount": "200", "first_month": f"{this_month:%Y-%m}", "last_month": ""}
    assert browser.post(f"{BUDGETS}{made.pk}/", changed).status_code == 302
    assert Budget.objects.get(pk=made.pk).amount == 200
    for month in ("9999-99", "x", "1970-01", "2199-12"):
        text_of(browser.get(f"{BUDGETS}?month={month}"))
    assert browser.post(f"{BUDGETS}{made.pk}/delete/").status_code == 302
    assert not Budget.objects.filter(pk=made.pk).exists()


def test_a_budget_of_somebody_else_is_not_there(bob: User, alice: User, account: Account, client: Client) -> None:
    made = budget(alice, account)
    client.force_login(bob)
    for path in ("", "delete/"):
        assert client.post(f"{BUDGETS}{made.pk}/{path}", {"amount": "1", "first_month": "2024-05"}).status_code == 404
    assert client.get(f"{BUDGETS}{made.pk}/").status_code == 404
    assert "Food" not in client.get(BUDGETS).content.decode()
