"""People, clients, query budgets and a look at pages for the tests of every app."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

if TYPE_CHECKING:
    from users.models import Owned, User

PASSWORD = "correct horse battery staple"  # noqa: S105  a password of test people only
BUDGETS = Path(__file__).resolve().parent.parent / "tests" / "query_budgets.json"

# Seconds to wait for what is to come. Nobody waits that long for it, and on a busy machine it comes late.
PATIENCE = 120.0

HALF_HOUR, BEFORE_IT = 1800, 30  # seconds

VOID = {"meta", "link", "input", "img", "br", "hr"}
FIELDS = {"input", "select", "textarea"}


def pytest_runtest_setup() -> None:
    """No test begins just before a half hour, where days, sessions of exchanges, months and years end: what it reckons
    with and what the server finds a moment later would be of two days."""
    left = HALF_HOUR - time.time() % HALF_HOUR
    if left < BEFORE_IT:
        time.sleep(left)


def make_user(name: str, *, superuser: bool = False) -> User:
    people = get_user_model().objects
    create = people.create_superuser if superuser else people.create_user
    return create(username=name, email=f"{name}@example.org", password=PASSWORD)


def owner_of(row: Owned) -> User:
    """The person that an account or a portfolio belongs to."""
    if row.owner is None:
        raise ValueError("It belongs to an organisation.")
    return row.owner


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


class Page(HTMLParser):
    """What a page is made of, and what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: Counter[str] = Counter()
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]
        self.faults += [f"id {name} twice" for name, times in self.ids.items() if times > 1]
        self.faults += [f"{field} has no label" for field in self.fields if field.get("id") not in self.labelled]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.faults += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not given.get("src") and given.get("type") != "application/json"):
            self.faults.append(f"inline <{tag}>")
        self.faults += [f"<{tag}> asks {given[name]}" for name in ("src", "href") if "//" in (given.get(name) or "")]
        if "id" in given:
            self.ids[str(given["id"])] += 1
        if tag == "label" and given.get("for"):
            self.labelled.add(str(given["for"]))
        if tag in FIELDS and given.get("type") != "hidden" and "label" not in self.open:
            self.fields.append(given)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")


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
