"""What people own that has no price: noted, valued on a day, given away."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import Possession, PossessionKind, Valuation
from banking.services.accounts import EARLIEST, EARLIEST_ZONE
from banking.services.transactions import AlreadyVoided, AmountNotBookable
from core.errors import DomainError, Gone
from core.fields import MONEY_LIMIT
from core.money import UnknownCurrency, minor_units, quantise
from users.models import Organisation, User, owned_by

LONGEST_NAME, LONGEST_NOTE = 100, 255


class PossessionNameNeeded(DomainError):
    """A possession has a name of at most 100 characters."""


class UnknownPossessionKind(DomainError):
    """There is no such kind of possession."""


class ValueOfNoDay(DomainError):
    """A possession is valued and given away on a day that has begun, from 1900 on."""


class ValuedAlready(DomainError):
    """There is a value of this day already: take that back first."""


class NoteTooLong(DomainError):
    """A note has at most 255 characters."""


class GivenAway(DomainError):
    """It was given away by that day."""


class NotGivenAway(DomainError):
    """It was not given away."""


class ValuedLater(DomainError):
    """It was valued on that day or later: take those values back, or choose a later day."""


class StillValued(DomainError):
    """It has values, so it counts in net worth: give it away instead, or take them back first."""


@transaction.atomic
def add_possession(
    *,
    holder: User | Organisation,
    name: str,
    actor: User | None,
    kind: str = PossessionKind.PROPERTY,
    currency: str = "",
    value: Decimal | None = None,
    day: date | None = None,
) -> Possession:
    """Note a possession, with its first value if given, of ``day`` or today. ``currency``: the holder's if left out.

    Raises what is above, UnknownCurrency, AmountNotBookable.
    """
    made = Possession(**owned_by(holder), name=name.strip(), kind=kind, currency=currency or holder.base_currency)
    _check(made)
    made.save()
    data = {"name": made.name, "kind": made.kind, "currency": made.currency}
    record(actor=actor, action="possession.added", subject=made, data=data)
    if value is not None:
        value_possession(possession=made, day=day or timezone.now().date(), value=value, actor=actor)
    return made


@transaction.atomic
def change_possession(*, possession: Possession, actor: User | None, **changes: str) -> Possession:
    """Change ``name`` or ``kind``. Raises PossessionNameNeeded, UnknownPossessionKind, Gone."""
    found = _locked(possession)
    data: dict[str, Any] = {}
    for column, given in changes.items():
        value, before = given.strip(), getattr(found, column)
        setattr(found, column, value)
        if before != value:
            data[column] = [before, value]
    _check(found)
    found.save(update_fields=list(changes))
    if data:
        record(actor=actor, action="possession.changed", subject=found, data=data)
    return found


@transaction.atomic
def value_possession(
    *, possession: Possession, day: date, value: Decimal, actor: User | None, note: str = ""
) -> Valuation:
    """State what it is worth from ``day`` on, in its currency.

    Raises ValueOfNoDay, ValuedAlready, GivenAway, AmountNotBookable, NoteTooLong, Gone.
    """
    found = _locked(possession)
    _check_day(day, "day")
    if found.disposed_on and day >= found.disposed_on:
        raise GivenAway(field="day")
    _check_value(value, found.currency)
    if len(note) > LONGEST_NOTE:
        raise NoteTooLong(field="note")
    made = Valuation(possession=found, day=day, value=value, note=note.strip(), created_by=actor)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:  # the database decides, so that two at once cannot both be the day's
        raise ValuedAlready(field="day") from error
    data = {"possession": found.pk, "day": day.isoformat(), "value": f"{value:f}"}
    record(actor=actor, action="possession.valued", subject=made, data=data)
    return made


@transaction.atomic
def void_valuation(*, valuation: Valuation, actor: User | None) -> Valuation:
    """Take a value back: the one before it counts again. Raises AlreadyVoided, Gone."""
    found = Valuation.objects.select_for_update(of=("self",)).filter(pk=valuation.pk).first()
    if found is None:
        raise Gone(_("This value was deleted meanwhile."))
    if found.voided_at:
        raise AlreadyVoided(_("This value is taken back already."))
    found.voided_at = timezone.now()
    found.save(update_fields=["voided_at"])
    data = {"possession": found.possession_id, "day": found.day.isoformat()}
    record(actor=actor, action="possession.value_voided", subject=found, data=data)
    return found


@transaction.atomic
def dispose(*, possession: Possession, disposed_on: date, actor: User | None) -> Possession:
    """It was sold or given away: it counts no more from that day on. Raises GivenAway, ValueOfNoDay, ValuedLater."""
    found = _locked(possession)
    if found.disposed_on:
        raise GivenAway(_("It is given away already."))
    _check_day(disposed_on, "disposed_on")
    if Valuation.objects.standing().filter(possession=found, day__gte=disposed_on).exists():
        raise ValuedLater(field="disposed_on")
    found.disposed_on = disposed_on
    found.save(update_fields=["disposed_on"])
    record(actor=actor, action="possession.disposed", subject=found, data={"disposed_on": disposed_on.isoformat()})
    return found


@transaction.atomic
def keep_possession(*, possession: Possession, actor: User | None) -> Possession:
    """Take it back that it was given away. Raises NotGivenAway, Gone."""
    found = _locked(possession)
    if not found.disposed_on:
        raise NotGivenAway
    record(actor=actor, action="possession.kept", subject=found, data={"was": found.disposed_on.isoformat()})
    found.disposed_on = None
    found.save(update_fields=["disposed_on"])
    return found


@transaction.atomic
def delete_possession(*, possession: Possession, actor: User | None) -> None:
    """Delete one that has no value that stands, such as one noted by mistake. Raises StillValued, Gone."""
    found = _locked(possession)
    if Valuation.objects.standing().filter(possession=found).exists():
        raise StillValued
    record(actor=actor, action="possession.deleted", subject=found, data={"name": found.name})
    found.delete()


def _locked(possession: Possession) -> Possession:
    found: Possession | None = Possession.objects.select_for_update(of=("self",)).filter(pk=possession.pk).first()
    if found is None:
        raise Gone(_("This possession was deleted meanwhile."))
    return found


def _check(possession: Possession) -> None:
    if not 0 < len(possession.name) <= LONGEST_NAME:
        raise PossessionNameNeeded(field="name")
    if possession.kind not in PossessionKind.values:
        raise UnknownPossessionKind(field="kind")
    try:
        minor_units(possession.currency)
    except UnknownCurrency as error:
        raise UnknownCurrency(error.message, field="currency") from error


def _check_day(day: date, field: str) -> None:
    if not EARLIEST <= day <= (timezone.now() + EARLIEST_ZONE).date():
        raise ValueOfNoDay(field=field)


def _check_value(value: Decimal, currency: str) -> None:
    if not value.is_finite() or not 0 <= value < MONEY_LIMIT:
        raise AmountNotBookable(_("A value is a finite number, and not less than nothing."), field="value")
    if quantise(value, currency) != value:
        raise AmountNotBookable(
            _("%(currency)s has %(number)s decimals.") % {"currency": currency, "number": minor_units(currency)},
            field="value",
        )
