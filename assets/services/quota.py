"""How often a provider may be called, counted for all processes together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from assets.models import ProviderState
from assets.providers.base import Throttled

SECOND, WINDOW, HOUR, DAY = 1.0, 60.0, 3600, 24  # seconds, seconds, seconds, hours


@dataclass(frozen=True, slots=True)
class Limits:
    """The calls that a provider's plan allows; 0 sets no limit."""

    per_second: int = 0
    per_minute: int = 0
    per_day: int = 0

    def __bool__(self) -> bool:
        return bool(self.per_second or self.per_minute or self.per_day)


@dataclass(frozen=True, slots=True)
class CallsLeft:
    """What is left of each limit; None where there is none."""

    second: int | None
    minute: int | None
    day: int | None


@transaction.atomic
def spend_call(provider: str, *, limits: Limits, now: datetime) -> None:
    """Count a call that is about to be made.

    Raises Throttled, and counts nothing, when a limit is used up or the provider asked to wait. The day is the last 24
    hours, counted by whole hours.
    """
    state = locked(provider)
    moment = now.timestamp()
    if state.held_until and state.held_until > now:
        raise throttled(provider, "it asked to wait", state.held_until.timestamp() - moment)
    calls, hours = _recent(state, moment)
    _require(provider, limits.per_second, "second", calls, SECOND, moment)
    _require(provider, limits.per_minute, "minute", calls, WINDOW, moment)
    if limits.per_day and sum(hours.values()) >= limits.per_day:
        freed = (min(map(int, hours)) + DAY) * HOUR
        raise throttled(provider, f"{limits.per_day} calls a day are used up", freed - moment)
    hour = str(int(moment // HOUR))
    state.calls, state.hours = [*calls, moment], hours | {hour: hours.get(hour, 0) + 1}
    state.save(update_fields=["calls", "hours"])


def spare_half(provider: str, *, limits: Limits, now: datetime) -> None:
    """Raise Throttled when half of a day's calls are spent; for what is nice to have."""
    state = ProviderState.objects.filter(pk=provider).first()
    left = calls_left(state, limits, now).day if state else None
    if left is not None and left * 2 <= limits.per_day:
        raise throttled(provider, "the rest of the day's calls is for prices", HOUR)


def calls_left(state: ProviderState, limits: Limits, now: datetime) -> CallsLeft:
    moment = now.timestamp()
    calls, hours = _recent(state, moment)
    within = {span: sum(call > moment - span for call in calls) for span in (SECOND, WINDOW)}

    def left(limit: int, spent: int) -> int | None:
        return max(limit - spent, 0) if limit else None

    return CallsLeft(
        second=left(limits.per_second, within[SECOND]),
        minute=left(limits.per_minute, within[WINDOW]),
        day=left(limits.per_day, sum(hours.values())),
    )


def locked(provider: str) -> ProviderState:
    """The provider's row, locked until the transaction ends."""
    ProviderState.objects.get_or_create(pk=provider)
    return ProviderState.objects.select_for_update().get(pk=provider)


def throttled(provider: str, reason: str, seconds: float) -> Throttled:
    return Throttled(f"{provider}: {reason}", retry_after=max(seconds, 0.01))


def _recent(state: ProviderState, moment: float) -> tuple[list[float], dict[str, int]]:
    """The calls of the last minute, and by hour those of the last 24.

    Another process may have counted with a slightly later time. What lies further ahead is from before a clock was
    set back.
    """
    last = int(moment // HOUR)
    calls = [call for call in state.calls if moment - WINDOW < call < moment + WINDOW]
    return calls, {hour: count for hour, count in state.hours.items() if last - DAY < int(hour) <= last + 1}


def _require(provider: str, limit: int, name: str, calls: list[float], span: float, moment: float) -> None:
    recent = [call for call in calls if call > moment - span]
    if limit and len(recent) >= limit:
        raise throttled(provider, f"{limit} calls a {name} are used up", recent[-limit] + span - moment)
