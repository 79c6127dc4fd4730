"""By keyboard: logging in and out, another day, on a telephone; and nothing moves where somebody asked for that."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.keyboard import Keyboard
from browser.visits import Complaints, Visit

MOVING = "document.getAnimations({ subtree: true }).map((each) => each.animationName ?? each.transitionProperty)"


def test_logging_in_with_a_wrong_password_first_and_out_again(visit: Visit) -> None:
    page = visit(None)
    page.goto("/holdings/")
    keys = Keyboard(page)
    keys.is_on("Username", "textbox")
    keys.write("demo")
    keys.fill("Password", "not this one")
    keys.go()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    keys.is_on("Password", "textbox")  # the name is kept
    keys.write("demo123")
    keys.go()
    expect(page).to_have_url(re.compile("/holdings/$"))  # where the person wanted to go
    keys.to("Account of Dana Demo")
    keys.press("Enter")
    keys.follow("Log out", "button")
    keys.is_on("Username", "textbox")
    page.goto("/holdings/")
    expect(page).to_have_url(re.compile(r"/login/\?next=/holdings/"))


def test_the_skip_link_leads_past_the_header(visit: Visit) -> None:
    page = visit()
    keys = Keyboard(page)
    assert keys.to("Skip to the content", "link") == 1
    keys.press("Enter")
    keys.to("New trade", "link")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("menu", ["Portfolio: ", "Day shown: ", "Account of "])
def test_a_menu_closes_with_escape_and_when_the_focus_leaves_it(visit: Visit, menu: str) -> None:
    page = visit()
    keys = Keyboard(page)
    opened = page.locator("details.menu[open]")
    keys.to(menu)
    keys.press("Space")
    expect(opened).to_have_count(1)
    keys.press("Tab", "Escape")
    expect(opened).to_have_count(0)
    keys.is_on(menu)
    keys.press("Space", "Shift+Tab")
    expect(opened).to_have_count(0)


def test_a_day_in_the_past_and_back_to_today(visit: Visit) -> None:
    page = visit()
    keys = Keyboard(page)
    today = _total(page)
    keys.to("Day shown: Today")
    keys.press("Enter")
    keys.to("Show everything as of")
    keys.write_day("2020-03-23")
    keys.follow("Show", "button")
    expect(page.get_by_text("Everything is shown as of")).to_contain_text("23 March 2020")
    assert _total(page) != today
    keys.is_on("Day shown: 23")
    keys.follow("Holdings", "link")
    expect(page.locator("[data-past-day]")).to_be_visible()
    keys.follow("Back to today", "button")
    expect(page.locator("[data-past-day]")).to_have_count(0)
    keys.is_on("Day shown: Today")
    keys.follow("Dashboard", "link")
    assert _total(page) == today


def _total(page: Page) -> str:
    return page.locator('[data-live="total_value"]').first.inner_text()


def test_the_arrows_walk_through_what_a_search_finds(visit: Visit) -> None:
    page = visit()
    keys = Keyboard(page)
    keys.to("Search securities", "searchbox")
    keys.write("micro")
    expect(page.locator("#find-list a").first).to_contain_text("MSFT")
    keys.press("ArrowDown")
    assert "MSFT" in keys.stop.name
    keys.press("Escape")
    keys.is_on("Search securities", "searchbox")
    expect(page.locator("#find-list a")).to_have_count(0)
    keys.write("micros")
    expect(page.locator("#find-list a").first).to_contain_text("MSFT")
    keys.press("ArrowDown")
    keys.go()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Microsoft")


def test_a_span_of_the_chart_keeps_the_focus(visit: Visit) -> None:
    page = visit()
    keys = Keyboard(page)
    keys.to("1Y", "link")
    keys.press("Enter")
    expect(page.locator("#value-card [aria-current]").last).to_have_text("1Y")
    keys.is_on("1Y", "link")
    expect(page.get_by_role("status").last).not_to_be_empty()


def test_the_pages_of_a_telephone(visit: Visit) -> None:
    page = visit("demo", "phone")
    keys = Keyboard(page)
    keys.to("Account of Dana Demo")
    keys.press("Enter")
    inside = page.locator("details.menu[open] .menu-list").bounding_box()
    assert inside
    assert inside["x"] >= 0
    assert inside["x"] + inside["width"] <= 360
    keys.follow("Settings", "link")
    keys.follow("Transactions", "link")
    expect(page.get_by_role("heading", level=1)).to_have_text("Transactions")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_finger_opens_and_closes_a_menu(visit: Visit) -> None:
    page = visit("demo", "phone")
    menu = page.locator("details.menu").first
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.mouse.click(180, 700)
    expect(menu).not_to_have_attribute("open", "")


@pytest.mark.parametrize("path", ["/", "/holdings/", "/transactions/", "/jobs/", "/analytics/risk/"])
def test_nothing_moves_where_somebody_asked_for_that(visit: Visit, complaints: Complaints, path: str) -> None:
    page = visit()
    page.emulate_media(reduced_motion="reduce")
    page.goto(path)
    keys = Keyboard(page)
    page.evaluate("document.querySelectorAll('[data-live]').forEach((cell) => cell.classList.add('moved-up'))")
    for _ in range(30):
        keys.press("Tab")
        assert page.evaluate(MOVING) == []
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
