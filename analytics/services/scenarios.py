"""Keeping a person's own scenarios."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from activity.services import record
from analytics.models import Scenario, ScenarioShock
from analytics.models.scenario import LARGEST_SHOCK
from analytics.scenarios import Shock, Target
from assets.models import Asset
from core.errors import DomainError, Gone
from core.money import UnknownCurrency, minor_units

if TYPE_CHECKING:
    from users.models import User

MOST_SHOCKS = 50


class ScenarioNameTaken(DomainError):
    """You have a scenario of this name already."""


class TooManyScenarios(DomainError):
    """You have as many scenarios as one person may have."""


class BadShocks(DomainError):
    """These shocks cannot be used."""


@transaction.atomic
def create_scenario(*, owner: User, name: str, description: str = "", shocks: Sequence[Shock]) -> Scenario:
    """Raises ScenarioNameTaken, TooManyScenarios, BadShocks, Django's ValidationError."""
    get_user_model().objects.select_for_update().get(pk=owner.pk)  # of two at once the second sees the first's
    if Scenario.objects.filter(owner=owner).count() >= settings.SCENARIOS_PER_PERSON:
        raise TooManyScenarios(
            "You have {scenarios_per_person} scenarios, and no more are allowed.",
            scenarios_per_person=settings.SCENARIOS_PER_PERSON,
        )
    scenario = Scenario(owner=owner, name=_free_name(owner, name), description=description)
    scenario.full_clean()
    scenario.save(force_insert=True)
    _store(scenario, shocks)
    record(actor=owner, action="scenario.created", subject=scenario, data={"name": scenario.name})
    return scenario


@transaction.atomic
def change_scenario(
    *,
    scenario: Scenario,
    actor: User,
    name: str | None = None,
    description: str | None = None,
    shocks: Sequence[Shock] | None = None,
) -> Scenario:
    """Change what is given; ``shocks`` replace all of them.

    Raises ScenarioNameTaken, BadShocks, Gone, Django's ValidationError.
    """
    get_user_model().objects.select_for_update().get(pk=scenario.owner_id)
    found = _locked(scenario)
    if name is not None and name != found.name:
        found.name = _free_name(found.owner, name)
    if description is not None:
        found.description = description
    found.full_clean()
    found.save(update_fields=["name", "description"])
    if shocks is not None:
        found.shocks.all().delete()
        _store(found, shocks)
    record(actor=actor, action="scenario.changed", subject=found, data={"name": found.name})
    return found


@transaction.atomic
def delete_scenario(*, scenario: Scenario, actor: User) -> None:
    """Raises Gone."""
    found = _locked(scenario)
    record(actor=actor, action="scenario.deleted", subject=found, data={"name": found.name})
    found.delete()


def _store(scenario: Scenario, shocks: Sequence[Shock]) -> None:
    assets = checked_shocks(shocks)
    rows = [
        ScenarioShock(
            scenario=scenario,
            position=place,
            target=shock.target,
            asset=assets.get(shock.key) if shock.target == Target.ASSET else None,
            key="" if shock.target in (Target.ASSET, Target.ALL) else shock.key,
            size=shock.size,
        )
        for place, shock in enumerate(shocks)
    ]
    for row in rows:
        row.clean_fields()
    ScenarioShock.objects.bulk_create(rows)


def checked_shocks(shocks: Sequence[Shock]) -> dict[str, Asset]:
    """The assets that shocks name, by symbol: the one check of what a person sends, to be kept or not; 2 queries.

    Raises BadShocks for a shock that is aimed at nothing there is: a symbol or a sector that no asset has, what is no
    currency, a name where everything is meant. What a portfolio holds does not matter here.
    """
    if not 1 <= len(shocks) <= MOST_SHOCKS:
        raise BadShocks(
            "A scenario has at least one shock and at most {most_shocks}.", most_shocks=MOST_SHOCKS, field="shocks"
        )
    if len({(shock.target, shock.key) for shock in shocks}) < len(shocks):
        raise BadShocks("The same thing is shocked twice.", field="shocks")
    for shock in shocks:
        _check(shock)
    keys = {target: {shock.key for shock in shocks if shock.target == target} for target in Target}
    if missing := keys[Target.SECTOR] - _sectors(keys[Target.SECTOR]):
        raise BadShocks("No asset is of the sector “{missing}”.", missing=min(missing), field="shocks")
    symbols = keys[Target.ASSET]
    found = Asset.objects.in_bulk(symbols, field_name="symbol") if symbols else {}
    if missing := symbols - found.keys():
        raise BadShocks("There is no asset with the symbol “{missing}”.", missing=min(missing), field="shocks")
    return found


def _check(shock: Shock) -> None:
    """What can be said of one shock without the database. Raises BadShocks."""
    if shock.target == Target.ALL and shock.key:
        raise BadShocks("A shock of everything names nothing.", field="shocks")
    if shock.target != Target.ALL and not shock.key:
        raise _nameless(shock.target)
    if not -1 <= shock.size <= LARGEST_SHOCK:
        raise BadShocks("A shock lies between a loss of everything (-1) and a tenfold gain (10).", field="shocks")
    if shock.target == Target.CURRENCY:
        try:
            minor_units(shock.key)
        except UnknownCurrency as error:
            raise BadShocks(error.message, field="shocks") from error


def _nameless(target: str) -> BadShocks:
    if target == Target.SECTOR:
        return BadShocks("Say which sector is shocked.", field="shocks")
    if target == Target.CURRENCY:
        return BadShocks("Say which currency is shocked.", field="shocks")
    return BadShocks("Say which asset is shocked.", field="shocks")


def _sectors(names: Collection[str]) -> set[str]:
    """Those of ``names`` that are the sector of an asset."""
    return set(Asset.objects.filter(sector__in=names).order_by().values_list("sector", flat=True)) if names else set()


def _free_name(owner: User, name: str) -> str:
    if Scenario.objects.filter(owner=owner, name=name).exists():
        raise ScenarioNameTaken("You have a scenario “{name}” already.", name=name, field="name")
    return name


def _locked(scenario: Scenario) -> Scenario:
    found = Scenario.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=scenario.pk).first()
    if found is None:
        raise Gone("This scenario was deleted meanwhile.")
    return found
