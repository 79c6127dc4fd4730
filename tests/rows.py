"""All that the database holds of the product, to see whether a request changed anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction

WORDS = ("INSERT", "UPDATE", "DELETE")
WRITING = re.compile(rf"(?<!FOR )(?<!KEY )\b(?:{'|'.join(WORDS)})\b")  # wherever it stands, but for locks
OWN = {"activity", "users", "assets", "banking", "portfolios", "analytics"}


def every_row() -> dict[str, list[tuple[Any, ...]]]:
    """Model name to its rows in the order of their keys."""
    return {
        model._meta.label: list(model.objects.order_by("pk").values_list())  # type: ignore[attr-defined]
        for model in apps.get_models()
        if model._meta.app_label in OWN
    }


@contextmanager
def writes() -> Iterator[list[str]]:
    """The statements that may have changed something; none makes a look at every row needless."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if any(word in sql for word in WORDS) and WRITING.search(sql):  # most statements have none: found much faster
            found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


@contextmanager
def unchanged() -> Iterator[None]:
    """What the block sends leaves every row as it is, or the test fails.

    A look at every row takes long: it is needless when nothing was written, and how they were before shows when the
    block is undone.
    """
    with transaction.atomic():
        with writes() as written:
            yield
        after = every_row() if written else {}
        transaction.set_rollback(True)
    assert not written or every_row() == after, written
