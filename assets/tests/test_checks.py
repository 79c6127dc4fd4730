"""Settings of providers that cannot work stop the server at start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from assets.checks import check_providers


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PRICE_PROVIDERS", ["polygn"], "PRICE_PROVIDERS names “polygn”, which is no provider"),
        ("PRICE_PROVIDERS", ["ecb", "ecb"], "names “ecb” twice"),
        ("PROVIDER_ORDER", {"fx": "ecb nobody"}, "PROVIDER_ORDER names “nobody”"),
        ("PROVIDER_ORDER", {"shares": "polygon"}, "PROVIDER_ORDER names the type “shares”"),
        ("PROVIDER_BREAKER_FAILURES", 0, "must be at least 1"),
        ("PROVIDER_BREAKER_WAIT", timedelta(0), "must be above 0"),
        ("LIVE_LEASE", 0.0, "LIVE_LEASE must be at least 1"),
    ],
)
def test_a_mistake_is_named(settings: Any, name: str, value: object, message: str) -> None:
    setattr(settings, name, value)
    assert message in str(check_providers()[0])


def test_the_defaults_pass() -> None:
    assert check_providers() == []


@pytest.mark.django_db
def test_the_server_does_not_start(settings: Any) -> None:
    settings.PRICE_PROVIDERS = ["polygn"]
    with pytest.raises(SystemCheckError, match="which is no provider"):
        call_command("prepare", skip_checks=False)
