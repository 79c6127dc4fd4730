"""How each provider is doing, and trying one out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.models import ProviderState
from assets.providers.base import NAMES, Capability, ProviderError
from assets.services import breaker
from assets.services.keys import origins
from assets.services.quota import CallsLeft, Limits, calls_left
from assets.services.sources import Setting, Source, enabled, limits_of
from core.errors import DomainError

READY, OFF, UNCONFIGURED, WAITING, OPEN = "ready", "off", "unconfigured", "waiting", "open"
STATES = {
    READY: _("Ready"),
    OFF: _("Off"),
    UNCONFIGURED: _("Not set up"),
    WAITING: _("Asked us to wait"),
    OPEN: _("Left alone"),
}


class NotConfigured(DomainError):
    """This provider is not in PRICE_PROVIDERS, or lacks a key, a folder or an address."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One provider. ``key`` is where its key is from, None where it needs none; ``until`` ends a wait."""

    name: str
    state: str
    capabilities: tuple[str, ...]
    key: str | None
    until: datetime | None
    record: ProviderState
    limits: Limits
    left: CallsLeft

    @property
    def state_label(self) -> str | Promise:
        return STATES[self.state]

    @property
    def can_be_asked(self) -> bool:
        return self.state not in (OFF, UNCONFIGURED)


def standings(now: datetime) -> list[Standing]:
    """Every provider that there is, those of PRICE_PROVIDERS first and in their order; four queries."""
    found = {source.name: source for source in enabled()}
    records = ProviderState.objects.in_bulk(NAMES)
    keys = origins()
    listed = settings.PRICE_PROVIDERS
    names = [*listed, *(name for name in NAMES if name not in listed)]
    rows = [records.get(name) or ProviderState(name=name) for name in names]
    return [_standing(found.get(row.name), row, keys.get(row.name), now) for row in rows]


def _standing(source: Source | None, record: ProviderState, key: str | None, now: datetime) -> Standing:
    name, limits = record.name, limits_of(record.name)
    until = max((end for end in (record.open_until, record.held_until) if end and end > now), default=None)
    state = READY
    if source is None:
        state, until = (UNCONFIGURED if name in settings.PRICE_PROVIDERS else OFF), None
    elif record.identity and record.identity != source.identity:
        until = None  # it was set up anew, so its past does not count
    elif until:
        state = OPEN if record.is_open(now) else WAITING
    capabilities = tuple(str(kind) for kind in Capability if source and source.offers(kind))
    return Standing(name, state, capabilities, key, until, record, limits, calls_left(record, limits, now))


def try_out(name: str) -> str:
    """Ask a provider something that it should know, even if it is left alone; returns what it answered.

    Raises NotConfigured, and ProviderError, which counts as any other failure.
    """
    source = next((source for source in enabled() if source.name == name), None)
    if source is None:
        raise NotConfigured(field="provider")
    breaker.known_as(name, source.identity)
    try:
        answer = QUESTIONS[name](source.open(Setting()))
    except ProviderError as error:
        breaker.report(name, error)
        raise
    breaker.report(name, None)
    return answer


def _quoted(symbol: str) -> Callable[[Any], str]:
    def ask(adapter: Any) -> str:
        quote = adapter.quote(symbol)
        return f"{symbol} is {quote.price:f} as of {quote.at:%Y-%m-%d %H:%M} UTC"

    return ask


def _past(adapter: Any) -> str:
    today = timezone.now().date()
    bars = adapter.history("AAPL", today - timedelta(days=10), today - timedelta(days=1))
    return f"{len(bars)} days of AAPL in the last ten"


def _files(adapter: Any) -> str:
    adapter.daily_bars([], timezone.now().date())  # reads every line
    return "its files can be read"


QUESTIONS: Mapping[str, Callable[[Any], str]] = {
    "polygon": _past,
    "finnhub": _quoted("AAPL"),
    "alpha_vantage": _quoted("IBM"),
    "yahoo": _quoted("AAPL"),
    "ecb": _quoted("EURUSD"),
    "csv_file": _files,
    "simulated": _quoted("AAPL"),
}
