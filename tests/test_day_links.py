"""The day that pages show is kept for the person, so that no link from one page to another names it again."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from tests.world import World

LINKED = [
    "/",
    "/?portfolio=all",
    "/holdings/",
    "/holdings/AAPL/?span=1y",
    "/assets/AAPL/?span=1y",
    "/transactions/?kind=buy",
    "/analytics/risk/",
    "/analytics/var/",
    "/analytics/correlation/",
    "/analytics/stress/",
    "/analytics/stress/?show=benchmark-20",
    "/analytics/factors/",
    "/analytics/history/",
    "/analytics/rebalancing/",
    "/banking/?span=1y",
    "/banking/accounts/",
    "/banking/accounts/{account}/?span=1y",
    "/banking/transactions/?voided=on",
    "/organisation/{organisation}/?period=year",
    "/reports/",
    "/reports/tax/",
]
FILES = ("format=csv", "format=pdf", "/expenses/")
SAID = "Everything is shown as of <strong>1 March 2024</strong>."


@pytest.fixture
def browser(world: World, client: Client) -> Client:
    client.force_login(world.owner)
    return client


@pytest.mark.parametrize("url", LINKED)
def test_no_link_to_a_page_names_the_day_again(world: World, browser: Client, url: str) -> None:
    """Else the way back to today would be undone by the browser's Back, and by a link in another tab."""
    url = url.format(account=world.assertion.account.pk, organisation=world.ids["organisation"])
    page = " ".join(browser.get(f"{url}{'&' if '?' in url else '?'}as_of=2024-03-01").content.decode().split())
    assert SAID in page
    links = [unescape(link) for link in re.findall(r'<a\b[^>]*?\shref="([^"]+)"', page)]
    naming = [link for link in links if "as_of=" in link and not any(part in link for part in FILES)]
    assert [link for link in naming if not link.startswith("/explain/")] == []
    assert 'name="as_of"' not in page
    parts = re.findall(r'hx-get="/cards/\d+/(?:value|allocation|var|rolling)/([^"]*)"', page)
    assert all("as_of=2024-03-01" in part for part in parts), "a part is of the day of the page that it stands on"


@pytest.mark.parametrize("page", ["/reports/tax/", "/banking/transactions/"])
def test_files_are_of_the_day_of_the_page_that_offers_them(browser: Client, page: str) -> None:
    html = browser.get(page, {"as_of": "2024-03-01"}).content.decode()
    files = [link for link in re.findall(r'href="([^"]+)"', html) if "format=csv" in link]
    assert files
    assert all("as_of=2024-03-01" in link for link in files), files


def test_so_is_the_file_of_employees_expenses(world: World, browser: Client) -> None:
    page = f"/organisation/{world.ids['organisation']}/?period=month"
    for asked, query in (("&as_of=2024-03-01", "?period=month&as_of=2024-03-01"), ("&as_of=", "?period=month")):
        assert browser.get(page + asked).context["csv_query"] == query
