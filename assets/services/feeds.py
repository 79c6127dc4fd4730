"""The sources of live prices in order of preference, and what each of their ticks makes of an asset's day."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from channels.db import database_sync_to_async
from django.conf import settings
from django.utils import timezone

from assets import quotes
from assets.models import Asset, AssetType, SymbolMapping
from assets.providers import finnhub, polygon
from assets.providers.base import Capability, PriceQuote
from assets.providers.sockets import FinnhubSocket, PolygonSocket
from assets.providers.stream import Tick, TickSource, Wanted
from assets.providers.tape import SimulatedTape
from assets.queries import SIMULATED
from assets.quotes import LastPrice, believable, changes
from assets.services import quotes as quote_service
from assets.services.history import MANUAL
from assets.services.keys import keys
from assets.services.sources import Source, enabled, identities, in_order

AHEAD = timedelta(minutes=5)  # by which a source's clock may be wrong
FIRST_PAUSE, LONGEST_PAUSE, AFTER_REFUSAL = 1.0, 60.0, 3600.0
POLL = "poll"
LISTED = (AssetType.EQUITY, AssetType.ETF)  # which are taken to be listed in the US where no exchange is named


@dataclass(frozen=True, slots=True)
class Stream:
    """A provider's stream: its adapter, the setting of its address, and the exchanges whose trades it carries."""

    adapter: Any
    address: str
    markets: frozenset[str]

    def carries(self, asset: Asset, symbol: str, *, mapped: bool) -> bool:
        """Whether prices under ``symbol`` are prices as ``asset`` is quoted: US dollars for a whole unit."""
        if asset.currency != "USD" or asset.price_factor != 1 or not self.adapter.carries(symbol):
            return False
        return mapped or (asset.exchange_id in self.markets if asset.exchange_id else asset.type in LISTED)


STREAMS: Mapping[str, Stream] = {
    "finnhub": Stream(FinnhubSocket, "FINNHUB_STREAM_URL", finnhub.MARKETS),
    "polygon": Stream(PolygonSocket, "POLYGON_STREAM_URL", polygon.MARKETS - {"FX", "CRYPTO"}),
}


@dataclass(frozen=True, slots=True)
class Tracked:
    """An asset that is watched, and its last price. ``keep`` says that the price is not in the database yet.

    ``routes`` are the feeds that may serve it, with its symbol there; its days begin at midnight in ``zone``.
    """

    asset_id: int
    symbol: str
    last: LastPrice
    keep: bool = True
    routes: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC

    def moved(self, tick: Tick, source: str) -> Tracked:
        """The day after one more tick; in a new trading day what was last is the previous close."""
        last, day = self.last, self._day_of(tick.at)
        same_day = day == (self._day_of(last.at) if last.is_quote else last.day)
        previous = last.previous_close if same_day else last.price
        figures: dict[str, Any] = {
            "price": tick.price,
            "previous_close": previous,
            "high": max(filter(None, (last.high if same_day else None, tick.price))),
            "low": min(filter(None, (last.low if same_day else None, tick.price))),
            "open": (last.open if same_day else None) or tick.price,
            **(changes(tick.price, previous) if previous else {"change": None, "percent_change": None}),
        }
        newest = replace(last, day=day, source=source, quoted_at=tick.at, fetched_at=tick.at, **figures)
        return replace(self, last=newest, keep=True)

    def _day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def follows(self, tick: Tick, now: datetime, source: str) -> bool:
        """Whether the tick is the price from now on."""
        return self.is_next(tick, now, source) and self.believes(tick, source)

    def is_next(self, tick: Tick, now: datetime, source: str) -> bool:
        """Whether the tick is of a moment that has come, and not older than what is known.

        A made-up price never takes the place of a real one.
        """
        if tick.at > now + AHEAD or quotes.storable(tick.price) is None:
            return False
        if source == SIMULATED and self.is_real:
            return False
        return not self.last.is_quote or tick.at >= self.last.at

    def believes(self, tick: Tick, source: str) -> bool:
        """Whether the tick is near enough to the last price, of which a made-up one says nothing."""
        says_nothing = self.last.simulated and source != SIMULATED
        return believable(None if says_nothing else self.last.price, tick.price)

    @property
    def is_real(self) -> bool:
        """Whether the last price is a quote of a market."""
        return self.last.is_quote and not self.last.simulated

    def quote(self) -> PriceQuote:
        last = self.last
        names = ("change", "percent_change", "high", "low", "open", "previous_close")
        return PriceQuote(self.symbol, last.price, last.at, **{name: getattr(last, name) for name in names})


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A tick that is too far from the last price to be believed; what was tracked stays as it is."""

    before: Tracked
    tick: Tick
    source: str


Board = dict[str, Tracked]
"""What is watched, by symbol."""
Update = Tracked | Doubtful


@dataclass(slots=True)
class Part:
    """What one feed serves: what is wanted as it calls it, and our symbols by that."""

    wanted: Wanted = field(default_factory=Wanted)
    ours: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def give(self, named: Mapping[str, str]) -> None:
        """Serve these from now on: the feed's symbol by ours."""
        ours = defaultdict(list)
        for symbol, theirs in named.items():
            ours[theirs].append(symbol)
        self.ours = dict(ours)
        self.wanted.set(self.ours)


