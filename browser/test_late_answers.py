"""A slow or failing server while somebody writes: what was written stays, and what could not be had is said."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from browser.checks import settle
from browser.own import Api
from browser.visits import Complaints, Visit

LOTS = re.compile(r"/transactions/lots/")
PREVIEW = re.compile(r"/transactions/preview/")
SOON = 3_000  # looks, a fiftieth of a second apart
NOT_NOW = "cannot be shown just now"


@pytest.fixture
def sale(visit: Visit, server: str) -> Iterator[Page]:
    """The form for a sale out of two lots, of which one is picked."""
    with Api.of(server).two_lots("Sold slowly") as portfolio:
        page = visit()
        page.goto(f"/transactions/new/?portfolio={portfolio}&kind=sell&asset=AAPL")
        write(page, "price", "126")
        expect(page.locator("#preview")).to_contain_text("Still needed: Quantity.")
        settle(page)
        yield page


def hold(page: Page, address: re.Pattern[str]) -> list[Route]:
    """The requests that wait until the test lets them go, in their order."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(address, keep)
    return held


def write(page: Page, name: str, text: str) -> None:
    """As a person does, who goes on to the next field then."""
    field = page.locator(f"[name={name}]")
    field.fill(text)
    field.press("Tab")


def let_go(page: Page, held: list[Route], address: re.Pattern[str], count: int = 1) -> None:
    """Waits until ``count`` requests are held, and sends the newest one."""
    for _ in range(SOON):
        if len(held) == count:
            break
        page.wait_for_timeout(20)
    assert len(held) == count
    with page.expect_response(address):
        held[-1].continue_()
    held.clear()
    settle(page)


def test_a_pick_written_while_the_lots_are_on_their_way_stays(sale: Page) -> None:
    held = hold(sale, LOTS)
    with sale.expect_request(LOTS):
        write(sale, "quantity", "10")
    take = sale.get_by_label("Take of the lot of 24 Mar 2020")
    take.press_sequentially("14")
    take.press("ArrowLeft")
    let_go(sale, held, LOTS)
    expect(take).to_be_focused()
    sale.keyboard.type(".2")  # between the two digits, where the cursor was
    expect(take).to_have_value("1.24")
    expect(sale.locator("[data-picks-left]")).to_have_text("8.76 of 10 left")


def test_a_pick_is_carried_while_no_lot_can_be_shown(sale: Page) -> None:
    take = sale.get_by_label("Take of the lot of 24 Mar 2020")
    held = hold(sale, LOTS)
    with sale.expect_request(LOTS):
        write(sale, "asset", "")
    take.fill("5")
    let_go(sale, held, LOTS)
    expect(take).to_have_count(0)
    with sale.expect_request(LOTS):
        write(sale, "asset", "AAPL")
    let_go(sale, held, LOTS)
    expect(take).to_have_value("5")


def test_a_pick_goes_with_the_lot_when_another_security_is_sold(sale: Page) -> None:
    write(sale, "quantity", "5")
    write(sale, "price", "126")
    sale.get_by_label("Take of the lot of 24 Mar 2020").fill("5")
    with sale.expect_response(LOTS):
        write(sale, "asset", "MSFT")
    expect(sale.locator("#lots-part")).to_contain_text("No lot is open at that time.")
    settle(sale)
    expect(sale.locator("[name^=pick-]")).to_have_count(0)


def test_a_replaced_preview_is_no_error(sale: Page, complaints: Complaints) -> None:
    held = hold(sale, PREVIEW)
    for text in ("1", "12"):
        with sale.expect_request(PREVIEW):
            sale.locator("[name=quantity]").fill(text)
    let_go(sale, held, PREVIEW, 2)
    assert complaints.take() == []
    expect(sale.locator("#preview")).to_contain_text("20 → 8")


@pytest.mark.parametrize("status", [500, 503, None], ids=["broken", "busy", "no connection"])
def test_a_preview_that_does_not_come_is_said(sale: Page, complaints: Complaints, status: int | None) -> None:
    complaints.tolerate_answer(500, 503)
    complaints.tolerate("ERR_CONNECTION_REFUSED|htmx:sendError")
    preview = sale.locator("#preview")
    write(sale, "quantity", "5")
    expect(preview).to_contain_text("20 → 15")
    sale.route(PREVIEW, lambda route: route.fulfill(status=status) if status else route.abort("connectionrefused"))
    write(sale, "quantity", "6")
    expect(preview).to_contain_text(NOT_NOW)
    expect(preview).not_to_contain_text("15")  # what another quantity would do
    expect(sale.locator("#announcements")).to_contain_text(NOT_NOW)
    expect(sale.locator("[name=quantity]")).to_have_value("6")
    sale.unroute(PREVIEW)
    write(sale, "quantity", "7")
    expect(preview).to_contain_text("20 → 13")
    expect(preview).not_to_contain_text(NOT_NOW)


def test_lots_that_do_not_come_take_no_pick_away(sale: Page, complaints: Complaints) -> None:
    complaints.tolerate_answer(503)
    take = sale.get_by_label("Take of the lot of 24 Mar 2020")
    take.fill("5")
    sale.route(LOTS, lambda route: route.fulfill(status=503))
    write(sale, "quantity", "6")
    expect(sale.locator("#lots-part")).to_contain_text(NOT_NOW)
    expect(take).to_have_value("5")
    sale.unroute(LOTS)
    write(sale, "quantity", "7")
    expect(sale.locator("#lots-part")).not_to_contain_text(NOT_NOW)
    expect(take).to_have_value("5")


def test_a_press_without_an_answer_is_said_beside_it(sale: Page, complaints: Complaints) -> None:
    complaints.tolerate_answer(503)
    sale.goto("/transactions/")
    row = sale.locator("tr[id^=trade-]").first
    question = re.compile(r"/transactions/\d+/void/")
    sale.route(question, lambda route: route.fulfill(status=503))
    row.get_by_role("link", name="Void trade").click()
    expect(row).to_contain_text("The server does not answer.")
    sale.unroute(question)
    row.get_by_role("link", name="Void trade").click()
    expect(row.get_by_role("button", name="Void")).to_be_visible()
    expect(row).not_to_contain_text("The server does not answer.")


@pytest.mark.parametrize("status", [403, 404])
def test_a_press_that_is_refused_is_not_asked_for_again(sale: Page, complaints: Complaints, status: int) -> None:
    complaints.tolerate_answer(status)
    sale.goto("/transactions/")
    row = sale.locator("tr[id^=trade-]").first
    sale.route(re.compile(r"/transactions/\d+/void/"), lambda route: route.fulfill(status=status))
    row.get_by_role("link", name="Void trade").click()
    expect(row).to_contain_text("Please load the page again.")
    expect(row).not_to_contain_text("does not answer")
    expect(sale.locator("#announcements")).to_contain_text("This was refused")
