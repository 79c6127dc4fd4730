"""A server with the demo, a browser, and people who visit the one with the other.

Environment: ``URL`` names a server with the demo that runs already (else one is started for the run), ``CHROMIUM`` the
browser (else Debian's).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from browser.furnishing import furnish
from browser.installation import installation
from browser.visits import CHROMIUM, SECONDS, Complaints, Visit, launch, visits

expect.set_options(timeout=SECONDS)  # of 5 s a busy machine needs more


@pytest.fixture(scope="session", autouse=True)
def broker() -> None:
    """None of the test process: the server brings its own."""


@pytest.fixture(autouse=True)
def clean_cache() -> None:
    """Nothing to clean: what is cached is in the server."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the demo loaded and its risk computed."""
    if given := os.environ.get("URL"):
        yield given.rstrip("/")
        return
    with installation(tmp_path_factory.mktemp("installation")) as address:
        yield address


@pytest.fixture(scope="session")
def furnished(server: str) -> str:
    """The same address, once there is something of each kind behind it."""
    furnish(server)
    return server


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    assert Path(CHROMIUM).exists(), f"{CHROMIUM} is missing: apt-get install chromium, or name one by CHROMIUM="
    launched = launch(playwright)
    yield launched
    launched.close()


@pytest.fixture
def complaints(server: str) -> Iterator[Complaints]:
    """What the browser complains about during a test, which fails at its end if there is anything."""
    kept = Complaints(server)
    yield kept
    assert kept.take() == []


@pytest.fixture
def visit(browser: Browser, server: str, complaints: Complaints) -> Iterator[Visit]:
    with visits(browser, server, complaints) as visit:
        yield visit
