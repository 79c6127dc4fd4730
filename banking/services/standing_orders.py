"""Running the schedules whose day has come: each due day once, oldest first, missed ones too."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import (
    OWING,
    Account,
    CashTransaction,
    RunState,
    Schedule,
    ScheduleRun,
    Transfer,
)
from banking.services.payments import EARLIEST_ZONE, Payment, at_days_rate, pay, payee_account
from banking.services.schedules import NotDueThen, active, advance
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)
MOST_A_TICK = 500  # payments; the next tick goes on
MOST_EACH = 50  # of one schedule in one tick, so that one with years to catch up leaves room for others
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=12)
LONGEST_ERROR = 255


class NotEntitled(DomainError):
    """Whoever set this up may no longer pay from the account; who may takes it over by paying now or changing it."""


def run_due(now: datetime) -> int:
    """Pay what is due by ``now`` in the calendar of each account's owner; returns how many payments were made.

    One transaction each. A payment that fails keeps the later ones of its schedule waiting, is tried again after a
    pause that doubles each time, and does not hold other schedules.
    """
    paid = 0
    for pk in _due_ids(now):
        paid += _run(pk, now, min(MOST_EACH, MOST_A_TICK - paid))
        if paid >= MOST_A_TICK:
            break
    return paid


def run_now(*, schedule: Schedule, due_on: date, actor: User | None, now: datetime) -> ScheduleRun:
    """Pay the next occurrence today, before its day or after a failure; ``actor`` answers for it from now on.

    It is named by its day ``due_on``, so that who asks twice does not pay two of them. Raises ScheduleEnded,
    ScheduleNotActive, NotDueThen, and what keeps the payment from being booked.
    """
    with transaction.atomic():
        schedule = active(schedule)
        if due_on != schedule.due_on:
            raise NotDueThen(_("That is not the payment that comes next."), field="due_on")
        schedule.created_by = actor or schedule.created_by
        schedule.save(update_fields=["created_by"])
        today = now.astimezone(schedule.zone).date()
        run = _pay(schedule, today, now)
        record(actor=actor, action="schedule.run_now", subject=schedule, data={"due_on": run.due_on.isoformat()})
    return run


def _due_ids(now: datetime) -> list[int]:
    """Schedules that are due where their owners are: by their days, and last of all those that failed before."""
    waiting = Q(retry_at__isnull=True) | Q(retry_at__lte=now)
    due = Schedule.objects.whole().active().filter(waiting, next_on__lte=(now + EARLIEST_ZONE).date())
    rows = due.order_by(F("retry_at").asc(nulls_first=True), "next_on", "pk").iterator(chunk_size=1000)
    return [schedule.pk for schedule in islice((row for row in rows if _is_due(row, now)), MOST_A_TICK * 4)]


def _run(pk: int, now: datetime, most: int) -> int:
    """Pay what is due of one schedule, ``most`` at once; returns how many payments were made."""
    done = 0
    try:
        while done < most and _run_one(pk, now):
            done += 1
    except DomainError as error:
        _note(pk, now, error.message)
    except DatabaseError as error:  # a lock, or a row that nobody foresaw: neither holds the others
        log.exception("The schedule %s was not run", pk)
        _note(pk, now, f"The database refused it: {type(error).__name__}.")
    return done


@transaction.atomic
def _run_one(pk: int, now: datetime) -> bool:
    """Pay the next occurrence of a schedule if it is due; whoever comes second finds it paid, or the row locked."""
    skip = connection.features.has_select_for_update_skip_locked
    rows = Schedule.objects.whole().active().select_for_update(of=("self",), skip_locked=skip)
    schedule = rows.filter(pk=pk).first()
    if schedule is None or not _is_due(schedule, now):
        return False
    _pay(schedule, None, now)
    return True


def _is_due(schedule: Schedule, now: datetime) -> bool:
    waits = schedule.retry_at is not None and schedule.retry_at > now
    today = now.astimezone(schedule.zone).date()
    return not waits and schedule.next_on is not None and schedule.next_on <= today


def _pay(schedule: Schedule, on: date | None, now: datetime) -> ScheduleRun:
    """Book the next occurrence, ``on`` a day or else on its own, and go on to the one after it. The row is locked.

    One that is paid or left out already is passed by.
    """
    due, day = schedule.due_on, on or schedule.next_on
    if due is None or day is None:  # a constraint keeps an active schedule from it
        raise DomainError(_("Nothing is due."))
    run = ScheduleRun.objects.filter(schedule=schedule, due_on=due).first() or ScheduleRun(
        due_on=due, schedule=schedule
    )
    if run.pk and run.state != RunState.FAILED:
        advance(schedule)
        return run
    person = _entitled(schedule)
    booked = pay(source=schedule.source, payment=_payment(schedule, day, person), actor=person)
    run.state, run.error, run.tried_at = RunState.DONE, "", now
    run.attempts += 1
    run.transfer = booked if isinstance(booked, Transfer) else None
    run.row = None if isinstance(booked, Transfer) else booked
    run.overdrawn = _overdrawn(schedule, day)
    run.save()
    advance(schedule)
    return run


def _entitled(schedule: Schedule) -> User:
    """Who answers for it, if they may still log in and pay from the account. Raises NotEntitled, for nobody too."""
    person = schedule.created_by
    editable = Account.objects.editable_by(person).filter(pk=schedule.source_id) if person else Account.objects.none()
    if person is None or not person.is_active or not editable.exists():
        raise NotEntitled
    return person


def _payment(schedule: Schedule, day: date, person: User) -> Payment:
    """What is paid on ``day``. Whoever comes to have the IBAN or alias after it was set up is not paid by it."""
    target = schedule.target or payee_account(schedule.source, schedule.target_iban, day, person)
    if target and target.pk not in (schedule.target_id, schedule.inside_id):
        target = None
    payment = Payment(
        amount=schedule.amount,
        booked_on=day,
        target=target,
        iban=schedule.target_iban,
        name=schedule.target_name,
        description=schedule.description,
        category=schedule.category,
        outside=target is None,
    )
    return at_days_rate(schedule.source, target, payment) if target else payment


def _overdrawn(schedule: Schedule, day: date) -> bool:
    """Whether the account is below zero after it, which is allowed and told."""
    if schedule.source.kind in OWING:
        return False
    balance = CashTransaction.objects.filter(account=schedule.source).balances(day).get(schedule.source_id, 0)
    return balance < 0


@transaction.atomic
def _note(pk: int, now: datetime, error: str) -> None:
    """Keep why the next occurrence could not be paid, and when it is tried again."""
    schedule = Schedule.objects.whole().active().select_for_update(of=("self",)).filter(pk=pk).first()
    if schedule is None or schedule.due_on is None:
        return
    due_on = schedule.due_on
    run, _ = ScheduleRun.objects.get_or_create(
        schedule=schedule, due_on=due_on, defaults={"state": RunState.FAILED, "tried_at": now}
    )
    if run.state != RunState.FAILED:
        return
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(run.attempts, 20))
    run.error, run.tried_at, run.attempts = error[:LONGEST_ERROR], now, min(run.attempts + 1, 32_000)
    run.save(update_fields=["error", "tried_at", "attempts"])
    schedule.retry_at = now + pause
    schedule.save(update_fields=["retry_at"])
    if run.attempts == 1:
        record(actor=None, action="schedule.failed", subject=schedule, data={"due_on": f"{due_on}", "error": error})
