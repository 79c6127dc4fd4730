"""Every page in German, whose words are longer, on a phone and in a wide window: nothing is wider than the window, no
control's words are cut, torn apart or laid over another's, and every target has its 24 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from playwright.sync_api import Browser, Page

from browser.checks import cramped, settle, too_wide
from browser.pages import PLACES, Place, User
from browser.visits import SIZES, Complaints, log_in, open_context

Windows = tuple[Callable[[User], Page], Complaints]
SPEAKING = [place for place in PLACES if place.view != "docs"]  # programs' reference is in English
OPEN = "() => document.querySelectorAll('main details:not(.menu)').forEach(each => { each.open = true; })"


@pytest.fixture(scope="module")
def windows(browser: Browser, furnished: str) -> Iterator[Windows]:
    """One window for each person, whose browser asks for German, and what it complains about."""
    complaints = Complaints(furnished)
    contexts = []

    @cache
    def opened(user: User) -> Page:
        context = open_context(browser, furnished, "desktop", "light", complaints, "de-DE")
        contexts.append(context)
        page = context.new_page()
        if user:
            log_in(page, user)
        return page

    yield opened, complaints
    for context in contexts:
        context.close()


@pytest.mark.parametrize("place", SPEAKING, ids=str)
def test_page(windows: Windows, place: Place) -> None:
    window, complaints = windows
    page = window(place.user)
    path = place.path(page)
    complaints.take()
    page.goto(path)
    settle(page)
    assert page.evaluate("document.documentElement.lang") == "de"
    page.evaluate(OPEN)
    found: list[str] = []
    for size, extent in SIZES.items():
        page.set_viewport_size(extent)
        found += [f"{size}: {each}" for each in [*too_wide(page), *cramped(page)]]
    found += complaints.take()
    assert not found, "\n" + "\n".join(found)
