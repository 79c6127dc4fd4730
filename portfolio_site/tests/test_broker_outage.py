"""A broker that is gone or hangs delays a writer by seconds at most; the next tick finds what it could not send."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache
from kombu.exceptions import OperationalError

from portfolio_site.tasks import heartbeat
from portfolio_site.testing import Broker


def test_sending_to_a_broker_that_hangs_gives_up(broker: Broker) -> None:
    heartbeat.delay()  # the connection is open before it hangs
    began = time.monotonic()
    with broker.frozen(), pytest.raises(OperationalError):
        heartbeat.delay()
    assert time.monotonic() - began < 12


def test_cache_of_a_broker_that_hangs_gives_up(broker: Broker) -> None:
    cache.set("key", 1)
    began = time.monotonic()
    with broker.frozen(), pytest.raises(Exception, match="Timeout"):
        cache.get("key")
    assert time.monotonic() - began < 5
