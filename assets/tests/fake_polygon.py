"""A Polygon on loopback that knows a market's days."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from assets.tests.fake_upstream import Call, FakeUpstream, Reply, serving

__all__ = ["DAY", "KEY", "Call", "FakePolygon", "Reply", "body", "row", "running"]
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


@dataclass
class FakePolygon(FakeUpstream):
    """``days`` holds the results by day; ``pages`` are answers at other paths."""

    days: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pages: dict[str, Reply] = field(default_factory=dict)

    def trade(self, closes: Mapping[str, object], day: date = DAY) -> None:
        self.days[day.isoformat()] = [row(ticker, close, day=day) for ticker, close in closes.items()]

    def usual(self, call: Call) -> Reply:
        return self.pages.get(call.path) or Reply(body(*self.days.get(call.day, [])))


@contextmanager
def running() -> Iterator[FakePolygon]:
    with serving(FakePolygon()) as fake:
        yield fake
