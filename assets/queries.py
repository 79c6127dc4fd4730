"""Reads over prices: the last known close of assets, and exchange rates."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import permutations
from typing import TypeVar

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from assets.bonds import BondTerms, accrued
from assets.countries import country_named, country_of
from assets.models import ActionKind, Asset, AssetType, Bond, CompanyProfile, CorporateAction, HistoricValue, PriceBasis
from assets.models.action import MULTIPLYING
from core.arrays import among
from core.errors import DomainError
from core.money import divide, multiply, total

SIMULATED = "simulated"  # the source of prices that no market made
Split = tuple[date, Decimal]  # ex-date, and the units that one became
NOTHING = Decimal(0)
KeyT = TypeVar("KeyT", bound=Hashable)
PIVOTS = ("USD", "EUR")  # most pairs are quoted against one of them


@dataclass(frozen=True, slots=True)
class LastBar:
    """The last known close of an asset: in its currency, with the day that it is of and where it came from.

    ``accrued`` is the interest of a bond up to the day that it is ``carried`` to, as the close is quoted.
    """

    asset_id: int
    day: date
    close: Decimal
    source: str
    accrued: Decimal = NOTHING

    @property
    def dirty(self) -> Decimal:
        """What a unit is worth: the close, and the interest that a buyer would pay beside it."""
        return total([self.close, self.accrued]) if self.accrued else self.close

    @property
    def simulated(self) -> bool:
        return self.source == SIMULATED


def last_bars(asset_ids: Iterable[int], day: date | None = None) -> dict[int, LastBar]:
    """The last bar of each asset up to and including ``day`` (None: at all), by asset id; one query.

    An asset without a bar is not in the answer.
    """
    newest = Asset.objects.filter(pk__in=among(asset_ids)).annotate(newest=_newest("pk", day))
    rows = HistoricValue.objects.filter(pk__in=newest.values("newest")).order_by()
    return {row[0]: LastBar(*row) for row in rows.values_list("asset_id", "day", "close", "source")}


def carried(
    bars: Mapping[KeyT, LastBar], day: date | None = None, terms: Mapping[int, BondTerms] | None = None
) -> dict[KeyT, LastBar]:
    """``bars`` as prices of ``day`` (None: today, in UTC); one query.

    Each close is divided by the ratios of the splits since its own day. The bonds of ``terms``, by asset id, have the
    interest that has accrued by the end of ``day``.
    """
    splits = splits_of({bar.asset_id for bar in bars.values()})
    interest = interest_on(terms or {}, day)
    return {
        key: replace(
            bar,
            close=carried_close(bar.close, bar.day, splits.get(bar.asset_id, ()), day or date.max),
            accrued=interest.get(bar.asset_id, NOTHING),
        )
        for key, bar in bars.items()
    }


def bond_terms(assets: Iterable[Asset]) -> dict[int, BondTerms]:
    """The terms of those of ``assets`` whose interest is not in their closes, by asset id.

    One query, none without a bond among them.
    """
    quoted = [asset.pk for asset in assets if asset.type == AssetType.BOND]
    return terms_by_asset(quoted) if quoted else {}


def terms_by_asset(asset_ids: Iterable[int]) -> dict[int, BondTerms]:
    """The same by the ids of bonds; one query."""
    clean = Bond.objects.filter(asset__in=among(asset_ids)).exclude(asset__price_basis=PriceBasis.TOTAL_RETURN)
    return {bond.pk: bond.terms for bond in clean.order_by()}


def interest_on(terms: Mapping[int, BondTerms], day: date | None = None) -> dict[int, Decimal]:
    """The interest of each bond that has accrued by the end of ``day`` (None: today, in UTC), as closes are quoted."""
    on = day or (timezone.now().date() if terms else date.max)
    return {asset_id: accrued(promised, on) for asset_id, promised in terms.items()}


def splits_of(asset_ids: Iterable[int]) -> dict[int, list[Split]]:
    """Asset id to the days on which its units were multiplied, and by how much; one query."""
    splits = CorporateAction.objects.standing().filter(kind__in=MULTIPLYING, asset__in=among(asset_ids))
    found: dict[int, list[Split]] = {}
    for asset_id, kind, ex_date, ratio, per in splits.values_list("asset", "kind", "ex_date", "ratio", "per"):
        old, new = per or Decimal(1), ratio or Decimal(1)  # a constraint keeps both
        units = divide(old + new if kind == ActionKind.STOCK_DIVIDEND else new, old)
        found.setdefault(asset_id, []).append((ex_date, units))
    return found


def carried_close(close: Decimal, of: date, splits: Iterable[Split], day: date) -> Decimal:
    """The close of day ``of`` as a price of ``day``: for the units that there were then."""
    for ex_date, units in splits:
        if of < ex_date <= day:
            close = divide(close, units)
    return close


def profiles_of(asset_ids: Collection[int], now: datetime) -> tuple[dict[int, CompanyProfile], list[int]]:
    """The company profiles that a provider answered, by asset id, and the assets whose are to be asked for again.

    One query; nobody is asked here.
    """
    rows = {row.pk: row for row in CompanyProfile.objects.filter(pk__in=among(asset_ids))}
    due = [pk for pk in asset_ids if pk not in rows or rows[pk].is_due(now, settings.PROFILE_TTL)]
    return {pk: row for pk, row in rows.items() if row.fetched_at}, due


def referred_to(asset: Asset) -> bool:
    """Whether a row of any table is of ``asset``: a price, a trade, an action, whoever's it is."""
    relations = [relation for relation in Asset._meta.get_fields(include_hidden=True) if relation.auto_created]  # noqa: SLF001
    rows = [(relation.related_model, relation.field.name) for relation in relations if relation.one_to_many]  # type: ignore[union-attr]
    return any(model._base_manager.filter(**{name: asset}).exists() for model, name in rows)  # type: ignore[union-attr]  # noqa: SLF001


