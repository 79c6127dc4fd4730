"""Live quotes, and over the same socket the totals of the portfolios that a person looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from channels.db import database_sync_to_async
from django.db.models import Max
from django.utils import timezone

from assets import live, quotes
from assets.consumers import BadMessage, QuoteConsumer, too_many
from assets.models import Asset
from portfolios.live import LiveTotal, Point, live_total
from portfolios.models import Portfolio, PortfolioAccount
from users.models import User

MOST_PORTFOLIOS = 20
TOTAL_EVERY = 0.5  # seconds
RELOAD_EVERY = 30.0  # within this time a booking is in the total, and the total of what may not be seen any more ends
Stamp = tuple[object, ...]


class LiveConsumer(QuoteConsumer):
    """Also takes ``{"portfolios": [7]}``: those whose totals are to be sent, in place of the ones before."""

    async def connect(self) -> None:
        self.totals: dict[int, LiveTotal] = {}
        self.points: dict[int, Point] = {}
        self.stamp: Stamp = ()
        self.moved = asyncio.Event()
        await super().connect()
        if self.tasks:
            self.begin(self._send_totals, self._reload)

    async def obey(self, message: Mapping[str, Any]) -> None:
        rest = dict(message)
        wanted = rest.pop("portfolios", None)
        if wanted is not None:
            if not isinstance(wanted, list) or not all(type(each) is int and 0 < each < 2**63 for each in wanted):
                raise BadMessage("Portfolios are a list of ids.")
            if len(wanted) > MOST_PORTFOLIOS:
                raise BadMessage(f"At most {MOST_PORTFOLIOS} portfolios are followed at once.")
            await self._follow(wanted)
        await super().obey(rest)

    def offer(self, move: live.Move) -> None:
        if move.asset_id in self.symbols.values():
            super().offer(move)
        if any(move.asset_id in each.needed for each in self.totals.values()):
            self.points[move.asset_id] = Point.of_move(move)
            self.moved.set()

    async def _follow(self, portfolio_ids: list[int]) -> None:
        """The books of those that are followed already are not read again: ``_reload`` does where they changed."""
        async with self.following:
            if set(portfolio_ids) != self.totals.keys():
                await self._load(portfolio_ids)
            self.moved.set()

    async def _load(self, portfolio_ids: list[int]) -> None:
        """Those that the person may see; another's is answered like one that does not exist."""
        found, points, stamp = await database_sync_to_async(_totals)(self.user, portfolio_ids)
        for missing in sorted(set(portfolio_ids) - found.keys()):
            await self._complain("unknown_portfolio", f"You have no portfolio {missing}.")
        self.totals, self.points, self.stamp = {}, points, stamp
        for each in found.values():
            await self._add(each)
        if not self.totals:
            await live.hub().follow(self, self.needed())

    async def _add(self, each: LiveTotal) -> None:
        """A total moves with all that it needs, or it would be a wrong number."""
        self.totals[each.portfolio_id] = each
        granted = await live.hub().follow(self, self.needed(), whole=True)
        if not granted >= each.needed:
            del self.totals[each.portfolio_id]
            await self._complain("too_many_symbols", f"{too_many()} Portfolio {each.portfolio_id} is not followed.")

    def needed(self) -> list[int]:
        return [*super().needed(), *(asset_id for each in self.totals.values() for asset_id in each.needed)]

    async def _send_totals(self) -> None:
        await self.moved.wait()
        self.moved.clear()
        for each in self.totals.values():
            self.put(("portfolio", each.portfolio_id), each.text(self.points))
        await asyncio.sleep(TOTAL_EVERY)

    async def _reload(self) -> None:
        await asyncio.sleep(RELOAD_EVERY)
        async with self.following:
            followed = dict(self.totals)
            if followed and await database_sync_to_async(_stamp)(self.user, followed) != self.stamp:
                await self._load(list(followed))
                self.moved.set()


def _totals(user: User, portfolio_ids: list[int]) -> tuple[dict[int, LiveTotal], dict[int, Point], Stamp]:
    """The totals of those that the person may see, the last prices that they need, and what they were read from."""
    booked = _booked(user, portfolio_ids)  # before what is read: a booking meanwhile is read once too often
    found = {each.pk: each for each in Portfolio.objects.visible_to(user).filter(pk__in=portfolio_ids)}
    totals = {pk: live_total(found[pk]) for pk in dict.fromkeys(portfolio_ids) if pk in found}
    needed = {asset_id for each in totals.values() for asset_id in each.needed}
    stamp = (*booked, _priced(needed))
    last = quotes.get(needed, timezone.now()).by_asset
    return totals, {asset_id: Point.of_last(price) for asset_id, price in last.items()}, stamp


def _stamp(user: User, totals: Mapping[int, LiveTotal]) -> Stamp:
    """Another one after a booking, a new close or exchange rate, a new day (interest accrues, dividends come due), and
    once a portfolio may not be seen; 3 queries."""
    needed = {asset_id for each in totals.values() for asset_id in each.needed}
    return (*_booked(user, list(totals)), _priced(needed))


def _booked(user: User, portfolio_ids: Collection[int]) -> Stamp:
    seen = Portfolio.objects.visible_to(user).filter(pk__in=portfolio_ids).order_by("pk").values_list("pk", "version")
    links = PortfolioAccount.objects.filter(portfolio__in=[pk for pk, _ in seen]).order_by("account")
    return timezone.now().date(), tuple(seen), tuple(links.values_list("account", "account__version"))


def _priced(needed: Collection[int]) -> object:
    return Asset.objects.filter(pk__in=needed).aggregate(newest=Max("price_version"))["newest"]
