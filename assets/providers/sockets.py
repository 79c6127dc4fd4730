"""Live prices over a provider's WebSocket: connect, subscribe to what is wanted, read until it breaks."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from assets.providers.base import BadPayload, Unavailable
from assets.providers.stream import Refused, Tick, Wanted

FORBIDDEN = {401, 403}
NOT_ALLOWED = ("api key", "token", "access", "authoriz", "permission", "premium")  # in an error of the key
LARGEST = 1 << 20  # bytes of one message
LATEST = 10**14  # milliseconds, some 3000 years
GARBAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class _Direct(connect):
    """A connection to the address that is given and nowhere else: a redirect would take the key along."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Socket(ABC):
    """One provider's stream. A subclass says how to log in, to subscribe, and what a message holds."""

    name = ""

    def __init__(self, url: str, key: str, *, timeout: float = 10.0, silence: float = 60.0) -> None:
        """``silence`` is the number of seconds without any message after which the connection counts as broken."""
        self.url, self.key, self.timeout, self.silence = url, key, timeout, silence

    async def ticks(self, wanted: Wanted) -> AsyncIterator[Tick]:
        try:
            async with _Direct(
                self._address(), open_timeout=self.timeout, close_timeout=1, max_size=LARGEST, proxy=None
            ) as link:
                await self._log_in(link)
                keeper = asyncio.create_task(self._follow(link, wanted))
                try:
                    while True:
                        for tick in self._read(await asyncio.wait_for(link.recv(), self.silence)):
                            yield tick
                finally:
                    keeper.cancel()
                    with suppress(asyncio.CancelledError, WebSocketException):
                        await keeper
        except InvalidStatus as error:
            status = error.response.status_code
            problem = Refused if status in FORBIDDEN else Unavailable
            raise problem(f"{self.name}: the stream answered {status}") from error
        except (OSError, TimeoutError, WebSocketException, InvalidHandshake) as error:
            raise Unavailable(f"{self.name}: the stream broke: {type(error).__name__}") from error

    async def _follow(self, link: ClientConnection, wanted: Wanted) -> None:
        """Subscribe to what is wanted, and unsubscribe from what no longer is."""
        subscribed: frozenset[str] = frozenset()
        symbols = wanted.symbols
        while True:
            for message in self._subscriptions(sorted(symbols - subscribed), sorted(subscribed - symbols)):
                await link.send(json.dumps(message))
            subscribed = symbols
            symbols = await wanted.changed()

    def _read(self, message: str | bytes) -> list[Tick]:
        with self._documented():
            return list(self._ticks_of(_decoded(message)))

    @contextmanager
    def _documented(self) -> Iterator[None]:
        """Whatever another shape makes the reader of a message raise is BadPayload."""
        try:
            yield
        except GARBAGE as error:
            raise BadPayload(f"{self.name}: a message of the stream is not what is documented") from error

    @classmethod
    def carries(cls, symbol: str) -> bool:
        """Whether ``symbol`` can be subscribed to here."""
        return bool(symbol)

    def _address(self) -> str:
        return self.url

    async def _log_in(self, link: ClientConnection) -> None:
        """Some need no more than their address. Raises Refused."""
        return

    @abstractmethod
    def _subscriptions(self, more: list[str], less: list[str]) -> Iterable[Any]:
        """The messages that subscribe to ``more`` and unsubscribe from ``less``."""

    @abstractmethod
    def _ticks_of(self, message: Any) -> Iterable[Tick]:
        """What a message tells of prices. Raises what a message of another shape makes it raise."""


def _decoded(message: str | bytes) -> Any:
    """JSON whose fractions keep every digit."""
    return json.loads(message, parse_float=Decimal)


def tick(symbol: Any, price: Any, milliseconds: Any) -> Tick:
    """From the JSON of a provider; ValueError for what is no symbol, price or time."""
    value = Decimal(str(price))
    if not isinstance(symbol, str) or not value.is_finite() or value <= 0 or isinstance(price, bool):
        raise ValueError("not a tick")
    if not 0 <= milliseconds < LATEST:
        raise ValueError("not a time")
    return Tick(symbol, value, datetime.fromtimestamp(int(milliseconds) / 1000, UTC))


class FinnhubSocket(Socket):
    """Trades from Finnhub: one subscription a symbol, the key in the address."""

    name = "finnhub"

    def _address(self) -> str:
        return f"{self.url}?token={self.key}"

    def _subscriptions(self, more: list[str], less: list[str]) -> Iterable[Any]:
        yield from ({"type": "subscribe", "symbol": symbol} for symbol in more)
        yield from ({"type": "unsubscribe", "symbol": symbol} for symbol in less)

    def _ticks_of(self, message: Any) -> Iterable[Tick]:
        if message["type"] == "error":
            said = str(message.get("msg"))[:200]
            problem = Refused if any(word in said.lower() for word in NOT_ALLOWED) else Unavailable
            raise problem(f"finnhub: the stream said: {said}")
        if message["type"] != "trade":
            return []
        return [tick(trade["s"], trade["p"], trade["t"]) for trade in message["data"]]


class PolygonSocket(Socket):
    """Trades from Polygon: log in by a message, then one list of topics; messages are lists of events."""

    name = "polygon"

    async def _log_in(self, link: ClientConnection) -> None:
        await link.send(json.dumps({"action": "auth", "params": self.key}))
        async with asyncio.timeout(self.timeout):
            while True:
                message = await link.recv()
                with self._documented():
                    said = [event.get("status") for event in _decoded(message)]
                if "auth_success" in said:
                    return
                for status in ("auth_failed", "auth_timeout", "not_authorized"):
                    if status in said:
                        raise Refused(f"polygon: the stream does not take this key ({status})")

    @classmethod
    def carries(cls, symbol: str) -> bool:
        """Stocks: pairs and coins (C:, X:) are on other addresses, and a comma would make two topics."""
        return bool(symbol) and not {":", ",", "*"} & set(symbol)

    def _subscriptions(self, more: list[str], less: list[str]) -> Iterable[Any]:
        if more:
            yield {"action": "subscribe", "params": ",".join(f"T.{symbol}" for symbol in more)}
        if less:
            yield {"action": "unsubscribe", "params": ",".join(f"T.{symbol}" for symbol in less)}

    def _ticks_of(self, message: Any) -> Iterable[Tick]:
        for event in message:
            if event.get("status") in {"not_authorized", "max_connections"}:
                raise Refused(f"polygon: the stream refused: {str(event.get('message'))[:200]}")
            if event.get("ev") == "T":
                yield tick(event["sym"], event["p"], event["t"])
