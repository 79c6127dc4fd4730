"""manage.py load_factors F-F_Research_Data_5_Factors_2x3_daily_CSV.zip F-F_Momentum_Factor_daily_CSV.zip --set ff5"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.factor_files import MOST_BYTES
from analytics.models import Frequency
from analytics.services.factors import NewFactorSet, load_files
from core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Load the returns of a factor set from files of the Kenneth R. French library or any CSV files, plain, zipped "
        "or gzipped; several files are the columns of one set. Loading a file again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--set", required=True, dest="key", metavar="KEY", help="such as ff5; made if there is none"
        )
        parser.add_argument("--name", help="of a new set; its key when left out")
        for option in ("description", "source", "region", "currency"):
            parser.add_argument(f"--{option}", default="", help="of a new set")
        parser.add_argument("--frequency", choices=Frequency.values, default="", help="of a new set; the files say it")
        unit = parser.add_mutually_exclusive_group()
        unit.add_argument("--percent", action="store_true", default=None, help="the values are percent")
        unit.add_argument("--fraction", action="store_false", dest="percent", default=None, help="they are fractions")
        parser.add_argument("--columns", default="", metavar="KEYS", help="those that are wanted, such as smb,hml")
        parser.add_argument("--new-factors", action="store_true", help="unknown columns are new factors")

    def handle(self, *, files: list[Path], key: str, **options: Any) -> None:
        named = {name: options[name] for name in ("description", "source", "region", "currency", "frequency")}
        try:
            made, loaded = load_files(
                new=NewFactorSet(key=key, name=options["name"] or key, **named),
                contents=[_content(path) for path in files],
                actor=None,
                percent=options["percent"],
                columns=[column.strip() for column in options["columns"].split(",") if column.strip()],
                new_factors=options["new_factors"],
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(
            f"{made.name}: {loaded.added} returns new, {loaded.changed} changed, {loaded.unchanged} the same, "
            f"{loaded.first} to {loaded.last}; version {loaded.version}"
        )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)  # one more, so that a larger one is refused
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
