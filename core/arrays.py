"""Reading many rows at once into an array, past the making of Python objects that nobody looks at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, IntegerField, QuerySet
from numpy.typing import DTypeLike, NDArray

ROWS = 20_000  # that are fetched together


class EpochDay(Func):
    """A date as days since 1970-01-01: the database counts faster than Python parses."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        template = "CAST(julianday(%(expressions)s) - 2440587.5 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s - DATE '1970-01-01')", **context)


def records(columns: QuerySet[Any, Any], dtype: DTypeLike) -> NDArray[np.void]:
    """The rows of a ``values_list`` as records, in its order; one query, in bounded memory besides the answer.

    Values come as the driver gives them: numbers, text and booleans. Decimals are to be cast to float and dates to
    ``EpochDay`` in the query; NULL is an error.
    """
    connection = connections[columns.db]
    try:
        statement, parameters = columns.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return np.empty(0, dtype)
    whole = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    with connection.cursor() if whole else connection.chunked_cursor() as cursor:
        cursor.execute(statement, parameters)
        portions: Iterator[list[Any]] = iter(lambda: cursor.fetchmany(ROWS), [])
        return np.fromiter(chain.from_iterable(portions), dtype=dtype)
