"""How often a provider may be called, counted for all processes together."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from assets.models import ProviderQuota
from assets.providers.base import Throttled

WINDOW = 60.0  # seconds


@transaction.atomic
def spend_call(provider: str, *, per_minute: int, now: datetime) -> None:
    """Count a call that is about to be made; ``per_minute`` 0 sets no limit.

    Raises Throttled, and counts nothing, when the limit of the last minute is used up or the provider asked to wait.
    """
    ProviderQuota.objects.get_or_create(pk=provider)
    quota = ProviderQuota.objects.select_for_update().get(pk=provider)
    if quota.held_until and quota.held_until > now:
        raise _throttled(provider, "it asked to wait", (quota.held_until - now).total_seconds())
    moment = now.timestamp()
    recent = [call for call in quota.calls if moment - WINDOW < call <= moment]
    if per_minute and len(recent) >= per_minute:
        raise _throttled(provider, f"{per_minute} calls a minute are used up", recent[-per_minute] + WINDOW - moment)
    quota.calls = [*recent, moment]
    quota.save()


def hold(provider: str, *, until: datetime) -> None:
    """Make no call before ``until``: the provider asked for it."""
    ProviderQuota.objects.update_or_create(pk=provider, defaults={"held_until": until})


def _throttled(provider: str, reason: str, seconds: float) -> Throttled:
    wait = max(timedelta(seconds=seconds), timedelta(milliseconds=10)).total_seconds()
    return Throttled(f"{provider}: {reason}", retry_after=wait)
