"""`manage.py stream`: read live prices and hand them to the web processes."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from django.core.management import BaseCommand

from assets.services.streaming import run_forever


class Command(BaseCommand):
    help = "Read live prices of what somebody watches; where another process does, wait until it is gone."
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(_until_told())


async def _until_told() -> None:
    work = asyncio.create_task(run_forever())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    if path := os.environ.get("READY_FILE"):
        Path(path).touch()
    await work
