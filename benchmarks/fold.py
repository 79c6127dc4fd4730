"""Re-folding 100,000 trades of one portfolio: the books beside the plain way to keep lots, in seconds of CPU.

    python benchmarks/fold.py

The baseline keeps a list of open lots in their order and walks it for every sale, summing what
is held each time. It is timed on fewer trades and scaled by the measured growth, as printed.
"""

from __future__ import annotations

import platform
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from portfolios.book.actions import Action
from portfolios.book.fold import fold
from portfolios.book.lots import PRIORITIES
from portfolios.book.types import ActionKind, Entry, EntryKind

TRADES, SMALL, ACTIONS, SEED, REPEATS = 100_000, 5_000, 20, 2024, 3
RATE = Decimal("0.9")


def trades(count: int) -> list[Entry]:
    """Purchases of 1 to 50 units, and sales of as many; on average half of what was bought stays open."""
    chance, at, held = random.Random(SEED), datetime(2000, 1, 1, tzinfo=UTC), 0
    made = []
    for number in range(count):
        at += timedelta(minutes=40)
        units = chance.randint(1, 50)
        sale = held >= units * 3 and chance.random() < 0.45
        price = Decimal(chance.randint(900, 1100)) / 100
        kind = EntryKind.SELL if sale else EntryKind.BUY
        amount = units * price
        made.append(Entry(number, kind, at.date(), at, Decimal(units), amount, amount * RATE, RATE, place=number))
        held += -units if sale else units
    return made


def actions() -> list[Action]:
    """Splits of 2 for 1 and their reverse, a year or less apart."""
    kinds = [(ActionKind.SPLIT, 2, 1), (ActionKind.REVERSE_SPLIT, 1, 2)]
    first = date(2000, 3, 1)
    return [
        Action(n, kind, first + timedelta(days=n * 120), 0, "USD", "USD", "EUR", ratio=Decimal(ratio), per=Decimal(per))
        for n, (kind, ratio, per) in ((n, kinds[n % 2]) for n in range(ACTIONS))
    ]


def plain(entries: list[Entry]) -> Decimal:
    """FIFO as one writes it first: a list of [quantity, cost], searched from its start; returns the realised gain."""
    lots: list[list[Decimal]] = []
    gain = Decimal(0)
    for entry in sorted(entries, key=lambda each: each.order):
        if entry.kind == EntryKind.BUY:
            lots.append([entry.quantity, entry.amount])
            continue
        if sum(lot[0] for lot in lots) < entry.quantity:
            raise ValueError("more is sold than is held")
        missing, gain = entry.quantity, gain + entry.amount
        for lot in lots:
            part = min(lot[0], missing)
            if not part:
                continue
            cost = lot[1] * part / lot[0]
            lot[0], lot[1], missing, gain = lot[0] - part, lot[1] - cost, missing - part, gain - cost
    return gain


def timed(work: Callable[..., Any], *arguments: object) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(REPEATS):
        start = time.process_time()
        result = work(*arguments)
        best = min(best, time.process_time() - start)
    return best, result


def main() -> None:
    entries, few = trades(TRADES), trades(SMALL)
    print(f"Python {platform.python_version()}, best of {REPEATS}; goal: 100,000 trades in at most 2 s")
    for method in PRIORITIES:
        print(f"{method:>9}, {TRADES:,} trades: {timed(fold, entries, method)[0]:6.2f} s")
    print(f"     fifo, {TRADES:,} trades and {ACTIONS} splits: {timed(fold, entries, 'fifo', actions())[0]:6.2f} s")
    half, _ = timed(plain, few[: SMALL // 2])
    whole, gain = timed(plain, few)
    own, book = timed(fold, few, "fifo")
    difference = abs(gain - book.position.realised_gain)
    scale = (whole / half) ** 4.3219  # doublings from 5,000 to 100,000
    print(f"    plain, {SMALL:,} trades: {whole:6.2f} s (books {own:.2f} s; gains differ by {difference:.4f})")
    print(f"    plain, {TRADES:,} trades, scaled by {whole / half:.1f} a doubling: {whole * scale:,.0f} s")


if __name__ == "__main__":
    main()
