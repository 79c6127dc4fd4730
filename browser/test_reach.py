"""Everything can be reached and seen to be reached: the way past the bars, a focus that shows, targets of 24 px."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from browser.checks import settle
from browser.visits import Visit

PATHS = ["/", "/transactions/", "/banking/transactions/", "/analytics/optimiser/", "/settings/display/"]
STOPS = 60
TARGET = 24  # WCAG 2.2, 2.5.8

# What shows where the focus is: the element's own outline or shadow, or that of the label of a hidden input.
SHOWS = """() => {
  const outlined = style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const drawn = style => outlined(style) || style.boxShadow !== 'none';
  const active = document.activeElement;
  const box = active.getBoundingClientRect();
  const around = [active, active.closest('label'), ...document.querySelectorAll(`label[for="${active.id || '-'}"]`)];
  return {
    name: active.outerHTML.slice(0, 140),
    end: active === document.body,
    seen: around.some(each => each && drawn(getComputedStyle(each))),
    inside: box.bottom > 0 && box.top < innerHeight,
  };
}"""
CONTROLS = "button, select, summary, input:not([type=hidden]), textarea, nav a, .btn"
SMALL = """([controls, least]) => [...document.querySelectorAll(controls)]
  .filter(each => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && each.offsetParent)
  .map(each => [each, (each.closest('label') || each).getBoundingClientRect()])
  .filter(([each, box]) => Math.round(box.width) < least || Math.round(box.height) < least)
  .filter(([each]) => !each.matches('p button, dd button'))
  .map(([each, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${each.outerHTML.slice(0, 140)}`)"""


def opened(visit: Visit, path: str, *given: str) -> Page:
    page = visit("demo", *given)
    page.goto(path)
    settle(page)
    return page


@pytest.mark.parametrize("path", PATHS)
def test_the_first_stop_leads_past_the_bars(visit: Visit, path: str) -> None:
    page = opened(visit, path)
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_shows(visit: Visit, path: str, scheme: str) -> None:
    page = opened(visit, path, "desktop", scheme)
    stops = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(SHOWS)
        if stop["end"]:
            break
        stops.append(stop)
    assert len(stops) > 15
    assert [stop["name"] for stop in stops if not stop["seen"]] == []
    assert [stop["name"] for stop in stops if not stop["inside"]] == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_targets_are_large_enough(visit: Visit, path: str, size: str) -> None:
    assert opened(visit, path, size).evaluate(SMALL, [CONTROLS, TARGET]) == []
