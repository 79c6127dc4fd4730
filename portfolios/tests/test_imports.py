"""Files of cash and trades through the services: whole or not at all, once, and out again."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity.models import Job
from banking.models import (
    Account,
    CashTransaction,
    Category,
    Counterparty,
    ImportBatch,
    ImportChunk,
    ImportRow,
    Section,
    Transfer,
)
from banking.services.accounts import close_account, open_account
from banking.services.categories import install_categories
from banking.services.classification import category_named
from banking.services.imports import InTheBooks, NotReadyToBook, discard, receive, request_commit, request_undo
from banking.services.transactions import book_cash, restore_cash, void_cash
from banking.statements.transactions import COLUMNS
from core.testing import make_user
from portfolios.services.importing import run
from users.models import User

pytestmark = pytest.mark.django_db
HEADER = ",".join(COLUMNS)


def line(**given: str) -> str:
    cells = {"account_ref": "main", "date": "2024-05-31", "amount": "-10.00", "currency": "EUR", "section": "expense"}
    return ",".join((cells | given).get(name, "") for name in COLUMNS)


def upload(user: User, *lines: str, header: str = HEADER) -> ImportBatch:
    content = "\n".join([header, *lines]).encode() + b"\n"
    batch = receive(actor=user, file_name="file.csv", pieces=[content])
    return step(batch)


def step(batch: ImportBatch) -> ImportBatch:
    run(batch.pk, now=timezone.now())
    return ImportBatch.objects.get(pk=batch.pk)


def book(user: User, *lines: str, header: str = HEADER) -> ImportBatch:
    batch = upload(user, *lines, header=header)
    assert batch.state == "ready", (batch.message, errors(batch))
    return step(request_commit(batch=batch, actor=user))


def undo(batch: ImportBatch, user: User) -> ImportBatch:
    return step(request_undo(batch=batch, actor=user))


def errors(batch: ImportBatch) -> dict[int, str]:
    return dict(ImportRow.objects.filter(batch=batch, outcome="wrong").values_list("line", "error"))


def standing() -> list[CashTransaction]:
    return list(CashTransaction.objects.standing().filter(batch__isnull=False).order_by("pk"))


@pytest.fixture
def main(alice: User) -> Account:
    return account(alice, "main")


def account(user: User, ref: str, currency: str = "EUR", **given: Any) -> Account:
    given = {"opened_on": date(2020, 1, 1)} | given
    return open_account(holder=user, name=ref.title(), actor=user, currency=currency, iban=ref, **given)


def test_a_file_is_booked_with_what_it_names(alice: User, main: Account) -> None:
    food = category_named("Food", "expense", books=main)
    savings = account(alice, "DE75512108001245126199", kind="savings")
    batch = upload(
        alice,
        line(external_id="1", category="food", counterparty_name="Shop", description="Bread"),
        line(external_id="2", amount="2500", section="income", category="Salary", counterparty_name="ACME"),
        line(external_id="3", amount="-100.00", section="transfer", transfer_group_id="t"),
        line(account_ref="de75 5121 0800 1245 1261 99", amount="100", section="transfer", transfer_group_id="t"),
    )
    assert (batch.state, batch.rows, batch.new, batch.known, batch.transfers) == ("ready", 4, 4, 0, 1)
    assert list(batch.names.missing().values_list("name", flat=True)) == ["Shop", "Salary", "ACME"]
    assert not standing()
    assert not Counterparty.objects.exists()
    version = Account.objects.get(pk=main.pk).version

    done = step(request_commit(batch=batch, actor=alice))
    assert (done.state, done.new, done.transfers, done.message) == ("committed", 4, 1, "")
    bread, salary, sent, received = standing()
    assert (bread.category, bread.classified_by, bread.counterparty) == (
        food,
        "import",
        Counterparty.objects.get(name="Shop"),
    )
    assert (bread.amount, bread.batch_line, bread.created_by, bread.tags.count()) == (Decimal(-10), 2, alice, 0)
    assert (salary.category, salary.account) == (Category.objects.get(name="Salary", owner=alice), main)
    transfer = Transfer.objects.get()
    assert (transfer.sent, transfer.received, transfer.rate) == (sent, received, 1)
    assert (transfer.matched_by, transfer.before, transfer.created_by) == ("", {}, alice)
    assert received.account == savings
    assert Account.objects.get(pk=main.pk).version > version
    assert not ImportRow.objects.exists()
    assert not ImportChunk.objects.exists()
    assert list(Job.objects.values_list("state", flat=True)) == ["done", "done"]


def test_two_currencies_carry_the_rate(alice: User, main: Account) -> None:
    account(alice, "usd", "USD")
    book(
        alice,
        line(amount="-100", section="transfer", transfer_group_id="t"),
        line(account_ref="usd", currency="USD", amount="108.50", section="transfer", transfer_group_id="t"),
    )
    transfer = Transfer.objects.get()
    assert (transfer.rate, transfer.matched_by, transfer.before) == (Decimal("1.085"), "", {})


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([line(account_ref="nobody")], {2: "no IBAN or alias"}),
        ([line(account_ref="bobs")], {2: "no IBAN or alias"}),
        ([line(currency="USD")], {2: "the account is in EUR"}),
        ([line(amount="1.005")], {2: "EUR has 2 decimals"}),
        ([line(), line(amount="0")], {3: "amount is 0"}),
        ([line(account_ref="shut")], {2: "closed since"}),
        ([line(counterparty_account="DE75512108001245126198")], {2: "check digits"}),
        ([line(external_id="a"), line(), line(external_id="a")], {4: "stands in line 2 already"}),
        ([line(section="transfer", transfer_group_id="t")], {2: "its other row is missing"}),
        ([line(section="transfer", transfer_group_id="t")] * 2, {2: "of one account", 3: "of one account"}),
        (
            [
                line(section="transfer", transfer_group_id="t"),
                line(account_ref="more", section="transfer", amount="9", transfer_group_id="t"),
            ],
            {2: "do not sum to zero", 3: "do not sum to zero"},
        ),
        (
            [
                line(section="transfer", transfer_group_id="t"),
                line(account_ref="more", section="transfer", amount="10", date="2024-06-01", transfer_group_id="t"),
            ],
            {2: "different days", 3: "different days"},
        ),
        (
            [line(section="transfer", account_ref=ref, transfer_group_id="t") for ref in ("main", "more", "most")],
            {2: "3 rows instead of two", 3: "3 rows", 4: "3 rows"},
        ),
        (
            [line(section="transfer", account_ref=ref, transfer_group_id="t") for ref in ("main", "more")],
            {2: "negative and one positive", 3: "one row must"},
        ),
    ],
    ids=lambda value: next(iter(value.values()), "") if isinstance(value, dict) else None,
)
def test_wrong_rows_are_named_and_nothing_is_stored(
    alice: User, bob: User, main: Account, rows: list[str], found: dict[int, str]
) -> None:
    for ref in ("more", "most"):
        account(alice, ref)
    account(bob, "bobs")
    close_account(account=account(alice, "shut"), closed_on=date(2024, 1, 1), actor=alice)
    batch = upload(alice, *rows)
    texts = errors(batch)
    assert (batch.state, batch.wrong, set(texts)) == ("failed", len(found), set(found))
    for number, text in found.items():
        assert text in texts[number]
    with pytest.raises(NotReadyToBook):
        request_commit(batch=batch, actor=alice)
    assert not CashTransaction.objects.filter(batch__isnull=False).exists()
    assert not Category.objects.filter(owner=alice).exists()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "empty"),
        (HEADER.encode(), "no rows below its header"),
        (b"x\n1\n", "missing"),
        (b"\x00\x01", "null character"),
        (f'{HEADER}\n"{line()}\n'.encode(), "Line 2, column 1"),
    ],
)
def test_files_that_cannot_be_read(alice: User, content: bytes, text: str) -> None:
    batch = step(receive(actor=alice, file_name="\x00bad\n.csv", pieces=[content]))
    assert (batch.state, text in batch.message) == ("failed", True), batch.message
    assert batch.file_name == "bad.csv"


def test_a_file_that_is_read_again_adds_nothing(alice: User, main: Account) -> None:
    account(alice, "more")
    lines = [
        line(external_id="1"),
        line(),
        line(),
        line(amount="-5", section="transfer", transfer_group_id="t"),
        line(account_ref="more", amount="5", section="transfer", transfer_group_id="t"),
    ]
    book(alice, *lines)
    again = upload(alice, *lines)
    assert (again.state, again.new, again.known, again.transfers) == ("ready", 0, 5, 0)
    step(request_commit(batch=again, actor=alice))
    assert (len(standing()), Transfer.objects.count()) == (5, 1)
    more = book(alice, *lines, line())
    assert (more.new, more.known, len(standing())) == (1, 5, 6)


def test_a_row_that_was_voided_does_not_come_back_but_an_undone_file_does(alice: User, main: Account) -> None:
    lines = [line(external_id="1"), line(), line()]
    first = book(alice, *lines)
    void_cash(row=standing()[0], actor=alice)
    void_cash(row=standing()[0], actor=alice)
    assert upload(alice, *lines).known == 3
    done = undo(first, alice)
    assert (done.state, standing()) == ("undone", [])
    assert book(alice, *lines).new == 3
    assert len(standing()) == 3


def test_half_a_transfer_that_is_there_is_refused(alice: User, main: Account) -> None:
    account(alice, "more")
    book(alice, line(external_id="1", section="transfer"))
    batch = upload(
        alice,
        line(external_id="1", section="transfer", transfer_group_id="t"),
        line(account_ref="more", amount="10", section="transfer", transfer_group_id="t"),
    )
    assert (batch.state, list(errors(batch))) == ("failed", [3])
    assert "in the books already" in errors(batch)[3]


def test_what_was_booked_between_check_and_commit_is_seen(alice: User, main: Account) -> None:
    batches = [upload(alice, line(), line(external_id="1")) for _ in range(2)]
    for batch in batches:
        step(request_commit(batch=batch, actor=alice))
    assert len(standing()) == 2
    third = upload(alice, line(external_id="2"))
    book_cash(
        account=main,
        amount=Decimal(1),
        booked_on=date(2024, 1, 1),
        section=Section.INCOME,
        external_id="2",
        actor=alice,
    )
    assert step(request_commit(batch=third, actor=alice)).known == 1


def test_an_account_that_is_closed_or_given_away_meanwhile(alice: User, bob: User, main: Account) -> None:
    closed, lost = (upload(alice, line(description=text)) for text in "ab")
    close_account(account=main, closed_on=date(2024, 5, 1), actor=alice)
    done = step(request_commit(batch=closed, actor=alice))
    assert (done.state, "closed since" in done.message) == ("failed", True)
    Account.objects.update(owner=bob, closed_on=None)
    done = step(request_commit(batch=lost, actor=alice))
    assert (done.state, done.message) == ("failed", "You may no longer book into one of the accounts of this file.")
    assert not standing()


def test_undo_takes_transfers_along_and_is_refused_for_those_with_another_end(alice: User, main: Account) -> None:
    more = account(alice, "more")
    batch = book(
        alice,
        line(amount="-5", section="transfer", transfer_group_id="t"),
        line(account_ref="more", amount="5", section="transfer", transfer_group_id="t"),
        line(amount="-7", section="transfer"),
    )
    other = book_cash(
        account=more, amount=Decimal(7), booked_on=date(2024, 5, 31), section=Section.TRANSFER, actor=alice
    )
    matched = Transfer.objects.create(sent=CashTransaction.objects.get(batch_line=4), received=other, rate=1)
    kept = undo(batch, alice)
    assert (kept.state, "Line 4 is one end of transfer" in kept.message) == ("committed", True)
    assert len(standing()) == 3
    matched.delete()
    assert undo(batch, alice).state == "undone"
    assert (standing(), Transfer.objects.standing().count()) == ([], 0)
    restore_cash(row=CashTransaction.objects.filter(batch=batch).earliest("pk"), actor=alice)
    assert Transfer.objects.standing().count() == 1


def test_what_may_be_deleted(alice: User, main: Account) -> None:
    batch = upload(alice, line())
    discard(batch=batch, actor=alice)
    assert not ImportBatch.objects.exists()
    assert not ImportRow.objects.exists()
    with pytest.raises(InTheBooks):
        discard(batch=book(alice, line()), actor=alice)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), min_size=1, max_size=4))
def test_overlapping_files_end_with_the_most_that_one_has(files: list[list[str]]) -> None:
    """Of rows that say the same there are as many as in the file that has most of them, whatever the order."""
    user = User.objects.filter(username="dora").first() or make_user("dora")
    own = Account.objects.filter(owner=user).first() or account(user, "main")
    batches = [book(user, *(line(description=text) for text in lines)) for lines in files]
    most: Counter[str] = Counter()
    for lines in files:
        most |= Counter(lines)
    found = CashTransaction.objects.standing().filter(account=own).values_list("description", flat=True)
    assert Counter(found) == most
    for batch in batches:
        undo(batch, user)
    assert not CashTransaction.objects.standing().filter(account=own).exists()


@pytest.mark.parametrize(("locale", "found"), [("de", "Groceries"), ("", "Groceries"), ("en", "Lebensmittel")])
def test_a_shipped_category_is_known_by_its_name_in_the_language_of_whoever_imports(
    alice: User, locale: str, found: str
) -> None:
    install_categories()
    User.objects.filter(pk=alice.pk).update(locale=locale)
    account(alice, "main")
    book(alice, line(category="lebensmittel", external_id="1"), line(category="Groceries", external_id="2"))
    names = [row.category.name.capitalize() for row in standing() if row.category]
    assert sorted(names) == sorted([found, "Groceries"])


def test_ones_own_category_comes_before_the_shipped_one_that_is_called_so(alice: User) -> None:
    install_categories()
    main = account(alice, "main")
    User.objects.filter(pk=alice.pk).update(locale="de")
    own = category_named("Lebensmittel", "expense", books=main)
    book(alice, line(category="Lebensmittel"))
    assert [row.category for row in standing()] == [own]
