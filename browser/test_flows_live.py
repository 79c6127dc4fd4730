"""The value of a portfolio changes while somebody looks: from a provider's stream to the page, without a reload."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from assets.tests.fake_stream import FakeStream, fake_stream, like_finnhub
from browser.checks import settle
from browser.installation import installation
from browser.keyboard import Keyboard
from browser.visits import Complaints, Visit, log_in, open_context
from portfolio_site.testing import wait_until

SOON = 60_000  # milliseconds
SEARCH = re.compile(r"[?&]q=")
WATCHED = 180.0  # seconds until the streaming process of a busy machine has asked for what is watched


@pytest.fixture
def upstream() -> Iterator[FakeStream]:
    with fake_stream(like_finnhub) as fake:
        yield fake


@pytest.fixture
def followed(server: str, upstream: FakeStream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a second server, on a copy of the demo, whose live prices come from the fake provider."""
    folder = tmp_path_factory.mktemp("followed")
    _copy(tmp_path_factory.getbasetemp() / "installation0", folder)
    source = {"PRICE_PROVIDERS": "finnhub", "LIVE_SOURCES": "finnhub", "FINNHUB_API_KEY": "k"}
    nowhere = "http://127.0.0.1:9"  # what is asked for otherwise than by the stream is refused at once
    with installation(folder, **source, FINNHUB_STREAM_URL=upstream.url, FINNHUB_URL=nowhere) as address:
        yield address


def _copy(source: Path, folder: Path) -> None:
    """The database of a server that runs; where it is not ours the demo is loaded anew."""
    name = "portfolio.sqlite3"
    if not (source / name).exists():
        return
    with closing(sqlite3.connect(source / name)) as old, closing(sqlite3.connect(folder / name)) as new:
        old.backup(new)


def trade(symbol: str, price: float) -> Mapping[str, Any]:
    """As Finnhub says that somebody traded just now."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    return {"type": "trade", "data": [{"s": symbol, "p": price, "t": now, "v": 1}]}


def test_the_value_follows_the_market(browser: Browser, followed: str, upstream: FakeStream) -> None:
    complaints = Complaints(followed)
    context = open_context(browser, followed, "desktop", "light", complaints)
    page = context.new_page()
    log_in(page, "demo")
    keys = Keyboard(page)
    keys.to("How “Total value”", "link")
    page.evaluate("window.sinceThen = true")
    wait_until(lambda: any(each.get("symbol") == "AAPL" for each in upstream.heard), WATCHED, "AAPL is watched")

    before, closes = _total(page), 126.04
    upstream.send(trade("AAPL", closes + 1))
    expect(page.locator('[data-live="total_value"]').first).not_to_have_text(before, timeout=SOON)
    first = _total(page)
    upstream.send(trade("AAPL", closes + 2))
    expect(page.locator('[data-live="total_value"]').first).not_to_have_text(first, timeout=SOON)
    gained = round(_number(_total(page)) - _number(first), 2)
    assert gained > 0
    assert gained == round(gained)  # a whole number of shares, a dollar dearer each

    state = page.locator("[data-live-state]")
    expect(state).to_contain_text("Live", timeout=SOON)
    assert state.get_attribute("role") == "status"  # how it goes is said; that a figure moves is not, each second anew
    keys.is_on("How “Total value”", "link")
    assert page.evaluate("window.sinceThen")  # it is the same page still
    context.close()
    assert complaints.take() == []


def test_what_is_followed_is_asked_for_once(visit: Visit) -> None:
    page = visit()
    asked: list[str | bytes] = []

    def heard(text: str | bytes) -> None:
        asked.append(text)

    page.on("websocket", lambda socket: socket.on("framesent", heard))
    page.goto("/")
    expect(page.locator("[data-live-state]")).to_be_visible(timeout=SOON)  # the server has answered
    field = page.locator("#find-text")
    for text in ("a", "ap", "app"):
        with page.expect_response(SEARCH):
            field.fill(text)
        settle(page)
    assert len(asked) == 1


def _total(page: Page) -> str:
    return page.locator('[data-live="total_value"]').first.inner_text().strip()


def _number(text: str) -> float:
    return float(text.replace(",", "").split()[0])
