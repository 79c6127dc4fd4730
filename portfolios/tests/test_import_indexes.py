"""A file that brings most rows of the books: on SQLite its indexes are made anew once the rows are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from banking.models import Account, CashTransaction, Transfer
from banking.services import import_booking
from banking.services.imports import request_commit
from portfolios.tests.test_import_changes import accepting, refusing
from portfolios.tests.test_imports import account, book, line, main, standing, step, undo, upload
from users.models import User

__all__ = ["main"]
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its indexes as they are."),
]
ROWS = (
    *(line(external_id=f"x{n}", description=f"Card {n}", category="Food", counterparty="Shop") for n in range(30)),
    *(line(description="Twice the same") for _ in range(2)),
)
LEGS = (
    line(transfer_group_id="g", section="transfer", amount="-5"),
    line(transfer_group_id="g", section="transfer", amount="5", account_ref="savings"),
)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements about indexes that are run, with files of any length."""
    monkeypatch.setattr(import_booking, "INDEXED_AFTER", 1)
    found: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        found.extend([sql] if sql.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX", "DROP INDEX")) else [])
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield found


def indexes() -> list[tuple[str, str]]:
    """Of the table of cash, in the order in which they were made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s ORDER BY rowid",
            [CashTransaction._meta.db_table],
        )
        return list(cursor.fetchall())


def pragma(name: str) -> Any:
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_file_that_fills_the_books_leaves_its_indexes_as_they_were(
    alice: User, main: Account, made: list[str]
) -> None:
    account(alice, "savings")
    before, size = indexes(), pragma("cache_size")
    batch = book(alice, *ROWS, *LEGS)
    assert (batch.state, batch.new, batch.transfers, Transfer.objects.count()) == ("committed", 34, 1, 1)
    assert (len(made), indexes()) == (2 * len(before), before)
    assert pragma("integrity_check") == "ok"  # each index has each of its rows
    assert pragma("cache_size") == size
    again = upload(alice, *ROWS, *LEGS)
    assert (again.state, again.new, again.known) == ("ready", 0, 34)
    assert (undo(batch, alice).state, standing()) == ("undone", [])
    assert pragma("integrity_check") == "ok"


def test_a_file_that_adds_to_many_rows_leaves_the_indexes_alone(alice: User, main: Account, made: list[str]) -> None:
    book(alice, *ROWS)
    made.clear()
    assert book(alice, *(line(external_id=f"y{n}") for n in range(10))).state == "committed"
    assert (made, len(standing())) == ([], 42)


def test_rows_that_the_database_refuses_leave_the_books_and_their_indexes(
    alice: User, main: Account, made: list[str]
) -> None:
    batch = request_commit(batch=upload(alice, *ROWS), actor=alice)
    refusing("account_id, booked_on")
    before = indexes()
    made.clear()
    assert step(batch).state == "committing"  # to be tried again
    assert len(made) > len(before)  # it was refused while they were made
    assert indexes() == before
    assert not CashTransaction.objects.exists()
    accepting()
    assert (step(batch).state, len(standing())) == ("committed", len(ROWS))
    assert pragma("integrity_check") == "ok"
