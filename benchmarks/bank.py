"""python benchmarks/bank.py: the bank administrator's view over 1,000 people, 10,000 accounts and 1,000,000 cash rows.

In a SQLite file of its own, or in the empty database that DATABASE_URL names. The report is what a worker computes each
night: net worth of everybody at 13 month ends, sums by category, every risk flag. The page is a GET through the whole
stack without the network. The baseline is the naive way to the page's totals: each account's balance by a query.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from performance import median
from recompute import clock, prepare_django

LAST = date(2026, 6, 30)
DAYS = 5 * 365
SAMPLE = 200  # accounts of the baseline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()
    os.environ["REDIS_URL"] = "redis://127.0.0.1:9/0"  # nothing is sent
    os.environ.setdefault("ALLOWED_HOSTS", "testserver")
    with tempfile.TemporaryDirectory(prefix="bank-") as folder:
        prepare_django(Path(folder))
        with clock(f"building {options.people} people, {options.accounts} accounts, {options.rows} cash rows"):
            build(options.people, options.accounts, options.rows)
        report(options.runs, options.accounts)


def build(people: int, accounts: int, rows: int) -> None:
    """Everybody's accounts in turn, and rows of random days, amounts and categories, by plain inserts."""
    from banking.models import Account, CashTransaction, Category, Section
    from users.models import Organisation, User

    rng = random.Random(1)
    User.objects.bulk_create([User(username=f"u{n}", email="") for n in range(people)], batch_size=500)
    Organisation.objects.bulk_create([Organisation(name=f"Firm {n}") for n in range(people // 100)])
    owners = list(User.objects.order_by("pk").values_list("pk", flat=True))
    kinds = ("checking", "savings", "credit", "loan")
    made = [
        Account(owner_id=owners[n % people], name=f"A{n}", kind=kinds[n // people % 4], currency="USD")
        for n in range(accounts)
    ]
    Account.objects.bulk_create(made, batch_size=1000)
    Category.objects.bulk_create([Category(section=Section.EXPENSE, name=f"C{n}") for n in range(40)])
    categories = list(Category.objects.filter(section=Section.EXPENSE).values_list("pk", flat=True))
    for start in range(0, rows, 20_000):
        CashTransaction.objects.bulk_create(
            [
                CashTransaction(
                    account_id=made[n % accounts].pk,
                    booked_on=LAST - timedelta(days=rng.randrange(DAYS)),
                    amount=Decimal(rng.randint(-9_000, 10_000)) / 100 or Decimal(1),
                    section=Section.EXPENSE,
                    category_id=categories[n % 40] if n % 5 else None,
                )
                for n in range(start, min(start + 20_000, rows))
            ],
            batch_size=5_000,
        )


def report(runs: int, accounts: int) -> None:
    from django.test import Client
    from django.utils import timezone

    from analytics.services.bank import compute_report
    from banking.models import Account, CashTransaction
    from users.models import User

    boss = User.objects.create_superuser("boss", "", "x")
    started = perf_counter()
    made = compute_report(timezone.now())
    print(f"{'the report, by a worker':58}{perf_counter() - started:9.1f} s   {made.transactions:,} rows")
    client = Client()
    client.force_login(boss)
    person = made.holders.first().owner_id
    for path in ("/bank-admin/", "/bank-admin/?q=u7", "/bank-admin/flags/", f"/bank-admin/people/{person}/"):
        print(f"{path:58}{1000 * median(lambda path=path: _get(client, path), runs):9.1f} ms")
    sample = list(Account.objects.order_by("pk")[:SAMPLE])
    started = perf_counter()
    for account in sample:
        CashTransaction.objects.filter(account=account).balances()
    naive = (perf_counter() - started) * accounts / len(sample)
    print(f"{'the balances alone, account by account':58}{1000 * naive:9.1f} ms   scaled from {len(sample)}")


def _get(client: Any, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code}")


if __name__ == "__main__":
    main()
