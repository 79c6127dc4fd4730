"""`manage.py translations`: bring the catalogues of locale/ up to the texts that are marked in the sources."""

from __future__ import annotations

from django.core.management import BaseCommand

from portfolio_site.catalogue import catalogues, compile_stale, marked, update


class Command(BaseCommand):
    help = "Take the marked texts into locale/*/LC_MESSAGES/django.po, and make the binary catalogues."

    def handle(self, **options: object) -> None:
        found = marked()
        for path in catalogues():
            texts, waiting = update(path, found)
            self.stdout.write(f"{path.parts[-3]}: {texts} texts, {waiting} without a translation")
        compile_stale()
