"""Rules: kept in order, said about new rows, tried on the past and applied to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from banking.models import Account, CashTransaction, Category, ClassifiedBy, Counterparty, Rule, Section, Tag
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.classifying import Classification, classify, undo_recategorisation
from banking.services.corrections import correct_cash
from banking.services.reclassifying import TooMuchAtOnce, apply, preview
from banking.services.rule_changes import (
    ActionNeeded,
    ConditionNeeded,
    LimitOfAmount,
    NoWord,
    TooManyRules,
    change_rule,
    create_rule,
    delete_rule,
    drafted,
    move_rule,
)
from banking.services.rules import classify_new, give_tags
from banking.services.splits import Part, split_cash
from banking.services.transactions import CategoryOfAnother, SectionOfAnother, book_cash, void_cash
from core.errors import DomainError
from core.testing import count_queries
from users.models import Membership, Organisation, Role, User

DAY = date(2024, 1, 10)
SINCE = date(2024, 1, 1)


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def food(account: Account) -> Category:
    return category_named("Food", "expense", books=account)


@pytest.fixture
def rent(account: Account) -> Category:
    return category_named("Rent", "expense", books=account)


def book(account: Account, text: str = "", amount: str = "-10", **terms: Any) -> CashTransaction:
    wanted: dict[str, Any] = {"booked_on": DAY, "section": Section.EXPENSE, "actor": account.owner} | terms
    return book_cash(account=account, amount=Decimal(amount), description=text, **wanted)


def rule(alice: User, **values: Any) -> Rule:
    return create_rule(holder=alice, actor=alice, **values)


def state(row: CashTransaction) -> tuple[Any, ...]:
    row.refresh_from_db()
    return (row.category and row.category.name, row.classified_by, row.counterparty and row.counterparty.name)


def test_an_entry_without_a_category_gets_what_the_first_rule_says(
    alice: User, account: Account, food: Category, rent: Category
) -> None:
    shop = counterparty_named("Rewe", books=account)
    tags = tags_named(["daily"], books=account)
    rule(alice, words="rewe", category=food, set_counterparty=shop, tags=tags)
    rule(alice, words="rewe, landlord", category=rent)
    row = book(account, "REWE1234 Berlin")
    assert state(row) == ("Food", "rule", "Rewe")
    assert [tag.name for tag in row.tags.all()] == ["daily"]
    assert state(book(account, "Landlord January")) == ("Rent", "rule", None)
    assert state(book(account, "Brewery")) == (None, "", None)


def test_what_a_person_or_a_file_says_comes_before_rules(
    alice: User, account: Account, food: Category, rent: Category
) -> None:
    rule(alice, words="rewe", category=food, set_counterparty=counterparty_named("Rewe", books=account))
    assert state(book(account, "rewe", category=rent)) == ("Rent", "person", None)
    assert state(book(account, "rewe", category=rent, classified_by=ClassifiedBy.IMPORT)) == ("Rent", "import", None)
    other = counterparty_named("Other", books=account)
    assert state(book(account, "rewe", counterparty=other)) == ("Food", "rule", "Other")


def test_a_rule_leaves_rows_of_another_section_and_of_other_people_alone(
    alice: User, bob: User, account: Account, food: Category
) -> None:
    rule(alice, words="rewe", category=food)
    assert state(book(account, "rewe", "5", section=Section.INCOME)) == (None, "", None)
    theirs = Account.objects.create(owner=bob, name="Checking", currency="USD")
    assert state(book(theirs, "rewe")) == (None, "", None)


def test_an_inactive_rule_says_nothing(alice: User, account: Account, food: Category) -> None:
    rule(alice, words="rewe", category=food, active=False)
    assert state(book(account, "rewe")) == (None, "", None)


def test_a_correction_brings_no_category_back(alice: User, account: Account, food: Category) -> None:
    rule(alice, words="rewe", category=food)
    row = book(account, "rewe")
    classify(row_ids=[row.pk], to=Classification(frozenset({"category"})), actor=alice)
    row.refresh_from_db()
    assert state(correct_cash(row=row, actor=alice, amount=Decimal(-11))) == (None, "", None)


@pytest.mark.parametrize("count", [1, 40])
def test_many_new_rows_cost_as_many_queries_as_one(
    alice: User, account: Account, food: Category, count: int, bob: User
) -> None:
    shop = counterparty_named("Rewe", books=account, iban="shop")
    rule(alice, iban="shop", category=food, tags=tags_named(["a", "b"], books=account))
    theirs = Account.objects.create(owner=bob, name="Checking", currency="USD")
    rows = [
        CashTransaction(account_id=pk, booked_on=DAY, amount=-1, section="expense", counterparty=who)
        for pk, who in [(account.pk, shop), (theirs.pk, None)] * count
    ]
    found: list[Any] = []
    queries, texts = count_queries(lambda: found.extend(classify_new(rows)))
    assert queries == 4, texts
    CashTransaction.objects.bulk_create(rows)
    give_tags(found)
    assert [row.category_id for row in rows] == [food.pk, None] * count
    assert CashTransaction.tags.through.objects.count() == 2 * count


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, ConditionNeeded),
        ({"words": "a", "category": None}, ActionNeeded),
        ({"words": "a, -"}, NoWord),
        ({"words": "a,,b"}, NoWord),
        ({"least": Decimal("NaN")}, LimitOfAmount),
        ({"most": Decimal("Infinity")}, LimitOfAmount),
        ({"least": Decimal("1e30")}, LimitOfAmount),
        ({"least": Decimal(-1)}, LimitOfAmount),
        ({"least": Decimal("0.00001")}, LimitOfAmount),
        ({"least": Decimal(2), "most": Decimal(1)}, LimitOfAmount),
        ({"section": "income"}, SectionOfAnother),
        ({"section": "gift"}, DomainError),
        ({"words": "x" * 501}, DomainError),
        ({"words": "a", "name": "x" * 101}, DomainError),
        ({"iban": "DE02120300000000202052"}, DomainError),
    ],
)
def test_what_is_no_rule_is_refused(
    alice: User, food: Category, values: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        rule(alice, **{"category": food} | values)
    assert not Rule.objects.exists()


@pytest.mark.parametrize("field", ["account", "counterparty", "category", "set_counterparty", "tags"])
def test_what_is_somebody_elses_is_refused(alice: User, bob: User, food: Category, field: str) -> None:
    theirs = Account.objects.create(owner=bob, name="Checking", currency="USD")
    found: dict[str, Any] = {
        "account": theirs,
        "category": category_named("Toys", "expense", books=theirs),
        "tags": tags_named(["t"], books=theirs),
    } | dict.fromkeys(("counterparty", "set_counterparty"), counterparty_named("Shop", books=theirs))
    with pytest.raises(CategoryOfAnother) as refused:
        rule(alice, **{"words": "a", "category": food, field: found[field]})
    assert refused.value.field == field


def test_rules_are_moved_changed_and_deleted(alice: User, bob: User, food: Category, rent: Category) -> None:
    a, b, c = (rule(alice, words=word, category=food) for word in "abc")
    create_rule(holder=bob, actor=bob, words="z", set_counterparty=Counterparty.objects.create(owner=bob, name="Z"))

    def order() -> list[str]:
        return list(Rule.objects.of(alice).order_by("position").values_list("words", flat=True))

    move_rule(rule=c, place=0, actor=alice)
    assert order() == ["c", "a", "b"]
    move_rule(rule=c, place=99, actor=alice)
    assert order() == ["a", "b", "c"]
    delete_rule(rule=a, actor=alice)
    move_rule(rule=b, place=1, actor=alice)
    assert order() == ["c", "b"]
    changed = change_rule(rule=b, actor=alice, category=rent, tags=[Tag.objects.create(owner=alice, name="t")])
    assert (changed.category, changed.words, [tag.name for tag in changed.tags.all()]) == (rent, "b", ["t"])
    assert rule(alice, words="d", category=food).position > Rule.objects.get(pk=b.pk).position
    with pytest.raises(DomainError, match="deleted"):
        change_rule(rule=a, actor=alice, words="x")


def test_a_place_is_taken_once_and_rules_are_not_endless(alice: User, food: Category) -> None:
    first = rule(alice, words="a", category=food)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rule.objects.create(owner=alice, position=first.position, words="b", category=food)
    Rule.objects.bulk_create(Rule(owner=alice, position=place, words="w", category=food) for place in range(5, 204))
    with pytest.raises(TooManyRules):
        rule(alice, words="b", category=food)


def test_the_past_is_looked_at_and_then_changed_and_changed_back(
    alice: User, account: Account, food: Category, rent: Category
) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "by hand": {"category": rent},
        "from a file": {"category": rent, "classified_by": ClassifiedBy.IMPORT},
        "split": {},
        "voided": {},
        "before": {"booked_on": date(2023, 12, 31)},
        "income": {"section": Section.INCOME, "amount": "10"},
        "right already": {"category": food, "classified_by": ClassifiedBy.IMPORT},
    }
    rows = {name: book(account, "rewe", **terms) for name, terms in kinds.items()}
    split_cash(row=rows["split"], parts=[Part(food, Decimal(-4)), Part(rent, Decimal(-6))], actor=alice)
    void_cash(row=rows["voided"], actor=alice)
    draft = drafted(holder=alice, values={"words": "REWE", "category": food})
    seen = preview(draft=draft, holder=alice, since=SINCE)
    assert seen.count == 2
    assert {(each.row.pk, each.row.category, each.category) for each in seen.rows} == {
        (rows["plain"].pk, None, food),
        (rows["from a file"].pk, rent, food),
    }
    made = rule(alice, words="REWE", category=food)
    act = apply(holder=alice, since=SINCE, actor=alice)
    assert act.count == 2
    assert state(rows["plain"]) == state(rows["from a file"]) == ("Food", "rule", None)
    assert state(rows["by hand"]) == ("Rent", "person", None)
    assert state(rows["before"]) == (None, "", None)
    assert state(rows["right already"]) == ("Food", "import", None)
    assert apply(holder=alice, since=SINCE, actor=alice, rule=made).count == 0
    assert undo_recategorisation(act=act, actor=alice).restored == 2
    assert state(rows["plain"]) == (None, "", None)
    assert state(rows["from a file"]) == ("Rent", "import", None)


def test_a_rule_is_tried_at_its_place(alice: User, account: Account, food: Category, rent: Category) -> None:
    book(account, "rewe city")
    book(account, "rewe")
    first = rule(alice, words="city", category=rent)
    draft = drafted(holder=alice, values={"words": "rewe", "category": food})
    assert preview(draft=draft, holder=alice, since=SINCE).count == 1
    again = drafted(holder=alice, rule=first, values={"words": "rewe"})
    assert preview(draft=again, holder=alice, since=SINCE).count == 2
    change_rule(rule=first, actor=alice, active=False)
    assert preview(draft=draft, holder=alice, since=SINCE).count == 2


def test_the_past_gets_counterparties_and_tags_that_it_lacks(alice: User, account: Account) -> None:
    tag, other = tags_named(["a", "b"], books=account)
    shop, mall = (counterparty_named(name, books=account) for name in ("Shop", "Mall"))
    rows = [
        book(account, "x", counterparty=mall, tags=[tag]),
        book(account, "x", tags=[tag, other]),
        book(account, "x", counterparty=mall, tags=[tag, other]),
    ]
    rule(alice, words="x", set_counterparty=shop, tags=[tag, other])
    draft = drafted(holder=alice, rule=Rule.objects.get(), values={})
    assert preview(draft=draft, holder=alice, since=SINCE).count == 2
    assert apply(holder=alice, since=SINCE, actor=alice).count == 2
    assert [state(row)[2] for row in rows] == ["Mall", "Shop", "Mall"]
    assert [row.tags.count() for row in rows] == [2, 2, 2]


def test_only_the_newest_rows_are_tried_but_all_are_changed(
    alice: User, account: Account, food: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banking.services.reclassifying.TRIED", 2)
    old, middle, new = (book(account, "x", booked_on=date(2024, 1, day)) for day in (8, 9, 9))
    draft = drafted(holder=alice, values={"words": "x", "category": food})
    seen = preview(draft=draft, holder=alice, since=SINCE)
    assert (seen.count, seen.tried, [each.row for each in seen.rows]) == (2, 2, [new, middle])
    seen = preview(draft=draft, holder=alice, since=date(2024, 1, 9))
    assert (seen.count, seen.tried) == (2, None)
    client = Client()
    client.force_login(alice)
    body = {"words": "x", "category": "Food", "section": "", "since": "2024-01-01"}
    page = client.post("/banking/rules/try/", body).content.decode()
    assert "</strong> of the newest 2 rows since" in page
    rule(alice, words="x", category=food)
    assert apply(holder=alice, since=SINCE, actor=alice).count == 3
    assert state(old) == ("Food", "rule", None)


def test_too_much_of_the_past_is_refused(
    alice: User, account: Account, food: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banking.services.reclassifying.MOST_ROWS", 1)
    for _ in range(2):
        book(account, "x")
    rule(alice, words="x", category=food)
    with pytest.raises(TooMuchAtOnce):
        apply(holder=alice, since=SINCE, actor=alice)
    assert not CashTransaction.objects.filter(category=food).exists()


@pytest.mark.parametrize(
    ("role", "sees", "changes"), [(None, 0, 0), (Role.EMPLOYEE, 0, 0), (Role.VIEWER, 1, 0), (Role.MEMBER, 1, 1)]
)
def test_an_organisations_rules_are_for_its_books(
    alice: User, bob: User, role: Role | None, sees: int, changes: int
) -> None:
    firm = Organisation.objects.create(name="Firm")
    if role:
        Membership.objects.create(organisation=firm, user=bob, role=role)
    shared = Account.objects.create(organisation=firm, name="Firm's", currency="USD")
    food = category_named("Food", "expense", books=shared)
    create_rule(holder=firm, actor=alice, words="rewe", category=food)
    assert (Rule.objects.visible_to(bob).count(), Rule.objects.editable_by(bob).count()) == (sees, changes)
    row = book_cash(
        account=shared, amount=Decimal(-1), booked_on=DAY, section=Section.EXPENSE, actor=alice, description="rewe"
    )
    assert state(row) == ("Food", "rule", None)
