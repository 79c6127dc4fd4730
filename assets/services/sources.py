"""Which providers can be asked, read from the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from assets.models import Exchange
from assets.providers import polygon
from assets.providers.base import Bar, Provider
from assets.providers.csv_file import CsvFolder
from assets.providers.simulated import Anchor, Simulated
from assets.services import quota


@dataclass(frozen=True, slots=True)
class Source:
    """A provider that is configured. ``identity`` changes when its key, address or files do.

    ``open`` takes the last known closes by symbol, from which a simulation goes on.
    """

    identity: str
    open: Callable[[Mapping[str, Anchor]], Provider]


def configured(market: Exchange) -> list[Source]:
    """The providers that can be asked for ``market``, in the order of PRICE_PROVIDERS."""
    found = [_builder(name)(market) for name in settings.PRICE_PROVIDERS]
    return [source for source in found if source]


def simulated_series(symbol: str, start: date, end: date, *, anchor: Anchor) -> list[Bar]:
    """Prices that no market made, oldest first; ``anchor`` is a day and the close that they pass through then."""
    return Simulated(settings.SIMULATED_SEED).series(symbol, start, end, anchor=anchor)


def identities(sources: list[Source]) -> str:
    return ", ".join(source.identity for source in sources)


def _builder(name: str) -> Callable[[Exchange], Source | None]:
    builders = {"polygon": _polygon, "csv_file": _csv_folder, "simulated": _simulated}
    if name not in builders:
        raise ImproperlyConfigured(f"PRICE_PROVIDERS names “{name}”; known are {', '.join(builders)}.")
    return builders[name]


def _polygon(market: Exchange) -> Source | None:
    key, url = settings.POLYGON_API_KEY, settings.POLYGON_URL
    if not key or market.code not in polygon.MARKETS:
        return None

    def count_call() -> None:
        quota.spend_call("polygon", per_minute=settings.POLYGON_CALLS_PER_MINUTE, now=timezone.now())

    def open_polygon(anchors: Mapping[str, Anchor]) -> Provider:
        return polygon.Polygon(key, url=url, timeout=settings.POLYGON_TIMEOUT, limit=count_call)

    return Source(_identity("polygon", key, url), open_polygon)


def _csv_folder(market: Exchange) -> Source | None:
    if not settings.PRICE_CSV_DIR:
        return None
    folder = Path(settings.PRICE_CSV_DIR)
    files = [f"{path.name} {_changed_at(path)}" for path in sorted(folder.glob("*.csv"))]
    return Source(_identity("csv_file", str(folder), *files), lambda _: CsvFolder(folder))


def _changed_at(path: Path) -> int:
    """In nanoseconds; 0 when the file has gone in this very moment, or cannot be looked at."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _simulated(market: Exchange) -> Source:
    seed, calendar = settings.SIMULATED_SEED, market.calendar
    return Source(_identity("simulated", str(seed)), lambda anchors: Simulated(seed, calendar, anchors))


def _identity(name: str, *parts: str) -> str:
    """The name, and a trace of how it is configured from which nothing can be read back."""
    return f"{name}#{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:6]}"
