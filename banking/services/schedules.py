"""Payments to come: set up, paused, skipped and ended by people, and run when their day has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import (
    Account,
    Category,
    Counterparty,
    Every,
    OnWeekend,
    RunState,
    Schedule,
    ScheduleRun,
    ScheduleState,
    Section,
)
from banking.models.schedule import MOST_INTERVAL, MOST_TIMES
from banking.recurrence import LAST_YEAR
from banking.services.classification import LONGEST
from banking.services.payments import Payment, cleaned, payee_account
from banking.services.transactions import check_classification, check_open
from banking.services.transfers import TransferToSelf, check_positive
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

LONGEST_NAME = LONGEST[Counterparty]
LONGEST_DESCRIPTION = 255
CHANGEABLE = ("amount", "description", "category", "until", "count")


class BadSchedule(DomainError):
    """There is no such schedule."""


class ScheduleEnded(DomainError):
    """This schedule has ended."""


class ScheduleNotActive(DomainError):
    """This schedule is paused: resume it first."""


class ScheduleNotPaused(DomainError):
    """This schedule is not paused."""


class NotDueThen(DomainError):
    """Nothing of this schedule is to come on that day."""


@dataclass(frozen=True, slots=True)
class ScheduleTerms:
    """``amount`` of the paying account's currency to ``target``, or else to whoever has ``iban`` or ``name``."""

    amount: Decimal
    first_on: date
    target: Account | None = None
    iban: str = ""
    name: str = ""
    unit: str = Every.MONTH
    interval: int = 1
    until: date | None = None
    count: int | None = None
    weekend: str = OnWeekend.STAYS
    description: str = ""
    category: Category | None = None


@transaction.atomic
def create_schedule(*, source: Account, terms: ScheduleTerms, actor: User | None, now: datetime) -> Schedule:
    """Set up a payment that begins today, in the calendar of the account's owner, or later.

    Raises BadSchedule, PayeeNeeded, BadIban, TransferToSelf, AmountNotBookable, AccountClosed, CategoryOfAnother,
    SectionOfAnother.
    """
    payee = cleaned(Payment(terms.amount, terms.first_on, terms.target, terms.iban, terms.name))
    schedule = Schedule(
        source=source,
        target=terms.target,
        target_iban="" if terms.target else payee.iban,
        target_name="" if terms.target else " ".join(terms.name.split()) or payee.iban,
        amount=terms.amount,
        first_on=terms.first_on,
        unit=terms.unit,
        interval=1 if terms.unit == Every.ONCE else terms.interval,
        until=terms.until,
        count=terms.count,
        weekend=terms.weekend,
        description=terms.description,
        category=terms.category,
        created_by=actor,
    )
    _check(schedule)
    _check_beginning(schedule, now)
    schedule.inside = payee_account(source, schedule.target_iban, schedule.first_on, actor)
    _place(schedule, 0)
    if schedule.state == ScheduleState.ENDED:
        raise BadSchedule(_("It would end before its first day."), field="until")
    schedule.save()
    data = {"account": source.pk, "amount": f"{terms.amount:f}", "unit": terms.unit, "first_on": f"{terms.first_on}"}
    record(actor=actor, action="schedule.created", subject=schedule, data=data)
    return schedule


@transaction.atomic
def change_schedule(*, schedule: Schedule, actor: User | None, **changes: Any) -> Schedule:
    """Change the amount, description, category, ``until`` or ``count`` of what is to come. Raises ScheduleEnded.

    ``actor`` answers for it from now on, as whoever resumes it does.
    """
    schedule = _not_ended(schedule)
    before = {name: str(getattr(schedule, name)) for name in changes}
    for name in CHANGEABLE:
        if name in changes:
            setattr(schedule, name, changes[name])
    _check(schedule)
    schedule.retry_at, schedule.created_by = None, actor or schedule.created_by
    schedule.save()
    advance(schedule)
    data = {name: [before[name], str(getattr(schedule, name))] for name in changes}
    record(actor=actor, action="schedule.changed", subject=schedule, data=data)
    return schedule


@transaction.atomic
def pause_schedule(*, schedule: Schedule, actor: User | None) -> Schedule:
    """Pay nothing until it is resumed. Raises ScheduleEnded, ScheduleNotActive."""
    schedule = active(schedule)
    schedule.state = ScheduleState.PAUSED
    schedule.save(update_fields=["state"])
    record(actor=actor, action="schedule.paused", subject=schedule)
    return schedule


@transaction.atomic
def resume_schedule(*, schedule: Schedule, actor: User | None, now: datetime) -> Schedule:
    """Go on with what is due today or later; what was due meanwhile is left out. Raises ScheduleNotPaused."""
    schedule = _not_ended(schedule)
    if schedule.state != ScheduleState.PAUSED:
        raise ScheduleNotPaused
    today = now.astimezone(schedule.zone).date()
    schedule.state, schedule.retry_at = ScheduleState.ACTIVE, None
    schedule.created_by = actor or schedule.created_by
    left = schedule.position
    schedule.position = schedule.recurrence.position_paid_from(today, left)
    schedule.save()
    advance(schedule)
    ScheduleRun.objects.filter(schedule=schedule, state=RunState.FAILED).update(state=RunState.SKIPPED)
    data = {"left_out": schedule.position - left}
    record(actor=actor, action="schedule.resumed", subject=schedule, data=data)
    return schedule


