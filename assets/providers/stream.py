"""What a live source of prices is: ticks of the symbols that are wanted, until it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from assets.providers.base import ProviderError


@dataclass(frozen=True, slots=True)
class Tick:
    """One trade or price of a symbol as the source calls it, per unit in its listing currency."""

    symbol: str
    price: Decimal
    at: datetime


class Refused(ProviderError):
    """The source does not let this key stream: trying again soon cannot help."""


class Wanted:
    """The symbols that somebody watches; a source waits for them to change."""

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        self.symbols = frozenset(symbols)
        self._changed = asyncio.Event()

    def set(self, symbols: Iterable[str]) -> None:
        wanted = frozenset(symbols)
        if wanted != self.symbols:
            self.symbols = wanted
            self._changed.set()

    async def changed(self) -> frozenset[str]:
        """The symbols, once they are others than at the last call."""
        await self._changed.wait()
        self._changed.clear()
        return self.symbols


class TickSource(Protocol):
    """A live source. ``name`` is that of its provider."""

    @property
    def name(self) -> str: ...

    def ticks(self, wanted: Wanted) -> AsyncIterator[Tick]:
        """Ticks of what is wanted now, whatever that becomes. Raises Unavailable, Refused or BadPayload."""
        ...
