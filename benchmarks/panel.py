"""The price panel: built from the database, opened by a process that has it, and brought a day further.

python benchmarks/panel.py                                       # SQLite, in a temporary file
DATABASE_URL=postgres://user@host/db python benchmarks/panel.py  # PostgreSQL: makes a database test_<db>, and drops it
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bars import database

ASSETS, SESSIONS, LAST = 500, 2_520, date(2024, 5, 31)
BASELINE_ASSETS = 50


def timed(label: str, work: Callable[[], object], runs: int = 1, per: str = "") -> None:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(f"| {label} | {median:.2f} s | {per} |" if median >= 0.1 else f"| {label} | {median * 1000:.1f} ms | {per} |")


def fill(days: list[date]) -> None:
    """A close for each asset and day, written in bulk under one reading of the clock."""
    from django.db import transaction

    from assets.models import Asset, HistoricValue, PriceClock
    from core import bulk

    Asset.objects.bulk_create(Asset(symbol=f"A{number}", name="x", currency="USD") for number in range(ASSETS))
    ids = list(Asset.objects.order_by("pk").values_list("pk", flat=True))

    def rows() -> Iterator[tuple[Any, ...]]:
        cent = Decimal("0.01")
        for pk in ids:
            for number, day in enumerate(days):
                yield pk, day, 50 + (pk * 7 + number) % 5_000 * cent, "bench", 1

    with transaction.atomic():
        PriceClock.tick()
        bulk.insert(HistoricValue, ("asset", "day", "close", "source", "version"), rows())


def with_the_orm() -> None:
    """The baseline: the same matrix by Django's objects, for a part of the assets."""
    import numpy as np

    from assets.models import Asset, HistoricValue

    ids = list(Asset.objects.order_by("pk").values_list("pk", flat=True)[:BASELINE_ASSETS])
    bars = list(HistoricValue.objects.filter(asset__in=ids))
    days = {day: place for place, day in enumerate(sorted({bar.day for bar in bars}))}
    rows = {pk: place for place, pk in enumerate(ids)}
    matrix = np.full((len(rows), len(days)), np.nan)
    for bar in bars:
        matrix[rows[bar.asset_id], days[bar.day]] = float(bar.close)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, database(folder) as engine:
        from django.conf import settings

        from assets.models import Asset
        from assets.panel import open_panel
        from assets.providers.base import Bar
        from assets.services.history import store_bars
        from assets.sessions import sessions

        settings.PANEL_DIR = Path(folder) / "panel"
        days = sessions("XNYS", LAST - timedelta(days=3_900), LAST)[-SESSIONS:]
        fill(days)

        def anew() -> None:
            shutil.rmtree(settings.PANEL_DIR, ignore_errors=True)
            open_panel()

        def read() -> None:
            panel = open_panel()
            assert panel.closes.shape == (ASSETS, SESSIONS)
            float(panel.closes[:, -1].sum())

        print(f"{engine}, Python {sys.version.split()[0]}\n\n| | median | |\n| --- | --: | --- |")
        timed("rebuilt from the database and published", anew, runs=3, per=f"{ASSETS} × {SESSIONS}")
        timed("opened, one day of it read", read, runs=200)
        bars = [(pk, Bar("x", date(2024, 6, 3), Decimal(51))) for pk in Asset.objects.values_list("pk", flat=True)]
        store_bars(bars, source="bench")
        timed("brought a day further", open_panel)
        timed("by Django's objects", with_the_orm, per=f"{BASELINE_ASSETS} × {SESSIONS} alone")


if __name__ == "__main__":
    main()
