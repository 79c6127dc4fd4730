"""A Polygon on loopback that knows the past of tickers, and their splits and dividends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from assets.tests.fake_polygon import FakePolygon, body, row
from assets.tests.fake_upstream import Call, Reply, as_json, serving
from core.testing import PATIENCE

RANGE = "/v2/aggs/ticker/"


@dataclass
class FakePast(FakePolygon):
    """``past`` holds closes by ticker and day; ``splits`` are rows as Polygon writes them.

    The call numbered ``hangs_at``, and those after it, wait for ``release``.
    """

    past: dict[str, dict[date, object]] = field(default_factory=dict)
    splits: list[dict[str, Any]] = field(default_factory=list)
    hangs_at: int | None = None

    def tell(self, ticker: str, closes: Mapping[date, object]) -> None:
        self.past.setdefault(ticker, {}).update(closes)

    def usual(self, call: Call) -> Reply:
        if self.hangs_at is not None and len(self.calls) >= self.hangs_at:
            self.released.wait(PATIENCE)
        if call.path.startswith(RANGE):
            return self._range(call)
        if "/reference/splits" in call.path:
            return as_json({"status": "OK", "results": self.splits})
        if "/reference/dividends" in call.path:
            return as_json({"status": "OK", "results": []})
        return super().usual(call)

    def _range(self, call: Call) -> Reply:
        parts = call.path.removeprefix(RANGE).split("/")
        ticker, start, end = parts[0], date.fromisoformat(parts[4]), date.fromisoformat(parts[5])
        days = self.past.get(ticker, {})
        rows = [row(ticker, days[day], day=day) for day in sorted(days) if start <= day <= end]
        for item in rows:
            del item["T"]
        return Reply(body(*rows, ticker=ticker))


@contextmanager
def running() -> Iterator[FakePast]:
    with serving(FakePast()) as fake:
        yield fake
