"""Every page in German, whose words are longer, on a phone and in a wide window: nothing is wider than the window, no
control's words are cut, torn apart or laid over another's, and every target has its 24 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from browser.checks import cramped, settle, too_wide
from browser.pages import PLACES, Place, User
from browser.visits import SIZES, Complaints, windows

Speaking = tuple[Callable[[User], Page], Complaints]
SPEAKING = [place for place in PLACES if place.view != "docs"]  # programs' reference is in English
OPEN = "() => document.querySelectorAll('main details:not(.menu)').forEach(each => { each.open = true; })"


@pytest.fixture(scope="module")
def speaking(browser: Browser, furnished: str) -> Iterator[Speaking]:
    """One window for each person, whose browser asks for German, and what it complains about."""
    complaints = Complaints(furnished)
    with windows(browser, furnished, complaints, "de-DE") as window:
        yield lambda user: window(user, "desktop", "light"), complaints


@pytest.mark.parametrize("place", SPEAKING, ids=str)
def test_page(speaking: Speaking, place: Place) -> None:
    window, complaints = speaking
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
