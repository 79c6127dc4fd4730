"""The categories that the product ships are shown, sorted and taken in the reader's language, and stored in English."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import translation

from banking.models import Account, CashTransaction, Category, Counterparty, Rule, Section
from banking.services.categories import TREE, change_category, create_category, install_categories
from banking.services.classification import category_named, counterparty_named
from banking.services.renaming import NameTaken
from banking.services.rule_changes import create_rule
from banking.services.rule_names import SectionNeeded, with_names
from banking.services.transactions import book_cash
from banking.shipped import NAMES, spoken, stored
from users.models import User

pytestmark = pytest.mark.django_db


def names(tree: dict[str, dict[str, object]]) -> Iterator[str]:
    for name, below in tree.items():
        yield name
        yield from names(below)  # type: ignore[arg-type]


def test_every_shipped_name_has_its_words() -> None:
    shipped = json.loads(TREE.read_text(encoding="utf-8"))
    assert set(NAMES) == {name for tree in shipped.values() for name in names(tree)}
    with translation.override("de"):
        assert {stored(spoken(name)) for name in NAMES} == set(NAMES)  # no two are called alike
        assert sum(spoken(name) != name for name in NAMES) > 60


def test_a_page_shows_it_in_the_readers_language_and_the_api_in_english(alice: User) -> None:
    install_categories()
    alice.locale = "de"
    alice.save()
    client = Client()
    client.force_login(alice)
    page = client.get("/banking/categories/").content.decode()
    assert ">Miete<" in page
    assert ">Rent<" not in page
    assert page.index(">Freizeit<") < page.index(">Gebühren<") < page.index(">Wohnen<")  # by what they are called
    answer = client.get("/api/banking/categories/?limit=200").content.decode()
    assert '"Rent"' in answer
    assert "Miete" not in answer


def test_it_is_taken_by_the_name_that_the_page_shows(alice: User) -> None:
    install_categories()
    books = Rule(owner=alice)
    rent = Category.objects.get(name="Rent")
    with translation.override("de"):
        assert category_named(" miete ", Section.EXPENSE, books=books) == rent
        assert category_named("Rent", Section.EXPENSE, books=books) == rent
        assert with_names({"category": "Miete"}, holder=alice, make=False)["category"] == rent
        with pytest.raises(NameTaken):
            create_category(holder=alice, section=Section.EXPENSE, name="Miete", actor=alice)
    made = category_named("Miete", Section.EXPENSE, books=books)
    assert made != rent
    assert (made.owner, made.name) == (alice, "Miete")


def test_what_staff_renamed_and_what_is_ones_own_keep_their_names(alice: User) -> None:
    renamed = Category.objects.create(section=Section.EXPENSE, name="Flat")
    own = Category.objects.create(section=Section.EXPENSE, name="Rent", owner=alice)
    with translation.override("de"):
        assert (renamed.label, own.label) == ("Flat", "Rent")
        assert category_named("Miete", Section.EXPENSE, books=Rule(owner=alice)).name == "Miete"


class Books:
    """A German's own “Lebensmittel” beside the shipped Groceries, and a row under the latter."""

    def __init__(self, user: User) -> None:
        install_categories()
        user.locale = "de"
        user.save()
        self.client = Client()
        self.client.force_login(user)
        self.account = Account.objects.create(owner=user, name="Giro", currency="EUR")
        self.groceries = Category.objects.get(name="Groceries")
        self.own = category_named("Lebensmittel", Section.EXPENSE, books=self.account)
        self.row = book_cash(
            account=self.account,
            actor=user,
            amount=Decimal(-10),
            section=Section.EXPENSE,
            booked_on=date(2024, 1, 10),
            category=self.groceries,
        )
        self.page = f"/banking/transactions/{self.row.pk}/"


@pytest.fixture
def books(alice: User) -> Books:
    return Books(alice)


def test_ones_own_of_the_same_name_is_told_apart_and_each_is_found_by_what_is_shown(books: Books, alice: User) -> None:
    with translation.override("de"):
        shown = {row.pk: row.label for row in Category.objects.visible_to(alice).by_label()}
        assert (shown[books.groceries.pk], shown[books.own.pk]) == ("Groceries", "Lebensmittel")
        assert len(set(shown.values())) == len(shown)
        for row in Category.objects.visible_to(alice):
            assert category_named(shown[row.pk], row.section, books=books.account) == row
            assert with_names({"category": shown[row.pk]}, holder=alice, make=False)["category"] == row
    with translation.override("en"):
        assert Category.objects.get(pk=books.groceries.pk).label == "Groceries"
    for path in ("categories/", "transactions/", f"transactions/{books.row.pk}/", "budgets/"):
        assert "Groceries" in books.client.get(f"/banking/{path}").content.decode(), path


