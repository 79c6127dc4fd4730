"""The stretches of history that an installation begins with."""

from __future__ import annotations

import json

from django.conf import settings
from django.db import transaction

from analytics.models import StressWindow


@transaction.atomic
def install_windows() -> int:
    """Add the windows of ``fixtures/stress_windows.json`` that are not there yet; returns how many."""
    listed = json.loads((settings.BASE_DIR / "fixtures" / "stress_windows.json").read_text(encoding="utf-8"))
    return sum(StressWindow.objects.get_or_create(key=row["key"], defaults=row)[1] for row in listed)
