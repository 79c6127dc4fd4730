"""Which providers can be asked, and in which order: read from the settings, the stored keys and the asset."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from assets.models import Asset, Exchange, PriceBasis
from assets.providers import alpha_vantage, finnhub, polygon, yahoo
from assets.providers.base import Bar, Capability
from assets.providers.csv_file import CsvFiles, Page
from assets.providers.ecb import Ecb
from assets.providers.simulated import Anchor, Simulated
from assets.providers.transport import Bounds
from assets.services import quota
from assets.services.keys import keys

Covers = Callable[[str], bool]
RATE_MARKETS = frozenset(["FX", "ECB"])
BASES: dict[str, str] = {
    PriceBasis.RAW: "as traded",
    PriceBasis.SPLIT_ADJUSTED: "adjusted for splits",
    PriceBasis.TOTAL_RETURN: "dividends included in price",
}
DEFAULT_CALENDAR = "XNYS"  # of an asset without an exchange


@dataclass(frozen=True, slots=True)
class Setting:
    """What a simulation goes on from: the last known closes by symbol, and the sessions of a market."""

    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    calendar: str = DEFAULT_CALENDAR


def _anywhere(market: str) -> bool:
    return True


def _as_ours(asset: Asset) -> str:
    return asset.symbol


@dataclass(frozen=True, slots=True)
class Source:
    """A provider that is configured. ``identity`` changes when its key, address or files do.

    ``adapter`` is the class that ``open`` makes one of; ``covers`` says whether it knows the assets of an exchange,
    and ``symbol`` what it calls them.
    """

    name: str
    identity: str
    adapter: type
    open: Callable[[Setting], Any]
    covers: Covers = _anywhere
    symbol: Callable[[Asset], str] = _as_ours

    def offers(self, capability: Capability) -> bool:
        """Whether it can be asked for that; daily bars may come from the history, symbol by symbol."""
        return hasattr(self.adapter, capability) or (capability is Capability.BARS and hasattr(self.adapter, "history"))

    @property
    def price_basis(self) -> str:
        """What its closes are, a value of PriceBasis; empty where they are what the owner, or the last close, says."""
        basis: str = getattr(self.adapter, "price_basis", "")
        return basis

    def suits(self, asset: Asset) -> bool:
        """Whether its closes can follow those of ``asset``."""
        return self.price_basis in ("", asset.price_basis)


def configured(market: Exchange) -> list[Source]:
    """The providers that can be asked for the daily bars of ``market``, in the order of PRICE_PROVIDERS."""
    return [source for source in enabled() if source.offers(Capability.BARS) and source.covers(market.pk)]


def enabled() -> list[Source]:
    """The providers of PRICE_PROVIDERS that have what they need, such as a key; one query."""
    known = keys()
    found = [BUILDERS[name](known.get(name, "")) for name in settings.PRICE_PROVIDERS]
    return [source for source in found if source]


def order_of(asset: Asset) -> Sequence[str]:
    """The names that are asked for an asset: its own order, else its type's in PROVIDER_ORDER, else PRICE_PROVIDERS."""
    by_type = settings.PROVIDER_ORDER.get(asset.type, "").split()
    return asset.own_order or by_type or settings.PRICE_PROVIDERS


def in_order(sources: Iterable[Source], asset: Asset) -> list[Source]:
    """Those of ``sources`` that are asked for the asset, the preferred one first."""
    by_name = {source.name: source for source in sources}
    return [by_name[name] for name in order_of(asset) if name in by_name]


def mismatch(source: Source, asset: Asset) -> str:
    """Why a source whose closes mean something else is not asked for ``asset``, in English: a run keeps it."""
    theirs, own = BASES[source.price_basis], BASES[asset.price_basis]
    return f"{source.name}: its closes are “{theirs}”, those of {asset.symbol} “{own}”"


def simulated_series(symbol: str, start: date, end: date, *, anchor: Anchor) -> list[Bar]:
    """Prices that no market made, oldest first; ``anchor`` is a day and the close that they pass through then."""
    return Simulated(settings.SIMULATED_SEED).series(symbol, start, end, anchor=anchor)


def identities(sources: list[Source]) -> str:
    return ", ".join(source.identity for source in sources)


