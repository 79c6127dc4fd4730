"""Whether a provider is asked at all: after failures in a row it is left alone for a while, by all processes."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from assets.models import ProviderState
from assets.providers.base import (
    AnotherSecurity,
    Doubtful,
    NotCovered,
    ProviderError,
    Throttled,
    Unavailable,
    UnknownSymbol,
)
from assets.services.quota import locked, throttled

log = logging.getLogger(__name__)
LONGEST_OPEN = timedelta(hours=1)


def admit(provider: str, identity: str, *, now: datetime) -> None:
    """Raise Throttled while the breaker is open or the provider asked to wait.

    Once the breaker's wait is over, one caller is let through, and the others when it has succeeded. A provider that
    is configured in another way than before (``identity``) begins anew.
    """
    state = ProviderState.objects.filter(pk=provider).first()
    held = state and state.held_until and state.held_until > now
    if state and state.identity == identity and not (state.open_until or held):
        return
    _admit_in_turn(provider, identity, now)


def succeeded(provider: str, *, now: datetime) -> None:
    """The provider answered; that it does not know a symbol is an answer, too."""
    closed = ProviderState.objects.filter(pk=provider, open_until__isnull=False).exists()
    ProviderState.objects.filter(pk=provider).update(
        failures=0, opened_at=None, open_until=None, last_success_at=now, answers=F("answers") + 1
    )
    if closed:
        log.info("%s answers again", provider)


@transaction.atomic
def failed(provider: str, error: ProviderError, *, now: datetime) -> None:
    """The provider gave no usable answer. Enough of that in a row opens the breaker, each time for twice as long."""
    state = locked(provider)
    state.failures += 1
    state.errors += 1
    state.last_failure_at, state.last_error = now, str(error)[:500]
    if isinstance(error, Unavailable) and error.retry_after:
        state.held_until = now + timedelta(seconds=error.retry_after)
    excess = state.failures - settings.PROVIDER_BREAKER_FAILURES
    if excess >= 0:
        wait = min(settings.PROVIDER_BREAKER_WAIT * (1 << min(excess, 16)), LONGEST_OPEN)
        state.opened_at, state.open_until = state.opened_at or now, now + wait
        log.warning("%s is left alone until %s: %s", provider, state.open_until, error)
    state.save()


def report(provider: str, error: ProviderError | None) -> None:
    """Write down how a question went. What was never sent says nothing; what concerns one symbol or the plan of the
    key is no failure, and neither is a price that staff has to look at."""
    now = timezone.now()
    if error is None or isinstance(error, UnknownSymbol | AnotherSecurity | NotCovered | Doubtful):
        succeeded(provider, now=now)
    elif not isinstance(error, Throttled):
        failed(provider, error, now=now)


def close(provider: str) -> None:
    """Let everybody ask again at once: a person says that the provider is well."""
    ProviderState.objects.filter(pk=provider).update(failures=0, opened_at=None, open_until=None, held_until=None)


@transaction.atomic
def known_as(provider: str, identity: str) -> ProviderState:
    """The provider's row, locked; one that is configured in another way than before begins anew."""
    state = locked(provider)
    if state.identity != identity:
        state.identity, state.failures = identity, 0
        state.opened_at = state.open_until = state.held_until = None
        state.save()
    return state


@transaction.atomic
def _admit_in_turn(provider: str, identity: str, now: datetime) -> None:
    state = known_as(provider, identity)
    if state.held_until and state.held_until > now:
        raise throttled(provider, "it asked to wait", (state.held_until - now).total_seconds())
    if state.open_until and state.open_until > now:
        reason = f"left alone after {state.failures} failures in a row"
        raise throttled(provider, reason, (state.open_until - now).total_seconds())
    if state.open_until:  # this caller tries; the others wait for how it goes
        state.open_until = now + settings.PROVIDER_BREAKER_WAIT
        state.save(update_fields=["open_until"])
