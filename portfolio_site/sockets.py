"""The WebSockets: from where they may be opened, and who is at the other end."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.urls import path

from portfolios.consumers import LiveConsumer
from users.tickets import redeem

NOT_FOUND = 4404


class SameOrigin(OriginValidator):
    """Pages of this server alone. A program sends no Origin, and has no cookie that another page could use."""

    def valid_origin(self, parsed_origin: Any) -> bool:
        return parsed_origin is None or bool(super().valid_origin(parsed_origin))


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
ORIGINS = [*settings.ALLOWED_HOSTS, *settings.CSRF_TRUSTED_ORIGINS]
routes = URLRouter([path(route, socket) for route, socket in SOCKETS])
websocket = SameOrigin(AuthMiddlewareStack(TicketAuth(routes)), ORIGINS)
