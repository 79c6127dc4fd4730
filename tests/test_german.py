"""Every page of the server to somebody who reads German: none fails, and each says that it is German."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from django.test import Client

from tests.endpoints import Endpoint, endpoints
from tests.test_outsiders import PUBLIC
from tests.world import World
from users.models import User

PAGES = [each for each in endpoints() if not each.is_api and each.name not in PUBLIC and "get" in each.methods]


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


def test_the_walk_sees_pages() -> None:
    assert len(PAGES) >= 80
