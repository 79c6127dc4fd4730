"""Factor sets: making one, and loading returns into it, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from activity.services import record
from analytics.factor_files import (
    MONTHLY,
    RETURN_LIMIT,
    STANDARD,
    BadFactorValue,
    FactorTable,
    LayoutChanged,
    merge,
    month_end,
    read,
)
from analytics.factor_files.table import FEW, FactorRow, spacing, too_close
from analytics.models import Factor, FactorReturn, FactorSet, Frequency
from analytics.models.factor import LONGEST_KEY, MOST_FACTORS, validate_key
from analytics.wording import Worded
from core import bulk
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

RISK_FREE = "rf"
RESERVED = frozenset(("capm", "ff3", "carhart", "ff5", "ff5mom"))
NAMES = ("key", "name", "frequency", "description", "source", "region", "currency")
NAMED = 10  # in one message
EARLIEST = date(1900, 1, 1)
COMING = timedelta(days=31)  # the month that is running has its returns on its last day


class FactorSetRefused(DomainError):
    """This cannot be a factor set."""


class FactorSetExists(DomainError):
    """There is a factor set with this key already."""


class WrongFrequency(DomainError):
    """The returns are of another frequency than the factor set's."""


class UnknownFactors(DomainError):
    """The factor set has no such factors. Say so if they are new."""


class FutureReturn(DomainError):
    """A return is of a day that has not come yet."""


class EarlyReturn(DomainError):
    """A return is of a day before 1900."""


@dataclass(frozen=True, slots=True)
class NewFactor:
    """One series of a set. Name and description of a usual factor may be left out."""

    key: str
    name: str = ""
    description: str = ""
    risk_free: bool = False


