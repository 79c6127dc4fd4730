"""The WebSockets: from where they may be opened, and who is at the other end."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.urls import path

from portfolios.consumers import LiveConsumer
from users.tickets import redeem

NOT_FOUND = 4404


class SameOrigin:
    """Pages of this server alone. A program sends no Origin, and has no cookie that another page could use.

    The origin is the host and port that the request itself names, or one of CSRF_TRUSTED_ORIGINS: another server on the
    same machine is another origin.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", [])}
        origin = headers.get(b"origin")
        if origin is None or self._is_ours(origin, headers.get(b"host", "")):
            return await self.inner(scope, receive, send)
        return await nowhere(scope, receive, send)

    @staticmethod
    def _is_ours(origin: str, host: str) -> bool:
        if origin in settings.CSRF_TRUSTED_ORIGINS:
            return True
        name = split_domain_port(host)[0]
        try:
            return urlsplit(origin).netloc == host and validate_host(name, settings.ALLOWED_HOSTS)
        except ValueError:  # no address at all
            return False


class TicketAuth:
    """``?ticket=`` names the user in place of the session."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ticket")
        if given:
            user = await database_sync_to_async(redeem)(given[0])
            scope = {name: value for name, value in scope.items() if name != "session"} | {"user": user}
        return await self.inner(scope, receive, send)


async def nowhere(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A path without a socket behind it is refused before it opens."""
    await receive()
    await send({"type": "websocket.close", "code": NOT_FOUND})


SOCKETS: list[tuple[str, Any]] = [("ws/quotes/", LiveConsumer.as_asgi()), ("<path:path>", nowhere), ("", nowhere)]
routes = URLRouter([path(route, socket) for route, socket in SOCKETS])
websocket = SameOrigin(AuthMiddlewareStack(TicketAuth(routes)))