def with_last_bar(assets: QuerySet[Asset]) -> QuerySet[Asset]:
    """``assets`` with ``price``, ``price_day`` and ``price_source`` of the last bar; no further query."""
    return assets.annotate(
        price=_newest("close"),
        price_day=_newest("day"),
        price_source=_newest("source"),
    )


def _newest(column: str, day: date | None = None) -> Subquery:
    bars = HistoricValue.objects.filter(asset=OuterRef("pk")).order_by("-day")
    bars = bars.filter(day__lte=day) if day else bars
    return Subquery(bars.values(column)[:1])


class RateMissing(DomainError):
    """There is no exchange rate for this pair of currencies on or before that day."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many units of the target currency one unit of the source currency is, and the day that this was so."""

    value: Decimal
    day: date


@dataclass(frozen=True, slots=True)
class RateTable:
    """Exchange rates by day. ``pairs`` maps "EURUSD" (USD for 1 EUR) to its days, ascending, and their closes."""

    pairs: Mapping[str, tuple[Sequence[date], Sequence[Decimal]]] = field(default_factory=dict)

    def rate(self, source: str, target: str, day: date) -> Rate:
        """The last known rate on ``day``: the pair's own, its inverse, or the product over USD, else EUR.

        The day of a product is that of its older leg. Raises RateMissing.
        """
        if source == target:
            return Rate(Decimal(1), day)
        for pivot in (target, *PIVOTS):
            rate = self._through(source, pivot, target, day)
            if rate:
                return rate
        raise RateMissing(
            "There is no exchange rate from {source} to {target} on or before {day}.",
            source=source,
            target=target,
            day=day,
        )

    def legs(self, source: str, target: str, day: date) -> tuple[str, ...]:
        """The pairs from which ``rate`` makes its answer; none without a rate, and for one currency."""
        for pivot in (target, *PIVOTS) if source != target else ():
            steps = [(source, pivot)] if pivot == target else [(source, pivot), (pivot, target)]
            names = [self._name(*step, day) for step in steps]
            if all(names):
                return tuple(names)
        return ()

    def _name(self, source: str, target: str, day: date) -> str:
        """The pair that is quoted between two currencies, or nothing."""
        return next((pair for pair in (source + target, target + source) if self._last(pair, day)), "")

    def _through(self, source: str, pivot: str, target: str, day: date) -> Rate | None:
        first = self._quoted(source, pivot, day)
        if pivot == target or first is None:
            return first
        second = self._quoted(pivot, target, day)
        return second and Rate(multiply(first.value, second.value), min(first.day, second.day))

    def _quoted(self, source: str, target: str, day: date) -> Rate | None:
        direct = self._last(source + target, day)
        if direct:
            return direct
        inverse = self._last(target + source, day)
        return inverse and Rate(divide(Decimal(1), inverse.value), inverse.day)

    def _last(self, pair: str, day: date) -> Rate | None:
        days, closes = self.pairs.get(pair, ((), ()))
        position = bisect_right(days, day)
        return Rate(closes[position - 1], days[position - 1]) if position else None


def rates(currencies: Iterable[str], base: str, day: date | None = None) -> RateTable:
    """The rates between ``currencies`` and ``base``: their whole history, or what was known on ``day``.

    One query; none when every currency is ``base``.
    """
    codes = {*currencies, base}
    if codes == {base}:
        return RateTable()
    symbols = ["".join(pair) for pair in permutations(sorted({*codes, *PIVOTS}), 2)]
    pairs = Asset.objects.filter(type=AssetType.FX, symbol__in=symbols)
    bars = HistoricValue.objects.filter(asset__in=pairs)
    if day:
        bars = HistoricValue.objects.filter(pk__in=pairs.annotate(newest=_newest("pk", day)).values("newest"))
    table: dict[str, tuple[list[date], list[Decimal]]] = {}
    for symbol, on, close in bars.order_by("day").values_list("asset__symbol", "day", "close"):
        days, closes = table.setdefault(symbol, ([], []))
        days.append(on)
        closes.append(close)
    return RateTable(table)


def countries(asset_ids: Collection[int]) -> dict[int, str]:
    """Names of countries by asset id: of the company as its profile says, else of the ISIN, "" unknown; one query."""
    rows = Asset.objects.filter(pk__in=among(asset_ids)).order_by().values_list("pk", "profile__country", "isin")
    return {pk: country_named(told or "") or country_of(isin) for pk, told, isin in rows}


def distance_to(target: Decimal | None, price: Decimal | None) -> Decimal | None:
    """By which fraction of ``price`` the target lies above it, below it negative; None without either."""
    return None if target is None or not price else divide(target - price, price)
