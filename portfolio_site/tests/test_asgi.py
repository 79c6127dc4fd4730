"""What the server answers to requests that Django itself cannot read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from core.testing import PATIENCE
from portfolio_site.asgi import application


async def status_of(content_type: bytes) -> int:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/auth/token",
        "raw_path": b"/api/auth/token",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", content_type)],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    server = ApplicationCommunicator(application, scope)
    await server.send_input({"type": "http.request", "body": b"{}"})
    answer = await server.receive_output(timeout=PATIENCE)
    await server.wait(timeout=PATIENCE)
    return int(answer["status"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type",
    [b"application/json; charset*=nosuch''%ff", b"application/json; name*=x'y'%ff", b"\xff/\xfe; charset=\xff"],
)
def test_a_content_type_that_cannot_be_parsed_is_refused(content_type: bytes) -> None:
    assert asyncio.run(status_of(content_type)) in {400, 415}
