"""Limits of calls by second, minute and day, and what is left of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assets.models import ProviderState
from assets.providers.base import Throttled
from assets.services.quota import CallsLeft, Limits, calls_left, spend_call

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 5, 31, 12, 30, tzinfo=UTC)


def spend(limits: Limits, now: datetime = NOW) -> float:
    """Seconds to wait; 0.0 when the call may be made."""
    try:
        spend_call("finnhub", limits=limits, now=now)
    except Throttled as error:
        return error.retry_after or -1
    return 0.0


@pytest.mark.parametrize(
    ("limits", "allowed", "wait"),
    [
        (Limits(per_second=3), 3, 1.0),
        (Limits(per_minute=4), 4, 60.0),
        (Limits(per_day=5), 5, 84_600.0),  # until the hour in which they were made is a day ago: 12:00 tomorrow
        (Limits(per_second=30, per_minute=2), 2, 60.0),
    ],
)
def test_each_limit(limits: Limits, allowed: int, wait: float) -> None:
    assert [spend(limits) for _ in range(allowed)] == [0.0] * allowed
    assert spend(limits) == pytest.approx(wait)
    assert spend(limits, NOW + timedelta(seconds=wait + 0.001)) == 0.0


def test_without_limits() -> None:
    assert [spend(Limits()) for _ in range(200)] == [0.0] * 200


def test_calls_left() -> None:
    limits = Limits(per_second=3, per_minute=10, per_day=25)
    for seconds in (0, 30, 59.5):
        spend(limits, NOW + timedelta(seconds=seconds))
    state = ProviderState.objects.get()
    assert calls_left(state, limits, NOW + timedelta(seconds=60)) == CallsLeft(2, 8, 22)
    assert calls_left(state, limits, NOW + timedelta(days=1, minutes=31)) == CallsLeft(3, 10, 25)
    assert calls_left(state, Limits(), NOW) == CallsLeft(None, None, None)


def test_a_call_of_a_process_whose_clock_is_ahead_counts() -> None:
    limits = Limits(per_minute=1)
    spend(limits, NOW + timedelta(milliseconds=3))
    assert spend(limits) == pytest.approx(60, abs=0.1)


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    spend(Limits(per_day=1), NOW + timedelta(days=300))
    assert spend(Limits(per_day=1), NOW) == 0.0


def test_the_day_does_not_grow() -> None:
    for hour in range(60):
        spend(Limits(per_day=1000), NOW + timedelta(hours=hour))
    assert len(ProviderState.objects.get().hours) <= 25
