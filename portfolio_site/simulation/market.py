"""What simulated people buy, at the shipped market's closes. Pure."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

FEE = Decimal("1.00")


class Order(NamedTuple):
    """Units to buy, or, negative, to sell at the close of a day."""

    symbol: str
    day: date
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Closes:
    """Symbol to its days, ascending, and their closes."""

    of: Mapping[str, tuple[Sequence[date], Sequence[Decimal]]]

    def after(self, symbol: str, day: date) -> tuple[date, Decimal] | None:
        """The first close on ``day`` or later."""
        days, closes = self.of[symbol]
        place = bisect_left(days, day)
        return (days[place], closes[place]) if place < len(days) else None

    @property
    def last_day(self) -> date:
        return max(days[-1] for days, _ in self.of.values())


def orders(
    rng: random.Random, closes: Closes, deposits: Iterable[tuple[date, Decimal]], until: date, favourites: int
) -> list[Order]:
    """Each deposit is invested at the next close in one of a few favourites; now and then a part of one is sold."""
    chosen = rng.sample(sorted(closes.of), min(favourites, len(closes.of)))
    cash, held, placed = Decimal(0), dict.fromkeys(chosen, Decimal(0)), list[Order]()
    for number, (day, amount) in enumerate(deposits):
        cash += amount
        symbol = chosen[number % len(chosen)]
        found = closes.after(symbol, day)
        if found is None or found[0] > until:
            continue
        at, price = found
        if held[symbol] >= 4 and rng.random() < 0.08:
            quantity = (held[symbol] / 2).quantize(Decimal(1), ROUND_DOWN)
            placed.append(Order(symbol, at, -quantity, price))
            held[symbol] -= quantity
            cash += quantity * price - FEE
            continue
        quantity = ((cash - FEE) / price).quantize(Decimal("0.001"), ROUND_DOWN)
        if quantity > 0:
            placed.append(Order(symbol, at, quantity, price))
            held[symbol] += quantity
            cash -= quantity * price + FEE
    return placed
