"""`manage.py ready`: /readyz on the command line, for probes of processes that serve no page."""

from __future__ import annotations

import json

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portfolio_site.health import is_ready, report


class Command(BaseCommand):
    help = "Print the state of each part; ends with 1 when one is not well."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--part", action="append", help="only this part (repeatable): database, broker, beat …")

    def handle(self, *, part: list[str] | None, **options: object) -> None:
        parts = report(timezone.now())
        if unknown := set(part or ()) - set(parts):
            raise CommandError(f"No such part: {', '.join(sorted(unknown))}. There are: {', '.join(parts)}.")
        asked = {name: state for name, state in parts.items() if part is None or name in part}
        self.stdout.write(json.dumps(asked))
        if not is_ready(asked):
            raise CommandError("not ready")
