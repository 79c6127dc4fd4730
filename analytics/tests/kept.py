"""A portfolio that the tests of a module share: built once, for each test as it was built, undone at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction
from django.test import override_settings

from core.testing import make_user
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
