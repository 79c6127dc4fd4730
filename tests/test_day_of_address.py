"""A day in the address of a page: who opens it looks at every page of that day, as if chosen in the header."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portfolios.tests.factories import make_portfolio
from users.day import DAY_KEY
from users.models import User

FOLLOWS = "/banking/"
EVERYTHING = "Everything is shown as of <strong>3 May 2020</strong>."


@pytest.fixture
def browser(alice: User, client: Client) -> Client:
    client.force_login(alice)
    return client


def choose(browser: Client, day: str, **fields: str) -> Any:
    return browser.post("/day/", {"day": day} | fields)


def shown(browser: Client, url: str) -> str:
    return " ".join(browser.get(url).content.decode().split())


def test_who_opens_a_page_of_a_day_looks_at_every_page_of_it(browser: Client) -> None:
    assert EVERYTHING in shown(browser, f"{FOLLOWS}?as_of=2020-05-03")
    page = shown(browser, "/banking/accounts/")
    assert EVERYTHING in page
    assert "Show every page of this day" not in page
    assert 'name="next" value="/banking/?span=1y"' in shown(browser, f"{FOLLOWS}?span=1y&as_of=2020-05-03")
    choose(browser, "", jump="today")
    assert "day-banner" not in shown(browser, FOLLOWS)


@pytest.mark.parametrize("today", ["", "now"])
def test_an_address_of_today_leads_back_to_today(browser: Client, today: str) -> None:
    choose(browser, "2020-05-03")
    day = timezone.now().date().isoformat() if today else ""
    assert "day-banner" not in shown(browser, f"{FOLLOWS}?as_of={day}")
    assert DAY_KEY not in browser.session
    assert "day-banner" not in shown(browser, FOLLOWS)


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Request": "true"},
        {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "image"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
    ],
)
@pytest.mark.parametrize("kept", ["", "2021-01-04"])
def test_nothing_but_a_person_who_opens_a_page_chooses_its_day(
    browser: Client, headers: dict[str, str], kept: str
) -> None:
    choose(browser, kept)
    text = " ".join(browser.get(f"{FOLLOWS}?as_of=2020-05-03", headers=headers).content.decode().split())
    assert "as of <strong>3 May 2020</strong>" in text, "what was asked for is of its day"
    assert EVERYTHING not in text
    assert browser.session.get(DAY_KEY, "") == kept


@pytest.mark.parametrize("day", ["2020-05-03", ""])
@pytest.mark.parametrize(
    "url",
    [
        "/api/portfolios/?",
        "/api/net-worth/?",
        "/transactions/?format=csv&",
        "/portfolios/0/?",
        "/holdings/NONE/?",
        "/no-such-page/?",
        "/organisations/?",
    ],
)
def test_an_answer_that_is_no_page_of_the_day_chooses_none(browser: Client, alice: User, url: str, day: str) -> None:
    make_portfolio(alice)
    choose(browser, "2021-01-04")
    browser.get(f"{url}as_of={day}")
    assert browser.session[DAY_KEY] == "2021-01-04"


def test_the_day_of_one_figure_is_of_its_page_until_it_is_kept(browser: Client, alice: User) -> None:
    url = f"/explain/total_value/?portfolio={make_portfolio(alice).pk}&as_of=2020-05-03"
    page = shown(browser, url)
    assert "Only this address is shown as of <strong>3 May 2020</strong>." in page
    assert '<button class="btn" name="jump" value="2020-05-03" type="submit">Show every page of this day' in page
    assert "day-banner" not in shown(browser, FOLLOWS)
    choose(browser, "", jump="2020-05-03")
    assert EVERYTHING in shown(browser, url)


def test_an_address_of_the_day_that_is_kept_writes_nothing(browser: Client) -> None:
    shown(browser, f"{FOLLOWS}?as_of=2020-05-03")
    for url in (f"{FOLLOWS}?as_of=2020-05-03", FOLLOWS):
        with CaptureQueriesContext(connection) as sent:
            shown(browser, url)
        assert not [query for query in sent.captured_queries if not query["sql"].startswith("SELECT")]
    choose(browser, "", jump="today")
    with CaptureQueriesContext(connection) as sent:
        shown(browser, f"{FOLLOWS}?as_of=")
    assert not [query for query in sent.captured_queries if not query["sql"].startswith("SELECT")]


@pytest.mark.parametrize("day", ["x", "2999-01-01", "2020-02-30", "1899-12-31"])
def test_a_day_that_is_refused_in_an_address_changes_nothing(browser: Client, day: str) -> None:
    choose(browser, "2020-05-03")
    page = shown(browser, f"{FOLLOWS}?as_of={day}")
    assert "is no day that can be shown" in page
    assert EVERYTHING in page
    assert browser.session[DAY_KEY] == "2020-05-03"


def test_a_stranger_chooses_the_day_once_they_are_logged_in(client: Client, alice: User) -> None:
    client.get(f"{FOLLOWS}?as_of=2020-05-03")
    client.force_login(alice)
    assert "day-banner" not in shown(client, FOLLOWS)
