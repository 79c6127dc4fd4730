"""By keyboard: an optimisation is asked for, left, found again and read."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from browser.keyboard import Keyboard
from browser.visits import Complaints, Visit

WORK = 180_000  # milliseconds that a worker may take


def test_an_optimisation_is_left_and_found_again(visit: Visit, complaints: Complaints) -> None:
    complaints.tolerate_answer(400, 422)
    page = visit()
    keys = Keyboard(page)
    keys.follow("Analytics", "link")
    keys.follow("Optimiser", "link")
    keys.fill("Each asset at most, %", "half")
    keys.follow("Optimise", "button")
    keys.is_on("Each asset at most, %")  # what is wrong
    keys.write("40")
    keys.follow("Optimise", "button")
    expect(page).to_have_url(re.compile(r"/analytics/optimiser/\d+/"))
    address = page.url.split("?")[0].split(":", 2)[-1].partition("/")[2]
    expect(page.locator("#optimisation")).to_be_visible()

    keys.follow("Holdings", "link")  # leave it
    keys.to("Account of Dana Demo")
    keys.press("Enter")
    keys.follow("Work under way", "link")
    found = page.locator(f'#jobs a[href*="{address}"]')
    expect(found).to_be_visible()
    keys.to(found.inner_text(), "link")
    page.wait_for_timeout(4_000)  # the list asks for itself again, and the focus stays
    assert page.evaluate("document.activeElement.getAttribute('href')") == found.get_attribute("href")
    keys.go()
    expect(page.get_by_role("heading", name="Weights", exact=True)).to_be_visible(timeout=WORK)
    expect(page.locator("#optimisation")).not_to_have_attribute("aria-busy", "true")
    keys.to("Make trades of it", "link")