@dataclass(frozen=True, slots=True)
class NewFactorSet:
    key: str
    name: str
    frequency: str
    description: str = ""
    source: str = ""
    region: str = ""
    currency: str = ""
    factors: Sequence[NewFactor] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did, in single returns: of one factor in one period."""

    added: int
    changed: int
    unchanged: int
    first: date | None
    last: date | None
    version: int
    new_factors: tuple[str, ...] = field(default=())


def read_files(contents: Iterable[bytes], *, percent: bool | None = None, frequency: str | None = None) -> FactorTable:
    """Uploads of one set as one table; stores nothing. Raises a FactorFileError."""
    return merge([read(content, percent=percent, frequency=frequency) for content in contents])


def table_of(rows: Sequence[tuple[date, Mapping[str, float | None]]], frequency: str) -> FactorTable:
    """Fractions by day and factor key, as they come in a request, as a table.

    Raises BadFactorValue, LayoutChanged, and WrongFrequency for days that are spaced otherwise than ``frequency``.
    """
    keys = tuple(dict.fromkeys(key for _, values in rows for key in values))
    if not keys:
        raise LayoutChanged("There is no return in the rows.", field="rows")
    made: dict[date, FactorRow] = {}
    for number, (given, values) in enumerate(rows, start=1):
        day = month_end(given) if frequency == MONTHLY else given
        if day in made:
            raise LayoutChanged(
                "row {number}: {day} stands in row {before} already",
                field="rows",
                number=number,
                day=day,
                before=made[day].line,
            )
        if wrong := [key for key, value in values.items() if value is not None and not abs(value) < RETURN_LIMIT]:
            raise BadFactorValue(
                "row {number}: {factor} is no return of one period", field="rows", number=number, factor=wrong[0][:40]
            )
        made[day] = FactorRow(number, day, tuple(values.get(key) for key in keys))
    days = sorted(made)
    _require_spacing(days, frequency, "rows")
    return FactorTable(frequency, keys, keys, tuple(made[day] for day in days))


@transaction.atomic
def create_factor_set(*, new: NewFactorSet, actor: User | None) -> FactorSet:
    """A set without returns. Raises FactorSetRefused, FactorSetExists."""
    if new.key in RESERVED:
        raise FactorSetRefused("“{key}” is the name of a model; choose another key.", key=new.key, field="key")
    _require_key(new.key, "key")
    if new.frequency not in Frequency.values:
        raise FactorSetRefused("The frequency is one of {names}.", names=", ".join(Frequency.values), field="frequency")
    made = FactorSet(**{name: getattr(new, name) for name in NAMES})
    try:
        made.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, [message, *_] = next(iter(error.message_dict.items()))
        raise FactorSetRefused(message, field=field) from error
    made, created = FactorSet.objects.get_or_create(
        key=new.key, defaults={name: getattr(new, name) for name in NAMES if name != "key"}
    )
    if not created:
        raise FactorSetExists(field="key")
    _add_factors(made, new.factors)
    keys = [factor.key for factor in new.factors]
    record(actor=actor, action="factors.created", subject=made, data={"key": made.key, "factors": keys})
    return made


@transaction.atomic
def delete_factor_set(*, factor_set: FactorSet, actor: User) -> None:
    """Remove a set with its factors and all of their returns."""
    data = {"key": factor_set.key, "version": factor_set.version}
    record(actor=actor, action="factors.deleted", subject=factor_set, data=data)
    factor_set.delete()


@transaction.atomic
def store_returns(
    *, factor_set: FactorSet, table: FactorTable, actor: User | None, new_factors: bool = False
) -> Loaded:
    """Store what a table adds to a set or says otherwise; the set's version moves if anything does.

    Factors that the set does not have are added to a set without any; otherwise only with ``new_factors``, so that a
    renamed column is not taken for a new factor. Raises WrongFrequency, also where the days do not go with the stored
    ones, UnknownFactors, FutureReturn, EarlyReturn, FactorSetRefused.
    """
    locked = FactorSet.objects.select_for_update().get(pk=factor_set.pk)
    if table.frequency != locked.frequency:
        raise WrongFrequency(
            "The returns are {frequency}, the factor set is {other_frequency}.",
            frequency=Worded(table.frequency),
            other_frequency=Worded(locked.frequency),
            field="file",
        )
    _require_known_times(table)
    factors, added = _factors(locked, table, new_factors=new_factors)
    stored = _stored(factors.values(), table)
    _require_spacing(_days_around(locked, table, {day for _, day in stored}), locked.frequency, "file")
    given = [
        (factors[key].pk, row.day, value)
        for row in table.rows
        for key, value in zip(table.keys, row.values, strict=True)
        if value is not None
    ]
    fresh = [row for row in given if stored.get(row[:2]) != row[2]]
    changed = sum(row[:2] in stored for row in fresh)
    if fresh:
        _write(locked, fresh)
    loaded = Loaded(
        added=len(fresh) - changed,
        changed=changed,
        unchanged=len(given) - len(fresh),
        first=table.first if table.rows else None,
        last=table.last if table.rows else None,
        version=locked.version,
        new_factors=added,
    )
    if fresh or added:
        data = {"added": loaded.added, "changed": changed, "version": locked.version, "new_factors": list(added)}
        record(actor=actor, action="factors.loaded", subject=locked, data=data)
    return loaded


@transaction.atomic
def load_files(
    *,
    new: NewFactorSet,
    contents: Sequence[bytes],
    actor: User | None,
    percent: bool | None = None,
    columns: Sequence[str] = (),
    new_factors: bool = False,
) -> tuple[FactorSet, Loaded]:
    """Load files into the set of ``new.key``, which is made if there is none; its frequency may be the files' own.

    ``columns`` are the keys of those that are wanted, all of them without any.
    """
    known = FactorSet.objects.filter(key=new.key).first()
    frequency = known.frequency if known else new.frequency
    table = read_files(contents, percent=percent, frequency=frequency or None)
    table = table.only(columns) if columns else table
    made = known or create_factor_set(new=replace(new, frequency=frequency or table.frequency), actor=actor)
    return made, store_returns(factor_set=made, table=table, actor=actor, new_factors=new_factors)


def preview_files(
    *, new: NewFactorSet, contents: Sequence[bytes], percent: bool | None = None, new_factors: bool = False
) -> tuple[FactorTable, Loaded]:
    """What ``load_files`` would make of files, found by doing it and taking it back. Raises what that raises."""
    known = FactorSet.objects.filter(key=new.key).first()
    table = read_files(contents, percent=percent, frequency=known.frequency if known else None)
    with transaction.atomic():
        made = known or create_factor_set(new=replace(new, frequency=table.frequency), actor=None)
        loaded = store_returns(factor_set=made, table=table, actor=None, new_factors=new_factors)
        transaction.set_rollback(True)
    return table, loaded


def _require_key(key: str, field: str) -> None:
    try:
        validate_key(key)
    except ValidationError as error:
        raise FactorSetRefused(error.messages[0], field=field) from error
    if len(key) > LONGEST_KEY:
        raise FactorSetRefused("A key has at most {longest_key} characters.", longest_key=LONGEST_KEY, field=field)


def _require_known_times(table: FactorTable) -> None:
    if table.rows and table.last > timezone.now().date() + COMING:
        raise FutureReturn("{last} has not come yet.", last=table.last, field="file")
    if table.rows and table.first < EARLIEST:
        raise EarlyReturn(
            "{first} is before {earliest}; nothing that old is stored.",
            first=table.first,
            earliest=EARLIEST,
            field="file",
        )


def _require_spacing(days: Sequence[date], frequency: str, field: str) -> None:
    """Each return is taken for that of a whole period, so periods may not overlap nor be of another length."""
    if pair := too_close(days, frequency):
        raise WrongFrequency(
            "{pair} and {other_pair} cannot both be the end of a {frequency} period.",
            pair=pair[0],
            other_pair=pair[1],
            frequency=Worded(frequency),
            field=field,
        )
    if (found := spacing(days, frequency)) != frequency:
        raise WrongFrequency(
            "The days are {found}, the factor set is {frequency}.",
            found=Worded(found),
            frequency=Worded(frequency),
            field=field,
        )


def _days_around(factor_set: FactorSet, table: FactorTable, stored: set[date]) -> list[date]:
    """The table's days, those ``stored`` among them and the nearest of the set on both sides, ascending; 2 queries."""
    if not table.rows:
        return []
    rows = FactorReturn.objects.filter(factor__factor_set=factor_set)
    earlier = rows.filter(day__lt=table.first).order_by("-day").values_list("day", flat=True).distinct()
    later = rows.filter(day__gt=table.last).order_by("day").values_list("day", flat=True).distinct()
    return sorted({row.day for row in table.rows} | stored | set(earlier[: FEW - 1]) | set(later[: FEW - 1]))


