"""Live quotes, and over the same socket the totals of the portfolios that a person looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async
from django.utils import timezone

from assets import live, quotes
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

    def offer(self, asset_id: int, price: str, text: str) -> None:
        if asset_id in self.symbols.values():
            super().offer(asset_id, price, text)
        if any(asset_id in each.held for each in self.totals.values()):
            self.prices[asset_id] = Decimal(price)
            self.moved.set()

    async def _follow(self, portfolio_ids: list[int]) -> None:
        """Those of the person's own; another's is answered like one that does not exist."""
        before = self.needed()
        self.totals, self.prices = await database_sync_to_async(_totals)(self.user, portfolio_ids)
        for missing in sorted(set(portfolio_ids) - self.totals.keys()):
            await self._complain("unknown_portfolio", f"You have no portfolio {missing}.")
        live.hub().unwatch(self, before - self.needed())
        live.hub().watch(self, self.needed())
        self.moved.set()

    def needed(self) -> set[int]:
        return super().needed().union(*(each.held for each in self.totals.values()))

    async def _send_totals(self) -> None:
        await self.moved.wait()
        self.moved.clear()
        for each in self.totals.values():
            self.put(("portfolio", each.portfolio_id), each.text(self.prices))
        await asyncio.sleep(TOTAL_EVERY)

    async def _reload(self) -> None:
        await asyncio.sleep(RELOAD_EVERY)
        if self.totals and await database_sync_to_async(_changed)(self.user, self.totals):
            await self._follow(list(self.totals))


def _totals(user: User, portfolio_ids: list[int]) -> tuple[dict[int, LiveTotal], dict[int, Decimal]]:
    """The totals of those that the person may see, and the last prices of what they hold."""
    found = Portfolio.objects.visible_to(user).filter(pk__in=portfolio_ids)
    totals = {portfolio.pk: live_total(portfolio) for portfolio in found}
    held = {asset_id for each in totals.values() for asset_id in each.held}
    last = quotes.get(held, timezone.now()).by_asset
    return totals, {asset_id: price.price for asset_id, price in last.items()}


def _changed(user: User, totals: Mapping[int, LiveTotal]) -> bool:
    """Whether something was booked in one of them, or one may no longer be seen."""
    seen = Portfolio.objects.visible_to(user).filter(pk__in=totals)
    return dict(seen.values_list("pk", "version")) != {pk: each.version for pk, each in totals.items()}
