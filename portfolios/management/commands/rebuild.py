"""``manage.py rebuild``: lots, disposals, investments and derived cash rows anew from the facts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from portfolios.models import Portfolio
from portfolios.services.rebuild import rebuild


class Command(BaseCommand):
    help = "Drop what is derived from the trades of all portfolios, or of some, and derive it anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("portfolios", nargs="*", type=int, metavar="ID", help="All portfolios when left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        portfolios = Portfolio.objects.order_by("pk")
        if options["portfolios"]:
            portfolios = portfolios.filter(pk__in=options["portfolios"])
        if missing := set(options["portfolios"]) - set(portfolios.values_list("pk", flat=True)):
            raise CommandError(f"There is no portfolio {min(missing)}.")
        for portfolio in list(portfolios):
            try:
                trades = rebuild(portfolio)
            except DomainError as error:
                raise CommandError(f"Portfolio {portfolio.pk}: {error.message}") from error
            self.stdout.write(f"portfolio {portfolio.pk}: {trades} trades")
