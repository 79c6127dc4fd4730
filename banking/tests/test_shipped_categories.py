"""The categories that the product ships are shown, sorted and taken in the reader's language, and stored in English."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import translation

from banking.models import Category, Rule, Section
from banking.services.categories import TREE, create_category, install_categories
from banking.services.classification import category_named
from banking.services.renaming import NameTaken
from banking.services.rule_names import with_names
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
