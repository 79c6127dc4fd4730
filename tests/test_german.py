"""Every page of the server to somebody who reads German: none fails, and each says that it is German."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from tests.endpoints import Endpoint, endpoints
from tests.test_outsiders import PUBLIC
from tests.world import World
from users.models import User

PAGES = [each for each in endpoints() if not each.is_api and each.name not in PUBLIC and "get" in each.methods]


# What is offered in lists, and what fields say while they are empty.
INSIDE = re.compile(r'<option[^>]*>([^<]*)|<optgroup[^>]* label="([^"]*)"|<input[^>]* placeholder="([^"]*)"')


def each(found: Iterable[Endpoint]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("endpoint", list(found), ids=lambda endpoint: endpoint.route or "/")


def reader(user: User, locale: str) -> Client:
    User.objects.filter(pk=user.pk).update(locale=locale)
    client = Client()
    client.force_login(user)
    return client


@each(PAGES)
def test_a_page_in_german(endpoint: Endpoint, world: World) -> None:
    user = world.staff if endpoint.is_for_staff else world.owner
    url = endpoint.url(world.ids) + ("?kind=split" if endpoint.is_for_staff else "")
    english, german = reader(user, "en").get(url), reader(user, "de").get(url)
    assert german.status_code == english.status_code < 400
    if german["Content-Type"].startswith("text/html") and b"<html" in german.content:
        assert b'<html lang="de"' in german.content
        assert b'<html lang="en"' in english.content
        assert in_english(german.content.decode()) == []


def in_english(page: str) -> list[str]:
    """What stands inside of fields although there are German words for it; languages and a file's columns stay."""
    found = {unescape("".join(parts)).strip() for parts in INSIDE.findall(page)} - {"", "day", "English"}
    with translation.override("de"):
        return sorted(text for text in found if gettext(text) != text)


def test_what_fields_say_is_found() -> None:
    page = '<select><option value="">Savings</option></select><input name="q" placeholder="Symbol, name or ISIN">'
    assert in_english(page) == ["Savings", "Symbol, name or ISIN"]


def test_the_walk_sees_pages() -> None:
    assert len(PAGES) >= 80
