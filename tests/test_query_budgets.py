"""How many queries each list and page sends: within its budget, and no more for twenty rows than for two."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from analytics.services import recompute
from core.testing import BUDGETS, PASSWORD, assert_query_budget
from tests.world import Endpoint, World, endpoints, grow
from users.models import User

# Refused in this world, which has too few returns; its queries are counted in analytics/tests.
REFUSED = {"portfolio-factors"}
ROWLESS = {"favicon.ico", "api-root", "profile", "schema", "docs", "docs/", "login", "methods", "reports", "analytics"}
READS = [
    endpoint
    for endpoint in endpoints()
    if "get" in endpoint.methods
    and not endpoint.route.startswith("portfolios/")
    and endpoint.name not in ROWLESS | REFUSED
]


def test_every_list_and_page_has_a_budget() -> None:
    assert {endpoint.name for endpoint in READS} == set(json.loads(BUDGETS.read_text()))


@pytest.mark.parametrize("endpoint", READS, ids=lambda endpoint: endpoint.name)
def test_queries_do_not_grow_with_the_rows(endpoint: Endpoint, world: World, settings: Any) -> None:
    settings.CALCULATION_CACHE = 0  # what it costs when nothing is kept
    reader = world.staff if endpoint.is_for_staff else world.owner
    client: Any = _bearer(reader) if endpoint.is_api else _session(reader)
    url = endpoint.url(world.ids)

    def read() -> None:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content

    grow(world, 0, 2)
    recompute([world.portfolio.pk])
    read()  # what is loaded once per process is loaded now
    few = assert_query_budget(endpoint.name, read)
    grow(world, 2, 20)
    recompute([world.portfolio.pk])
    assert assert_query_budget(endpoint.name, read) == few


def _bearer(reader: User) -> APIClient:
    """With a real token, so that the query of the login counts."""
    client = APIClient()
    token = client.post("/api/auth/token", {"username": reader.username, "password": PASSWORD}).json()["access_token"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def _session(reader: User) -> Client:
    client = Client()
    client.force_login(reader)
    return client
