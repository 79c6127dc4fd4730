"""`manage.py run`: the whole server in one terminal."""

from __future__ import annotations

import contextlib
import sys

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connections
from kombu.exceptions import OperationalError

from portfolio_site.celery import app as celery_app
from portfolio_site.supervisor.children import children, reachable_host
from portfolio_site.supervisor.lock import AlreadyRunning, only_one
from portfolio_site.supervisor.ports import PortTaken, require_free
from portfolio_site.supervisor.supervisor import ChildFailed, Supervisor


class Command(BaseCommand):
    help = "Prepare the database and start broker, web, worker, beat and Flower; Ctrl-C stops them in order."
    requires_system_checks = ["database", "market"]

    def handle(self, **options: object) -> None:
        try:
            with only_one(settings.VAR_DIR / "run.lock", site_address()):
                self._require_ports()
                call_command("prepare", stdout=self.stdout)
                Supervisor(children(), sys.stdout).run(self._when_ready)
        except AlreadyRunning as holder:
            raise CommandError(f"The server is running already: {holder}. Stop it there with Ctrl-C.") from None
        except (PortTaken, ChildFailed) as problem:
            raise CommandError(str(problem)) from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted while preparing; the next start carries on.") from None

    def _require_ports(self) -> None:
        require_free(settings.HOST, settings.PORT, "PORT")
        require_free(settings.HOST, settings.FLOWER_PORT, "FLOWER_PORT")
        if settings.OWN_BROKER:
            require_free("127.0.0.1", settings.BROKER_PORT, "BROKER_PORT")

    def _when_ready(self) -> None:
        self._announce()
        send_first_round()

    def _announce(self) -> None:
        self.stdout.write("")
        self.stdout.write(self.style.SUCCESS(f"  The server is ready: {site_address()}"))
        if settings.DEMO:
            self.stdout.write("  Demo logins:         demo / demo123    admin / admin")
        self.stdout.write(f"  Background work:     {flower_address()}  (Flower; an administrator's login)")
        self.stdout.write(f"  Data:                {settings.VAR_DIR}")
        for warning in exposure_warnings():
            self.stdout.write(self.style.WARNING(f"  Warning: {warning}"))
        self.stdout.write("  Ctrl-C stops it.\n")
        self.stdout.flush()


def send_first_round() -> None:
    """Send beat's tasks once, now: what came due while the server was off does not wait for the first tick."""
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        with contextlib.suppress(OperationalError):  # the broker just died; the next tick comes by itself
            celery_app.send_task(str(entry["task"]), expires=60)


def site_address() -> str:
    return f"http://{_named(reachable_host())}:{settings.PORT}"


def flower_address() -> str:
    return f"http://{_named(reachable_host())}:{settings.FLOWER_PORT}"


def exposure_warnings() -> list[str]:
    """What a careful administrator would want to know about these settings."""
    warnings = []
    loopback = settings.HOST in {"127.0.0.1", "::1", "localhost"}
    if settings.DEMO and not loopback:
        warnings.append(f"HOST={settings.HOST} with DEMO=1: others can reach it, and its logins are public.")
    if not settings.PRODUCTION and not loopback:
        warnings.append(f"HOST={settings.HOST} without PRODUCTION=1: logins travel without HTTPS.")
    if settings.PRODUCTION and connections["default"].vendor == "sqlite":
        warnings.append("PRODUCTION=1 on SQLite suits one household; set DATABASE_URL to PostgreSQL for more.")
    return warnings


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host else host
