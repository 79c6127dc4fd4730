"""Something of alice's behind every URL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import World, make_world
from users.models import User


@pytest.fixture
def world(alice: User, settings: Any) -> World:
    settings.PRICE_PROVIDERS = ["simulated"]  # somebody who has histories
    return make_world(alice)