@transaction.atomic
def skip_occurrence(*, schedule: Schedule, due_on: date, actor: User | None) -> Schedule:
    """Leave one occurrence out that is still to come. Raises ScheduleEnded, NotDueThen."""
    schedule = _not_ended(schedule)
    recurrence = schedule.recurrence
    if due_on != recurrence.due(recurrence.position_due_from(due_on, schedule.position)):
        raise NotDueThen(field="due_on")
    run, _ = ScheduleRun.objects.get_or_create(schedule=schedule, due_on=due_on, defaults={"state": RunState.SKIPPED})
    run.state = RunState.SKIPPED
    run.save(update_fields=["state"])
    advance(schedule)
    record(actor=actor, action="schedule.skipped", subject=schedule, data={"due_on": due_on.isoformat()})
    return schedule


@transaction.atomic
def end_schedule(*, schedule: Schedule, actor: User | None) -> Schedule:
    """Pay nothing any more. Raises ScheduleEnded."""
    schedule = _not_ended(schedule)
    schedule.state, schedule.next_on, schedule.retry_at = ScheduleState.ENDED, None, None
    schedule.save()
    record(actor=actor, action="schedule.ended", subject=schedule)
    return schedule


def active(schedule: Schedule) -> Schedule:
    """The schedule, locked and as it is now. Raises ScheduleEnded, ScheduleNotActive."""
    schedule = _not_ended(schedule)
    if schedule.state != ScheduleState.ACTIVE:
        raise ScheduleNotActive
    return schedule


def advance(schedule: Schedule) -> None:
    """Store that the next occurrence is the first one that is neither paid nor left out, if there is one."""
    runs = ScheduleRun.objects.filter(
        schedule=schedule, due_on__gte=schedule.recurrence.due(schedule.position) or date.max
    )
    over = set(runs.exclude(state=RunState.FAILED).values_list("due_on", flat=True))
    position = schedule.position
    while schedule.recurrence.due(position) in over:
        position += 1
    if position != schedule.position:
        schedule.retry_at = None
    _place(schedule, position)
    schedule.save(update_fields=["position", "next_on", "state", "retry_at"])


def _place(schedule: Schedule, position: int) -> None:
    due = schedule.recurrence.due(position)
    schedule.position = position
    schedule.next_on = schedule.recurrence.payday(due) if due else None
    if due is None:
        schedule.state, schedule.retry_at = ScheduleState.ENDED, None


def _not_ended(schedule: Schedule) -> Schedule:
    schedule = Schedule.objects.whole().select_for_update(of=("self",)).get(pk=schedule.pk)
    if schedule.state == ScheduleState.ENDED:
        raise ScheduleEnded
    return schedule


def _check(schedule: Schedule) -> None:
    check_positive(schedule.amount, schedule.source.currency, "amount")
    if schedule.target_id == schedule.source_id:
        raise TransferToSelf(field="target")
    if schedule.unit not in Every.values:
        raise BadSchedule(_("It is due once, or every so many weeks, months or years."), field="unit")
    if schedule.weekend not in OnWeekend.values:
        raise BadSchedule(_("There is no such rule for weekends."), field="weekend")
    if not 1 <= schedule.interval <= MOST_INTERVAL:
        raise BadSchedule(_("The interval is from 1 to %(most)s.") % {"most": MOST_INTERVAL}, field="interval")
    if schedule.count is not None and not 1 <= schedule.count <= MOST_TIMES:
        most = number_format(MOST_TIMES, force_grouping=True)
        raise BadSchedule(_("It is paid from 1 to %(most)s times.") % {"most": most}, field="count")
    if schedule.first_on.year > LAST_YEAR:
        raise BadSchedule(_("That is too far away."), field="first_on")
    if schedule.until and schedule.until < schedule.first_on:
        raise BadSchedule(_("It would end before its first day."), field="until")
    _check_texts(schedule)
    _check_category(schedule)


def _check_beginning(schedule: Schedule, now: datetime) -> None:
    """The first one is paid today or later, in accounts that are open then; a weekend may bring its day forward."""
    day, today = schedule.recurrence.payday(schedule.first_on), now.astimezone(schedule.zone).date()
    if schedule.first_on < today:
        raise BadSchedule(_("It begins today or later; what is past is booked by itself."), field="first_on")
    if day < today:
        raise BadSchedule(
            _("Because of the weekend it would be paid on %(day)s, which is past.") % {"day": day}, field="first_on"
        )
    for account in filter(None, (schedule.source, schedule.target)):
        check_open(account, day)


def _check_texts(schedule: Schedule) -> None:
    if len(schedule.target_name) > LONGEST_NAME:
        raise BadSchedule(
            _("A name has at most %(number)s characters.") % {"number": LONGEST_NAME}, field="target_name"
        )
    if len(schedule.description) > LONGEST_DESCRIPTION:
        raise BadSchedule(
            _("A description has at most %(number)s characters.") % {"number": LONGEST_DESCRIPTION}, field="description"
        )


def _check_category(schedule: Schedule) -> None:
    """The category is the payer's; between accounts of one owner it is one of transfers."""
    category = schedule.category
    if category is None:
        return
    own = schedule.target is not None and schedule.target.belongs_with(schedule.source)
    section = Section.TRANSFER if own else Section(category.section)
    check_classification(schedule.source, section, category)
