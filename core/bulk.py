"""Writing many rows at once: COPY into a staging table on PostgreSQL, one prepared statement on SQLite.

Values go through each field's ``get_db_prep_save``, so that a column refuses in bulk what it refuses singly.
Model ``save`` and signals are not involved, and columns that are not named take the database's default.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.extensions import Binary
from psycopg2.extras import Json

Row = Sequence[Any]
PLAIN_TYPES = frozenset(["str", "int", "float", "bool", "Decimal", "date", "datetime", "time", "UUID", "NoneType"])
# Values of just this type pass such a field as they are, so they need not go through it: half of the time of a row.
UNCHANGED: dict[type[models.Field[Any, Any]], type] = {
    models.FloatField: float,
    models.CharField: str,
    models.TextField: str,
    models.IntegerField: int,
    models.BigIntegerField: int,
    models.PositiveBigIntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
}
SORTED_KB = 1024  # of an index at a time, while SQLite sorts it: twice as fast as more than a processor's own cache
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def insert(model: type[models.Model], fields: Sequence[str], rows: Iterable[Row], *, prepared: bool = False) -> int:
    """Add ``rows``, whose values stand in the order of ``fields``; returns how many. Call it in a transaction.

    ``prepared`` says that the values are texts and whole numbers as both databases take them, a day as 2024-05-31.
    """
    return _Target.of(model, fields).write(rows, prepared=prepared)


def upsert(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Iterable[Row],
    *,
    unique: Sequence[str],
    newer: Sequence[str] = (),
) -> int:
    """Add ``rows``, or where one with the same ``unique`` fields stands, give it the new values.

    ``unique`` must be a unique constraint of the model, and no two rows may agree in it. With ``newer``, a row that
    stands is only replaced by one that is the same or greater in these fields, compared as in a dictionary: by the
    first that differs. Returns how many rows were written. Call it in a transaction.
    """
    target = _Target.of(model, fields)
    update = ", ".join(f"{name} = excluded.{name}" for name in target.quoted(f for f in fields if f not in unique))
    return target.write(
        rows, f" ON CONFLICT ({', '.join(target.quoted(unique))}) DO UPDATE SET {update}{target.guard(newer)}"
    )


@contextmanager
def indexed_after(model: type[models.Model]) -> Iterator[None]:
    """Have SQLite index a table once the body has filled it; call it in a transaction. Other databases: nothing.

    Where most rows are new, sorting each index by itself takes a third of the time of growing all of them row by row.
    Nobody else ever sees the table without them, and they are made in the order that they had: of two that serve a
    query as well, SQLite takes the one that was made last.
    """
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [model._meta.db_table])  # noqa: SLF001  Django documents it
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        yield
        cursor.execute("PRAGMA cache_size")
        (size,) = cursor.fetchone()
        cursor.execute(f"PRAGMA cache_size = -{SORTED_KB}")
        try:
            for _, statement in indexes:
                cursor.execute(statement)
        finally:
            cursor.execute(f"PRAGMA cache_size = {size}")


INDEXES = """
SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql IS NOT NULL ORDER BY rowid
"""  # those without a statement are the table's own


@dataclass(frozen=True, slots=True)
class _Target:
    """The columns of a table that rows go to. Names in its SQL are the models' own, quoted."""

    connection: BaseDatabaseWrapper
    table: str
    fields: dict[str, models.Field[Any, Any]]

    @classmethod
    def of(cls, model: type[models.Model], fields: Sequence[str]) -> _Target:
        meta = model._meta  # noqa: SLF001  Django documents it
        connection = connections[router.db_for_write(model)]
        return cls(connection, meta.db_table, {name: meta.get_field(name) for name in fields})  # type: ignore[misc]

    def quoted(self, fields: Iterable[str]) -> list[str]:
        return [self.connection.ops.quote_name(str(self.fields[name].column)) for name in fields]

    def guard(self, newer: Sequence[str]) -> str:
        """The condition under which a standing row gives way, or nothing."""
        if not newer:
            return ""
        table, names = self.connection.ops.quote_name(self.table), self.quoted(newer)
        standing = ", ".join(f"{table}.{name}" for name in names)
        return f" WHERE ({standing}) <= ({', '.join(f'excluded.{name}' for name in names)})"

    def write(self, rows: Iterable[Row], conflict: str = "", *, prepared: bool = False) -> int:
        write = self._copy if self.connection.vendor == "postgresql" else self._execute_many
        ready = iter(rows) if prepared else self._prepared(rows)
        return write(ready, ", ".join(self.quoted(self.fields)), conflict)

    def _prepared(self, rows: Iterable[Row]) -> Iterator[Row]:
        prepare = [(UNCHANGED.get(type(field)), field.get_db_prep_save) for field in self.fields.values()]
        for row in rows:
            yield [
                value if value is None or type(value) is plain else to_db(value, self.connection)
                for (plain, to_db), value in zip(prepare, row, strict=True)
            ]

    def _execute_many(self, rows: Iterator[Row], columns: str, conflict: str) -> int:
        table = self.connection.ops.quote_name(self.table)
        places = ", ".join(["%s"] * len(self.fields))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places}){conflict}"  # noqa: S608
        with self.connection.cursor() as cursor:
            cursor.executemany(statement, rows)  # type: ignore[arg-type]  # an iterator, so one row at a time
            return int(max(cursor.rowcount, 0))

    def _copy(self, rows: Iterator[Row], columns: str, conflict: str) -> int:
        table, stage = map(self.connection.ops.quote_name, (self.table, f"stage_{self.table}"))
        text = io.StringIO()
        text.writelines("\t".join(map(_copy_text, row)) + "\n" for row in rows)
        text.seek(0)
        with self.connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {stage} AS SELECT {columns} FROM {table} WITH NO DATA")  # noqa: S608
            with self.connection.wrap_database_errors:  # Django does not wrap copy_expert by itself
                cursor.copy_expert(f"COPY {stage} ({columns}) FROM STDIN", text)
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage}{conflict}")  # noqa: S608
            written = int(cursor.rowcount)
            cursor.execute(f"DROP TABLE {stage}")
            return written


def _copy_text(value: object) -> str:
    """``value`` in COPY's text format."""
    if value is None:
        return r"\N"
    if isinstance(value, Json):
        value = value.dumps(value.adapted)
    elif isinstance(value, Binary):
        return rf"\\x{bytes(value.adapted).hex()}"
    if type(value).__name__ not in PLAIN_TYPES:
        raise TypeError(f"COPY cannot write a {type(value).__name__}")
    return str(value).translate(ESCAPES)