@dataclass(slots=True)
class Feed:
    """A source that can be asked: its updates, where they came from last, and when it may be tried after it broke.

    ``identity`` changes with its key and address. ``refused`` says that the source does not let the key stream.
    """

    name: str
    updates: Callable[[Board, Part], AsyncIterator[Update]]
    identity: str = ""
    retry_at: float = 0.0
    pause: float = FIRST_PAUSE
    source: str = ""
    problem: str = ""
    refused: bool = False

    def works(self, source: str) -> None:
        self.pause, self.source, self.problem, self.refused = FIRST_PAUSE, source, "", False

    def broke(self, moment: float, problem: str, *, refused: bool = False) -> None:
        """Wait each time twice as long; after a refusal much longer."""
        self.retry_at = moment + (AFTER_REFUSAL if refused else self.pause)
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        self.source, self.problem, self.refused = "", problem, refused


def partition(board: Board, known: Sequence[Feed], moment: float) -> dict[str, dict[str, str]]:
    """Who serves what: each asset goes to the first feed that may serve it and does not wait after a break.

    The feed's symbol by ours, by feed; a feed without work is left out.
    """
    parts: dict[str, dict[str, str]] = {}
    for symbol, each in board.items():
        name = next((feed.name for feed in _serving(each, known) if feed.retry_at <= moment), None)
        if name is not None:
            parts.setdefault(name, {})[symbol] = each.routes[name]
    return parts


def _serving(each: Tracked, known: Sequence[Feed]) -> list[Feed]:
    """The feeds that may serve it, as they are preferred. Prices are made up where every real source has refused or
    there is none, not where one is away for a moment, and not from a real quote on."""
    found = [feed for feed in known if feed.name in each.routes]
    real = [feed for feed in found if feed.name != SIMULATED]
    made_up = [feed for feed in found if feed.name == SIMULATED]
    return real if each.is_real or not all(feed.refused for feed in real) else real + made_up


def feeds() -> list[Feed]:
    """Those of LIVE_SOURCES that can be asked, the preferred one first; two queries."""
    known, sources = keys(), {source.name: source for source in enabled()}
    quoting = [source for source in sources.values() if source.offers(Capability.QUOTE)]
    real = [source for source in quoting if source.name != SIMULATED]
    found = []
    for name in settings.LIVE_SOURCES:
        if name in STREAMS and name in sources and known.get(name):
            stream = STREAMS[name]
            source = stream.adapter(getattr(settings, stream.address), known[name])
            found.append(Feed(name, partial(_streamed, source), sources[name].identity))
        elif name == POLL and real:
            found.append(Feed(name, _polled, identities(real)))
        elif name == SIMULATED and (SIMULATED in sources or settings.DEMO):
            found.append(Feed(name, _taped, name))
    return found


