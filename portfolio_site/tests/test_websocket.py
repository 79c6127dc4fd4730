"""A client that does not read is cut off, and whoever sends to it goes on."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest
import uvicorn

from core.testing import PATIENCE
from portfolio_site import websocket
from portfolio_site.testing import free_port, wait_until

HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "STALLED_FOR", 0.3)
    ended: list[type[BaseException]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "x" * 100_000})
        except OSError as error:
            ended.append(type(error))

    port = free_port()
    config = uvicorn.Config(
        application, port=port, ws=websocket.Protocol, lifespan="off", log_level="critical", ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    wait_until(lambda: server.started, PATIENCE, "the server has started")
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HANDSHAKE.encode())
        assert client.recv(1024).startswith(b"HTTP/1.1 101")
        wait_until(lambda: bool(ended), PATIENCE, "the sender is free again")
    server.should_exit = True
    thread.join(PATIENCE)
