"""Settings of market data that cannot work, found at start and not at the first tick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from assets.models import AssetType
from assets.providers.base import NAMES

KNOWN = f"Known are {', '.join(NAMES)}."


def check_providers(**options: Any) -> list[CheckMessage]:
    """Registered with Django's system checks."""
    found = list(_of_names("PRICE_PROVIDERS", settings.PRICE_PROVIDERS))
    for kind, names in settings.PROVIDER_ORDER.items():
        if kind not in AssetType.values:
            hint = f"Types of assets are {', '.join(AssetType.values)}."
            found.append(
                Error(f"PROVIDER_ORDER names the type “{kind}”, which there is not.", hint=hint, id="assets.E002")
            )
        found += _of_names("PROVIDER_ORDER", names.split())
    if settings.PROVIDER_BREAKER_FAILURES < 1:
        found.append(Error("PROVIDER_BREAKER_FAILURES must be at least 1.", id="assets.E003"))
    if settings.PROVIDER_BREAKER_WAIT.total_seconds() <= 0:
        found.append(Error("PROVIDER_BREAKER_WAIT must be above 0 seconds.", id="assets.E003"))
    if settings.LIVE_LEASE < 1:
        found.append(Error("LIVE_LEASE must be at least 1 second.", id="assets.E003"))
    return found


def _of_names(setting: str, names: Iterable[str]) -> Iterator[CheckMessage]:
    listed = list(names)
    for name in listed:
        if name not in NAMES:
            yield Error(f"{setting} names “{name}”, which is no provider.", hint=KNOWN, id="assets.E001")
        elif listed.count(name) > 1:
            yield Error(f"{setting} names “{name}” twice.", id="assets.E001")
