"""A person at a browser: logged in, at a size of window, light or dark, with every complaint of the browser kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, ViewportSize, expect

from browser.installation import PASSWORDS

Size = Literal["desktop", "phone"]
Scheme = Literal["light", "dark"]
SIZES: dict[Size, ViewportSize] = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 360, "height": 780},
}
CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
QUIET = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
SECONDS = 60_000  # milliseconds that a page may take on a busy machine


@dataclass
class Complaints:
    """What a browser says that it should not: errors and warnings, a breach of the content security policy among them,
    errors of scripts, and requests to another host.
    """

    address: str
    found: list[str] = field(default_factory=list)
    tolerated: list[re.Pattern[str]] = field(default_factory=list)

    def tolerate(self, pattern: str) -> None:
        """What a test provokes on purpose, such as the answer 422 to a form: whatever ``pattern`` is found in."""
        self.tolerated.append(re.compile(pattern))

    def tolerate_answer(self, *statuses: int) -> None:
        """The answers that a test provokes, as the browser and htmx tell of them."""
        self.tolerate(rf"(status of|Status Error Code) ({'|'.join(map(str, statuses))})\b")

    def watch(self, context: BrowserContext) -> None:
        """Listen to every page of ``context``, those that it opens later, too."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._add(error.page, f"script: {error.error}"))
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))

    def take(self) -> list[str]:
        """What was found since the last time, without what is tolerated."""
        taken = [each for each in self.found if not any(pattern.search(each) for pattern in self.tolerated)]
        self.found.clear()
        return taken

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._add(message.page, f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != urlsplit(self.address).netloc:
            self.found.append(f"asks another host: {url}")

    def _add(self, page: Page | None, what: str) -> None:
        self.found.append(f"{page.url if page else '?'}: {what}")


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, or the one that ``CHROMIUM`` names, asking nobody for anything of its own accord."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *root])


def open_context(
    browser: Browser, address: str, size: Size, scheme: Scheme, complaints: Complaints, language: str = "en-GB"
) -> BrowserContext:
    """A window of its own, with no cookie yet; nothing moves in it, and addresses may be relative."""
    context = browser.new_context(
        base_url=address, viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", locale=language
    )
    context.set_default_timeout(SECONDS)
    complaints.watch(context)
    return context


Visit = Callable[..., Page]


@contextmanager
def visits(browser: Browser, address: str, complaints: Complaints, language: str = "en-GB") -> Iterator[Visit]:
    """``page = visit("demo", "phone", "dark")``: a window of its own on the Dashboard, closed at the end.

    Who visits is logged in there; None is nobody yet.
    """
    contexts: list[BrowserContext] = []

    def visit(user: str | None = "demo", size: Size = "desktop", scheme: Scheme = "light") -> Page:
        context = open_context(browser, address, size, scheme, complaints, language)
        contexts.append(context)
        page = context.new_page()
        if user:
            log_in(page, user)
        return page

    yield visit
    for context in contexts:
        context.close()


@contextmanager
def windows(browser: Browser, address: str, complaints: Complaints, language: str = "en-GB") -> Iterator[Visit]:
    """One window for each person, size and scheme that is asked for, which goes from page to page."""
    with visits(browser, address, complaints, language) as visit:
        yield cache(visit)


def log_in(page: Page, user: str) -> None:
    """Through the page for it, as people do; ends on the Dashboard."""
    page.goto("/login/")
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(PASSWORDS[user])
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(re.compile(r"//[^/]+/$"), timeout=SECONDS)
