"""manage.py demo"""

from __future__ import annotations

import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portfolio_site import demo


class Command(BaseCommand):
    help = "Load the demo: real closes of 2013 to 2022, people, portfolios and a small town. Safe to run again."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's logins are public. Set DEMO=1 to load it; production refuses that.")
        started = time.monotonic()
        demo.load(lambda line: self.stdout.write(f"  {line}"))
        self.stdout.write(self.style.SUCCESS(f"Demo ready in {time.monotonic() - started:.1f} s."))
