"""Something of alice's behind every URL."""

from __future__ import annotations

import pytest

from tests.world import World, make_world
from users.models import User


@pytest.fixture
def world(alice: User) -> World:
    return make_world(alice)
