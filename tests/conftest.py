"""Something of alice's behind every URL: built once for a module, and for each test as it was built."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from core.testing import make_user
from tests.world import World, make_world


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    kept = override_settings(PRICE_PROVIDERS=["simulated"])  # somebody who has histories
    with django_db_blocker.unblock(), kept, transaction.atomic():
        yield make_world(make_user("alice"))
        transaction.set_rollback(True)


@pytest.fixture
def world(built: World, db: None) -> World:
    """Rows of its own, which a test may change: the database goes back, and these are copies."""
    return deepcopy(built)
