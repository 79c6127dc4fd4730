"""What happens between a file's steps: rights that end, corrections, rules, other owners, a database that refuses."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from activity.models import Job
from banking.models import (
    Account,
    AccountShare,
    CashTransaction,
    ClassifiedBy,
    ImportBatch,
    ImportName,
    ImportRow,
    Section,
    ShareRole,
    Transfer,
)
from banking.services import imports
from banking.services.classification import category_named, counterparty_named, tags_named
from banking.services.corrections import correct_cash
from banking.services.imports import request_commit, request_undo, tidy
from banking.services.matching import match_transfer
from banking.services.rule_changes import create_rule
from banking.services.transactions import book_cash
from banking.services.verification import cash_findings
from portfolios.models import Portfolio, Trade
from portfolios.services.importing import MOST_ATTEMPTS
from portfolios.tests import test_trade_imports as trades
from portfolios.tests.test_imports import HEADER, account, book, errors, line, standing, step, undo, upload
from users.models import Membership, Organisation, Role, User
from users.services.organisations import delete_organisation

pytestmark = pytest.mark.django_db
OUT_OF_REACH = "You may no longer book into one of the accounts of this file."


@pytest.fixture
def main(alice: User) -> Account:
    return account(alice, "main")


@pytest.fixture
def bobs(alice: User, bob: User) -> Account:
    """Bob's account, into which Alice may book."""
    theirs = account(bob, "bobs")
    AccountShare.objects.create(account=theirs, user=alice, role=ShareRole.EDITOR)
    return theirs


# --- rights -------------------------------------------------------------------------------------------------------


def test_who_may_not_book_any_more_does_not_undo(alice: User, main: Account, bobs: Account) -> None:
    batch = book(alice, line(), line(account_ref="bobs"))
    share = AccountShare.objects.get()
    share.delete()
    kept = undo(batch, alice)
    assert (kept.state, kept.message, len(standing())) == ("committed", OUT_OF_REACH, 2)
    share.save(force_insert=True)
    assert undo(batch, alice).state == "undone"


def test_who_may_not_book_any_more_does_not_undo_trades(alice: User, bob: User) -> None:
    portfolio = trades.make(alice)
    batch = trades.trades(alice, trades.line())
    Portfolio.objects.filter(pk=portfolio.pk).update(owner=bob)
    kept = undo(batch, alice)
    assert (kept.state, kept.message) == ("committed", OUT_OF_REACH)
    assert Trade.objects.standing().exists()
    Portfolio.objects.filter(pk=portfolio.pk).update(owner=alice)
    Account.objects.update(owner=bob)
    assert undo(batch, alice).message == OUT_OF_REACH
    Account.objects.update(owner=alice)
    assert undo(batch, alice).state == "undone"


def test_trades_are_not_booked_into_an_account_that_was_lost(alice: User, bob: User) -> None:
    trades.make(alice)
    batch = upload(alice, trades.line(), header=trades.HEADER)
    Account.objects.update(owner=bob)
    done = step(request_commit(batch=batch, actor=alice))
    assert (done.state, done.message, Trade.objects.exists()) == ("failed", OUT_OF_REACH, False)


# --- corrections --------------------------------------------------------------------------------------------------


def test_undo_takes_corrections_along_and_the_file_comes_back(alice: User, main: Account) -> None:
    more = account(alice, "more")
    lines = [line(external_id="1"), line()]
    batch = book(alice, *lines)
    numbered, plain = standing()
    first = correct_cash(row=numbered, actor=alice, amount=Decimal(-12))
    correct_cash(row=first, actor=alice, account=more)
    correct_cash(row=plain, actor=alice, description="Milk")
    assert upload(alice, *lines).known == 2
    version = Account.objects.get(pk=more.pk).version

    assert undo(batch, alice).state == "undone"
    assert not CashTransaction.objects.standing().exists()
    assert Account.objects.get(pk=more.pk).version > version
    again = book(alice, *lines)
    assert (again.new, CashTransaction.objects.standing().count()) == (2, 2)


