"""By keyboard: a file with transactions is looked at, booked and taken out again."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.keyboard import Keyboard
from browser.visits import Visit

WORK = 180_000  # milliseconds that a worker may take
HEAD = (
    "external_id,account_ref,date,amount,currency,section,category,description,counterparty_name,counterparty_account,"
    "transfer_group_id"
)


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    """Two rows of an account of the demo's, which no other run has had."""
    mark = uuid.uuid4().hex[:8]
    rows = [
        f"{mark}-1,demo-checking,2022-12-01,12.50,USD,income,interest,By keyboard {mark},,,",
        f"{mark}-2,demo-checking,2022-12-02,-7.25,USD,expense,food,By keyboard {mark},,,",
    ]
    path = tmp_path / f"statement-{mark}.csv"
    path.write_text("\n".join([HEAD, *rows]))
    return path


def test_a_file_is_imported_and_taken_out_again(visit: Visit, statement: Path) -> None:
    page = visit()
    page.on("filechooser", lambda chooser: chooser.set_files(statement))
    keys = Keyboard(page)
    keys.to("Account of Dana Demo")
    keys.press("Enter")
    keys.follow("Import a file", "link")
    keys.to("Drop files here")
    keys.press("Enter")
    expect(page.locator("#id_file")).to_have_value(re.compile(statement.name))
    keys.follow("Look at it", "button")
    expect(page.get_by_role("heading", level=1)).to_have_text(statement.name)
    expect(page.get_by_role("button", name="Book 2 rows")).to_be_visible(timeout=WORK)
    assert _counts(page) == {"Rows": "2", "New": "2", "Already there": "0", "With an error": "0"}
    expect(page.get_by_role("status").last).to_contain_text(
        re.compile("New\\s2")
    )  # a screen reader hears that it is read

    keys.follow("Book 2 rows", "button")
    assert page.evaluate("document.activeElement.closest('#import') !== null")  # and not the top of the page
    expect(page.get_by_role("button", name="Undo this import")).to_be_visible(timeout=WORK)
    assert page.evaluate("document.activeElement.closest('#import') !== null")  # nor after the swap
    keys.to("Undo this import", "button")
    keys.follow("See what is booked", "link")
    assert statement.stem.removeprefix("statement-") in page.locator("main").inner_text()

    page.go_back()
    keys.follow("Undo this import", "button")
    expect(page.get_by_role("button", name="Undo this import")).to_have_count(0, timeout=WORK)
    expect(page.locator("#import")).not_to_have_attribute("aria-busy", "true", timeout=WORK)
    keys.follow("All imports", "link")
    expect(page.get_by_role("row", name=statement.name)).to_contain_text("Undone")


def test_a_file_with_an_error_says_where_and_is_deleted(visit: Visit, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"{HEAD}\nwrong-1,demo-checking,2022-13-02,-7.25,USD,expense,food,No such month,,,")
    page = visit()
    page.on("filechooser", lambda chooser: chooser.set_files(wrong))
    page.goto("/imports/")
    keys = Keyboard(page)
    keys.to("Drop files here")
    keys.press("Enter")
    expect(page.locator("#id_file")).to_have_value(re.compile(wrong.name))
    keys.follow("Look at it", "button")
    expect(page.get_by_role("alert")).to_contain_text("nothing is booked", timeout=WORK)
    expect(page.get_by_role("row", name="Line 2")).to_contain_text("2022-13-02")
    keys.follow("Delete the file", "button")
    assert "was deleted" in page.locator(".said:focus").inner_text()


def test_without_a_file_the_field_for_it_has_the_focus(visit: Visit) -> None:
    page = visit()
    page.goto("/imports/")
    keys = Keyboard(page)
    keys.to("Look at it", "button")
    keys.press("Enter")
    keys.is_on("Drop files here")


def _counts(page: Page) -> dict[str, str]:
    pairs = page.locator(".imports-counts > div").all()
    return {pair.locator("dt").inner_text(): pair.locator("dd").inner_text() for pair in pairs}
