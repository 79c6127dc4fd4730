"""manage.py simulate"""

from __future__ import annotations

import argparse
import time
from datetime import date

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import DomainError
from portfolio_site.simulation import simulate


class Command(BaseCommand):
    help = (
        "Add believable people and firms with years of salaries, rents, cards, transfers and trades at the prices that "
        "are stored. The same seed gives the same town: doing it again adds nothing or completes what was broken off; "
        "with more users, newcomers. None of them can log in."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--users", type=_count, default=200, metavar="N")
        parser.add_argument("--organisations", type=_count, default=10, metavar="N")
        parser.add_argument("--years", type=_count, default=5, metavar="N", help="From 1 to 50.")
        parser.add_argument("--seed", type=int, default=7, help="From 0 to 999,999,999; each is a town of its own.")
        parser.add_argument("--until", type=date.fromisoformat, help="The last day; that of the prices when left out.")

    def handle(self, *args: object, **options: object) -> None:
        started, shown = time.monotonic(), -1

        def progress(done: int, total: int, rows: int) -> None:
            nonlocal shown
            if (part := 20 * done // total) > shown:
                shown = part
                self.stdout.write(f"  {5 * part:3} %  {rows:,} rows  {time.monotonic() - started:.0f} s")

        chosen = {name: options[name] for name in ("users", "organisations", "years", "seed", "until")}
        try:
            summary = simulate(**chosen, progress=progress)  # type: ignore[arg-type]
        except DomainError as error:
            raise CommandError(error.message) from error
        took = time.monotonic() - started
        holders = f"{summary.people:,} people and {summary.organisations:,} organisations"
        facts = f"{summary.rows:,} cash rows and {summary.trades:,} trades"
        self.stdout.write(self.style.SUCCESS(f"{holders} with {facts} in {took:.1f} s."))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 100_000:
        raise argparse.ArgumentTypeError("a whole number from 0 to 100,000")
    return int(text)
