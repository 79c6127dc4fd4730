"""How many queries each list and page sends: within its budget, and no more for twenty rows than for two."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from analytics.services import recompute
from core.testing import BUDGETS, PASSWORD, count_queries, make_user
from tests.endpoints import Endpoint, endpoints
from tests.world import World, grow, make_world
from users.models import User

# Refused in this world, which has too few returns; its queries are counted in analytics/tests.
REFUSED = {"portfolio-factors"}
ROWLESS = {
    "favicon.ico",
    "api-root",
    "profile",
    "schema",
    "docs",
    "docs/",
    "login",
    "methods",
    "definitions",
    "analytics",
    "banking-transaction-category",
}
READS = [
    endpoint
    for endpoint in endpoints()
    if "get" in endpoint.methods
    and not endpoint.route.startswith("portfolios/")
    and endpoint.name not in ROWLESS | REFUSED
]


class Counted(NamedTuple):
    """What one reading of an endpoint sent; ``problem`` where it was not answered with 200."""

    queries: int
    texts: str
    problem: str


Counts = dict[str, Counted]


def test_every_list_and_page_has_a_budget() -> None:
    assert {endpoint.name for endpoint in READS} == set(json.loads(BUDGETS.read_text()))


@pytest.fixture(scope="module")
def counts(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Counts, Counts]:
    """Each endpoint's queries with two rows more and with twenty, in one world that is rolled back."""
    kept = override_settings(  # what it costs when nothing is kept; another world's prices may be of the same version
        CALCULATION_CACHE=0, PRICE_PROVIDERS=["simulated"], PANEL_DIR=tmp_path_factory.mktemp("panel")
    )
    with django_db_blocker.unblock(), kept, transaction.atomic():
        world = make_world(make_user("alice"))
        grow(world, 0, 2)
        recompute([world.portfolio.pk])
        readers = Readers(world)
        readers.read_all()  # what is loaded once per process is loaded now
        few = readers.read_all()
        grow(world, 2, 20)
        recompute([world.portfolio.pk])
        many = readers.read_all()
        transaction.set_rollback(True)
    return few, many


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", READS, ids=lambda endpoint: endpoint.name)
def test_queries_do_not_grow_with_the_rows(endpoint: Endpoint, counts: tuple[Counts, Counts]) -> None:
    few, many = (found[endpoint.name] for found in counts)
    assert (few.problem, many.problem) == ("", "")
    budget = json.loads(BUDGETS.read_text())[endpoint.name]
    assert few.queries <= budget, few.texts
    assert many.queries == few.queries, many.texts


class Readers:
    """Those who read the world's endpoints: alice, or staff what is for staff; the API with tokens, pages logged in."""

    def __init__(self, world: World) -> None:
        self._ids = world.ids
        people = {False: world.owner, True: world.staff}
        self._clients = {(False, staff): _session(user) for staff, user in people.items()}
        self._clients |= {(True, staff): _bearer(user) for staff, user in people.items()}

    def read_all(self) -> Counts:
        return {endpoint.name: self._read(endpoint) for endpoint in READS}

    def _read(self, endpoint: Endpoint) -> Counted:
        client, url = self._clients[endpoint.is_api, endpoint.is_for_staff], endpoint.url(self._ids)
        answers: list[Any] = []
        queries, texts = count_queries(lambda: answers.append(client.get(url)))
        [answer] = answers
        problem = "" if answer.status_code == 200 else f"{answer.status_code}: {answer.content[:500]!r}"
        return Counted(queries, texts, problem)


def _bearer(reader: User) -> Any:
    """With a real token, so that the query of the login counts."""
    client = APIClient()
    token = client.post("/api/auth/token", {"username": reader.username, "password": PASSWORD}).json()["access_token"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def _session(reader: User) -> Any:
    client = Client()
    client.force_login(reader)
    return client
