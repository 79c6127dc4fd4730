"""How much a browser loads: each page as it is sent, compressed, and on a first visit its styles and scripts, too."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests.endpoints import Endpoint, endpoints
from tests.world import World, grow
from users.models import User

WEIGHTS = Path(__file__).parent / "page_weights.json"
NAMED = re.compile(r'<(?:script|link)[^>]* (?:src|href)="/static/([^"]+)"')
NO_PAGES = ("docs", "favicon", "logout")  # docs is another project's browser of the API
PACKED = {"accept-encoding": "gzip"}
PAGES = [
    endpoint
    for endpoint in endpoints()
    if "get" in endpoint.methods and not endpoint.is_api and not endpoint.route.startswith(NO_PAGES)
]


@pytest.fixture(scope="module")
def budget() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(WEIGHTS.read_text())
    return found


@pytest.fixture(scope="module")
def grown(built: World, django_db_blocker: DjangoDbBlocker) -> World:
    """A world with twenty of everything, so that lists and filters have something in them."""
    with django_db_blocker.unblock():
        grow(built, 0, 20)
    return built


@pytest.fixture
def long_lists(grown: World, db: None) -> World:
    return grown


@pytest.mark.skipif(not (settings.BASE_DIR / "static/dist/site.css").exists(), reason="the front end is not built")
def test_every_page_is_light(long_lists: World, budget: dict[str, Any]) -> None:
    """All of them in one test, since a world takes longer than its pages; files and redirects weigh what they do."""
    readers = {staff: _client(long_lists, staff=staff) for staff in (False, True)}
    heavy, seen = {}, 0
    for endpoint in PAGES:
        found = _loaded(readers[endpoint.is_for_staff], endpoint, long_lists)
        if found is None:
            continue
        seen += 1
        sent, files = found
        first = sent + sum(_sent(name) for name in files)
        if sent > budget["html"] or first > budget["first_visit"]:
            heavy[endpoint.name] = (sent, first)
    assert seen > 60
    assert heavy == {}, budget


@pytest.mark.parametrize("locale", ["en", "de"])
def test_the_longest_text_is_light_in_each_language(world: World, budget: dict[str, Any], locale: str) -> None:
    User.objects.filter(pk=world.owner.pk).update(locale=locale)
    sent, _ = _loaded(_client(world, staff=False), _named("methods"), world) or (0, set())
    assert 20_000 < sent <= budget["html"]


def test_a_page_that_is_too_heavy_would_be_noticed(long_lists: World) -> None:
    """The measure itself: the page is what is weighed, with the files that it names."""
    sent, files = _loaded(_client(long_lists, staff=False), _named("dashboard"), long_lists) or (0, set())
    assert sent > 2_000
    assert {"dist/site.css", "dist/site.js", "dist/charts.js"} <= files


def _named(name: str) -> Endpoint:
    return next(each for each in PAGES if each.name == name)


def _client(world: World, *, staff: bool) -> Client:
    client = Client(headers=PACKED)
    client.force_login(world.staff if staff else world.owner)
    return client


def _loaded(client: Client, endpoint: Endpoint, world: World) -> tuple[int, set[str]] | None:
    """Bytes of a page as it is sent, and the static files that it names; None for what is no page of its own."""
    answer: Any = client.get(endpoint.url(world.ids))
    if answer.status_code != 200 or answer.streaming or not answer["Content-Type"].startswith("text/html"):
        return None
    packed = answer.get("Content-Encoding") == "gzip"
    plain = gzip.decompress(answer.content) if packed else answer.content
    return len(answer.content), set(NAMED.findall(plain.decode()))


def _sent(name: str) -> int:
    """Bytes of a static file: the packed one that is beside it, or the file."""
    file = settings.BASE_DIR / "static" / name
    packed = file.with_name(f"{file.name}.gz")
    return (packed if packed.exists() else file).stat().st_size
