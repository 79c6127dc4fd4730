"""manage.py recompute [--all | ID ...]"""

from __future__ import annotations

import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from analytics import queries, services
from portfolios.models import Portfolio

CHUNK = 500


class Command(BaseCommand):
    help = "Recompute value and risk of portfolios now, in this process; without arguments, of those that are stale."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="portfolios, by number")
        parser.add_argument("--all", action="store_true", help="every portfolio, stale or not")

    def handle(self, *, ids: list[int], **options: object) -> None:
        if ids and options["all"]:
            raise CommandError("Name portfolios or say --all, not both.")
        chosen = self._chosen(ids) if ids else self._due(everything=bool(options["all"]))
        started, done, stored = time.monotonic(), 0, 0
        for chunk in services.chunks(chosen, CHUNK):
            stored += services.recompute(chunk)
            done += len(chunk)
            self.stdout.write(f"[{done}/{len(chosen)}] {time.monotonic() - started:.1f} s")
        self.stdout.write(self.style.SUCCESS(f"{stored} portfolios recomputed."))
        if stored < done:
            raise CommandError(f"{done - stored} could not be; the log says why.")

    def _chosen(self, ids: list[int]) -> list[int]:
        known = set(Portfolio.objects.filter(pk__in=ids).values_list("pk", flat=True))
        if unknown := sorted(set(ids) - known):
            raise CommandError(f"There is no portfolio {', '.join(map(str, unknown))}.")
        return sorted(known)

    def _due(self, *, everything: bool) -> list[int]:
        if everything:
            return list(Portfolio.objects.order_by("pk").values_list("pk", flat=True))
        return queries.stale_portfolio_ids()
