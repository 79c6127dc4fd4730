"""People, clients and query budgets for the tests of every app."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

if TYPE_CHECKING:
    from users.models import User

PASSWORD = "correct horse battery staple"  # noqa: S105  a password of test people only
BUDGETS = Path(__file__).resolve().parent.parent / "tests" / "query_budgets.json"


def make_user(name: str, *, superuser: bool = False) -> User:
    people = get_user_model().objects
    create = people.create_superuser if superuser else people.create_user
    return create(username=name, email=f"{name}@example.org", password=PASSWORD)


def client_of(user: User | None) -> APIClient:
    """A client of the API as ``user``, without a login; as a stranger for None."""
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def count_queries(action: Callable[[], object]) -> tuple[int, str]:
    """How many queries ``action`` sends, and their texts for the message of a failed test."""
    with CaptureQueriesContext(connection) as captured:
        action()
    return len(captured), "\n".join(query["sql"][:300] for query in captured.captured_queries)


def assert_query_budget(name: str, action: Callable[[], object]) -> int:
    """Fail if ``action`` sends more queries than tests/query_budgets.json grants ``name``; returns their number."""
    budget = json.loads(BUDGETS.read_text())[name]
    count, texts = count_queries(action)
    if count > budget:
        pytest.fail(f"{name}: {count} queries, budget {budget}\n{texts}")
    return count


def pytest_configure() -> None:
    """Hash test passwords in microseconds: the cost that protects real ones is most of a suite's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def api() -> Callable[[User], APIClient]:
    """``api(alice).get("/portfolios/")``"""
    return client_of


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def carol(db: None) -> User:
    """The administrator."""
    return make_user("carol", superuser=True)
