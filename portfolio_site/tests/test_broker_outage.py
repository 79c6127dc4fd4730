"""A broker that is gone or hangs delays a writer by seconds at most; the next tick finds what it could not send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from kombu.exceptions import OperationalError

from portfolio_site import settings as shipped
from portfolio_site.celery import app
from portfolio_site.tasks import heartbeat
from portfolio_site.testing import Broker

SENDING: dict[str, Any] = shipped.CELERY_BROKER_TRANSPORT_OPTIONS
CACHE: dict[str, Any] = shipped.CACHES["default"]
GIVEN_UP_WITHIN = 60  # seconds: ten times what it takes, and far less than any wait without a limit
PUBLISHING: dict[str, Any] = shipped.CELERY_TASK_PUBLISH_RETRY_POLICY


@pytest.fixture(autouse=True)
def no_patience(broker: Broker, settings: Any) -> Iterator[None]:
    """What waits for the broker gives up as in an installation; other tests bear with a busy machine."""
    settings.CACHES = {"default": {**CACHE, "LOCATION": broker.url}}
    given = app.conf.broker_transport_options
    app.conf.update(broker_transport_options=SENDING)
    app._after_fork()  # type: ignore[attr-defined]  # it forgets its connections
    yield
    app.conf.update(broker_transport_options=given)
    app._after_fork()  # type: ignore[attr-defined]


def test_sending_to_a_broker_that_hangs_gives_up(broker: Broker) -> None:
    heartbeat.delay()  # the connection is open before it hangs
    began = time.monotonic()
    with broker.frozen(), pytest.raises(OperationalError):
        heartbeat.delay()
    assert time.monotonic() - began < GIVEN_UP_WITHIN


def test_cache_of_a_broker_that_hangs_gives_up(broker: Broker) -> None:
    cache.set("key", 1)
    began = time.monotonic()
    with broker.frozen(), pytest.raises(Exception, match="Timeout"):
        cache.get("key")
    assert time.monotonic() - began < GIVEN_UP_WITHIN


def test_giving_up_takes_seconds() -> None:
    tries = 1 + max(PUBLISHING["max_retries"], SENDING["retry_policy"]["max_retries"])
    assert tries * (SENDING["socket_timeout"] + SENDING["socket_connect_timeout"]) < 12
    assert CACHE["OPTIONS"]["socket_timeout"] + CACHE["OPTIONS"]["socket_connect_timeout"] < 5
