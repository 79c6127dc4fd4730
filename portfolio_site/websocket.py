"""uvicorn's WebSocket with one more rule: a client that does not read is cut off.

uvicorn waits for room in the write buffer also for the frame that would close the connection, so nothing in the
application can end one that stalls. Named in the server's command line as ``--ws portfolio_site.websocket:Protocol``.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALLED_FOR = 5.0  # seconds with a full buffer


class Protocol(WebSocketsSansIOProtocol):
    cut: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self.cut = self.loop.call_later(STALLED_FOR, self.transport.abort)

    def resume_writing(self) -> None:
        self._keep()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        super().connection_lost(exc)

    def _keep(self) -> None:
        if self.cut is not None:
            self.cut.cancel()
            self.cut = None
