"""A fake Polygon that the settings point to, and a look into the broker's queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from celery import current_app as app

from assets.tests.fake_polygon import KEY, FakePolygon, running
from core.testing import PATIENCE


@pytest.fixture
def upstream() -> Iterator[FakePolygon]:
    """The service alone; nothing is configured to use it."""
    with running() as fake:
        yield fake


@pytest.fixture
def polygon(upstream: FakePolygon, settings: Any) -> FakePolygon:
    """The service, with a key entered and no limit of calls."""
    settings.POLYGON_URL, settings.POLYGON_API_KEY = upstream.url, KEY
    settings.POLYGON_CALLS_PER_MINUTE, settings.POLYGON_TIMEOUT = 0, PATIENCE
    return upstream


@pytest.fixture
def celery_queue(broker: Any) -> Iterator[Callable[[str], list[Any]]]:
    """The arguments of the messages of a task that wait at the real broker, in their order; they are taken away."""

    def waiting(task: str) -> list[Any]:
        found = []
        with app.connection_for_read() as connection, connection.SimpleQueue("celery") as queue, suppress(queue.Empty):
            while True:
                message = queue.get(block=False)
                message.ack()
                if message.headers["task"] == task:
                    found.append(message.payload[0])
        return found

    waiting("")
    yield waiting
    waiting("")


@pytest.fixture
def dead_broker() -> Iterator[None]:
    """The address of the broker is one that nobody listens at."""
    given = app.conf.broker_url
    app.conf.update(broker_url="redis://127.0.0.1:9/0")
    app._after_fork()  # type: ignore[attr-defined]  # it forgets its connections
    yield
    app.conf.update(broker_url=given)
    app._after_fork()  # type: ignore[attr-defined]
