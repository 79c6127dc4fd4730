"""Live quotes, and over the same socket the totals of the portfolios that a person looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async

from assets import live
from assets.consumers import BadMessage, QuoteConsumer
from portfolios.live import LiveTotal, live_total
from portfolios.models import Portfolio
from users.models import User

MOST_PORTFOLIOS = 20
TOTAL_EVERY = 0.5  # seconds
RELOAD_EVERY = 30.0  # after a booking the total is right again within this time


class LiveConsumer(QuoteConsumer):
    """Also takes ``{"portfolios": [7]}``: those whose totals are to be sent, in place of the ones before."""

    async def connect(self) -> None:
        self.totals: dict[int, LiveTotal] = {}
        self.prices: dict[int, Decimal] = {}
        self.moved = asyncio.Event()
        await super().connect()
        if hasattr(self, "tasks"):
            self.tasks += [asyncio.create_task(self._send_totals()), asyncio.create_task(self._reload())]

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

    def offer(self, asset_id: int, price: str, text: str) -> None:
        if asset_id in self.symbols.values():
            super().offer(asset_id, price, text)
        if any(asset_id in each.held for each in self.totals.values()):
            self.prices[asset_id] = Decimal(price)
            self.moved.set()

    async def _follow(self, portfolio_ids: list[int]) -> None:
        """Those of the person's own; another's is answered like one that does not exist."""
        before = self.needed()
        self.totals = await database_sync_to_async(_totals)(self.user, portfolio_ids)
        for missing in sorted(set(portfolio_ids) - self.totals.keys()):
            await self._complain("unknown_portfolio", f"You have no portfolio {missing}.")
        live.hub().unwatch(self, before - self.needed())
        live.hub().watch(self, self.needed())
        self.moved.set()

    def needed(self) -> set[int]:
        return super().needed().union(*(each.held for each in self.totals.values()))

    async def _send_totals(self) -> None:
        while True:
            await self.moved.wait()
            self.moved.clear()
            for each in self.totals.values():
                self.put(("portfolio", each.portfolio_id), each.text(self.prices))
            await asyncio.sleep(TOTAL_EVERY)

    async def _reload(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_EVERY)
            stale = await database_sync_to_async(_changed)(self.totals)
            if stale:
                await self._follow(list(self.totals))


def _totals(user: User, portfolio_ids: list[int]) -> dict[int, LiveTotal]:
    found = Portfolio.objects.visible_to(user).filter(pk__in=portfolio_ids)
    return {portfolio.pk: live_total(portfolio) for portfolio in found}


def _changed(totals: Mapping[int, LiveTotal]) -> bool:
    versions = dict(Portfolio.objects.filter(pk__in=totals).values_list("pk", "version"))
    return any(versions.get(pk) != each.version for pk, each in totals.items())
