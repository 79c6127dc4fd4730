"""In which language, with which numbers and on which clock pages are written, and that the API is not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.translation import get_language

from core.testing import make_user
from users.middleware import PersonalWriting
from users.models import User

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)
PAGE = Template(
    '{% load money %}{{ value|amount:"EUR" }} {{ share|percent }} {{ at|date:"DATE_FORMAT" }} {{ at|date:"H:i T" }}'
)


def written(user: User | AnonymousUser, path: str = "/", **headers: str) -> HttpResponse:
    """A page of a number, a share and a moment, as ``user`` gets it."""

    def view(request: HttpRequest) -> HttpResponse:
        context = {"value": Decimal("1234.5"), "share": 0.125, "at": MOMENT}
        return HttpResponse(PAGE.render(Context(context)))

    request = RequestFactory(headers=headers).get(path)
    request.user = user
    return PersonalWriting(view)(request)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-gb", "1,234.50 12.50% 1 June 2026 00:30 CEST"),
        ("en-us", "1,234.50 12.50% June 1, 2026 00:30 CEST"),
        ("en-de", "1.234,50 12,50\N{NO-BREAK SPACE}% 1 June 2026 00:30 CEST"),
        ("de", "1.234,50 12,50\N{NO-BREAK SPACE}% 1. Juni 2026 00:30 CEST"),
        ("de-at", "1.234,50 12,50\N{NO-BREAK SPACE}% 1. Juni 2026 00:30 CEST"),
        ("de-ch", "1’234.50 12.50% 1. Juni 2026 00:30 CEST"),
    ],
)
def test_a_page_is_written_for_its_reader(alice: User, locale: str, text: str) -> None:
    alice.locale, alice.time_zone = locale, "Europe/Zurich"
    answer = written(alice, accept_language="en")
    assert answer.content.decode() == text
    assert (answer["Content-Language"], answer.has_header("Vary")) == (locale, False)
    assert (get_language(), timezone.get_current_timezone_name()) == ("en", "UTC")


def test_without_a_wish_the_browser_decides(alice: User) -> None:
    for user in (alice, AnonymousUser()):
        answer = written(user, accept_language="de-CH,de;q=0.9")
        assert answer.content.decode().startswith("1’234.50")
        assert (answer["Content-Language"], answer["Vary"]) == ("de-ch", "Accept-Language")
        assert written(user, accept_language="tlh")["Content-Language"] == "en"
        assert written(user)["Content-Language"] == "en"


@pytest.mark.parametrize("name", ["Mars/Olympus_Mons", "", "Europe", "../UTC", "a" * 64])
def test_a_time_zone_that_the_machine_does_not_know_is_utc(alice: User, name: str) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone=name, locale="en-gb")
    alice.refresh_from_db()
    assert written(alice).content.decode().endswith("31 May 2026 22:30 UTC")
    browser = Client()
    browser.force_login(alice)
    assert [browser.get(url).status_code for url in ("/settings/", "/banking/transfers/new/")] == [200, 200]


def test_the_api_is_written_for_programs(alice: User) -> None:
    alice.locale, alice.time_zone = "de", "Europe/Zurich"
    answer = written(alice, path="/api/users/me/", accept_language="de")
    assert answer.content.decode() == "1,234.50 12.50% 31 May 2026 22:30 UTC"
    assert answer["Content-Language"] == "en"


def test_refusals_of_the_api_stay_english(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(locale="de")
    client = Client(headers={"accept-language": "de"})
    client.force_login(alice)
    refused = client.patch("/api/users/me/", {"email": "x"}, content_type="application/json")
    assert (refused.status_code, refused.json()["errors"]) == (400, {"email": ["Enter a valid email address."]})


def test_a_locale_that_is_known_no_more_is_none(alice: User) -> None:
    alice.locale = "xx"
    assert written(alice)["Content-Language"] == "en"


def test_the_api_keeps_a_locale_of_this_server(api: object) -> None:
    alice = make_user("lena")
    client = Client()
    client.force_login(alice)
    stored = client.patch("/api/users/me/", {"locale": "de-ch"}, content_type="application/json")
    assert (stored.status_code, stored.json()["locale"]) == (200, "de-ch")
    for wrong in ("fr", "DE", "de_ch", "x" * 11, None, 1):
        refused = client.patch("/api/users/me/", {"locale": wrong}, content_type="application/json")
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["locale"])
    alice.refresh_from_db()
    assert alice.locale == "de-ch"
    assert client.patch("/api/users/me/", {"locale": ""}, content_type="application/json").status_code == 200


def test_the_page_says_its_language() -> None:
    page = Client(headers={"accept-language": "de-AT"}).get("/login/").content.decode()
    assert '<html lang="de-at" data-decimal="," data-group="."' in page