def _add_factors(factor_set: FactorSet, factors: Sequence[NewFactor]) -> None:
    there = list(factor_set.factors.all())
    if len(there) + len(factors) > MOST_FACTORS:
        raise FactorSetRefused("A set has at most {most_factors} factors.", most_factors=MOST_FACTORS, field="factors")
    keys = [factor.key for factor in there] + [factor.key for factor in factors]
    if len(set(keys)) < len(keys):
        raise FactorSetRefused("Two factors have the same key.", field="factors")
    if sum(factor.risk_free for factor in there) + sum(factor.risk_free for factor in factors) > 1:
        raise FactorSetRefused("A set has at most one risk-free rate.", field="factors")
    made = []
    for position, new in enumerate(factors, start=len(there)):
        _require_key(new.key, "factors")
        name, description = STANDARD.get(new.key, (new.key, ""))
        words: dict[str, Any] = {"name": new.name or name, "description": new.description or description}
        made.append(
            Factor(factor_set=factor_set, key=new.key, position=position, risk_free=new.risk_free, **words),
        )
    Factor.objects.bulk_create(made)


def _factors(
    factor_set: FactorSet, table: FactorTable, *, new_factors: bool
) -> tuple[dict[str, Factor], tuple[str, ...]]:
    """The set's factors by key, those of the table among them, and which of them are new."""
    known = {factor.key: factor for factor in factor_set.factors.all()}
    unknown = tuple(key for key in table.keys if key not in known)
    if unknown and known and not new_factors:
        named = ", ".join(key[:LONGEST_KEY] for key in unknown[:NAMED])
        raise UnknownFactors(
            "{factor_set} has {names}, and no {named}. Say so if they are new factors.",
            factor_set=factor_set.name,
            names=", ".join(known),
            named=named,
            field="new_factors",
        )
    if unknown:
        has_rate = any(factor.risk_free for factor in known.values())
        names = dict(zip(table.keys, table.columns, strict=True))
        fresh = [
            NewFactor(
                key,
                name=STANDARD[key][0] if key in STANDARD else names[key][:100],
                risk_free=key == RISK_FREE and not has_rate,
            )
            for key in unknown
        ]
        _add_factors(factor_set, fresh)
        known = {factor.key: factor for factor in factor_set.factors.all()}
    return known, unknown


def _stored(factors: Iterable[Factor], table: FactorTable) -> dict[tuple[int, date], float]:
    if not table.rows:
        return {}
    rows = FactorReturn.objects.filter(factor__in=list(factors)).between(table.first, table.last)
    return {(factor, day): value for factor, day, value in rows.order_by().values_list("factor_id", "day", "value")}


def _write(factor_set: FactorSet, rows: Sequence[tuple[int, date, float]]) -> None:
    now = timezone.now()
    bulk.upsert(FactorReturn, ("factor", "day", "value"), rows, unique=("factor", "day"))
    Factor.objects.filter(pk__in={row[0] for row in rows}).update(updated_at=now)
    factor_set.version += 1
    factor_set.updated_at = now
    factor_set.save(update_fields=["version", "updated_at"])
