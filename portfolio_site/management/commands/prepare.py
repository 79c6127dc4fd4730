"""`manage.py prepare`: what must be done once before the server of this version starts."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command
from django.db import connections

from analytics.services.windows import install_windows
from assets.services.exchanges import install_exchanges
from banking.services.categories import install_categories
from portfolio_site import demo


class Command(BaseCommand):
    help = "Bring the database up to date, collect static files in production, load the demo on its first boot."
    requires_system_checks = ["database", "market"]

    def handle(self, **options: object) -> None:
        self.stdout.write("Preparing the database")
        call_command("migrate", interactive=False, verbosity=0)
        install_exchanges()
        install_windows()
        install_categories()
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        if settings.PRODUCTION:
            self.stdout.write("Collecting static files")
            call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        self._demo()
        connections.close_all()

    def _demo(self) -> None:
        """Its logins work only while DEMO is set, whatever the database has seen before."""
        if not settings.DEMO:
            if closed := demo.close_logins():
                self.stdout.write(f"Closed the demo's public logins, since DEMO is not set: {', '.join(closed)}")
        elif get_user_model().objects.exists():
            demo.open_logins()
        else:
            self.stdout.write("Loading the demo, once")
            call_command("demo")
