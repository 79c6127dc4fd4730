"""The socket of quotes when something breaks beside it, and when its login ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.utils import timezone

from assets import consumers, live
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import PATIENCE, make_user
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 2): 100})
    return asset


@contextmanager
def missing(table: str) -> Iterator[None]:
    """As if the database had lost a table for the length of the block."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE {table}_gone RENAME TO {table}")


async def opened(user: User) -> ApplicationCommunicator:
    """A socket that has been accepted and told how the stream is."""
    scope = {"type": "websocket", "path": "/ws/quotes/", "query_string": b"", "headers": [], "user": user}
    link = ApplicationCommunicator(consumers.QuoteConsumer.as_asgi(), scope)
    await link.send_input({"type": "websocket.connect"})
    assert (await link.receive_output(PATIENCE))["type"] == "websocket.accept"
    assert "state" in (await link.receive_output(PATIENCE))["text"]
    return link


def tasks() -> set[str]:
    return {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]


def test_a_failure_frees_the_place_of_the_socket(alice: User, aapl: Asset) -> None:
    async def run() -> None:
        link = await opened(alice)
        assert len(live.hub()._followed) == 1
        await link.send_input({"type": "websocket.receive", "text": '{"subscribe": ["AAPL"]}'})
        with pytest.raises(DatabaseError):
            await link.wait(PATIENCE)
        assert not live.hub()._followed
        async with asyncio.timeout(PATIENCE):
            while any("_for_ever" in name for name in tasks()):
                await asyncio.sleep(0.01)

    with missing("assets_quote"):
        asyncio.run(run())


def test_whoever_left_is_not_watched_for(alice: User) -> None:
    async def run() -> None:
        link = await opened(alice)
        listener = next(iter(live.hub()._followed))
        await link.send_input({"type": "websocket.disconnect", "code": 1000})
        await link.wait(PATIENCE)
        assert await live.hub().follow(listener, [7]) == set()
        assert not live.hub()._watching

    asyncio.run(run())


def test_a_failing_check_is_tried_again(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_EVERY", 0.05)
    monkeypatch.setattr(consumers, "AFTER_FAILURE", 0.05)

    async def run() -> None:
        link = await opened(alice)
        await asyncio.sleep(0.3)  # the check fails meanwhile
        assert link.future is not None
        assert not link.future.done()
        await link.send_input({"type": "websocket.disconnect", "code": 1000})
        await link.wait(PATIENCE)

    with missing("users_user"):
        asyncio.run(run())

    async def closes() -> None:
        link = await opened(alice)
        assert (await link.receive_output(PATIENCE)) == {
            "type": "websocket.close",
            "code": consumers.ENDED,
        }

    User.objects.filter(pk=alice.pk).update(is_active=False)
    asyncio.run(closes())


def session_of(user: User) -> Any:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session


def test_a_socket_ends_with_its_login(alice: User) -> None:
    login, session = alice.get_session_auth_hash(), session_of(alice)
    stands = consumers._still_logged_in
    assert stands(alice.pk, login, session)
    assert stands(alice.pk, login, None)  # opened by a ticket

    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
    assert not stands(alice.pk, login, session)
    assert not stands(alice.pk, login, SessionStore("nosuchsession"))

    alice.set_password("another long password")
    alice.save()
    assert not stands(alice.pk, login, None)
    alice.is_active = False
    alice.save()
    assert not stands(alice.pk, alice.get_session_auth_hash(), None)
