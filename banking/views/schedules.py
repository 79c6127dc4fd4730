"""Payments to come: what is scheduled, and what that means for the next 60 days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.http import require_safe

from banking.models import Account, RunState, Schedule, ScheduleRun, ScheduleState
from banking.queries.upcoming import HORIZON, upcoming
from banking.services import schedules as service
from banking.services.standing_orders import run_now
from banking.views.base import caller, private
from banking.views.sections import section_page
from banking.views.transfers import say
from core.api import ISO_DATE
from core.web import Right, bad_request, login_needed, obtain, paging

PAGE_SIZE = 50
SHOWN = 60  # payments to come
PAST = 20  # payments that were made or failed


@require_safe
@login_needed
def schedule_list(request: HttpRequest) -> HttpResponse:
    """The schedules of the accounts that one sees, what comes in 60 days, and what became of the last ones."""
    reader = caller(request)
    known = Schedule.objects.whole().visible_to(reader)
    coming = upcoming(known.filter(state=ScheduleState.ACTIVE), timezone.now().date() + HORIZON)
    running = known.exclude(state=ScheduleState.ENDED)
    pages = paging(request, running.count(), PAGE_SIZE)
    runs = ScheduleRun.objects.visible_to(reader).exclude(state=RunState.SKIPPED)
    runs = runs.select_related("schedule__source", "schedule__target").order_by("-tried_at", "-pk")
    context = {
        "rows": running[pages.start : pages.stop],
        "pages": pages,
        "books": set(Account.objects.editable_by(reader).values_list("pk", flat=True)),
        "coming": coming[:SHOWN],
        "more": max(0, len(coming) - SHOWN),
        "runs": runs[:PAST],
    }
    return render(request, "banking/schedules.html", section_page("schedules") | context)


@private
class ScheduleView(View):
    """What is done with one schedule: ``action`` is "pause", "resume", "skip", "run" or "end"."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        schedule = obtain(Schedule.objects.all(), caller(request), Right.BOOK, pk=pk)
        found = self._action(request, schedule)
        if found is None:
            return bad_request(request)
        say(request, *found)
        return redirect("banking-schedules")

    def _action(self, request: HttpRequest, schedule: Schedule) -> tuple[Callable[[], Any], str] | None:
        """What to do and what to say then; None for what there is not."""
        given: dict[str, Any] = {"schedule": schedule, "actor": caller(request)}
        now, wanted = timezone.now(), request.POST.get("action", "")
        named = request.POST.get("due_on", "")
        if wanted in ("skip", "run"):
            if not ISO_DATE.fullmatch(named):
                return None
            given["due_on"] = _day(named)
        actions: dict[str, tuple[Callable[[], Any], str]] = {
            "skip": (lambda: service.skip_occurrence(**given), _("That payment is left out.")),
            "pause": (lambda: service.pause_schedule(**given), _("Paused: nothing is paid until it is resumed.")),
            "resume": (lambda: service.resume_schedule(**given, now=now), _("Resumed.")),
            "run": (lambda: run_now(**given, now=now), _("The next payment was made today.")),
            "end": (lambda: service.end_schedule(**given), _("Ended: nothing more is paid.")),
        }
        return actions.get(wanted)


def _day(text: str) -> date:
    """The day, or one on which nothing is due where there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min
