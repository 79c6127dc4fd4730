"""What a picture of a page tells: paper has nothing to click on, and a phone's strip shows which page is open."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.visits import Visit


@pytest.mark.parametrize("path", ["/reports/statement/?period=2021", "/reports/income/?period=2021", "/reports/tax/"])
def test_a_report_is_printed_without_its_form(visit: Visit, path: str) -> None:
    page = visit()
    page.goto(path)
    choice, tabs = page.locator(".report-choice"), page.get_by_role("navigation", name="Pages")
    expect(choice).to_be_visible()
    page.emulate_media(media="print")
    expect(choice).to_be_hidden()
    expect(tabs).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/reports/", "/watchlist/"])
def test_the_open_page_is_seen_among_the_pages_on_a_phone(visit: Visit, path: str) -> None:
    page = visit(size="phone")
    page.goto(path)
    named = page.locator(".sections [aria-current]")
    expect(named).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0
