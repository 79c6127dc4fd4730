"""What will be paid in the days to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from banking.models import RunState, Schedule, ScheduleRun

HORIZON = timedelta(days=60)
MOST_EACH = 70  # occurrences of one schedule within the horizon, overdue ones included


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One payment to come. ``paid_on`` is ``due_on`` unless a weekend moves it; ``error`` says why it failed so far."""

    schedule: Schedule
    due_on: date
    paid_on: date
    skipped: bool = False
    error: str = ""


def upcoming(schedules: Iterable[Schedule], until: date) -> list[Upcoming]:
    """The occurrences that active schedules have until a day, those that are overdue first; one query.

    ``schedules`` are rows that are loaded already.
    """
    active = {schedule.pk: schedule for schedule in schedules if schedule.next_on and schedule.state == "active"}
    known = (
        {
            (run.schedule_id, run.due_on): run
            for run in ScheduleRun.objects.filter(schedule__in=active).exclude(state=RunState.DONE)
        }
        if active
        else {}
    )
    found = [
        Upcoming(schedule, due, paid, *_what_became(known.get((schedule.pk, due))))
        for schedule in active.values()
        for due, paid in _days(schedule, until)
    ]
    return sorted(found, key=lambda one: (one.paid_on, one.schedule.pk))


def _what_became(run: ScheduleRun | None) -> tuple[bool, str]:
    return (run.state == RunState.SKIPPED, run.error) if run else (False, "")


def _days(schedule: Schedule, until: date) -> Iterator[tuple[date, date]]:
    recurrence = schedule.recurrence
    for _, due in islice(recurrence.from_position(schedule.position), MOST_EACH):
        paid = recurrence.payday(due)
        if paid > until:
            return
        yield due, paid
