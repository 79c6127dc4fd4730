"""The day that a person chooses in the header: kept until they log out, on every page, and never in what is booked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from users.day import DAY_KEY
from users.models import User

PAGE = "/organisations/"


@pytest.fixture
def browser(alice: User, client: Client) -> Client:
    client.force_login(alice)
    return client


def choose(browser: Client, day: str, **fields: str) -> Any:
    return browser.post("/day/", {"day": day, "next": PAGE} | fields)


def shown(browser: Client, url: str = PAGE) -> str:
    return " ".join(browser.get(url).content.decode().split())


def test_a_chosen_day_is_on_every_page_until_today_is(browser: Client) -> None:
    assert "day-banner" not in shown(browser)
    answer = choose(browser, "2020-05-03")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "You look at <strong>3 May 2020</strong>, but this page shows today." in shown(browser)
    choose(browser, "", jump="today")
    assert "day-banner" not in shown(browser)


def test_a_step_wins_over_the_field(browser: Client) -> None:
    choose(browser, "2020-05-03", jump="2019-12-31")
    assert browser.session[DAY_KEY] == "2019-12-31"


def test_the_steps_lead_to_the_ends_of_the_month_and_the_year_before(browser: Client) -> None:
    choose(browser, "2020-03-01")
    text = shown(browser)
    for day in ("2020-02-29", "2020-03-02", "2019-12-31"):
        assert f'name="jump" value="{day}"' in text
    choose(browser, "1900-01-01")
    assert 'value="1899' not in shown(browser)


@pytest.mark.parametrize(
    "day",
    ["", "x", "2020-02-30", "1899-12-31", "9999-12-31", "2020-5-3", "20200503", "٢٠٢٠-٠٥-٠٣", "0000-00-00", "1" * 9999],
)
def test_what_is_no_past_day_is_refused_and_changes_nothing(browser: Client, day: str) -> None:
    choose(browser, "2020-05-03")
    choose(browser, day)
    assert browser.session[DAY_KEY] == "2020-05-03"
    assert "Choose a day from 1900 to today" in shown(browser)


def test_today_is_no_past_day(browser: Client) -> None:
    today = timezone.now().date()
    choose(browser, "2020-05-03")
    choose(browser, today.isoformat())
    assert DAY_KEY not in browser.session
    choose(browser, (today - timedelta(days=1)).isoformat())
    assert f'value="{today.isoformat()}" type="submit"' not in shown(browser)  # there is “Back to today” for that


def test_what_stays_of_today_is_not_said_to_be_of_the_day(browser: Client) -> None:
    choose(browser, "2020-05-03")
    assert "data-as-of" not in shown(browser)
    assert 'data-as-of="2020-05-03"' in shown(browser, "/banking/")


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""]
)
def test_nobody_is_sent_elsewhere(browser: Client, onward: str) -> None:
    assert browser.post("/day/", {"day": "2020-05-03", "next": onward})["Location"] == "/"


def test_the_way_back_keeps_the_page_and_loses_its_own_day(browser: Client) -> None:
    text = shown(browser, f"{PAGE}?as_of=2021-02-03&q=a%26b")
    assert f'name="next" value="{PAGE}?q=a%26b"' in text


def test_an_address_that_names_no_day_says_so(browser: Client) -> None:
    assert "“&lt;b&gt;” is no day that can be shown" in shown(browser, f"{PAGE}?as_of=<b>")


def test_log_out_forgets_the_day(browser: Client, alice: User) -> None:
    choose(browser, "2020-05-03")
    browser.post("/logout/")
    browser.force_login(alice)
    assert "day-banner" not in shown(browser)


def test_a_forged_post_is_refused(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert choose(browser, "2020-05-03").status_code == 403
    assert DAY_KEY not in browser.session
