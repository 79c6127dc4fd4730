"""By keyboard: a portfolio is shared with somebody, and money goes from one account to another."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from browser.keyboard import Keyboard
from browser.own import Api
from browser.visits import Complaints, Visit


def test_a_portfolio_is_shared_and_no_longer(visit: Visit, server: str, complaints: Complaints) -> None:
    complaints.tolerate_answer(400, 404, 422)
    with Api.of(server).portfolio("Shared by keyboard") as portfolio:
        manager = visit("manager")
        assert not _picks(manager, portfolio)
        page = visit()
        page.goto(f"/?portfolio={portfolio}")
        keys = Keyboard(page)
        keys.to("Portfolio: Shared by keyboard")
        keys.press("Enter")
        keys.follow("Sharing of this one", "link")
        keys.fill("Name that they log in with", "nobody-of-that-name")
        keys.follow("Share", "button")
        keys.is_on("Name that they log in with")  # what is wrong
        keys.write("manager")
        keys.to("Role", "combobox")
        keys.choose("Viewer")
        keys.follow("Share", "button")
        expect(page.get_by_role("row", name="manager")).to_contain_text("Mara Manager")
        assert page.evaluate("document.activeElement !== document.body")
        assert _picks(manager, portfolio)
        expect(manager.get_by_role("link", name="New trade")).to_have_count(0)

        keys.to("Role of manager", "combobox", back=True)
        keys.choose("Editor")
        keys.follow("Change the role of manager", "button")
        assert _picks(manager, portfolio)
        expect(manager.get_by_role("link", name="New trade")).not_to_have_count(0)

        keys.to("Stop sharing with manager", "button", back=True)
        keys.go()
        expect(page.get_by_text("Nobody else yet.")).to_be_visible()
        assert page.evaluate("document.activeElement !== document.body")
        assert not _picks(manager, portfolio)


def _picks(page: Page, portfolio: int) -> bool:
    """Whether the person can see the portfolio, by its address."""
    answer = page.goto(f"/?portfolio={portfolio}")
    assert answer
    return answer.status == 200 and page.get_by_role("heading", level=1).inner_text() == "Shared by keyboard"


def test_money_goes_from_one_account_to_another_and_back(visit: Visit, complaints: Complaints) -> None:
    page = visit()
    keys = Keyboard(page)
    keys.follow("Banking", "link")
    keys.follow("Transfers", "link")
    keys.follow("Pay or move money", "link")
    keys.to("From", "combobox")
    keys.choose("Checking")
    keys.to("To", "combobox")
    keys.choose("Savings")
    keys.follow("Pay", "button")  # without an amount
    keys.is_on("Amount", "textbox")
    keys.write("1.37")
    keys.fill("Note", "Moved by keyboard")
    expect(page.locator("#preview")).to_contain_text("Arrives in Savings")
    keys.follow("Pay", "button")
    assert "Paid: 1.37 USD from Checking to Savings." in page.locator(".said:focus").inner_text()
    row = page.get_by_role("row", name=re.compile("Moved by keyboard")).first
    expect(row).to_contain_text("1.37")

    keys.to("Take back the transfer", "button")
    keys.go()
    expect(row).to_contain_text("taken back")
    assert page.evaluate("document.activeElement !== document.body")
