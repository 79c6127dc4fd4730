"""Whose books were folded at exchange rates that have arrived or been restated since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import F, Max, Min, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from assets.models import Asset, AssetType, CorporateAction, HistoricValue
from assets.queries import PIVOTS
from core.arrays import among
from portfolios.models import CashSetting, Investment, Portfolio, PortfolioAccount, Trade, TradeKind

BASE = F("portfolio__base_currency")


def behind_rates(portfolio_ids: Collection[int]) -> QuerySet[Portfolio]:
    """Those whose books have not seen the newest change of any exchange rate."""
    newest = Asset.objects.filter(type=AssetType.FX).order_by("-price_version").values("price_version")[:1]
    return Portfolio.objects.filter(pk__in=among(portfolio_ids), rates_version__lt=Coalesce(Subquery(newest), Value(0)))


@dataclass(frozen=True, slots=True)
class Use:
    """The books convert between these currencies on days up to and including ``until``."""

    currencies: frozenset[str]
    until: date

    def touched(self, pair: str, since: date) -> bool:
        """Whether rates of ``pair`` from ``since`` on can be among those that are used, directly or over a pivot."""
        sides = {pair[:3], pair[3:]}
        return since <= self.until and sides <= self.currencies | set(PIVOTS) and bool(sides & self.currencies)


def with_changed_rates(portfolios: Sequence[Portfolio]) -> list[int]:
    """Ids of those whose books may follow from a rate that changed after their ``rates_version``, ascending.

    A rate of a day after the last conversion changes nothing. 6 queries, however many portfolios.
    """
    changes = _Changes.since(min((portfolio.rates_version for portfolio in portfolios), default=0))
    uses = _uses(portfolios)
    seen = {portfolio.pk: portfolio.rates_version for portfolio in portfolios}
    return sorted(pk for pk, version in seen.items() if changes.touch(version, uses[pk]))


@dataclass(slots=True)
class _Changes:
    """What changed of exchange rates: (pair, version, first day) of bars; the newest change of another kind."""

    bars: list[tuple[str, int, date]]
    meaning: int
    _first: dict[int, dict[str, date]]

    @classmethod
    def since(cls, version: int) -> _Changes:
        """2 queries."""
        bars = HistoricValue.objects.filter(asset__type=AssetType.FX, version__gt=version).order_by()
        found = list(bars.values_list("asset__symbol", "version").annotate(Min("day")))
        moved = Asset.objects.filter(type=AssetType.FX, price_version__gt=version)
        priced = {(symbol, at) for symbol, at, _ in found}
        # Without a bar of that version the asset itself changed: another pair, say. It may concern everybody.
        others = set(moved.values_list("symbol", "price_version")) - priced
        meaning = max((at for _, at in others), default=0)
        return cls(found, meaning, {})

    def touch(self, seen: int, uses: Iterable[Use]) -> bool:
        return any(
            self.meaning > seen or any(use.touched(pair, day) for pair, day in self._after(seen).items())
            for use in uses
        )

    def _after(self, seen: int) -> Mapping[str, date]:
        """Pair to its first day that changed after version ``seen``."""
        if seen not in self._first:
            first: dict[str, date] = {}
            for pair, version, day in self.bars:
                if version > seen:
                    first[pair] = min(day, first.get(pair, day))
            self._first[seen] = first
        return self._first[seen]


def _uses(portfolios: Sequence[Portfolio]) -> dict[int, list[Use]]:
    """Portfolio id to what its books convert; 4 queries."""
    bases = {portfolio.pk: portfolio.base_currency for portfolio in portfolios}
    accounts: dict[int, set[str]] = defaultdict(set)
    links = PortfolioAccount.objects.filter(portfolio__in=portfolios, portfolio__cash=CashSetting.TRACKED)
    for portfolio_id, currency in links.order_by().values_list("portfolio_id", "account__currency"):
        accounts[portfolio_id].add(currency)
    uses: dict[int, list[Use]] = {pk: [] for pk in bases}
    for portfolio_id, own, of_asset, of_account, day in _traded(portfolios):
        base = bases[portfolio_id]
        uses[portfolio_id].append(Use(frozenset([base, own, of_asset, of_account or base]), day))
    for portfolio_id, used, day in _acted(portfolios):
        used |= {bases[portfolio_id], *accounts[portfolio_id]}
        if len(used) > 1:
            uses[portfolio_id].append(Use(frozenset(used), day))
    return uses


def _traded(portfolios: Sequence[Portfolio]) -> Iterable[tuple[int, str, str, str | None, date]]:
    """(portfolio, currency of the trades, of the asset, of the account, last day) where a day's rate was needed.

    The broker's rate takes its place between the trade's currency and the base. What a transfer brings is a fact.
    """
    trades = Trade.objects.standing().filter(portfolio__in=portfolios, kind__in=[TradeKind.BUY, TradeKind.SELL])
    into_asset = ~Q(asset__currency=F("currency")) & ~Q(asset__currency=BASE)
    into_account = Q(account__isnull=False) & ~Q(account__currency=F("currency")) & ~Q(account__currency=BASE)
    needed = Q(exchange_rate__isnull=True) & (~Q(currency=BASE) | ~Q(asset__currency=BASE))
    rows = trades.filter(needed | into_asset | into_account).order_by()
    return rows.values_list("portfolio_id", "currency", "asset__currency", "account__currency").annotate(Max("day"))


def _acted(portfolios: Sequence[Portfolio]) -> Iterable[tuple[int, set[str], date]]:
    """(portfolio, currencies, last day) of each corporate action of an asset in its books; 2 queries."""
    holders: dict[int, list[int]] = defaultdict(list)
    held = Investment.objects.filter(portfolio__in=portfolios).order_by()
    for portfolio_id, asset_id in held.values_list("portfolio_id", "asset_id"):
        holders[asset_id].append(portfolio_id)
    actions = CorporateAction.objects.standing().filter(asset__in=held.values("asset")).order_by()
    columns = ("asset_id", "currency", "asset__currency", "target__currency", "ex_date", "pay_date")
    for asset_id, *codes, ex_date, pay_date in actions.values_list(*columns):
        for portfolio_id in holders[asset_id]:
            yield portfolio_id, set(filter(None, codes)), pay_date or ex_date