def load(asset_ids: Iterable[int]) -> Board:
    """The watched assets with their last prices; what never had a price cannot be followed. 6 queries."""
    assets = {asset.pk: asset for asset in Asset.objects.filter(pk__in=asset_ids).select_related("exchange")}
    mapped: dict[int, dict[str, str]] = defaultdict(dict)
    for pk, provider, symbol in SymbolMapping.objects.filter(asset__in=assets).values_list(
        "asset_id", "provider", "symbol"
    ):
        mapped[pk][provider] = symbol
    sources, board = enabled(), {}
    for pk, last in quotes.get(assets.keys(), timezone.now()).by_asset.items():
        asset = assets[pk]
        zone = ZoneInfo(asset.exchange.time_zone) if asset.exchange else UTC
        found = routes(asset, last, sources, mapped.get(pk, {}))
        board[asset.symbol] = Tracked(pk, asset.symbol, last, keep=False, routes=found, zone=zone)
    return board


def routes(asset: Asset, last: LastPrice, sources: Iterable[Source], mapped: Mapping[str, str]) -> dict[str, str]:
    """The feeds that may serve ``asset``, with its symbol there; ``mapped`` are its symbols by provider.

    A stream may where its provider may be asked for the asset and delivers prices as it is quoted; made-up prices are
    the last resort, and never in place of one that somebody entered.
    """
    asked = [each for each in in_order(sources, asset) if each.name in mapped or each.covers(asset.exchange_id or "")]
    found: dict[str, str] = {}
    for source in asked:
        symbol, stream = mapped.get(source.name) or source.symbol(asset), STREAMS.get(source.name)
        if stream and stream.carries(asset, symbol, mapped=source.name in mapped):
            found[source.name] = symbol
        if source.offers(Capability.QUOTE) and source.name != SIMULATED:
            found[POLL] = asset.symbol
    allowed = settings.DEMO or any(source.name == SIMULATED for source in asked)
    if allowed and last.source != MANUAL:
        found[SIMULATED] = asset.symbol
    return found


async def _streamed(source: TickSource, board: Board, part: Part) -> AsyncIterator[Update]:
    async for tick in source.ticks(part.wanted):
        for symbol in part.ours.get(tick.symbol, ()):
            before = board.get(symbol)
            if before is None or not before.is_next(tick, timezone.now(), source.name):
                continue
            if before.believes(tick, source.name):
                yield before.moved(tick, source.name)
            else:
                yield Doubtful(before, tick, source.name)


async def _taped(board: Board, part: Part) -> AsyncIterator[Update]:
    tape = SimulatedTape(
        lambda symbol: board[symbol].last.price if symbol in board else None,
        seed=settings.SIMULATED_SEED,
        every=settings.LIVE_TAPE_EVERY,
    )
    async for update in _streamed(tape, board, part):
        yield update


async def _polled(board: Board, part: Part) -> AsyncIterator[Update]:
    """No stream: what is watched is asked for whenever it is due, as if somebody opened its page."""
    ask = database_sync_to_async(_poll, thread_sensitive=False)  # a slow provider must not hold up the others
    while True:
        asked = {board[symbol].asset_id: symbol for symbol in part.ours if symbol in board}
        for symbol, last in await ask(asked):
            before = board.get(symbol)
            if before is not None and last.fetched_at != before.last.fetched_at:
                yield replace(before, last=last, keep=False)
        await asyncio.sleep(settings.LIVE_POLL_EVERY)


def _poll(symbols: dict[int, str]) -> list[tuple[str, LastPrice]]:
    now = timezone.now()
    quote_service.refresh(quotes.get(symbols.keys(), now).due, now=now)
    found = quotes.get(symbols.keys(), now).by_asset.values()
    return [(symbols[last.asset_id], last) for last in found if last.is_quote]
