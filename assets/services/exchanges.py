"""The exchanges that an installation begins with."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assets.models import Exchange


@transaction.atomic
def install_exchanges(*, now: datetime | None = None) -> int:
    """Add the exchanges of ``fixtures/exchanges.json`` that are not there yet; returns how many.

    Their prices are fetched from today on, at INGEST_AT in INGEST_TIME_ZONE. What is there stays as it is.
    """
    today = (now or timezone.now()).astimezone(ZoneInfo(settings.INGEST_TIME_ZONE)).date()
    schedule = {
        "ingest_at": settings.INGEST_AT,
        "ingest_zone": settings.INGEST_TIME_ZONE,
        "ingest_since": today,
    }
    listed = json.loads((settings.BASE_DIR / "fixtures" / "exchanges.json").read_text(encoding="utf-8"))
    made = [Exchange.objects.get_or_create(code=row["code"], defaults=row | schedule)[1] for row in listed]
    return sum(made)
