"""Many at once: rows into an array, past the making of Python objects that nobody looks at, and ids into a query."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Expression, Func, IntegerField, QuerySet
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


class Among(Expression):
    """Ids for an ``__in`` lookup as one parameter: for a thousand, Django's own way takes longer than the query.

    ``filter(portfolio__in=among(ids))``
    """

    output_field = BigIntegerField()

    def __init__(self, ids: list[int]) -> None:
        super().__init__()
        self.ids = ids

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        return "(SELECT value FROM json_each(%s))", [json.dumps(self.ids)]

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        return "(SELECT unnest(%s::bigint[]))", [self.ids]


def among(ids: Iterable[int]) -> Among | list[int]:
    """What stands on the right of ``__in``; nothing stays nothing, for which no query is sent."""
    known = list(ids)
    return Among(known) if known else known


def records(columns: QuerySet[Any, Any], dtype: DTypeLike) -> NDArray[np.void]:
    """The rows of a ``values_list`` as records, in its order; one query, in memory of the size of the answer.

    Values come as the driver gives them: numbers, text and booleans. Decimals are to be cast to float and dates to
    ``EpochDay`` in the query; NULL is an error.
    """
    connection = connections[columns.db]
    try:
        statement, parameters = columns.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return np.empty(0, dtype)
    if connection.vendor == "postgresql" and _is_numeric(np.dtype(dtype)):
        copied = _copied(connection, statement, parameters)
        if copied is not None:
            return copied.astype(dtype)
    whole = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    with connection.cursor() if whole else connection.chunked_cursor() as cursor:
        cursor.execute(statement, parameters)
        portions: Iterator[list[Any]] = iter(lambda: cursor.fetchmany(ROWS), [])
        return np.fromiter(chain.from_iterable(portions), dtype=dtype)


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    return all(dtype[name].kind not in "US" for name in dtype.names or ())


# What PostgreSQL sends in binary for the types (by OID) that have one width: see "COPY, Binary Format" in its manual.
BINARY = {16: "?", 20: ">i8", 21: ">i2", 23: ">i4", 700: ">f4", 701: ">f8"}
SIGNATURE, TRAILER = 19, 2  # bytes before the first row, and after the last


def _copied(connection: BaseDatabaseWrapper, statement: str, parameters: Any) -> NDArray[np.void] | None:
    """The rows as the server's binary COPY sends them; None where a column is no number, or a value is NULL."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({statement}) AS rows LIMIT 0", parameters)  # noqa: S608  the ORM's own
        types = [BINARY.get(column.type_code) for column in cursor.description or ()]
        if not types or None in types:
            return None
        fields = [(f"{kind}{place}", form) for place, form in enumerate(types) for kind in ("length", "value")]
        row = np.dtype([("count", ">i2"), *((name, ">i4" if name[0] == "l" else form) for name, form in fields)])
        sent = io.BytesIO()
        with connection.wrap_database_errors:  # Django does not wrap copy_expert by itself
            text = cursor.mogrify(statement, parameters).decode()
            cursor.copy_expert(f"COPY ({text}) TO STDOUT (FORMAT binary)", sent)
    rows, rest = divmod(sent.getbuffer().nbytes - SIGNATURE - TRAILER, row.itemsize)
    if rest:
        return None
    found = np.frombuffer(sent.getbuffer(), row, rows, SIGNATURE)
    if any((found[name] != row[f"value{name[6:]}"].itemsize).any() for name, _ in fields if name[0] == "l"):
        return None
    return found[[name for name, _ in fields if name[0] == "v"]]
