"""Who lives in a simulated town: people with wages and habits, firms that employ them. Pure; the seed decides all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice

FIRST = (
    *("Ada", "Amir", "Anna", "Bao", "Carla", "Chidi", "Dario", "Elif", "Emil", "Fatima", "Felix", "Grace", "Hana"),
    *("Igor", "Ines", "Jonas", "Julia", "Kenji", "Lara", "Leon", "Lina", "Luis", "Maja", "Marco", "Mei", "Nadia"),
    *("Nils", "Noor", "Olga", "Oskar", "Paula", "Priya", "Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Tessa", "Yara"),
)
LAST = (
    *("Ackermann", "Baker", "Costa", "Diallo", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Keller"),
    *("Lopez", "Moreau", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Schmid", "Tanaka", "Urban", "Vogel", "Weiss"),
)
TRADES = ("Logistics", "Robotics", "Foods", "Energy", "Design", "Clinics", "Software", "Timber", "Travel", "Tools")
PLACES = ("Northgate", "Riverside", "Hillcrest", "Harbour", "Oakfield", "Lakeview", "Stonebridge", "Greenhill")


class Quirk(StrEnum):
    """What a bank's administrator should find out about somebody."""

    NONE = ""
    CONCENTRATED = "concentrated"
    OUTFLOW = "outflow"
    DORMANT = "dormant"
    OVERDRAWN = "overdrawn"
    STATEMENT = "statement"


# Half of the people have none; a small town has one of each.
QUIRKS = (
    *(Quirk.NONE, Quirk.CONCENTRATED, Quirk.NONE, Quirk.OUTFLOW, Quirk.DORMANT),
    *(Quirk.NONE, Quirk.OVERDRAWN, Quirk.NONE, Quirk.STATEMENT, Quirk.NONE),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Money in whole units a month."""

    number: int
    first: str
    last: str
    employer: int | None
    wage: int
    rent: int
    owns: bool
    card: bool
    invests: float
    travels: bool
    quirk: Quirk

    def username(self, seed: int) -> str:
        return f"{self.first}.{self.last}.{seed}.{self.number}".lower()


@dataclass(frozen=True, slots=True)
class Firm:
    number: int
    name: str
    sales: int
    invests: float


def seeded(seed: int, *of: str | int) -> random.Random:
    """Chances of one thing's own, so that one more person changes nothing for the others."""
    return random.Random("-".join(map(str, (seed, *of))))  # noqa: S311  a town is no secret


def invent(seed: int, users: int, organisations: int) -> tuple[list[Person], list[Firm]]:
    """The people and firms of one seed. The first people are the same however many there are."""
    quirks = islice(cycle(QUIRKS), users)
    people = [_person(seeded(seed, "person", n), n, quirk, organisations) for n, quirk in enumerate(quirks)]
    wages = [sum(person.wage for person in people if person.employer == n) for n in range(organisations)]
    firms = [_firm(seeded(seed, "firm", n), n, wages[n]) for n in range(organisations)]
    return people, firms


def _person(rng: random.Random, number: int, quirk: Quirk, organisations: int) -> Person:
    wage = round(rng.lognormvariate(8.3, 0.35) / 50) * 50
    owns = wage > 4500 and rng.random() < 0.5
    return Person(
        number=number,
        first=rng.choice(FIRST),
        last=rng.choice(LAST),
        employer=number % organisations if organisations and rng.random() < 0.85 else None,
        wage=wage,
        rent=0 if owns else round(wage * rng.uniform(0.2, 0.33) / 10) * 10,
        owns=owns,
        card=rng.random() < 0.7,
        invests=rng.choice((0.0, 0.05, 0.1, 0.15)) if quirk != Quirk.CONCENTRATED else 0.1,
        travels=rng.random() < 0.35,
        quirk=quirk,
    )


def _firm(rng: random.Random, number: int, wages: int) -> Firm:
    name = f"{PLACES[number % len(PLACES)]} {TRADES[(number + number // len(PLACES)) % len(TRADES)]}"
    return Firm(number, name, round((wages + 8000) * rng.uniform(1.5, 1.9) / 100) * 100, rng.choice((0.02, 0.04)))
