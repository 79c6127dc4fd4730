"""``manage.py verify_books``: every promise of the books, checked over the whole database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.queries.verification import snapshot_findings
from portfolios.models import Portfolio, Trade
from portfolios.services.verification import Finding, findings


class Command(BaseCommand):
    help = "Check that nothing is in the books that must never be; prints what is wrong with ids and ends with 1."

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for finding in (*findings(), *(Finding(*row) for row in snapshot_findings())):
            self.stdout.write(str(finding))
            found += 1
        if found:
            raise CommandError(f"{found} findings: the books are wrong.")
        trades = Trade.objects.standing().count()
        self.stdout.write(f"The books are right: {Portfolio.objects.count()} portfolios, {trades} trades.")
