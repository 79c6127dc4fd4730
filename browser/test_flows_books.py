"""By keyboard: a portfolio, a purchase, a sale of a picked lot, and taking it back."""

from __future__ import annotations

from playwright.sync_api import expect

from browser.keyboard import Keyboard
from browser.own import Api
from browser.visits import Complaints, Visit


def test_a_portfolio_is_added(visit: Visit, server: str, complaints: Complaints) -> None:
    complaints.tolerate_answer(400)  # the answer to a form without a name
    page = visit()
    keys = Keyboard(page)
    keys.to("Portfolio: ")
    keys.press("Enter")
    keys.follow("New portfolio", "link")
    keys.follow("Create the portfolio", "button")
    keys.is_on("Name", "textbox")
    expect(page.locator("#error-name")).not_to_be_empty()
    keys.write("Added by keyboard")
    keys.to("Cost method", "combobox")
    keys.choose("Lots picked")
    keys.fill("Benchmark", "SP500")
    try:
        keys.follow("Create the portfolio", "button")
        expect(page.get_by_role("heading", level=1)).to_have_text("Added by keyboard")
        assert "is there" in page.locator(".said:focus").inner_text()
        keys.follow("Enter the first trade", "link")
        keys.is_on("Security", "combobox")
    finally:
        Api.of(server).delete_portfolio("Added by keyboard")


def test_a_purchase_is_entered(visit: Visit, server: str, complaints: Complaints) -> None:
    complaints.tolerate_answer(400)
    with Api.of(server).portfolio("Bought by keyboard") as portfolio:
        page = visit()
        page.goto(f"/transactions/?portfolio={portfolio}")
        keys = Keyboard(page)
        keys.follow("New trade", "link")
        keys.is_on("Security", "combobox")
        keys.go()  # Enter in an empty form
        keys.is_on("Security", "combobox")
        assert page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
        keys.write("AAPL")
        expect(page.locator("#asset-options option").first).to_be_attached()
        keys.to("Date and time")
        keys.write_day("2020-03-23")
        keys.fill("Quantity", "10")
        keys.fill("Fee", "4.95")
        expect(page.locator("#preview")).to_contain_text("Lot opened")
        assert page.evaluate("document.querySelector('#id_price').value")  # the close of the day is offered
        keys.follow("Book the trade", "button")
        assert "Booked" in page.locator(".said:focus").inner_text()
        keys.follow("Undo", "button")
        assert page.locator(".said:focus").count() == 1
        keys.follow("Book it again", "button")
        expect(page.get_by_role("row", name="AAPL")).not_to_have_count(0)


def test_a_picked_lot_is_sold_and_the_sale_taken_back(visit: Visit, server: str, complaints: Complaints) -> None:
    with Api.of(server).two_lots("Sold by keyboard") as portfolio:
        page = visit()
        page.goto(f"/?portfolio={portfolio}")
        keys = Keyboard(page)
        keys.follow("Holdings", "link")
        keys.follow("AAPL", "link")
        keys.follow("New trade", "link")
        keys.to("Buy", "radio")
        keys.press("ArrowRight")
        keys.is_on("Sell", "radio")
        keys.to("Date and time")
        keys.write_day("2022-12-28")
        keys.fill("Quantity", "5")
        keys.fill("Price", "126")
        keys.to("Take of the lot of 24 Mar 2020")  # the younger of the two
        keys.write("5")
        expect(page.locator("[data-picks-left]")).to_have_text("0 of 5 left")
        expect(page.locator("#preview")).to_contain_text("345.00")  # 5 × (126 − 57)
        keys.is_on("Take of the lot of 24 Mar 2020")  # nothing that came in meanwhile took the focus
        keys.follow("Book the trade", "button")
        assert "Sell 5 AAPL" in page.locator(".said:focus").inner_text()
        keys.follow("Transactions", "link")
        row = page.get_by_role("row", name="Sell AAPL")
        expect(row).to_contain_text("345.00")

        keys.to("Void trade", "link")
        keys.press("Enter")
        keys.is_on("Void", "button")
        keys.press("Tab", "Enter")  # leave it
        keys.is_on("Void trade", "link")
        keys.press("Enter")
        keys.is_on("Void", "button")
        keys.press("Enter")
        keys.is_on("Undo the void", "button")
        expect(page.get_by_role("status").last).to_contain_text("Voided")
        assert row.get_attribute("class") == "voided"
        keys.press("Enter")
        keys.is_on("Void trade", "link")
        expect(page.get_by_role("status").last).to_contain_text("Restored")
        expect(row).to_contain_text("345.00")


def test_a_row_is_entered_in_the_list(visit: Visit, server: str, complaints: Complaints) -> None:
    with Api.of(server).portfolio("Row by keyboard") as portfolio:
        page = visit()
        page.goto(f"/transactions/?portfolio={portfolio}")
        keys = Keyboard(page)
        keys.to("+ New row")
        keys.press("Enter")
        keys.to("Security")
        keys.write("NOSUCH")
        keys.to("Book it", "button")
        keys.press("Enter")
        keys.is_on("Security")  # the first that is wrong
        keys.write("MSFT")
        keys.fill("Quantity", "3")
        keys.fill("Price", "158")
        keys.to("Book it", "button")
        keys.press("Enter")
        expect(page.locator(".said")).to_contain_text("Booked: Buy 3 MSFT")
        keys.is_on("Kind")  # of the next row
        keys.to("Undo", "button", back=True)
        keys.press("Enter")
        keys.is_on("Undo the void", "button")
        expect(page.get_by_role("row", name="Buy MSFT")).to_contain_text("Voided.")
