"""A Polygon that speaks real HTTP on loopback and misbehaves when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

DAY = date(2024, 5, 31)
KEY = "key-of-the-tests"


def row(ticker: str, close: object, *, day: date = DAY, **figures: object) -> dict[str, object]:
    """One result as Polygon writes it; without further figures the bar is flat."""
    flat = {"o": close, "h": close, "l": close, "v": 1000, "vw": close, "n": 10}
    closing = datetime.combine(day, time(20), UTC)
    return {"T": ticker, "c": close, "t": int(closing.timestamp() * 1000)} | flat | figures


def body(*rows: Mapping[str, object], **other: object) -> bytes:
    """An answer with ``rows`` as its results; json writes NaN as the bare word, which Polygon's client reads."""
    answer = {"status": "OK", "queryCount": len(rows), "resultsCount": len(rows), "adjusted": False}
    return json.dumps(answer | ({"results": rows} if rows else {}) | other).encode()


@dataclass(frozen=True)
class Reply:
    """``length`` is what Content-Length says; it may be a lie."""

    data: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class Call:
    path: str
    query: dict[str, list[str]]
    key: str

    @property
    def day(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass
class FakePolygon:
    """``days`` holds the results by day; ``replies`` come first, one for each call, and ``always`` stands for all."""

    url: str = ""
    days: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    always: Reply | None = None
    calls: list[Call] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def trade(self, closes: Mapping[str, object], day: date = DAY) -> None:
        self.days[day.isoformat()] = [row(ticker, close, day=day) for ticker, close in closes.items()]

    def hang(self) -> None:
        """Keep callers waiting until ``release``."""
        self.hanging.set()

    def release(self) -> None:
        self.hanging.clear()
        self.released.set()

    def reply_to(self, call: Call) -> Reply:
        self.calls.append(call)
        if self.hanging.is_set():
            self.released.wait(30)
        if self.always:
            return self.always
        return self.replies.pop(0) if self.replies else Reply(body(*self.days.get(call.day, [])))


@contextmanager
def running() -> Iterator[FakePolygon]:
    fake = FakePolygon()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        fake.release()
        server.shutdown()
        server.server_close()


def _handler(fake: FakePolygon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            key = self.headers.get("Authorization", "")
            reply = fake.reply_to(Call(address.path, parse_qs(address.query), key))
            with suppress(BrokenPipeError, ConnectionResetError):  # the caller may have given up
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            length = len(reply.data) if reply.length is None else reply.length
            for name, value in {"Content-Type": "application/json", "Content-Length": str(length)}.items():
                self.send_header(name, reply.headers.get(name, value))
            for name in reply.headers.keys() - {"Content-Type", "Content-Length"}:
                self.send_header(name, reply.headers[name])
            self.end_headers()
            self.wfile.write(reply.data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Say nothing: the test looks at ``calls``."""

    return Handler
