"""Storing daily bars: the bulk path beside Django's bulk_create, on the same rows in the same run.

python benchmarks/bars.py                                       # SQLite, in a temporary file
DATABASE_URL=postgres://user@host/db python benchmarks/bars.py  # PostgreSQL: makes a database test_<db>, and drops it
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "portfolio_site.settings"

DAY, NEXT = date(2024, 5, 30), date(2024, 5, 31)
ASSETS_OF_A_DAY = 10_000
ASSETS_OF_A_HISTORY, START, END = 26, date(2013, 1, 2), date(2022, 12, 28)
COLUMNS = ("open", "high", "low", "close", "volume", "source", "version")


@contextmanager
def database(folder: str) -> Iterator[str]:
    """A new, empty database with all tables; yields what it is."""
    import django
    from django.db import connection

    django.setup()
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bars.sqlite3")
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        yield f"{connection.vendor} {cursor.fetchone()[0]}"
    connection.creation.destroy_test_db(name, verbosity=0)


def timed(label: str, rows: int, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"| {label} | {seconds:.2f} s | {rows / seconds:,.0f} |", flush=True)


def day_of(assets: list[Any], day: date, step: Decimal) -> list[tuple[int, Any]]:
    """One full bar for each asset, with prices to the cent."""
    from assets.providers.base import Bar

    cent = Decimal("0.01")
    return [
        (
            asset.pk,
            Bar(
                asset.symbol,
                day,
                close=100 + number * cent + step,
                open=100 + number * cent,
                high=103 + number * cent,
                low=98 + number * cent,
                volume=Decimal(1_000 + number),
            ),
        )
        for number, asset in enumerate(assets)
    ]


def history_of(assets: list[Any]) -> list[tuple[int, Any]]:
    """Ten years of closes for each asset, as the demonstration has them."""
    from assets.providers.base import Bar
    from assets.sessions import sessions

    days, cent = sessions("XNYS", START, END), Decimal("0.001")
    return [
        (asset.pk, Bar(asset.symbol, day, close=50 + number * cent))
        for asset in assets
        for number, day in enumerate(days)
    ]


def bulk_create(bars: list[tuple[int, Any]]) -> None:
    """The baseline: what Django offers for the same upsert, without revisions and versions."""
    from django.db import transaction

    from assets.models import HistoricValue

    rows = [
        HistoricValue(
            asset_id=asset_id,
            day=bar.day,
            source="bench",
            **{name: getattr(bar, name) for name in COLUMNS[:5]},
        )
        for asset_id, bar in bars
    ]
    with transaction.atomic():
        HistoricValue.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["asset", "day"], update_fields=COLUMNS, batch_size=5_000
        )


def empty() -> None:
    from assets.models import HistoricValue, PriceRevision

    HistoricValue.objects.all().delete()
    PriceRevision.objects.all().delete()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, database(folder) as engine:
        from assets.models import Asset
        from assets.services.history import store_bars

        listed = [Asset(symbol=f"A{number}", name="x", currency="USD") for number in range(ASSETS_OF_A_DAY)]
        Asset.objects.bulk_create(listed, batch_size=5_000)
        assets = list(Asset.objects.order_by("pk"))
        new, restated = day_of(assets, DAY, Decimal(0)), day_of(assets, DAY, Decimal("0.05"))
        history = history_of(assets[:ASSETS_OF_A_HISTORY])

        print(f"{engine}, Python {sys.version.split()[0]}\n\n| | time | rows a second |\n| --- | --: | --: |")
        for label, rows, store in [
            ("a new day of 10,000 assets", new, lambda bars: store_bars(bars, source="bench")),
            ("the same day again: nothing changes", new, lambda bars: store_bars(bars, source="bench")),
            ("the day restated, old bars kept", restated, lambda bars: store_bars(bars, source="bench")),
        ]:
            timed(f"store_bars, {label}", len(rows), lambda store=store, rows=rows: store(rows))
        empty()
        timed("bulk_create, a new day of 10,000 assets", len(new), lambda: bulk_create(new))
        timed("bulk_create, the day restated, old bars lost", len(restated), lambda: bulk_create(restated))
        empty()
        timed(
            f"store_bars, a history of {len(history):,} closes",
            len(history),
            lambda: store_bars(history, source="bench"),
        )
        empty()
        timed(f"bulk_create, a history of {len(history):,} closes", len(history), lambda: bulk_create(history))


if __name__ == "__main__":
    main()
