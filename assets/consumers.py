"""The socket of live quotes: who may listen, to what, and how one who cannot keep up is let go."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qs
from uuid import uuid4

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from assets import live, quotes
from assets.models import Asset
from users.models import User

log = logging.getLogger(__name__)
UNAUTHENTICATED, TOO_MANY, ENDED = 4401, 4429, 4403
FLUSH_EVERY = 0.1  # seconds; what changes twice in between is sent once
RECHECK_EVERY = 60.0
AFTER_FAILURE = 5.0
LARGEST = 16_384  # characters of a message that somebody sends us
LONGEST_SYMBOL = 32


class BadMessage(Exception):
    """What was sent is none of the messages that are understood."""


class QuoteConsumer(AsyncWebsocketConsumer):
    """``?symbols=AAPL,MSFT`` at the start, later ``{"subscribe": [...]}`` and ``{"unsubscribe": [...]}``.

    Sends the last known quote of each symbol at once, then every new one, and ``{"state": …}`` when the stream stops
    or comes back. What cannot be done is answered by ``{"error": {"code", "detail"}}``.
    """

    channel_layer_alias = "none of its own"  # the hub listens once for all sockets of the process

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However it ends, the socket leaves the hub and its tasks end with it."""
        self.tasks: list[asyncio.Task[None]] = []
        self.name = uuid4().hex
        self.symbols: dict[str, int] = {}
        self.pending: dict[Any, str] = {}
        self.news = asyncio.Event()
        self.following = asyncio.Lock()  # what is followed changes by one message after the other
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        user = self.scope.get("user")
        if not getattr(user, "is_authenticated", False):
            await self.close(UNAUTHENTICATED)  # before it is open: the handshake is answered 403
            return
        await self.accept()
        self.user = cast("User", user)
        self.user_id: int = self.user.pk
        self.login = self.user.get_session_auth_hash()
        if not await live.hub().admit(self):
            limit = settings.LIVE_SOCKETS_PER_PERSON
            await self._complain("too_many_sockets", f"You have {limit} open already; close one first.")
            await self.close(TOO_MANY)
            return
        self.begin(self._send_all, self._recheck)
        self.tell(live.hub().state, live.hub().detail)
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
        await self.subscribe(_symbols(",".join(query.get("symbols", [])).split(",")))

    def begin(self, *works: Callable[[], Awaitable[None]]) -> None:
        """Run each of ``works`` again and again beside the socket, until it goes."""
        self.tasks += [asyncio.create_task(_for_ever(work)) for work in works]

    async def disconnect(self, code: int) -> None:
        await self._leave()

    async def _leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.tasks.clear()
        await live.hub().dismiss(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            await self.obey(_message(text_data))
        except BadMessage as error:
            await self._complain("bad_message", str(error))

    async def obey(self, message: Mapping[str, Any]) -> None:
        """Do what a message asks for. Raises BadMessage."""
        unknown = message.keys() - {"subscribe", "unsubscribe"}
        if unknown:
            raise BadMessage(f"“{min(unknown)}” is not understood.")
        await self.subscribe(_symbols(message.get("subscribe", [])))
        leaving = _symbols(message.get("unsubscribe", []))
        async with self.following:
            gone = [self.symbols.pop(symbol) for symbol in leaving if symbol in self.symbols]
            if gone:
                await live.hub().follow(self, self.needed())

    async def subscribe(self, symbols: Sequence[str]) -> None:
        most = settings.LIVE_SYMBOLS_PER_PERSON
        if len(symbols) > most:
            await self._complain("too_many_symbols", too_many())
        async with self.following:
            new = [symbol for symbol in dict.fromkeys(symbols[:most]) if symbol not in self.symbols]
            if new:
                await self._subscribe(new)

    async def _subscribe(self, symbols: list[str]) -> None:
        known, texts = await database_sync_to_async(_last_quotes)(self.user, symbols)
        for symbol in symbols:
            if symbol not in known:
                await self._complain("unknown_symbol", f"There is no asset “{symbol[:LONGEST_SYMBOL]}”.")
        granted = await live.hub().follow(self, [*self.needed(), *known.values()])
        self.symbols |= {symbol: asset_id for symbol, asset_id in known.items() if asset_id in granted}
        refused = [symbol for symbol in known if symbol not in self.symbols]
        if refused:
            await self._complain("too_many_symbols", f"{too_many()} Not followed: {', '.join(refused)}.")
        for asset_id in granted & texts.keys():
            self.put(asset_id, texts[asset_id])

    def needed(self) -> list[int]:
        """The assets whose quotes this socket is to get."""
        return list(self.symbols.values())

    def offer(self, move: live.Move) -> None:
        self.put(move.asset_id, move.text)

    def tell(self, state: str, detail: str) -> None:
        self.put("state", json.dumps({"state": state} | ({"detail": detail} if detail else {})))

    def put(self, key: Any, text: str) -> None:
        """Send ``text`` with the next round, in place of what waits there under the same key."""
        self.pending[key] = text
        self.news.set()

    async def _send_all(self) -> None:
        """One round. A client that does not read is cut off by the server, which ends the send."""
        await self.news.wait()
        self.news.clear()
        texts, self.pending = self.pending, {}
        for text in texts.values():
            await self.send(text)
        await asyncio.sleep(FLUSH_EVERY)

    async def _recheck(self) -> None:
        """A socket does not outlive its login."""
        await asyncio.sleep(RECHECK_EVERY)
        session = self.scope.get("session")
        if not await database_sync_to_async(_still_logged_in)(self.user.pk, self.login, session):
            await self.close(ENDED)

    async def _complain(self, code: str, detail: str) -> None:
        await self.send(json.dumps({"error": {"code": code, "detail": detail}}))


def too_many() -> str:
    most = settings.LIVE_SYMBOLS_PER_PERSON
    return f"All your pages together follow at most {most} symbols, those of portfolios included."


def _message(text: str | None) -> Mapping[str, Any]:
    if text is None or len(text) > LARGEST:
        raise BadMessage("A message is a short JSON object.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("A message is a JSON object.") from None
    if not isinstance(message, dict):
        raise BadMessage("A message is a JSON object.")
    return message


def _symbols(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadMessage("Symbols are a list of strings.")
    return [value.strip().upper() for value in values if value.strip()]


def _last_quotes(user: User, symbols: list[str]) -> tuple[dict[str, int], dict[int, str]]:
    """Symbol to asset id of those there are, and the last quotes of those that have a price."""
    askable = [
        symbol for symbol in symbols if len(symbol) <= LONGEST_SYMBOL and symbol.isascii() and "\x00" not in symbol
    ]
    known = dict(Asset.objects.visible_to(user).filter(symbol__in=askable).values_list("symbol", "pk"))
    prices = quotes.get(known.values(), timezone.now()).by_asset
    names = {pk: symbol for symbol, pk in known.items()}
    return known, {pk: live.quote_text(names[pk], price) for pk, price in prices.items()}


def _still_logged_in(user_id: int, login: str, session: Any) -> bool:
    """Whether the person may still log in, has the same password, and has not logged out where a session was."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), login):
        return False
    if session is None or not session.session_key:
        return session is None
    return SESSION_KEY in type(session)(session.session_key)  # read anew: an expired one is empty


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """``work`` again and again; a failure, such as of the database, is written down and does not end it."""
    while True:
        try:
            await work()
        except OSError:
            return  # the client is gone
        except Exception:
            log.exception("A live socket: %s failed", getattr(work, "__name__", work))
            await asyncio.sleep(AFTER_FAILURE)
