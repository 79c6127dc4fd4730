"""The list of cash rows of somebody with a million of them, beside what Django's own paging does with the same query.

python benchmarks/transactions.py [rows]                                # SQLite, in a temporary file
DATABASE_URL=postgres://user@host/db python benchmarks/transactions.py  # PostgreSQL, in a test database
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from bars import database

if TYPE_CHECKING:
    from users.models import User

os.environ.setdefault("ALLOWED_HOSTS", "testserver")

ROWS, ACCOUNTS, CATEGORIES, COUNTERPARTIES = 1_000_000, 10, 20, 500
FIRST, DAYS = date(2016, 1, 1), 3650
TIMES = 5
# A number that looks random, from the row's own: both databases make the same rows inside one statement.
MIX = "((n * 7919 + 13) * 104729 % 1000003)"
SERIES = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {rows})",
    "postgresql": "WITH s(n) AS (SELECT generate_series(0, {rows} - 1)::bigint)",
}
DAY = {
    "sqlite": "date('{first}', '+' || (n * {days} / {rows}) || ' days')",
    "postgresql": "date '{first}' + (n * {days} / {rows})::int",
}


def fill(rows: int) -> User:
    """One person with ``rows`` cash rows over ten years: nine in ten have a category, one in a thousand is voided."""
    from django.db import connection

    from banking.models import Account, Category, Counterparty
    from core.testing import make_user

    owner = make_user("owner")
    accounts = [Account.objects.create(owner=owner, name=f"Account {n}", currency="USD") for n in range(ACCOUNTS)]
    sections = ["expense"] * 15 + ["income"] * 5
    categories = [Category.objects.create(name=f"Kind {n}", section=section) for n, section in enumerate(sections)]
    parties = [Counterparty.objects.create(owner=owner, name=f"Shop {n}") for n in range(COUNTERPARTIES)]
    size = {"rows": rows, "first": FIRST, "days": DAYS}
    series, day = (text[connection.vendor].format(**size) for text in (SERIES, DAY))
    income = f"({MIX} / 10 % 20 >= 15)"
    statement = f"""
        INSERT INTO banking_cashtransaction (account_id, booked_on, amount, section, description, category_id,
            classified_by, counterparty_id, origin, external_id, created_at, voided_at)
        {series}
        SELECT {accounts[0].pk} + {MIX} % {ACCOUNTS}, {day},
            CASE WHEN {income} THEN 1 ELSE -1 END * (1 + {MIX} % 20000) / 100.0,
            CASE WHEN {income} THEN 'income' ELSE 'expense' END,
            'Card payment ' || {MIX} || ' at the shop',
            CASE WHEN {MIX} % 9 > 0 THEN {categories[0].pk} + {MIX} / 10 % 20 END,
            CASE WHEN {MIX} % 9 > 0 THEN 'import' ELSE '' END,
            {parties[0].pk} + {MIX} / 7 % {COUNTERPARTIES}, 'entry', 'x' || n, CURRENT_TIMESTAMP,
            CASE WHEN {MIX} % 1000 = 0 THEN CURRENT_TIMESTAMP END
        FROM s"""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA cache_size = -500000")  # fifteen indexes grow at once
            cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE banking_cashtransaction")
    connection.close()  # the settings of filling go with it
    return owner


def timed(label: str, work: Callable[[], Any], times: int = TIMES) -> None:
    from core.testing import count_queries

    clocks = (time.perf_counter, time.process_time)
    taken = []
    for _ in range(times):
        start = [clock() for clock in clocks]
        work()
        taken.append([clock() - began for clock, began in zip(clocks, start, strict=True)])
    wall, processor = (median(times) * 1000 for times in zip(*taken, strict=True))
    print(f"| {label} | {wall:,.1f} ms | {processor:,.1f} ms | {count_queries(work)[0]} |", flush=True)


def baseline(owner: User) -> None:
    """What Django's paginator does: COUNT(*), then OFFSET; every row with what is shown of it."""
    from django.core.paginator import Paginator

    from banking.models import CashTransaction
    from banking.queries.transactions import whole

    rows = whole(CashTransaction.objects.visible_to(owner).standing())

    def page(number: int) -> None:
        paginator = Paginator(rows, 50)
        assert list(paginator.page(min(number, paginator.num_pages)))

    timed("Django's paginator, page 1", lambda: page(1), 3)
    timed("Django's paginator, page 10,000", lambda: page(10_000), 1)
    searched = rows.filter(description__icontains="no such text")
    timed("Django's paginator, a text that no row has", lambda: list(Paginator(searched, 50).page(1)), 1)


def ours(owner: User, rows: int) -> None:
    from banking.models import Account, Category
    from banking.queries.transactions import CashList, Place, Wanted, currencies_of, rows_of

    accounts = list(Account.objects.visible_to(owner))
    every = tuple(account.pk for account in accounts)
    category = Category.objects.order_by("pk")[3].pk
    middle = FIRST + timedelta(days=DAYS // 2)
    month = {"start": middle, "end": middle + timedelta(days=30)}
    wanted: dict[str, dict[str, Any]] = {
        "no filter": {},
        "one category": {"categories": (category,)},
        "uncategorised": {"uncategorised": True},
        "one counterparty": {"counterparty": 17},
        "a month": month,
        "income over 150": {"section": "income", "least": 150},
        "a text that 1 row in 10 has": {"text": "ment 1"},
        "a text that 1 row in 100,000 has": {"text": "t 12345"},
        "a text that no row has": {"text": "no such text"},
    }
    for label, narrowed in wanted.items():
        found = CashList(Wanted(accounts=every, **narrowed))
        timed(f"newest 50, {label}", lambda found=found: rows_of(found.newest(50).ids))  # type: ignore[misc]
    found = CashList(Wanted(accounts=every))
    timed("50 in the middle, by place", lambda: rows_of(found.older_than(Place(middle, 0), 50).ids))
    timed("oldest 50", lambda: rows_of(found.oldest(50).ids))
    timed("50 from the middle, by position", lambda: rows_of(found[rows // 2 : rows // 2 + 50]))
    timed("count, exact", found.count)
    timed("count, up to 10,000", lambda: found.count_up_to(10_001))
    timed("sums of all", lambda: found.sums(currencies_of(accounts)))
    of_month = CashList(Wanted(accounts=every, **month))  # type: ignore[arg-type]
    timed("sums of a month", lambda: of_month.sums(currencies_of(accounts)))


def over_http(owner: User, rows: int) -> None:
    from django.test import Client

    from core.testing import client_of

    client, api = Client(), client_of(owner)
    client.force_login(owner)

    def get(of: Any, url: str) -> Callable[[], None]:
        def ask() -> None:
            answer = of.get(url)
            assert answer.status_code == 200, answer.content[:300]

        return ask

    timed("page, first", get(client, "/banking/transactions/"))
    timed("page, a text", get(client, "/banking/transactions/?q=ment+1"))
    timed("page, uncategorised", get(client, "/banking/transactions/?uncategorised=on"))
    timed("API, 100 rows and the exact count", get(api, "/api/banking/transactions/"))
    timed("API, from the middle", get(api, f"/api/banking/transactions/?offset={rows // 2}"))


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder, database(folder) as engine:
        start = time.perf_counter()
        owner = fill(rows)
        print(f"{rows:,} rows, {engine}, filled in {time.perf_counter() - start:.0f} s\n")
        print("| | median | of the processor | queries |\n| --- | --: | --: | --: |")
        ours(owner, rows)
        over_http(owner, rows)
        baseline(owner)


if __name__ == "__main__":
    main()