def test_a_correction_that_was_matched_is_not_undone(alice: User, main: Account) -> None:
    more = account(alice, "more")
    batch = book(alice, line(), line(section="transfer"))
    corrected = correct_cash(row=standing()[1], actor=alice, amount=Decimal(-7))
    other = book_cash(
        account=more, amount=Decimal(7), booked_on=date(2024, 5, 31), section=Section.TRANSFER, actor=alice
    )
    matched = Transfer.objects.create(sent=corrected, received=other, rate=1, matched_by="person")
    kept = undo(batch, alice)
    assert (kept.state, "Line 3 is one end of transfer" in kept.message) == ("committed", True)
    assert CashTransaction.objects.standing().count() == 3
    matched.delete()
    assert undo(batch, alice).state == "undone"
    assert list(CashTransaction.objects.standing()) == [other]


# --- rules --------------------------------------------------------------------------------------------------------


def test_rules_classify_what_has_no_category(alice: User, main: Account, bobs: Account) -> None:
    food, rent = (category_named(name, "expense", books=main) for name in ("Food", "Rent"))
    shop = counterparty_named("Shop", books=main)
    create_rule(
        holder=alice,
        actor=alice,
        words="bakery",
        category=food,
        set_counterparty=shop,
        tags=tags_named(["eaten"], books=main),
    )
    create_rule(holder=alice, actor=alice, iban="landlord", category=rent)
    batch = book(
        alice,
        line(description="Bakery 7"),
        line(description="Bakery 8", counterparty_name="Baker"),
        line(description="Bakery 9", category="Rent"),
        line(description="May", counterparty_name="L", counterparty_account="landlord"),
        line(description="Cinema"),
        line(description="Bakery 10", account_ref="bobs"),
    )
    found = standing()
    rule, file, nobody = ClassifiedBy.RULE, ClassifiedBy.IMPORT, ClassifiedBy.NOBODY
    assert [(row.category, row.classified_by) for row in found] == [
        *((food, rule), (food, rule), (rent, file), (rent, rule), (None, nobody), (None, nobody))
    ]
    assert [row.counterparty.name if row.counterparty else "" for row in found] == ["Shop", "Baker", "", "L", "", ""]
    assert [[tag.name for tag in row.tags.all()] for row in found] == [["eaten"], ["eaten"], [], [], [], []]
    assert undo(batch, alice).state == "undone"


# --- two owners ---------------------------------------------------------------------------------------------------


def test_a_transfer_between_two_owners_names_both(alice: User, main: Account, bobs: Account) -> None:
    pair: dict[str, Any] = {"section": "transfer", "transfer_group_id": "t"}
    nameless = line(account_ref="bobs", amount="10", **pair)
    batch = upload(alice, line(counterparty_name="Bob", **pair), nameless, line())
    assert (batch.state, batch.wrong, list(errors(batch))) == ("failed", 1, [3])
    assert "it goes between two owners; name the other one" in errors(batch)[3]

    named = line(account_ref="bobs", amount="10", counterparty_name="Alice", **pair)
    book(alice, line(counterparty_name="Bob", **pair), named, line())
    transfer = Transfer.objects.get()
    assert (transfer.sent.account, transfer.received.account) == (main, bobs)
    assert transfer.received.counterparty is not None
    assert transfer.received.counterparty.owner == bobs.owner
    assert list(cash_findings()) == []


def pair_between(**of_payer: str) -> tuple[str, str]:
    shared = {"section": "transfer", "transfer_group_id": "t", "description": "July"}
    paid = line(counterparty_name="Bob", **shared, **of_payer)
    return paid, line(account_ref="bobs", amount="10", counterparty_name="Alice", category="Lodger", **shared)


def classified() -> list[tuple[str, str, str]]:
    rows = CashTransaction.objects.standing().order_by("batch", "batch_line").select_related("category")
    return [(row.section, row.category.name, row.category.section) for row in rows if row.category]


