"""A day in the address of a page: who opens it looks at every page of that day, as if chosen in the header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.testing import PASSWORD
from portfolios.tests.factories import make_portfolio
from users.day import DAY_KEY, day_shown
from users.middleware import DayOfAddress
from users.models import User
from users.sessions import SessionStore

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
    asked = client.get(f"{FOLLOWS}?as_of=2020-05-03")
    onward = parse_qs(urlsplit(asked["Location"]).query)["next"][0]
    answer = client.post("/login/", {"username": "alice", "password": PASSWORD, "next": onward}, follow=True)
    assert answer.redirect_chain == [(f"{FOLLOWS}?as_of=2020-05-03", 302)]
    assert EVERYTHING in " ".join(answer.content.decode().split())
    assert EVERYTHING in shown(client, "/banking/accounts/")


def test_a_stranger_who_is_sent_to_log_in_has_chosen_nothing_yet(client: Client, alice: User) -> None:
    client.get(f"{FOLLOWS}?as_of=2020-05-03")
    client.force_login(alice)
    assert "day-banner" not in shown(client, FOLLOWS)


@pytest.mark.parametrize("url", ["/organisations/", "/holdings/NONE/", "/no-such-page/", "/portfolios/0/"])
@pytest.mark.parametrize("kept", ["", "2020-05-03"])
def test_a_page_of_today_says_only_what_is_kept(browser: Client, alice: User, url: str, kept: str) -> None:
    """Whether it is a page that has only a today or an error, one that was met after the day had been asked for."""
    make_portfolio(alice)
    choose(browser, kept)
    page = shown(browser, f"{url}?as_of=2019-05-03")
    assert "3 May 2019" not in page
    assert ("You look at <strong>3 May 2020</strong>, but this page shows today." in page) is (
        bool(kept) and url != "/portfolios/0/"
    )
    assert ("day-banner" in page) is (bool(kept) and url != "/portfolios/0/")
    assert browser.session.get(DAY_KEY, "") == kept


def opened(browser: Client, meanwhile: Callable[[SessionStore], None], **values: str) -> SessionStore:
    """A page that is opened by an address with a day, while something happens to the session; ``values`` are put into
    it by the page itself. What is stored at the end."""
    key = browser.session.session_key

    def page(request: HttpRequest) -> HttpResponse:
        day_shown(request)
        meanwhile(SessionStore(key))
        for name, value in values.items():
            request.session[name] = value
        return HttpResponse("made")

    request = RequestFactory().get(f"{FOLLOWS}?as_of=2020-05-03")
    request.COOKIES["sessionid"] = str(key)
    SessionMiddleware(DayOfAddress(page))(request)
    return SessionStore(key)


def test_what_another_page_puts_into_the_session_meanwhile_stays(browser: Client) -> None:
    def other(session: SessionStore) -> None:
        session["other"] = "put"
        session.save()

    stored = opened(browser, other)
    assert (stored["other"], stored[DAY_KEY]) == ("put", "2020-05-03")


def test_a_page_that_changes_the_session_itself_keeps_its_day_too(browser: Client) -> None:
    stored = opened(browser, SessionStore.clear, own="value")
    assert (stored["own"], stored[DAY_KEY]) == ("value", "2020-05-03")


def test_who_logs_out_meanwhile_stays_logged_out(browser: Client) -> None:
    stored = opened(browser, SessionStore.flush)
    assert not stored.exists(browser.cookies["sessionid"].value)
    assert not stored.load()