def limits_of(name: str) -> quota.Limits:
    """The calls that the settings allow a provider."""
    per = {
        span: getattr(settings, f"{name.upper()}_CALLS_PER_{span.upper()}", 0) for span in ("second", "minute", "day")
    }
    return quota.Limits(per_second=per["second"], per_minute=per["minute"], per_day=per["day"])


def _bounds(name: str) -> Bounds:
    """What the settings allow a provider; its limit counts the calls of all processes, and raises Throttled."""

    def limit() -> None:
        quota.spend_call(name, limits=limits_of(name), now=timezone.now())

    timeout, most_bytes = (getattr(settings, f"{name}_{what}".upper()) for what in ("timeout", "most_bytes"))
    return Bounds(name, timeout, most_bytes, limit)


def _polygon(key: str) -> Source | None:
    return _with_key("polygon", key, polygon.Polygon, polygon.MARKETS)


def _finnhub(key: str) -> Source | None:
    return _with_key("finnhub", key, finnhub.Finnhub, finnhub.MARKETS)


def _alpha_vantage(key: str) -> Source | None:
    return _with_key("alpha_vantage", key, alpha_vantage.AlphaVantage, alpha_vantage.MARKETS)


def _with_key(name: str, key: str, adapter: Any, markets: frozenset[str]) -> Source | None:
    url = getattr(settings, f"{name}_url".upper())

    def open_adapter(setting: Setting) -> Any:
        return adapter(key, url=url, bounds=_bounds(name))

    return Source(name, _identity(name, key, url), adapter, open_adapter, _one_of(markets)) if key else None


def _yahoo(key: str) -> Source:
    url, kept_in = settings.YAHOO_URL, Path(settings.VAR_DIR) / "yahoo"

    def open_yahoo(setting: Setting) -> yahoo.Yahoo:
        return yahoo.Yahoo(url=url, bounds=_bounds("yahoo"), kept_in=kept_in)

    def symbol(asset: Asset) -> str:
        return yahoo.yahoo_symbol(asset.symbol, asset.type, asset.exchange_id or "")

    covered = _one_of(frozenset(yahoo.ENDINGS))
    return Source("yahoo", _identity("yahoo", url), yahoo.Yahoo, open_yahoo, covered, symbol)


def _ecb(key: str) -> Source:
    url = settings.ECB_URL
    return Source(
        "ecb", _identity("ecb", url), Ecb, lambda _: Ecb(url=url, bounds=_bounds("ecb")), _one_of(RATE_MARKETS)
    )


def _csv_file(key: str) -> Source | None:
    folder = Path(settings.PRICE_CSV_DIR) if settings.PRICE_CSV_DIR else None
    url = settings.PRICE_CSV_URL
    if not folder and not url:
        return None
    files = [f"{path.name} {_changed_at(path)}" for path in sorted(folder.glob("*.csv"))] if folder else []

    def open_files(setting: Setting) -> CsvFiles:
        page = Page(url, Path(settings.VAR_DIR) / "csv", _bounds("csv_file")) if url else None
        return CsvFiles(folder, page)

    return Source("csv_file", _identity("csv_file", str(folder or ""), url, *files), CsvFiles, open_files)


def _changed_at(path: Path) -> int:
    """In nanoseconds; 0 when the file has gone in this very moment, or cannot be looked at."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _simulated(key: str) -> Source:
    seed = settings.SIMULATED_SEED

    def open_simulated(setting: Setting) -> Simulated:
        return Simulated(seed, setting.calendar, setting.anchors)

    return Source("simulated", _identity("simulated", str(seed)), Simulated, open_simulated)


def _one_of(markets: frozenset[str]) -> Covers:
    """An asset without an exchange ("") is asked for everywhere."""
    return lambda market: not market or market in markets


def _identity(name: str, *parts: str) -> str:
    """The name, and a trace of how it is configured from which nothing can be read back."""
    return f"{name}#{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:6]}"


BUILDERS: Mapping[str, Callable[[str], Source | None]] = {
    "polygon": _polygon,
    "finnhub": _finnhub,
    "alpha_vantage": _alpha_vantage,
    "yahoo": _yahoo,
    "ecb": _ecb,
    "csv_file": _csv_file,
    "simulated": _simulated,
}
