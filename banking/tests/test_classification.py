"""Categories, counterparties and tags: made by name, renamed, moved, merged and deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from activity.models import AuditEvent
from banking.models import Account, CashSplit, CashTransaction, Category, ClassifiedBy, Counterparty, Section, Tag
from banking.services.categories import create_category, install_categories
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.transactions import book_cash
from core.testing import client_of, make_user
from users.models import Membership, Organisation, Role, User

CATEGORIES, COUNTERPARTIES, TAGS = (f"/api/banking/{name}/" for name in ("categories", "counterparties", "tags"))
DAY = date(2024, 1, 2)


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Giro", currency="EUR")


def spend(account: Account, **values: Any) -> CashTransaction:
    section = Section.EXPENSE
    return book_cash(account=account, amount=Decimal(-5), booked_on=DAY, section=section, actor=None, **values)


def make(owner: User, name: str, parent: Category | None = None) -> Category:
    return create_category(holder=owner, section="expense", name=name, parent=parent, actor=owner)


def test_everybody_begins_with_a_tree(alice: User) -> None:
    assert install_categories() == Category.objects.count() > 50
    assert install_categories() == 0
    groceries = Category.objects.get(name="Groceries")
    assert (groceries.parent and groceries.parent.name, groceries.section) == ("Food", "expense")
    assert set(Category.objects.values_list("section", flat=True)) == set(Section.values)
    shown = client_of(alice).get(CATEGORIES, {"section": "income", "limit": "1000"}).json()["results"]
    assert {"Salary", "Dividends", "Interest"} <= {row["name"] for row in shown if row["everybodys"]}
    groceries.name = "Supermarket"
    groceries.save()
    assert install_categories() == 0
    assert not Category.objects.filter(name="Groceries").exists()


TREE = {"expense": {"Home": {"Rent": {}}, "Food": {}}, "income": {"Salary": {}}}
LATER = {"expense": {"Home": {"Moving": {}, "Rent": {"Garage": {}}}, "Music": {}}, "income": {"Salary": {"Bonus": {}}}}


def everybodys_tree() -> dict[str, str]:
    rows = Category.objects.filter(owner=None, organisation=None).select_related("parent")
    return {row.name: row.parent.name if row.parent else "" for row in rows}


def test_what_the_tree_got_later_is_offered_once(db: None, tmp_path: Path) -> None:
    path = tmp_path / "categories.json"
    path.write_text(json.dumps(TREE))
    assert install_categories(path) == 4
    AuditEvent.objects.all().delete()  # as in a database from before it was written down
    Category.objects.filter(name="Home").update(name="Housing")
    Category.objects.filter(name="Rent").delete()
    Category.objects.create(section="expense", name="music", parent=Category.objects.get(name="Food"))

    path.write_text(json.dumps(TREE | {"later": [LATER]}))
    assert install_categories(path) == 3
    kept = {"Housing": "", "Food": "", "music": "Food", "Salary": ""}
    assert everybodys_tree() == kept | {"Moving": "", "Garage": "", "Bonus": "Salary"}
    assert AuditEvent.objects.get().data == {"edition": 2, "new": 3}

    Category.objects.filter(name="Bonus").delete()
    assert install_categories(path) == 0
    path.write_text(json.dumps(TREE | {"later": [LATER, {"income": {"Salary": {"Bonus": {}, "Tips": {}}}}]}))
    assert install_categories(path) == 1
    assert everybodys_tree() == kept | {"Moving": "", "Garage": "", "Tips": "Salary"}


def test_a_new_database_gets_all_of_it_at_once(db: None, tmp_path: Path) -> None:
    path = tmp_path / "categories.json"
    path.write_text(json.dumps(TREE | {"later": [LATER]}))
    assert install_categories(path) == 8
    assert everybodys_tree()["Garage"] == "Rent"
    Category.objects.update(parent=None)
    Category.objects.all().delete()
    assert install_categories(path) == 0


def test_the_tree_is_never_too_deep(db: None, tmp_path: Path) -> None:
    path = tmp_path / "categories.json"
    path.write_text(json.dumps(TREE))
    install_categories(path)
    above = None
    for name in ("A", "B", "C"):
        above = Category.objects.create(section="expense", name=name, parent=above)
    Category.objects.filter(name="Home").update(parent=above)
    path.write_text(json.dumps(TREE | {"later": [LATER]}))
    install_categories(path)
    assert everybodys_tree()["Moving"] == ""


@pytest.mark.django_db(transaction=True)
def test_every_installation_has_it() -> None:
    call_command("prepare", verbosity=0)
    assert Category.objects.filter(owner=None, organisation=None, name="Rent").count() == 1


def test_own_categories_stand_below_everybodys(alice: User, bob: User) -> None:
    install_categories()
    client, food = client_of(alice), Category.objects.get(name="Food")
    made = client.post(CATEGORIES, {"section": "expense", "name": " Street  food ", "parent": food.pk}, format="json")
    assert made.status_code == 201, made.content
    assert (made.json()["name"], made.json()["parent"], made.json()["uses"]) == ("Street food", food.pk, 0)
    assert client_of(bob).get(f"{CATEGORIES}{made.json()['id']}/").status_code == 404
    assert client_of(bob).get(CATEGORIES, {"parent": food.pk}).json()["count"] == 2
    assert client.get(CATEGORIES, {"parent": food.pk}).json()["count"] == 3
    moved = client.patch(f"{CATEGORIES}{made.json()['id']}/", {"name": "Kebab", "parent": None}, format="json")
    assert (moved.json()["name"], moved.json()["parent"]) == ("Kebab", None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "food"}, "name_taken"),
        ({"name": "OWN"}, "name_taken"),
        ({"parent": "income"}, "bad_parent"),
        ({"parent": "fourth"}, "too_deep"),
        ({"parent": "bobs"}, "invalid"),
        ({"organisation": 987654321}, "invalid"),
    ],
)
def test_categories_that_can_not_be(alice: User, bob: User, body: dict[str, Any], code: str) -> None:
    install_categories()
    first = make(alice, "own")
    fourth = make(alice, "d", make(alice, "c", make(alice, "b", first)))
    known = {"income": Category.objects.get(name="Salary"), "fourth": fourth, "bobs": make(bob, "his")}
    body = {name: known[value].pk if value in known else value for name, value in body.items()}
    before = Category.objects.count()
    answer = client_of(alice).post(CATEGORIES, {"section": "expense", "name": "New"} | body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert Category.objects.count() == before


def test_a_category_is_not_moved_below_itself_nor_everybodys_changed(alice: User) -> None:
    install_categories()
    top = make(alice, "top")
    low = make(alice, "low", make(alice, "middle", top))
    client = client_of(alice)
    circle = client.patch(f"{CATEGORIES}{top.pk}/", {"parent": low.pk}, format="json")
    assert (circle.status_code, circle.json()["code"]) == (400, "parent_below_itself")
    deep = client.patch(f"{CATEGORIES}{top.pk}/", {"parent": Category.objects.get(name="Rent").pk}, format="json")
    assert deep.json()["code"] == "too_deep"
    food = f"{CATEGORIES}{Category.objects.get(name='Food').pk}/"
    answers = [client.patch(food, {"name": "x"}), client.delete(food), client.post(f"{food}merge/", {"into": top.pk})]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Category.objects.filter(name="Food").exists()


def test_one_is_merged_into_another(account: Account, alice: User) -> None:
    install_categories()
    old, food = make(alice, "Meals"), Category.objects.get(name="Food")
    below = make(alice, "Lunch", old)
    row = spend(account, category=old)
    split = CashSplit.objects.create(transaction=spend(account), category=old, amount=-5)
    used = client_of(alice).delete(f"{CATEGORIES}{old.pk}/")
    assert (used.status_code, used.json()["code"]) == (400, "still_used")
    assert client_of(alice).get(f"{CATEGORIES}{old.pk}/").json()["uses"] == 2
    answer = client_of(alice).post(f"{CATEGORIES}{old.pk}/merge/", {"into": food.pk})
    assert answer.json() == {"changed": {"cashtransaction": 1, "cashsplit": 1, "category": 1}}
    for changed in (row, split, below):
        changed.refresh_from_db()
    assert (row.category, row.classified_by, split.category, below.parent) == (food, ClassifiedBy.PERSON, food, food)
    assert not Category.objects.filter(pk=old.pk).exists()
    assert AuditEvent.objects.get(action="category.merged").data["into"] == food.pk
    income = create_category(holder=alice, section="income", name="Wages", actor=alice)
    differ = client_of(alice).post(f"{CATEGORIES}{below.pk}/merge/", {"into": income.pk})
    assert differ.json()["code"] == "sections_differ"
    assert (
        client_of(alice).post(f"{CATEGORIES}{below.pk}/merge/", {"into": below.pk}).json()["code"]
        == "merge_with_itself"
    )


def test_counterparties_and_tags_are_merged_renamed_and_deleted(account: Account, alice: User) -> None:
    client, (a, b) = client_of(alice), tags_named(["a", "b"], books=account)
    shop, store = (counterparty_named(name, books=account) for name in ("Shop", "Store"))
    both, one = spend(account, counterparty=shop, tags=[a, b]), spend(account, counterparty=store, tags=[a])
    assert client.post(f"{TAGS}{a.pk}/merge/", {"into": b.pk}).json() == {"changed": {"cashtransaction_tags": 2}}
    assert [list(row.tags.all()) for row in (both, one)] == [[b], [b]]
    assert client.post(f"{COUNTERPARTIES}{shop.pk}/merge/", {"into": store.pk}).status_code == 200
    both.refresh_from_db()
    assert both.counterparty == store
    assert client.delete(f"{COUNTERPARTIES}{store.pk}/").json()["code"] == "still_used"
    assert client.get(f"{COUNTERPARTIES}{store.pk}/").json()["uses"] == 2
    assert client.patch(f"{TAGS}{b.pk}/", {"name": "B"}).json() == {
        "id": b.pk,
        "name": "B",
        "organisation": None,
        "uses": 2,
    }
    assert client.delete(f"{TAGS}{b.pk}/").status_code == 204
    assert CashTransaction.objects.count() == 2
    assert not Tag.objects.exists()


def test_a_counterpartys_iban_is_checked_and_finds_its_account(alice: User, bob: User) -> None:
    iban = "CH9300762011623852957"
    Account.objects.create(owner=bob, name="Rent", currency="CHF", iban=iban, receives=True)
    client = client_of(alice)
    wrong = client.post(COUNTERPARTIES, {"name": "Bob", "iban": "CH9400762011623852957"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_iban")
    made = client.post(COUNTERPARTIES, {"name": "Bob", "iban": "ch93 0076 2011 6238 5295 7"}).json()
    assert (made["iban"], made["internal"]) == (iban, True)
    assert client.post(COUNTERPARTIES, {"name": "BOB", "iban": iban}).json()["code"] == "name_taken"
    assert client.patch(f"{COUNTERPARTIES}{made['id']}/", {"iban": ""}).json()["internal"] is False


def test_others_rows_are_not_there(account: Account, alice: User, bob: User) -> None:
    mine, his = counterparty_named("Shop", books=account), Counterparty.objects.create(owner=bob, name="His")
    client = client_of(alice)
    assert client.post(f"{COUNTERPARTIES}{his.pk}/merge/", {"into": mine.pk}).status_code == 404
    assert client.post(f"{COUNTERPARTIES}{mine.pk}/merge/", {"into": his.pk}).status_code == 400
    firm = Organisation.objects.create(name="Acme")
    Membership.objects.create(organisation=firm, user=alice, role=Role.MEMBER)
    firms = client.post(COUNTERPARTIES, {"name": "Supplier", "organisation": firm.pk}, format="json").json()
    refused = client.post(f"{COUNTERPARTIES}{mine.pk}/merge/", {"into": firms["id"]})
    assert refused.json()["code"] == "of_another_owner"
    Membership.objects.update(role=Role.VIEWER)
    assert client.delete(f"{COUNTERPARTIES}{firms['id']}/").status_code == 403


MAKERS: list[Callable[[Account, str], Any]] = [
    lambda books, name: category_named(name, "expense", books=books),
    lambda books, name: counterparty_named(name, books=books),
    lambda books, name: counterparty_named(name, books=books, iban="CH9300762011623852957"),
    lambda books, name: tags_named([name], books=books)[0],
]


@pytest.mark.parametrize("maker", MAKERS)
def test_upper_and_lower_case_are_one(account: Account, maker: Callable[[Account, str], Any]) -> None:
    assert maker(account, "Shop") == maker(account, " SHOP ")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("maker", MAKERS)
def test_of_many_at_once_all_get_the_one(maker: Callable[[Account, str], Any]) -> None:
    books = Account.objects.create(owner=make_user("alice"), name="Giro", currency="EUR")

    def attempt(place: int) -> int:
        try:
            with transaction.atomic():
                made = maker(books, "Shop" if place % 2 else "SHOP")
                assert CashTransaction.objects.count() == 0  # the transaction is whole still
                return int(made.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(attempt, range(16)))
    assert len(set(found)) == 1
