"""What another process does between two statements of the one under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def just_after(statement: str, act: Callable[[], object], *, earlier: int = 0) -> Iterator[None]:
    """In the block ``act`` once after a statement that begins like this, of which ``earlier`` ones have gone before."""
    sent: list[str] = []

    def execute_then_act(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith(statement):
            sent.append(sql)
            if len(sent) == earlier + 1:
                act()
        return answer

    with connection.execute_wrapper(execute_then_act):
        yield
    assert len(sent) > earlier, "it was not sent"
