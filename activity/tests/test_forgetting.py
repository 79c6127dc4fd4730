"""Idempotency keys are kept for some days, and then deleted a few at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from activity.models import IdempotencyKey
from activity.services import forget_keys, once
from activity.tasks import forget_old_keys
from core.testing import client_of

if TYPE_CHECKING:  # activity lies below users
    from users.models import User

NOW = datetime(2024, 6, 8, 12, tzinfo=UTC)


def keys(user: User, *ages: timedelta) -> None:
    IdempotencyKey.objects.bulk_create(
        IdempotencyKey(user=user, key=f"k{number}", fingerprint="x", status=201) for number, _ in enumerate(ages)
    )
    for number, age in enumerate(ages):
        IdempotencyKey.objects.filter(key=f"k{number}").update(created_at=NOW - age)


def test_what_is_older_than_the_setting_is_deleted(alice: User, settings: Any) -> None:
    days = [timedelta(days=number) for number in (0, 6, 8, 400)]
    keys(alice, *days, timedelta(days=7), timedelta(days=7, seconds=1))
    assert forget_keys(NOW) == 3
    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"k0", "k1", "k4"}
    settings.IDEMPOTENCY_KEY_LIFE = timedelta(days=1)
    assert forget_keys(NOW) == 2
    assert configured.TICKS["forget old idempotency keys"] == ("activity.forget_keys", 3600)


def test_a_few_at_a_time_and_not_all_in_one_go(alice: User, django_assert_max_num_queries: Any) -> None:
    keys(alice, *[timedelta(days=10 + number) for number in range(7)])
    with django_assert_max_num_queries(12):
        assert forget_keys(NOW, at_once=2, batches=2) == 4
    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"k0", "k1", "k2"}, "the oldest go first"
    assert forget_keys(NOW, at_once=2, batches=9) == 3
    assert forget_keys(NOW, at_once=2, batches=9) == 0


@pytest.mark.parametrize("days", [6, 8])
def test_a_forgotten_key_is_a_new_one(alice: User, days: int) -> None:
    def post() -> Any:
        return client_of(alice).post("/portfolios/", {"name": "Growth"}, headers={"idempotency-key": "k1"})

    first = post()
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=days))
    forget_old_keys()
    again = post()
    assert (again.status_code, again.json()["id"] == first.json()["id"]) == (201, days == 6)


def test_so_is_that_of_a_form(alice: User) -> None:
    assert once(user=alice, key="form", work=lambda: 5) == (5, True)
    forget_keys(timezone.now() + timedelta(days=8))
    assert once(user=alice, key="form", work=lambda: 6) == (6, True)


def test_a_form_and_a_program_may_have_the_same_key(alice: User) -> None:
    sent = client_of(alice).post("/portfolios/", {"name": "Growth"}, headers={"idempotency-key": "form"})
    assert sent.status_code == 201
    assert once(user=alice, key="form", work=lambda: 5) == (5, True)
    assert once(user=alice, key="form", work=lambda: 6) == (5, False)
