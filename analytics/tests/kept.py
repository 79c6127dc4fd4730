"""A portfolio that the tests of a module share: built once, for each test as it was built, undone at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from core.testing import make_user, owner_of
from portfolios.models import Portfolio
from users.models import User


@contextmanager
def kept(build: Callable[[User], Portfolio], panel: Path) -> Iterator[Portfolio]:
    """What ``build`` makes for alice, for the tests of a module: each changes it as it likes, and it is undone."""
    with transaction.atomic():
        with override_settings(PANEL_DIR=panel):
            portfolio = build(make_user("alice"))
        yield portfolio
        transaction.set_rollback(True)


def kept_for_module(build: Callable[[User], Portfolio]) -> tuple[Any, Any, Any]:
    """Fixtures ``built``, ``alice`` and the portfolio of a module whose tests begin with what ``build`` makes.

    A module names the first two so, and the last as it likes; each test has rows of its own.
    """

    @pytest.fixture(scope="module", name="built")
    def built(
        django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Portfolio]:
        with django_db_blocker.unblock(), kept(build, tmp_path_factory.mktemp("panel")) as portfolio:
            yield portfolio

    @pytest.fixture
    def alice(built: Portfolio, db: None) -> User:
        return User.objects.get(pk=owner_of(built).pk)

    @pytest.fixture
    def portfolio(built: Portfolio, db: None) -> Portfolio:
        return Portfolio.objects.get(pk=built.pk)

    return built, alice, portfolio
