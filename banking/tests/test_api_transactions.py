"""Cash rows over HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from banking.models import (
    Account,
    AccountShare,
    CashTransaction,
    Category,
    Counterparty,
    Section,
    ShareRole,
    Tag,
)
from banking.queries.transactions import CashList, Place, Wanted, currencies_of, lines
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.splits import Part, split_cash
from banking.services.transactions import book_cash, void_cash
from banking.services.transfers import book_transfer
from core.testing import client_of, count_queries
from users.models import Membership, Organisation, User

URL = "/api/banking/transactions/"
DAY = date(2024, 1, 10)


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def book(account: Account, amount: str = "-10", **terms: Any) -> CashTransaction:
    wanted: dict[str, Any] = {"booked_on": DAY, "section": Section.EXPENSE, "actor": account.owner} | terms
    return book_cash(account=account, amount=Decimal(amount), **wanted)


def ids(client: APIClient, query: str = "") -> list[int]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["count"] == len(body["results"])
    return [row["id"] for row in body["results"]]


def test_a_row_is_booked_with_names_and_shown_whole(account: Account, client: APIClient) -> None:
    body = {
        "account": account.pk,
        "booked_on": "2024-01-10",
        "amount": "-12.50",
        "section": "expense",
        "description": "Lunch",
        "category": "Food",
        "counterparty": "Café",
        "tags": ["trip", "Work"],
        "external_id": "x1",
    }
    answer = client.post(URL, body)
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert {name: row[name] for name in ("amount", "currency", "category_name", "counterparty_name", "tags")} == {
        "amount": "-12.5",
        "currency": "USD",
        "category_name": "Food",
        "counterparty_name": "Café",
        "tags": ["trip", "Work"],
    }
    assert (row["classified_by"], row["origin"], row["transfer"], row["splits"]) == ("person", "entry", None, [])
    assert client.get(f"{URL}{row['id']}/").json() == row
    again = client.post(URL, body | {"external_id": "x2", "category": row["category"], "counterparty": "café"}).json()
    assert (again["category"], again["counterparty"]) == (row["category"], row["counterparty"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "NaN"),
        ("amount", "1e400"),
        ("amount", "0"),
        ("amount", "0.001"),
        ("amount", 10**400),
        ("account", 10**400),
        ("account", "x"),
        ("account", None),
        ("booked_on", "2024-02-30"),
        ("section", "gift"),
        ("category", 987654321),
        ("category", True),
        ("category", ""),
        ("category", "x" * 61),
        ("counterparty", [1]),
        ("tags", "trip"),
        ("tags", ["x" * 41]),
        ("tags", ["t"] * 21),
        ("description", "a\x00b"),
        ("external_id", "x" * 65),
        ("voided_at", "2024-01-01T00:00:00Z"),
        ("colour", "red"),
    ],
)
def test_bad_input_stores_nothing(account: Account, client: APIClient, field: str, value: Any) -> None:
    body = {"account": account.pk, "booked_on": "2024-01-10", "amount": "-1", "section": "expense", "tags": ["new"]}
    body["category"] = "New"
    try:
        answer = client.post(URL, body | {field: value})
    except ValueError:  # Python writes no such number
        return
    assert answer.status_code == 400, answer.content
    assert not CashTransaction.objects.exists()
    assert not Category.objects.exists()
    assert not Tag.objects.exists()


def test_a_patch_of_facts_books_anew_and_one_of_classes_does_not(account: Account, client: APIClient) -> None:
    row = book(account, description="Lunch")
    named = client.patch(f"{URL}{row.pk}/", {"category": "Food", "tags": ["trip"]}).json()
    assert (named["id"], named["category_name"], named["tags"]) == (row.pk, "Food", ["trip"])
    new = client.patch(f"{URL}{row.pk}/", {"amount": "-11"}).json()
    assert (new["original"], new["amount"], new["category_name"]) == (row.pk, "-11", "Food")
    assert new["id"] != row.pk
    assert client.get(f"{URL}{row.pk}/").json()["voided_at"]
    assert client.patch(f"{URL}{row.pk}/", {"amount": "-12"}).status_code == 400
    back = client.post(f"{URL}{row.pk}/restore/")
    assert (back.status_code, back.json()["voided_at"]) == (200, None)
    assert ids(client) == [row.pk]


def test_voided_and_restored(account: Account, client: APIClient) -> None:
    row = book(account)
    assert client.delete(f"{URL}{row.pk}/").status_code == 204
    assert (ids(client), ids(client, "voided=true")) == ([], [row.pk])
    assert client.delete(f"{URL}{row.pk}/").status_code == 400
    assert client.post(f"{URL}{row.pk}/restore/").status_code == 200
    assert client.post(f"{URL}{row.pk}/restore/").status_code == 400


def test_a_split_over_http(account: Account, client: APIClient) -> None:
    row = book(account, "-100")
    parts = [{"category": "Food", "amount": "-70"}, {"category": "Home", "amount": "-30", "note": "soap"}]
    shown = client.post(f"{URL}{row.pk}/split/", {"parts": parts}).json()
    assert [(part["category_name"], part["amount"], part["note"]) for part in shown["splits"]] == [
        ("Food", "-70", ""),
        ("Home", "-30", "soap"),
    ]
    assert ids(client, f"category={shown['splits'][1]['category']}") == [row.pk]
    wrong = client.post(f"{URL}{row.pk}/split/", {"parts": [*parts, {"category": "New", "amount": "-1"}]})
    assert (wrong.status_code, wrong.json()["errors"].keys()) == (400, {"parts"})
    assert not Category.objects.filter(name="New").exists()
    assert client.delete(f"{URL}{row.pk}/split/").status_code == 204
    assert client.delete(f"{URL}{row.pk}/split/").status_code == 400


def test_many_are_categorised_and_undone(account: Account, client: APIClient, bob: User) -> None:
    rows = [book(account, description=f"Shop {number}") for number in range(3)]
    answer = client.post(f"{URL}categorise/", {"filter": {"q": "shop"}, "category": "Food", "tags": ["trip"]})
    assert (answer.status_code, answer.json()["count"]) == (200, 3)
    assert ids(client, "uncategorised=true") == []
    undo = f"/api/banking/recategorisations/{answer.json()['id']}/undo/"
    assert client_of(bob).post(undo).status_code == 404
    assert client.post(undo).json()["restored"] == 3
    assert client.post(undo).status_code == 400
    assert ids(client, "uncategorised=true") == [row.pk for row in reversed(rows)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [], "category": None},
        {"ids": [1]},
        {"category": "Food"},
        {"ids": [1], "filter": {}, "category": "Food"},
        {"ids": [987654321], "category": "Food"},
        {"ids": ["1"], "category": 5},
        {"filter": {"colour": "red"}, "category": "Food"},
        {"filter": {"start": "soon"}, "category": "Food"},
        {"filter": {"voided": {"a": 1}}, "category": "Food"},
        {"filter": {"voided": "maybe"}, "category": "Food"},
        {"filter": {"voided": "true"}, "category": "Food"},
        {"filter": [], "category": "Food"},
        {"ids": [10**30], "category": "Food"},
    ],
)
def test_bad_bulk_changes_nothing(account: Account, client: APIClient, body: Any) -> None:
    row, gone = book(account), void_cash(row=book(account), actor=account.owner)
    answer = client.post(f"{URL}categorise/", body)
    assert answer.status_code == 400, answer.content
    assert set(CashTransaction.objects.values_list("category", flat=True)) == {None}
    assert {row.pk, gone.pk} == set(CashTransaction.objects.values_list("pk", flat=True))


def test_shared_accounts_and_members_by_their_role(account: Account, alice: User, bob: User) -> None:
    row, theirs = book(account), client_of(bob)
    url = f"{URL}{row.pk}/"
    patch = {"description": "mine"}
    assert (theirs.get(url).status_code, theirs.patch(url, patch).status_code) == (404, 404)
    share = AccountShare.objects.create(account=account, user=bob, role=ShareRole.VIEWER)
    assert (theirs.get(url).status_code, theirs.patch(url, patch).status_code) == (200, 403)
    assert theirs.post(f"{URL}categorise/", {"ids": [row.pk], "tags": ["x"]}).status_code == 400
    assert theirs.delete(url).status_code == 403
    AccountShare.objects.filter(pk=share.pk).update(role=ShareRole.EDITOR)
    assert theirs.patch(url, {"category": "Food"}).json()["category_name"] == "Food"
    assert Category.objects.get().owner == alice  # it belongs to the books
    firm = Organisation.objects.create(name="Firm")
    Membership.objects.create(organisation=firm, user=bob, role="viewer")
    of_firm = Account.objects.create(organisation=firm, name="Firm's", currency="USD")
    booked = book_cash(account=of_firm, amount=Decimal(5), booked_on=DAY, section=Section.INCOME, actor=alice)
    assert ids(theirs, f"organisation={firm.pk}") == [booked.pk]
    assert theirs.delete(f"{URL}{booked.pk}/").status_code == 403


def test_a_leg_is_voided_by_who_may_book_both_ends(account: Account, alice: User, bob: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    transfer = book_transfer(source=account, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    AccountShare.objects.create(account=account, user=bob, role=ShareRole.EDITOR)
    url = f"{URL}{transfer.sent_id}/"
    shown = client_of(bob).get(url).json()
    assert (shown["transfer"], shown["transfer_account"]) == (transfer.pk, None)
    refused = client_of(bob).delete(url)
    assert (refused.status_code, refused.json()["code"]) == (400, "other_end_not_yours")
    assert client_of(alice).get(url).json()["transfer_account"] == savings.pk
    assert client_of(alice).delete(url).status_code == 204
    assert client_of(bob).post(f"{url}restore/").status_code == 400


def test_somebody_elses_classes_look_missing(account: Account, client: APIClient, bob: User) -> None:
    theirs = Account.objects.create(owner=bob, name="B", currency="USD")
    category, party = category_named("Secret", "expense", books=theirs), counterparty_named("Bank", books=theirs)
    row = book(account)
    for field, pk in (("category", category.pk), ("counterparty", party.pk)):
        answers = [client.patch(f"{URL}{row.pk}/", {field: number}) for number in (pk, 987654321)]
        assert [answer.status_code for answer in answers] == [400, 400]
        assert answers[0].json() == answers[1].json()
        assert ids(client, f"{field}={pk}") == ids(client, f"{field}=987654321") == []
    moved = [client.patch(f"{URL}{row.pk}/", {"account": number}) for number in (theirs.pk, 987654321)]
    assert [answer.status_code for answer in moved] == [400, 400]
    assert moved[0].json() == moved[1].json()


# --- the list ----------------------------------------------------------------------------------------------------


def test_filters(account: Account, alice: User, client: APIClient) -> None:
    food, shop = category_named("Food", "expense", books=account), counterparty_named("Corner Shop", books=account)
    lunch = Category.objects.create(owner=alice, section="expense", name="Lunch", parent=food)
    euro = Account.objects.create(owner=alice, name="Euro", currency="EUR")
    rows = {
        "lunch": book(account, "-10", category=lunch, description="100% Pizza"),
        "shop": book(account, "-20", counterparty=shop, booked_on=date(2024, 1, 12)),
        "pay": book(euro, "3000", section=Section.INCOME, external_id="SAL-1", tags=tags_named(["job"], books=euro)),
        "split": book(account, "-30", booked_on=date(2024, 1, 9)),
    }
    split_cash(row=rows["split"], parts=[Part(food, Decimal(-10)), Part(lunch, Decimal(-20))], actor=alice)
    cases = {
        "": ["shop", "pay", "lunch", "split"],
        f"account={euro.pk}": ["pay"],
        "section=expense": ["shop", "lunch", "split"],
        f"category={food.pk}": ["lunch", "split"],
        "uncategorised=true": ["shop", "pay"],
        f"counterparty={shop.pk}": ["shop"],
        f"tag={Tag.objects.get().pk}": ["pay"],
        "q=corner": ["shop"],
        "q=100%25": ["lunch"],
        "q=sal-1": ["pay"],
        "amount_min=15&amount_max=30.00": ["shop", "split"],
        "start=2024-01-10&end=2024-01-10": ["pay", "lunch"],
        "origin=trade": [],
        "organisation=0": ["shop", "pay", "lunch", "split"],
        "ordering=amount": ["split", "shop", "lunch", "pay"],
        "ordering=booked_on": ["split", "lunch", "pay", "shop"],
    }
    for query, names in cases.items():
        assert ids(client, query) == [rows[name].pk for name in names], query
    sums = {
        each.currency: each for each in CashList(Wanted((account.pk, euro.pk))).sums(currencies_of([account, euro]))
    }
    assert (sums["USD"].expense, sums["EUR"].income, sums["USD"].net) == (Decimal(-60), Decimal(3000), Decimal(-60))
    [narrow] = CashList(Wanted((account.pk,), categories=(food.pk,))).sums(currencies_of([account]))
    assert narrow.expense == Decimal(-10)  # the part, not the whole row


@pytest.mark.parametrize(
    "query",
    [
        *("account=x", "ordering=colour", "voided=maybe", "start=soon", "start=2024-02-01&end=2024-01-01"),
        *(
            "section=gift",
            "amount_min=-5",
            "amount_min=1e9",
            "limit=0",
            "category=%C2%B2",
            "account=99999999999999999999",
        ),
    ],
)
def test_bad_queries_are_refused(client: APIClient, query: str) -> None:
    assert client.get(f"{URL}?{query}").status_code == 400


def test_a_page_takes_the_same_queries_for_any_number_of_rows(account: Account, client: APIClient) -> None:
    few = count_queries(lambda: client.get(URL))[0]
    other = Account.objects.create(owner=account.owner, name="Savings", currency="USD")
    for number in range(12):
        tags = tags_named([f"t{number}"], books=account)
        row = book(account, category=category_named(f"C{number}", "expense", books=account), tags=tags)
        book(account, counterparty=counterparty_named(f"P{number}", books=account))
        book_transfer(source=account, target=other, amount=Decimal(1), booked_on=DAY, actor=account.owner)
        split_cash(row=row, parts=[Part(Category.objects.all()[0], Decimal(-5))] * 2, actor=account.owner)
    many, said = count_queries(lambda: client.get(URL))
    assert many <= 7, said
    assert few <= many


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.booleans()), min_size=1, max_size=14)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 5))
def test_walking_by_place_meets_every_row_once_either_way(
    alice: User, rows: list[tuple[int, int, bool]], size: int
) -> None:
    accounts = [Account.objects.create(owner=alice, name=f"A{number}", currency="USD") for number in range(3)]
    made = [book(accounts[which], booked_on=DAY + timedelta(days=days)) for which, days, _ in rows]
    for row, (_, _, gone) in zip(made, rows, strict=True):
        if gone:
            void_cash(row=row, actor=alice)
    found = CashList(Wanted([account.pk for account in accounts]))
    standing = CashTransaction.objects.standing().filter(account__in=accounts).order_by("-booked_on", "-pk")
    expected = list(standing.values_list("pk", flat=True))
    assert [each.row.pk for each in lines(found, size)] == expected
    assert found.count() == len(expected) == len(found[0:100])
    assert found.count_up_to(2) == min(2, len(expected))
    part = found.oldest(size)
    back: list[int] = []
    while True:
        back = [*part.ids, *back]
        if part.newer is None:
            break
        part = found.newer_than(part.newer, size)
    assert back == expected
    assert found.older_than(Place(DAY, 0), size).ids == []
    assert Counterparty.objects.count() == 0
