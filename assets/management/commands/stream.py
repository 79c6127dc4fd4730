"""`manage.py stream`: read live prices and hand them to the web processes."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assets.models import Streaming
from assets.services.streaming import run_forever


class Command(BaseCommand):
    help = "Read live prices of what somebody watches; where another process does, wait until it is gone."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether some process reads them now")

    def handle(self, *, check: bool, **options: object) -> None:
        if check:
            if not Streaming.objects.filter(lease_until__gt=timezone.now()).exists():
                raise CommandError("Nobody reads live prices.")
            return
        with suppress(asyncio.CancelledError):
            asyncio.run(_until_told())


async def _until_told() -> None:
    work = asyncio.create_task(run_forever())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    if path := os.environ.get("READY_FILE"):
        Path(path).touch()
    await work
