"""The pages of cash rows."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from banking.models import Account, AccountShare, CashTransaction, Category, Section, ShareRole
from banking.services.classification import category_named
from banking.services.splits import Part, split_cash
from banking.services.transactions import book_cash, void_cash
from banking.services.transfers import book_transfer
from core.testing import Page, count_queries
from users.models import User

URL = "/banking/transactions/"
DAY = date(2024, 1, 10)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def account(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def book(account: Account, amount: str = "-10", **terms: Any) -> CashTransaction:
    wanted: dict[str, Any] = {"booked_on": DAY, "section": Section.EXPENSE, "actor": account.owner} | terms
    return book_cash(account=account, amount=Decimal(amount), **wanted)


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[:500]
    text = answer.content.decode()
    assert Page(text).faults == []
    return str(text)


def entry(account: Account, **typed: str) -> dict[str, str]:
    return {"account": str(account.pk), "booked_on": "2024-01-10", "section": "expense", "amount": "12.50"} | typed


def test_without_an_account_the_page_leads_on(browser: Client) -> None:
    assert "No account yet" in text_of(browser.get(URL))


def test_the_empty_list_and_one_that_nothing_fits(browser: Client, account: Account) -> None:
    assert "Nothing is booked yet" in text_of(browser.get(URL))
    book(account)
    assert "Nothing fits" in text_of(browser.get(f"{URL}?q=zebra"))
    assert "Nothing more this way" in text_of(browser.get(f"{URL}?older=1999-01-01_1"))


def test_rows_stand_by_day_with_all_that_is_known(browser: Client, account: Account, alice: User, bob: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    book(account, description="<b>Lunch</b>", category=category_named("Food", "expense", books=account))
    book(account, "2000", section=Section.INCOME, booked_on=date(2024, 1, 12))
    book_transfer(source=account, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    text = text_of(browser.get(URL))
    assert [day in text for day in ("Friday, 12 January 2024", "Wednesday, 10 January 2024")] == [True, True]
    assert "&lt;b&gt;Lunch" in text
    assert "Transfer to Savings" in " ".join(text.split())
    assert "+1,990.00" in text  # net: the transfer is neither income nor expense
    AccountShare.objects.create(account=account, user=bob, role=ShareRole.VIEWER)
    theirs = Client()
    theirs.force_login(bob)
    text = text_of(theirs.get(URL))
    assert "Savings" not in text
    assert "another account" in text
    assert "cash-bulk" not in text


def test_filters_are_kept_and_mistakes_told(browser: Client, account: Account) -> None:
    book(account, description="Rent")
    text = text_of(
        browser.get(f"{URL}?q=rent&start=2024-01-01&amount_min=x&account=abc&page=9&older=zzz&newer=2024-13-45_1")
    )
    assert "Write an amount without a sign" in text
    assert 'value="rent"' in text
    assert "Rent" in text


def test_walking_through_a_long_list(browser: Client, account: Account) -> None:
    rows = [
        CashTransaction(
            account=account,
            amount=-1,
            booked_on=DAY - timedelta(days=number),
            section="expense",
            description=f"n{number:03}",
        )
        for number in range(120)
    ]
    CashTransaction.objects.bulk_create(rows)
    seen, url = [], URL
    for _ in range(3):
        text = text_of(browser.get(url))
        seen += [number for number in range(120) if f"n{number:03}" in text]
        older = [part.split('"')[0] for part in text.split('rel="next" href="')[1:]]
        url = older[0].replace("&amp;", "&") if older else ""
    assert (seen, url) == (list(range(120)), "")
    assert "n119" in text_of(browser.get(f"{URL}?from=oldest"))
    assert "120 transactions" in text_of(browser.get(URL))


def test_a_row_is_entered_once(browser: Client, account: Account) -> None:
    typed = entry(account, category="Food", counterparty="Café", tags="trip, work", key="k1", description="Lunch")
    for _ in range(2):
        assert browser.post(f"{URL}new/", typed).status_code == 302
    row = CashTransaction.objects.get()
    assert (row.amount, str(row.category), str(row.counterparty)) == (Decimal("-12.50"), "Food", "Café")
    assert sorted(tag.name for tag in row.tags.all()) == ["trip", "work"]
    text = text_of(browser.get(f"{URL}?changed={row.pk}"))
    assert "Booked." in text
    browser.post(f"{URL}new/", entry(account, amount="+3", key="k2"))
    assert CashTransaction.objects.get(amount=3).section == "expense"  # a refund


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "12,50"}, "Write an amount"),
        ({"amount": "0"}, "other than 0"),
        ({"amount": "0.001"}, "2 decimals"),
        ({"amount": ""}, "required"),
        ({"booked_on": "soon"}, "Write a day"),
        ({"account": "987654321"}, "valid choice"),
        ({"tags": ",".join(["t"] * 21)}, "at most 20"),
        ({"category": "x" * 61}, "at most 60"),
        ({"description": "a\x00b"}, "Null characters"),
    ],
)
def test_a_wrong_entry_keeps_what_was_typed(
    browser: Client, account: Account, typed: dict[str, str], said: str
) -> None:
    text = text_of(browser.post(f"{URL}new/", entry(account, counterparty="Kept") | typed), 400)
    assert said in text
    assert "Kept" in text
    assert not CashTransaction.objects.exists()
    assert not Category.objects.exists()


def test_the_category_changes_in_place_and_back(browser: Client, account: Account) -> None:
    row = book(account)
    url = f"{URL}{row.pk}/category/"
    assert 'name="category"' in browser.get(url, headers=HTMX).content.decode()
    assert browser.get(url).status_code == 302
    part = browser.post(url, {"category": "Food"}, headers=HTMX).content.decode()
    row.refresh_from_db()
    assert (str(row.category), row.classified_by) == ("Food", "person")
    undo = part.split('action="')[1].split('"')[0]
    assert browser.post(undo).status_code == 302
    row.refresh_from_db()
    assert row.category is None
    assert "at most 60" in browser.post(url, {"category": "x" * 61}, headers=HTMX).content.decode()
    void_cash(row=row, actor=account.owner)
    assert "voided" in browser.post(url, {"category": "Food"}, headers=HTMX).content.decode()


def test_many_are_classified_with_an_undo_in_sight(browser: Client, account: Account) -> None:
    rows = [book(account, description=f"Shop {number}") for number in range(3)]
    sent = {
        "ids": [row.pk for row in rows[:2]],
        "category": "Food",
        "tags": "trip",
        "act": "classify",
        "back": "q=shop",
    }
    answer: Any = browser.post(f"{URL}many/", sent)
    assert (answer.status_code, answer["Location"]) == (302, f"{URL}?q=shop")
    text = text_of(browser.get(answer["Location"]))
    assert "2 rows classified" in text
    undo = text.split('action="/banking/recategorisations/')[1].split('"')[0]
    assert "Taken back for 2 rows" in text_of(browser.post(f"/banking/recategorisations/{undo}", follow=True))
    assert not CashTransaction.objects.filter(category__isnull=False).exists()
    browser.post(f"{URL}many/", {"all": "1", "category": "Food", "back": ""})
    assert CashTransaction.objects.filter(category__name="Food").count() == 3


def test_many_are_voided_and_restored(browser: Client, account: Account, bob: User) -> None:
    theirs = book(Account.objects.create(owner=bob, name="B", currency="USD"))
    rows = [book(account), book(account)]
    sent = {"ids": [row.pk for row in [*rows, theirs]], "back": ""}
    answer: Any = browser.post(f"{URL}many/", sent | {"act": "void"})
    assert list(CashTransaction.objects.standing()) == [theirs]
    assert "2 rows voided" in text_of(browser.get(answer["Location"]))
    assert browser.post(f"{URL}many/", sent | {"act": "restore"}).status_code == 302
    assert CashTransaction.objects.standing().count() == 3
    for wrong, said in (({"category": "Food"}, "Tick some rows"), ({"ids": rows[0].pk}, "Say what they become")):
        assert said in text_of(browser.post(f"{URL}many/", {"back": "", **wrong}), 400)


def test_a_row_is_corrected_on_its_page(browser: Client, account: Account) -> None:
    row = book(account, category=category_named("Food", "expense", books=account), description="Lunch")
    text = text_of(browser.get(f"{URL}{row.pk}/"))
    assert 'value="-10"' in text
    same = entry(account, amount="-10", description="Lunch", category="Home", counterparty="", tags="")
    assert browser.post(f"{URL}{row.pk}/edit/", same).status_code == 302
    row.refresh_from_db()
    assert (str(row.category), row.voided_at) == ("Home", None)
    answer: Any = browser.post(f"{URL}{row.pk}/edit/", same | {"amount": "-11"})
    new = CashTransaction.objects.get(original=row)
    assert (answer["Location"], new.amount, str(new.category)) == (f"{URL}{new.pk}/", Decimal(-11), "Home")
    text = text_of(browser.get(f"{URL}{row.pk}/"))
    assert f"row {new.pk}" in text
    assert browser.post(f"{URL}{row.pk}/restore/").status_code == 302
    assert list(CashTransaction.objects.standing()) == [row]
    assert "other than 0" in text_of(browser.post(f"{URL}{row.pk}/edit/", same | {"amount": "0"}), 400)


def test_a_row_is_split_on_its_page(browser: Client, account: Account) -> None:
    row = book(account, "-100")
    typed = {"part-0-category": "Food", "part-0-amount": "-70", "part-1-category": "Home", "part-1-amount": "-29"}
    text = text_of(browser.post(f"{URL}{row.pk}/split/", typed), 400)
    assert "add up" in text
    assert 'value="-70"' in text
    assert not Category.objects.exists()
    assert "Part 2" in text_of(browser.post(f"{URL}{row.pk}/split/", typed | {"part-1-amount": "1e400"}), 400)
    assert (
        browser.post(f"{URL}{row.pk}/split/", typed | {"part-1-amount": "-30", "part-1-note": "a\x00"}).status_code
        == 302
    )
    text = text_of(browser.get(f"{URL}{row.pk}/"))
    assert "Split into Food −70.00, Home −30.00" in text
    assert browser.post(f"{URL}{row.pk}/unsplit/").status_code == 302
    assert not row.splits.exists()
    assert "not split" in text_of(browser.post(f"{URL}{row.pk}/unsplit/"), 409)


def test_the_history_of_a_split_speaks_the_readers_language(browser: Client, account: Account) -> None:
    everybodys = Category.objects.create(section="expense", name="Groceries")
    own = Category.objects.create(section="expense", name="Rent", owner=account.owner)
    row = book(account, "-1234.5")
    parts = [Part(everybodys, Decimal(-1200)), Part(own, Decimal("-34.5"))]
    split_cash(row=row, parts=parts, actor=account.owner)
    text = text_of(browser.get(f"{URL}{row.pk}/", headers={"Accept-Language": "de"}))
    assert "Lebensmittel −1.200,00, Rent −34,50" in text  # what somebody called their own stays what it is


def test_voiding_takes_the_other_leg_along_unless_it_is_anothers(browser: Client, account: Account, bob: User) -> None:
    owner = account.owner
    savings = Account.objects.create(owner=owner, name="Savings", currency="USD")
    transfer = book_transfer(source=account, target=savings, amount=Decimal(5), booked_on=DAY, actor=owner)
    AccountShare.objects.create(account=account, user=bob, role=ShareRole.EDITOR)
    theirs = Client()
    theirs.force_login(bob)
    url = f"{URL}{transfer.sent_id}/"
    assert "may not book" in text_of(theirs.post(f"{url}void/"), 409)
    assert browser.post(f"{url}void/").status_code == 302
    assert not CashTransaction.objects.standing().exists()


def test_the_file_has_every_row_and_runs_nothing(browser: Client, account: Account, alice: User) -> None:
    row = book(account, description='=HYPERLINK("x")', category=category_named("Food", "expense", books=account))
    split = book(account, "-20", booked_on=DAY - timedelta(days=1))
    food = category_named("Food", "expense", books=account)
    split_cash(row=split, parts=[Part(food, Decimal(-5)), Part(food, Decimal(-15))], actor=alice)
    answer: Any = browser.get(f"{URL}?format=csv&end=2024-01-10")
    read = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert answer["Content-Type"].startswith("text/csv")
    assert [line["id"] for line in read] == [str(row.pk), str(split.pk)]
    assert (read[0]["description"], read[0]["amount"]) == ('\'=HYPERLINK("x")', "-10")
    assert read[1]["parts"] == "Food -5; Food -15"


def test_a_filter_that_is_none_names_no_rows(browser: Client, account: Account) -> None:
    """Neither for a file nor for a change of all that fits: both would take more than was meant."""
    row = book(account)
    assert "Write a day" in text_of(browser.get(f"{URL}?format=csv&start=yesterday"))
    sent = {"all": "1", "category": "Food", "back": "start=yesterday"}
    assert "Tick some rows" in text_of(browser.post(f"{URL}many/", sent), 400)
    browser.post(f"{URL}many/", sent | {"act": "void"})
    row.refresh_from_db()
    assert (row.category, row.voided_at) == (None, None)


def test_a_page_takes_the_same_queries_for_any_number_of_rows(browser: Client, account: Account) -> None:
    book(account)
    few = count_queries(lambda: browser.get(URL))[0]
    for number in range(15):
        book(account, category=category_named(f"C{number}", "expense", books=account))
    many, said = count_queries(lambda: browser.get(URL))
    assert many - few <= 1, said  # the parts and tags of no row are not asked for