def test_it_is_an_expense_of_the_one_and_income_of_the_other(
    alice: User, main: Account, bobs: Account, client: Client
) -> None:
    rows = (*pair_between(category="Rent"), line(section="transfer", category="Rent"))
    batch = upload(alice, *rows)
    assert (batch.state, batch.transfers, batch.payments()) == ("ready", 1, 1)
    client.force_login(alice)
    assert "1 transfer goes between two owners" in client.get(f"/imports/{batch.pk}/").content.decode()
    named = ImportName.objects.filter(batch=batch, kind="category").order_by("section")
    assert list(named.values_list("section", "name", "owner")) == [
        ("expense", "Rent", alice.pk),
        ("income", "Lodger", bobs.owner_id),
        ("transfer", "Rent", alice.pk),
    ]

    assert step(request_commit(batch=batch, actor=alice)).state == "committed"
    assert classified() == [
        ("expense", "Rent", "expense"),
        ("income", "Lodger", "income"),
        ("transfer", "Rent", "transfer"),
    ]
    assert Transfer.objects.count() == 1
    assert list(cash_findings()) == []
    again = upload(alice, *rows)
    assert (again.new, again.known, again.payments()) == (0, 3, 0)
    assert undo(batch, alice).state == "undone"


def test_a_category_of_transfers_that_the_payer_has_leaves_it_one(alice: User, main: Account, bobs: Account) -> None:
    category_named("Lent", "transfer", books=main)
    batch = upload(alice, *pair_between(category="lent"))
    assert batch.payments() == 0
    step(request_commit(batch=batch, actor=alice))
    assert classified() == [("transfer", "Lent", "transfer"), ("transfer", "Lodger", "transfer")]
    assert list(cash_findings()) == []


def test_categories_that_the_books_have_are_those_of_a_payment(alice: User, main: Account, bobs: Account) -> None:
    category_named("Rent", "expense", books=main)
    category_named("Lodger", "income", books=bobs)
    july = pair_between(category="Rent")
    august = [row.replace("July", "August") for row in july]
    for rows in (july, august):
        batch = book(alice, *rows)
        assert (batch.state, batch.message, batch.new) == ("committed", "", 2)
    assert classified() == [("expense", "Rent", "expense"), ("income", "Lodger", "income")] * 2
    assert list(cash_findings()) == []


def test_between_an_organisation_and_its_member(alice: User, main: Account) -> None:
    firm = Organisation.objects.create(name="Firm")
    Membership.objects.create(organisation=firm, user=alice, role=Role.OWNER)
    Account.objects.create(organisation=firm, name="Firm's", iban="bobs", currency="EUR")
    book(alice, *pair_between())
    assert sorted(CashTransaction.objects.values_list("section", "account__name")) == [
        ("expense", main.name),
        ("income", "Firm's"),
    ]


def test_a_row_that_became_a_leg_is_still_known(alice: User, main: Account) -> None:
    more = account(alice, "more")
    batch = book(alice, line(), line(account_ref="more", amount="10", section="income"))
    match_transfer(sent=main.transactions.get(), received=more.transactions.get(), actor=alice)
    again = upload(alice, line(), line(account_ref="more", amount="10", section="income"))
    assert (batch.new, again.new, again.known) == (2, 0, 2)


def test_an_account_that_changes_hands_before_its_transfer_is_booked(alice: User, bob: User, main: Account) -> None:
    more = account(alice, "more")
    pair: dict[str, Any] = {"section": "transfer", "transfer_group_id": "t"}
    batch = upload(alice, line(**pair), line(account_ref="more", amount="10", **pair))
    Account.objects.filter(pk=more.pk).update(owner=bob)
    AccountShare.objects.create(account=more, user=alice, role=ShareRole.EDITOR)
    done = step(request_commit(batch=batch, actor=alice))
    assert (done.state, "goes between two owners" in done.message, standing()) == ("failed", True, [])


def test_an_account_that_changes_hands_and_is_named(alice: User, main: Account, bobs: Account) -> None:
    batch = upload(alice, *pair_between())
    Account.objects.filter(pk=bobs.pk).update(owner=alice)
    done = step(request_commit(batch=batch, actor=alice))
    assert (done.state, "changed its owner meanwhile" in done.message, standing()) == ("failed", True, [])


# --- rows and parts that are gone ---------------------------------------------------------------------------------


def test_a_row_that_is_gone_is_not_taken_for_one_that_is_known(alice: User, main: Account) -> None:
    rows = [line(description=str(number)) for number in range(4)]
    book(alice, *rows[:2])
    batch = upload(alice, *rows)
    assert (batch.new, batch.known) == (2, 2)
    for gone in (2, 5):  # one that is known, one that is new
        ImportBatch.objects.filter(pk=batch.pk).update(state="ready")
        ImportRow.objects.filter(batch=batch, line=gone).delete()
        done = step(request_commit(batch=batch, actor=alice))
        assert (done.state, done.message) == ("failed", "Rows of the file are missing; upload it again.")
    assert len(standing()) == 2


