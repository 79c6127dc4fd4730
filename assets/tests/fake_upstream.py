"""Upstreams that speak real HTTP on loopback and misbehave when told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.testing import PATIENCE


@dataclass(frozen=True)
class Reply:
    """``length`` is what Content-Length says; it may be a lie. ``pause`` is the seconds between two bytes."""

    data: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    pause: float = 0.0


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(value).encode(), status, headers)


@dataclass
class Call:
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def day(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def key(self) -> str:
        return self.headers.get("Authorization", "")

    def asked(self, name: str) -> str:
        return self.query.get(name, [""])[0]


@dataclass
class FakeUpstream:
    """``usual`` answers. ``replies`` come first, one for each call, and ``always`` stands for all."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    always: Reply | None = None
    calls: list[Call] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def usual(self, call: Call) -> Reply:
        return Reply(b"", 404)

    def hang(self) -> None:
        """Keep callers waiting until ``release``."""
        self.hanging.set()

    def await_call(self) -> None:
        """Return once somebody has called: on a busy machine a caller may have given up before that is seen here."""
        deadline = time.monotonic() + PATIENCE
        while not self.calls:
            assert time.monotonic() < deadline, "nobody has called"
            time.sleep(0.01)

    def release(self) -> None:
        self.hanging.clear()
        self.released.set()

    def reply_to(self, call: Call) -> Reply:
        self.calls.append(call)
        if self.hanging.is_set():
            self.released.wait(PATIENCE)
        if self.always:
            return self.always
        return self.replies.pop(0) if self.replies else self.usual(call)


@dataclass
class Answering(FakeUpstream):
    """A service whose answers a test gives by path, or by a function of the call."""

    answers: dict[str, Reply | Callable[[Call], Reply]] = field(default_factory=dict)

    def usual(self, call: Call) -> Reply:
        answer = self.answers.get(call.path, Reply(b"", 404))
        return answer if isinstance(answer, Reply) else answer(call)


@contextmanager
def serving(fake: Any) -> Iterator[Any]:
    """Give ``fake`` an address for as long as the body runs."""
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


def _handler(fake: FakeUpstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            reply = fake.reply_to(Call(address.path, parse_qs(address.query), dict(self.headers.items())))
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
            if not reply.pause:
                self.wfile.write(reply.data)
                return
            for byte in reply.data:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if fake.released.wait(reply.pause):
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Say nothing: the test looks at ``calls``."""

    return Handler
