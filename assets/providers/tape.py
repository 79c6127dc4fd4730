"""A tape that no market made, for demonstrations: every symbol moves a little, every second."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal

from assets.providers.stream import Tick, Wanted

STEP = 0.0004  # deviation of one move, a fraction of the price
PULL = 0.995  # of the distance from the start that is left after a move
PLACES = Decimal("0.0001")


class SimulatedTape:
    """A random walk of each symbol from the price that ``start`` gives; what has none does not move.

    The walk is drawn back to where it began, so that a tape that runs for days stays near its closes.
    """

    name = "simulated"

    def __init__(self, start: Callable[[str], Decimal | None], *, seed: int, every: float = 1.0) -> None:
        self._start, self.every = start, every
        self._random = random.Random(seed)  # noqa: S311  no secret is drawn
        self._levels: dict[str, tuple[Decimal, float]] = {}

    async def ticks(self, wanted: Wanted) -> AsyncIterator[Tick]:
        while True:
            for symbol in sorted(wanted.symbols):
                price = self._next(symbol)
                if price is not None:
                    yield Tick(symbol, price, datetime.now(UTC))
            await asyncio.sleep(self.every)

    def _next(self, symbol: str) -> Decimal | None:
        start = self._levels[symbol][0] if symbol in self._levels else self._start(symbol)
        if start is None:
            return None
        moved = self._levels.get(symbol, (start, 0.0))[1] * PULL + self._random.gauss(0.0, STEP)
        self._levels[symbol] = (start, moved)
        return max((start * Decimal(1 + moved)).quantize(PLACES), PLACES)