def test_trades_that_are_gone_are_not_taken_for_known_ones(alice: User) -> None:
    trades.make(alice)
    batch = upload(alice, trades.line(), trades.line(qty="3"), header=trades.HEADER)
    assert (batch.state, batch.new) == ("ready", 2), errors(batch)
    ImportRow.objects.filter(batch=batch, line=3).delete()
    done = step(request_commit(batch=batch, actor=alice))
    assert (done.state, done.message) == ("failed", "Rows of the file are missing; upload it again.")
    assert not Trade.objects.exists()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_part_of_a_file_that_is_gone_is_told(
    alice: User, main: Account, monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    monkeypatch.setattr(imports, "PIECE", 100)
    content = "\n".join([HEADER, *(line(description=str(number)) for number in range(5))]).encode()
    batch = imports.receive(actor=alice, file_name="file.csv", pieces=[content])
    assert batch.chunks.count() > 3
    batch.chunks.filter(number=gone).delete()
    done = step(batch)
    assert (done.state, done.message) == ("failed", "The file: a part of it is missing; upload it again")


# --- a database that refuses --------------------------------------------------------------------------------------


def refusing(columns: str) -> None:
    """Have the database refuse a second row of the books that has the same in ``columns``."""
    connection.check_constraints()  # PostgreSQL changes no table with checks that are still to be made
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE UNIQUE INDEX refusing ON banking_cashtransaction ({columns})")


def accepting() -> None:
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX refusing")


def test_what_the_database_refuses_is_tried_again(alice: User, main: Account) -> None:
    batch = request_commit(batch=upload(alice, line(), line(amount="-7")), actor=alice)
    refusing("batch_id")
    held = step(batch)
    assert (held.state, held.lease_until, held.attempts, standing()) == ("committing", None, 1, [])
    accepting()
    done = step(batch)
    assert (done.state, len(standing())) == ("committed", 2)
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}

    request_undo(batch=done, actor=alice)
    refusing("voided_by_id")
    assert step(batch).state == "undoing"
    assert len(standing()) == 2
    accepting()
    assert (step(batch).state, standing()) == ("undone", [])


def test_what_the_database_always_refuses_is_given_up(alice: User, main: Account) -> None:
    batch = request_commit(batch=upload(alice, line(), line(amount="-7")), actor=alice)
    refusing("batch_id")
    for _ in range(MOST_ATTEMPTS):
        assert step(batch).state == "committing"
    done = step(batch)
    assert (done.state, f"tried {MOST_ATTEMPTS} times" in done.message) == ("failed", True)


# --- files that nobody books --------------------------------------------------------------------------------------


def test_files_that_nobody_books_are_deleted_after_a_month(alice: User, main: Account) -> None:
    booked = book(alice, line(amount="-1"))
    ready, failed, young = upload(alice, line()), upload(alice, "x"), upload(alice, line())
    old = timezone.now() - timedelta(days=31)
    ImportBatch.objects.exclude(pk=young.pk).update(created_at=old)
    tidy(timezone.now())
    assert set(ImportBatch.objects.values_list("pk", flat=True)) == {booked.pk, young.pk}
    assert not ImportBatch.objects.filter(pk__in=[ready.pk, failed.pk]).exists()
    assert len(standing()) == 1


def test_an_organisation_is_deleted_whose_file_was_never_booked(alice: User) -> None:
    firm = Organisation.objects.create(name="Firm")
    Membership.objects.create(organisation=firm, user=alice, role=Role.OWNER)
    own = account(alice, "firms")
    Account.objects.filter(pk=own.pk).update(owner=None, organisation=firm)
    upload(alice, line(account_ref="firms", counterparty_name="Shop"))
    assert ImportName.objects.filter(organisation=firm).exists()
    own.delete()
    delete_organisation(organisation=firm, actor=alice)
    assert not Organisation.objects.exists()
    assert not ImportName.objects.exists()