def test_a_row_that_is_corrected_keeps_its_category(books: Books) -> None:
    assert books.client.get(books.page).context["form"].initial["category"] == "Groceries"
    typed = {"account": books.account.pk, "booked_on": "2024-01-10", "section": "expense", "amount": "-10"}
    for number, category in enumerate(("Groceries", "Lebensmittel")):
        row = CashTransaction.objects.standing().get()
        typed |= {"category": category, "description": f"Brot {number}"}
        answer = books.client.post(f"/banking/transactions/{row.pk}/edit/", typed)
        assert answer.status_code == 302, answer.content
        row = CashTransaction.objects.standing().get()
        assert (row.category, row.description) == ([books.groceries, books.own][number], f"Brot {number}")


def test_a_split_and_the_cell_of_a_list_keep_it_too(books: Books) -> None:
    cell = f"{books.page}category/"
    assert 'value="Groceries"' in books.client.get(cell, headers={"HX-Request": "true"}).content.decode()
    books.client.post(cell, {"category": "Groceries"})
    assert CashTransaction.objects.get(pk=books.row.pk).category == books.groceries
    shown = books.client.get(books.page).context["parts"]
    assert [part["category"] for part in shown if part["category"]] == ["Groceries"]
    parts = {"part-0-amount": "-4", "part-0-category": "Groceries", "part-1-amount": "-6", "part-1-category": "Miete"}
    assert books.client.post(f"{books.page}split/", parts).status_code == 302
    found = CashTransaction.objects.get(pk=books.row.pk).splits.order_by("pk").values_list("category__name", flat=True)
    assert list(found) == ["Groceries", "Rent"]
    shown = books.client.get(books.page).context["parts"]
    assert [part["category"] for part in shown if part["category"]] == ["Groceries", "Miete"]


def test_a_rule_that_is_renamed_keeps_it_and_is_tried_with_what_it_would_get(books: Books, alice: User) -> None:
    rule = create_rule(holder=alice, actor=alice, words="rewe", category=books.groceries)
    page = f"/banking/rules/{rule.pk}/"
    assert books.client.get(page).context["form"].initial["category"] == "Groceries"
    assert books.client.post(page, {"words": "rewe, edeka", "category": "Groceries"}).status_code == 302
    assert Rule.objects.get().category == books.groceries
    with translation.override("de"):
        assert with_names({"category": "Lebensmittel"}, holder=alice, make=False)["category"] == books.own


def test_a_name_of_two_sections_asks_for_the_section_and_the_rule_that_has_it_keeps_it(alice: User) -> None:
    install_categories()
    rent = Category.objects.get(name="Rent")
    Category.objects.create(owner=alice, section=Section.INCOME, name="Miete")
    with translation.override("de"):
        with pytest.raises(SectionNeeded):
            with_names({"category": "Miete"}, holder=alice, make=True)
        kept = with_names({"category": "Miete"}, holder=alice, make=True, kept=Rule(owner=alice, category=rent))
    assert kept["category"] == rent


def test_what_was_there_before_stays_where_two_are_stored_alike(books: Books, alice: User) -> None:
    """One's own from before a version of the product that ships one of its name."""
    own = Category.objects.create(owner=alice, section=Section.EXPENSE, name="Groceries")
    assert category_named("Groceries", Section.EXPENSE, books=books.account) == own
    kept = category_named("groceries", Section.EXPENSE, books=books.account, kept=[None, books.groceries])
    assert kept == books.groceries
    first, second = (
        Counterparty.objects.create(owner=alice, name="Anna", iban=iban) for iban in ("", "DE89370400440532013000")
    )
    assert counterparty_named("Anna", books=books.account) == first
    assert counterparty_named("anna", books=books.account, kept=second) == second
    assert counterparty_named("Anna B", books=books.account, kept=second) not in (first, second)


def test_ones_own_of_the_same_name_is_moved_and_may_not_be_called_so_anew(books: Books, alice: User) -> None:
    food = Category.objects.get(name="Food")
    change = {"action": "change", "name": "Lebensmittel", "parent": food.pk}
    answer = books.client.post(f"/banking/categories/{books.own.pk}/", change)
    assert answer.status_code == 302, answer.content
    books.own.refresh_from_db()
    assert books.own.parent == food
    with translation.override("de"), pytest.raises(NameTaken):
        change_category(category=books.own, actor=alice, name="Miete")


def test_each_of_two_of_one_name_can_be_merged_into(books: Books, alice: User) -> None:
    for into, found in (("Groceries", books.groceries), ("Lebensmittel", books.own)):
        source = Category.objects.create(owner=alice, section=Section.EXPENSE, name="Essen alt")
        row = CashTransaction.objects.filter(pk=books.row.pk)
        row.update(category=source)
        sent = {"action": "merge", "into": into, "sure": "yes"}
        answer = books.client.post(f"/banking/categories/{source.pk}/", sent)
        assert answer.status_code == 302, answer.content
        assert row.get().category == found
    names = books.client.get(f"/banking/categories/{books.own.pk}/").context["merge_form"].others
    assert names["Groceries"] == books.groceries
    assert "Lebensmittel" not in names
