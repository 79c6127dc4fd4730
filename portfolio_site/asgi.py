"""The server's door. A header that cannot be read is the client's fault: 400, where Django alone fails with a 500."""

import gc
import os
from collections.abc import Mapping
from typing import Any

import django
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponseBadRequest
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")


class Handler(ASGIHandler):
    """Django parses Content-Type before any middleware runs, so nothing further in could answer for it."""

    def create_request(
        self, scope: Mapping[str, Any], body_file: Any
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        try:
            return super().create_request(scope, body_file)
        except ValueError:
            return None, HttpResponseBadRequest("A header of the request is malformed.", content_type="text/plain")


django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  the apps are there only now
from django.urls import get_resolver  # noqa: E402

from portfolio_site.sockets import websocket  # noqa: E402

application = ProtocolTypeRouter({"http": Handler(), "websocket": websocket})


def settle() -> None:
    """Load every view now, and let the collector leave alone what stays for as long as the server runs.

    Otherwise it looks at some 200,000 objects again in the middle of a page, for longer than the page takes.
    """
    for pattern in get_resolver().url_patterns:
        getattr(pattern, "url_patterns", None)
    gc.collect()
    gc.freeze()


settle()
