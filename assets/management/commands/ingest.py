"""manage.py ingest --date 2024-05-31 | --since 2024-05-01 [--market XNYS]"""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from datetime import date, timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from assets import sessions
from assets.models import Exchange, IngestionRun, RunState
from assets.services.due import ended_sessions
from assets.services.ingestion import ingest
from core.errors import DomainError

LONGEST_WAIT = timedelta(seconds=70)  # for the limit of calls a minute


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a date of the form 2024-05-31") from None


class Command(BaseCommand):
    help = "Fetch daily prices now. Safe to interrupt and to run again; what is complete is not fetched twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        days = parser.add_mutually_exclusive_group(required=True)
        days.add_argument("--date", type=_day, metavar="DAY", help="one day, such as 2024-05-31")
        days.add_argument("--since", type=_day, metavar="DAY", help="every session from this day on")
        parser.add_argument("--market", metavar="CODE", help="one exchange, such as XNYS; otherwise all with assets")

    def handle(self, **options: object) -> None:
        market, day, since = options["market"], options["date"], options["since"]
        work = sorted(_days(market, day, since), key=lambda item: (item[1], item[0].code))  # type: ignore[arg-type]
        unfinished = 0
        for number, (exchange, session) in enumerate(work, start=1):
            run = self._patiently(exchange, session)
            done = run.state == RunState.COMPLETE
            unfinished += not done
            style = self.style.SUCCESS if done else self.style.WARNING
            self.stdout.write(
                style(f"[{number}/{len(work)}] {run}: {run.message or WITHOUT_MESSAGE.get(run.state, run.state)}")
            )
            for symbol, reason in run.missing.items():
                self.stdout.write(f"    {symbol}: {reason}")
        if unfinished:
            raise CommandError(f"{unfinished} of {len(work)} market days are not complete.")
        self.stdout.write(f"{len(work)} market days are complete.")

    def _patiently(self, market: Exchange, day: date) -> IngestionRun:
        """The run after an attempt, and after another when our own limit of calls made it wait."""
        while True:
            now = timezone.now()
            try:
                run = ingest(market, day, now=now, force=True)
            except DomainError as error:
                raise CommandError(error.message) from error
            wait = (run.next_attempt_at or now) - timezone.now()
            if run.state != RunState.PENDING or wait > LONGEST_WAIT:
                return run
            self.stdout.write(f"    {run.message} Waiting {max(wait.total_seconds(), 0):.0f} s.")
            time.sleep(max(wait.total_seconds(), 0.05))


WITHOUT_MESSAGE: dict[str, str] = {"running": "another process is fetching it", "pending": "it is to wait"}


def _days(code: str | None, day: date | None, since: date | None) -> Iterator[tuple[Exchange, date]]:
    markets = Exchange.objects.filter(assets__isnull=False).distinct()
    if code:
        markets = Exchange.objects.filter(pk=code)
        if not markets:
            raise CommandError(f"There is no exchange “{code}”.")
    now = timezone.now()
    for market in markets:
        if since:
            yield from ((market, session) for session in ended_sessions(market, now, since))
        elif day and (code or sessions.is_session(market.calendar, day)):
            yield market, day
