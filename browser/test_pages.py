"""Every page, in a wide window and on a phone, light and dark: it is there whole, the browser has nothing to complain
about, nothing is wider than the window, and axe-core finds no serious barrier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, Page

from browser.checks import settle, too_wide, violations
from browser.pages import NO_PAGES, PLACES, Place, User
from browser.visits import SIZES, Complaints, Scheme, Size, windows
from tests.endpoints import endpoints

LOADED: dict[Size, Scheme] = {"desktop": "light", "phone": "dark"}  # the other one is chosen on the open page
OTHER: dict[Scheme, Scheme] = {"light": "dark", "dark": "light"}


@pytest.fixture(scope="module")
def walk(browser: Browser, furnished: str) -> Iterator[tuple[Callable[[User, Size], Page], Complaints]]:
    """One window for each person and size, that goes from page to page."""
    complaints = Complaints(furnished)
    with windows(browser, furnished, complaints) as window:
        yield lambda user, size: window(user, size, LOADED[size]), complaints


def test_no_page_is_left_out() -> None:
    answering = {each.name for each in endpoints() if "get" in each.methods and not each.is_api}
    assert answering == {place.view for place in PLACES} | NO_PAGES


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_page(walk: tuple[Callable[[User, Size], Page], Complaints], place: Place, size: Size) -> None:
    window, complaints = walk
    page = window(place.user, size)
    page.emulate_media(color_scheme=LOADED[size])
    path = place.path(page)
    assert resolve(urlsplit(path).path).url_name == place.view
    complaints.take()
    answer = page.goto(path)
    assert answer
    assert answer.status == 200
    settle(page)
    found = [*violations(page), *too_wide(page)]
    page.emulate_media(color_scheme=OTHER[LOADED[size]])
    found += [*violations(page), *too_wide(page), *complaints.take()]
    assert not found, "\n" + "\n".join(found)
