"""`manage.py flower`: the view of background work, for administrators."""

from __future__ import annotations

import contextlib
import signal

from django.conf import settings
from django.core.management import BaseCommand

from portfolio_site.flower import build


class Command(BaseCommand):
    help = "Serve Flower on FLOWER_PORT; a superuser of this site opens it."
    requires_system_checks = []

    def handle(self, **options: object) -> None:
        server = build(settings.FLOWER_PORT, settings.HOST)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave the loop as on Ctrl-C
        server.start_http_server()
        with contextlib.suppress(KeyboardInterrupt):
            server.start()
        server.stop()
