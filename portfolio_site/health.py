"""Is the server alive, and can it do its work? Answered before host checks, redirects and sessions.

``/healthz`` says that the web process answers; it asks nobody else. ``/readyz`` names the state of each part and is
200 when all are well, else 503. Neither tells why: addresses and messages of errors stay in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

HEARTBEAT_KEY = "portfolio:beat"
HEARTBEAT_AGE = timedelta(seconds=90)  # beat sends one every 15 s; a busy worker may take its time
BROKER_SECONDS = 0.75  # to connect, and again to answer
DATABASE_SECONDS = 2.0

OK = "ok"
QUEUE, HELD = "celery", "unacked"  # where Celery's transport keeps what waits, and what workers took and did not finish

logger = logging.getLogger(__name__)
_database_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")


def note_heartbeat(now: datetime) -> None:
    """Remember that beat sent a task and a worker ran it."""
    with _broker() as client:
        client.set(HEARTBEAT_KEY, now.isoformat())


def last_heartbeat() -> datetime | None:
    """When a worker last ran beat's task; None before the first time. Raises redis.RedisError without a broker."""
    with _broker() as client:
        raw = client.get(HEARTBEAT_KEY)
    return datetime.fromisoformat(raw.decode()) if isinstance(raw, bytes) else None


@dataclass(frozen=True, slots=True)
class Background:
    """The state of broker and beat, each "ok" or words for what is wrong, and the queue; None: nobody could say."""

    broker: str
    beat: str
    beaten_at: datetime | None = None
    queued: int | None = None
    held: int | None = None


def background(now: datetime) -> Background:
    """Asks the broker alone, for at most about 1.5 s."""
    try:
        with _broker() as client, client.pipeline(transaction=False) as asked:
            asked.get(HEARTBEAT_KEY).llen(QUEUE).hlen(HELD)
            raw, queued, held = asked.execute()
    except (redis.RedisError, OSError) as problem:
        logger.warning("broker: %s", type(problem).__name__)
        return Background("unreachable", "unknown")
    beaten = datetime.fromisoformat(raw.decode()) if isinstance(raw, bytes) else None
    return Background(OK, beat_state(beaten, now), beaten, queued, held)


def beat_state(beaten: datetime | None, now: datetime) -> str:
    """What the last heartbeat says of beat and the workers."""
    if beaten is None:
        return "not seen yet"
    return OK if now - beaten <= HEARTBEAT_AGE else "late"


def report(now: datetime) -> dict[str, str]:
    """The state of each part, "ok" or one word of what is wrong, in at most about 2 s."""
    database = _ask_database()
    return {**database, **_broker_and_beat(now)}


def is_ready(parts: dict[str, str]) -> bool:
    return all(state == "ok" for state in parts.values())


def _broker() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS, retry=None
    )


def _broker_and_beat(now: datetime) -> dict[str, str]:
    try:
        beaten = last_heartbeat()
    except (redis.RedisError, OSError) as problem:
        logger.warning("readyz: broker: %s", type(problem).__name__)
        return {"broker": "unreachable", "beat": "unknown"}
    return {"broker": OK, "beat": beat_state(beaten, now)}


def _ask_database() -> dict[str, str]:
    """The database is asked in a thread of its own, so that one that hangs delays nobody for more than 2 s."""
    asked: Future[dict[str, str]] = _database_thread.submit(_database_and_migrations)
    try:
        return asked.result(timeout=DATABASE_SECONDS)
    except TooSlow:
        asked.cancel()
        return {"database": "no answer", "migrations": "unknown"}


def _database_and_migrations() -> dict[str, str]:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as problem:
        logger.warning("readyz: database: %s", type(problem).__name__)
        return {"database": "unreachable", "migrations": "unknown"}
    finally:
        connection.close()
    return {"database": "ok", "migrations": "pending" if pending else "ok"}


class HealthMiddleware:
    """Answers the two addresses ahead of every other middleware: a probe knows no host name and no HTTPS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return _uncached(JsonResponse({"status": "ok"}))
        if request.path == "/readyz":
            parts = report(timezone.now())
            ready = is_ready(parts)
            body = {"status": "ready" if ready else "not ready", "parts": parts}
            return _uncached(JsonResponse(body, status=200 if ready else 503))
        return self.get_response(request)


def _uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
