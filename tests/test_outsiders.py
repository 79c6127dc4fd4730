"""Every URL with every method, as a stranger and as somebody else: nothing is shown, changed or given away."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client

from core.testing import client_of
from tests.endpoints import METHODS, Endpoint, endpoints
from tests.rows import unchanged
from tests.world import World
from users.models import User

PUBLIC = {"favicon.ico", "login", "docs", "docs/", "schema", "token", "token-refresh", "token-revoke"}
ENDPOINTS = endpoints()
API = [endpoint for endpoint in ENDPOINTS if endpoint.is_api and endpoint.name not in PUBLIC]
PAGES = [endpoint for endpoint in ENDPOINTS if not endpoint.is_api and endpoint.name not in PUBLIC]
STAFF = [endpoint for endpoint in PAGES if endpoint.is_for_staff]
PRIVATE = [endpoint for endpoint in ENDPOINTS if endpoint.is_private]
EVERYBODYS = {
    "api/assets/": 3,
    "api/market/quotes/": 3,
    "api/stress-windows/": 0,
    "api/factors/": 1,
}  # how many the world has
CSRF_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')  # another one in every page


def each(found: Iterable[Endpoint]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("endpoint", list(found), ids=lambda endpoint: endpoint.route or "/")


def send(client: Any, method: str, url: str) -> Any:
    return getattr(client, method)(url, {"name": "Taken", "quantity": "1"} if method != "get" else None)


def told(answer: Any) -> tuple[Any, ...]:
    """What an answer lets its reader know."""
    shown = {"Content-Type", "Allow", "Location", "WWW-Authenticate", "Retry-After"}
    return (
        answer.status_code,
        CSRF_TOKEN.sub(b"", answer.content),
        sorted(pair for pair in answer.items() if pair[0] in shown),
    )


def test_the_walk_sees_the_product() -> None:
    names = {endpoint.name for endpoint in ENDPOINTS}
    assert names >= {"portfolio-detail", "trade-restore", "job-detail", "dashboard", "profile", "asset-detail"}
    assert len(PRIVATE) >= 20


def test_a_change_would_be_noticed(bob: User) -> None:
    with pytest.raises(AssertionError), unchanged():
        User.objects.filter(pk=bob.pk).update(first_name="Rob")
    assert not User.objects.filter(first_name="Rob").exists()
    with unchanged():
        User.objects.filter(pk=bob.pk).update(first_name=bob.first_name)


@each(API)
def test_strangers_get_a_401_from_the_api(endpoint: Endpoint, world: World) -> None:
    with unchanged():
        for method in METHODS:
            answer = send(client_of(None), method, endpoint.url(world.ids))
            assert answer.status_code == 401, f"{method}: {answer.content!r}"
            assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
            assert answer.json()["code"] == "not_authenticated"


@each(PAGES)
def test_strangers_are_sent_to_the_login_by_pages(endpoint: Endpoint, world: World) -> None:
    for method in endpoint.methods:
        answer = send(Client(), method, endpoint.url(world.ids))
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/login/"), endpoint.route


@each(PRIVATE)
def test_an_object_of_somebody_else_looks_like_none(endpoint: Endpoint, world: World, bob: User) -> None:
    theirs, missing = endpoint.url(world.ids), endpoint.url(world.missing)
    client = client_of(bob) if endpoint.is_api else _session(bob)
    with unchanged():
        for method in METHODS:
            answer = send(client, method, theirs)
            if method in endpoint.methods:
                assert answer.status_code == 404, f"{method}: {answer.content!r}"
            assert _anonymous(told(answer), theirs) == _anonymous(told(send(client, method, missing)), missing), method


@each(STAFF)
def test_pages_for_staff_are_not_for_others(endpoint: Endpoint, world: World) -> None:
    client = _session(world.owner)
    with unchanged():
        for method in METHODS:
            url, nowhere = endpoint.url(world.ids), endpoint.url(world.missing)
            theirs = send(client, method, url)
            assert theirs.status_code == 403
            assert _anonymous(told(theirs), url) == _anonymous(told(send(client, method, nowhere)), nowhere)
    method = "get" if "get" in endpoint.methods else endpoint.methods[0]
    found = send(_session(world.staff), method, endpoint.url(world.ids) + "?kind=split").status_code
    missing = send(_session(world.staff), method, endpoint.url(world.missing)).status_code
    assert (found, missing) == (200, 404 if "<" in endpoint.route or method == "post" else 200)


@each(PRIVATE)
def test_its_owner_does_find_it(endpoint: Endpoint, world: World) -> None:
    """So the 404 above is about the person and not about the URL."""
    client = client_of(world.owner) if endpoint.is_api else _session(world.owner)
    method = "get" if "get" in endpoint.methods else endpoint.methods[0]
    assert send(client, method, endpoint.url(world.ids)).status_code not in {401, 403, 404, 405, 500}


@each(e for e in API if e.action == "list" and "<" not in e.route and not e.is_for_staff)
def test_lists_hold_nothing_of_others(endpoint: Endpoint, world: World, bob: User) -> None:
    counts = [client_of(user).get(endpoint.url(world.ids)).json()["count"] for user in (bob, world.owner)]
    everybodys = EVERYBODYS.get(endpoint.route)
    if everybodys is None:
        assert counts[0] == 0
        assert counts[1] > 0
    else:
        assert counts == [everybodys, everybodys]


def test_another_portfolio_of_the_dashboard_looks_like_none(world: World, bob: User) -> None:
    client = _session(bob)
    asked, absent = f"/?portfolio={world.portfolio.pk}", "/?portfolio=987654321"
    theirs, missing = client.get(asked), client.get(absent)
    assert _anonymous(told(theirs), asked) == _anonymous(told(missing), absent)
    assert theirs.status_code == 404


@pytest.mark.parametrize("number", [0, 2**31, 2**63, 10**40])
def test_no_number_in_a_path_is_too_large(number: int, world: World) -> None:
    client = client_of(world.owner)
    client_of_staff = _session(world.staff)
    for endpoint in STAFF:
        if "<" in endpoint.route:
            url = endpoint.url(dict.fromkeys(world.ids, number))
            assert send(client_of_staff, "get", url).status_code == 404, endpoint.route
    for endpoint in PRIVATE:
        ids = dict.fromkeys(world.ids, number)
        assert send(client, "get", endpoint.url(ids)).status_code in {302, 404, 405}, endpoint.route


def _session(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _anonymous(answer: tuple[Any, ...], url: str) -> tuple[Any, ...]:
    return answer[0], answer[1].replace(url.encode(), b"URL"), answer[2]


@each(endpoint for endpoint in ENDPOINTS if endpoint.is_for_staff)
def test_what_is_the_staffs_is_closed_to_others(endpoint: Endpoint, world: World, bob: User) -> None:
    client = client_of(bob) if endpoint.is_api else _session(bob)
    with unchanged():
        for method in METHODS:
            answer = send(client, method, endpoint.url(world.ids))
            assert answer.status_code in {403, 405}, f"{method}: {answer.content!r}"
            assert answer.status_code == 403 or method not in endpoint.methods
