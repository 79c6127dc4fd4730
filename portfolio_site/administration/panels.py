"""What the administration's first page says of the server: one query for each table that a panel counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Model, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from activity.models import Job, JobState
from analytics.models import FlagKind, FlagState, RiskFlag
from assets.models import Backfill, DoubtfulQuote, IngestionRun, QuarantinedBar
from assets.models.backfill import UNFINISHED as UNFINISHED_BACKFILLS
from assets.models.backfill import BackfillState
from assets.models.doubt import UNDECIDED
from assets.models.ingestion import RunState
from assets.models.quarantine import QuarantineState
from assets.services.standing import Standing, standings
from banking.models import ImportBatch
from banking.models.importing import UNFINISHED as UNFINISHED_IMPORTS
from banking.models.importing import ImportState
from portfolio_site.health import OK, background
from users.models import OVERSEER, User

LATELY = timedelta(hours=24)
WORDS = {
    "ok": _("works"),
    "unreachable": _("cannot be reached"),
    "unknown": _("not known"),
    "not seen yet": _("not seen yet"),
    "late": _("late"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of a panel: a count, a word or an instant. ``alarming``: somebody should look, ``url`` says where."""

    label: str | Promise
    value: Any
    url: str = ""
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines about one part of the server, and the page of the site that has more of it."""

    key: str
    title: str | Promise
    lines: Sequence[Line]
    page: str = ""
    page_name: str | Promise = ""


def panels_for(user: User, now: datetime) -> list[Panel]:
    """Those whose tables the administrator may look at."""
    makers: list[tuple[str, Callable[[datetime], Panel]]] = [
        ("activity.view_job", server),
        ("activity.view_job", jobs),
        ("assets.view_ingestionrun", prices),
        ("banking.view_importbatch", files),
        ("analytics.view_riskflag", flags if user.has_perm(OVERSEER) else flags_without_page),
    ]
    return [make(now) for permission, make in makers if user.has_perm(permission)]


def standings_for(user: User, now: datetime) -> list[Standing]:
    """How each provider of prices is doing, for who may look at them; four queries."""
    return standings(now) if user.has_perm("assets.view_providerstate") else []


def listed(model: type[Model], **filters: Any) -> str:
    """The admin's list of ``model``, of the rows that ``filters`` leave."""
    options = model._meta  # noqa: SLF001  Django's public name for it
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def server(now: datetime) -> Panel:
    """The broker, and what it says of beat and the queue. No query."""
    found = background(now)
    lines = [
        Line(_("Broker"), WORDS[found.broker], alarming=found.broker != OK),
        Line(_("Beat and workers"), WORDS[found.beat], alarming=found.beat != OK),
        Line(_("Last beat"), found.beaten_at),
        Line(_("Tasks in the queue"), found.queued),
        Line(_("Tasks that workers hold"), found.held),
    ]
    return Panel("server", _("Queue and beat"), lines)


def jobs(now: datetime) -> Panel:
    """Long work that people and the server asked for; one query."""
    since = now - LATELY
    failed = Q(state=JobState.FAILED, finished_at__gte=since)
    counts = Job.objects.order_by().aggregate(
        running=Count("pk", filter=Q(state=JobState.RUNNING)),
        waiting=Count("pk", filter=Q(state=JobState.QUEUED)),
        failed=Count("pk", filter=failed),
        done=Count("pk", filter=Q(state=JobState.DONE, finished_at__gte=since)),
        oldest=Min("created_at", filter=Q(state=JobState.QUEUED)),
    )
    lines = [
        Line(_("Running"), counts["running"], listed(Job, state__exact=JobState.RUNNING)),
        Line(_("Waiting"), counts["waiting"], listed(Job, state__exact=JobState.QUEUED)),
        Line(_("Waiting since"), counts["oldest"]),
        Line(
            _("Failed in 24 hours"),
            counts["failed"],
            listed(Job, state__exact=JobState.FAILED, finished_at__gte=since.isoformat()),
            counts["failed"] > 0,
        ),
        Line(
            _("Done in 24 hours"),
            counts["done"],
            listed(Job, state__exact=JobState.DONE, finished_at__gte=since.isoformat()),
        ),
    ]
    return Panel("jobs", _("Jobs"), lines, f"{reverse('jobs')}?whose=server", _("Work under way"))


def prices(now: datetime) -> Panel:
    """Fetching market days and histories, and what was fetched and not believed; four queries."""
    runs = IngestionRun.objects.order_by().aggregate(
        running=Count("pk", filter=Q(state=RunState.RUNNING)),
        incomplete=Count("pk", filter=Q(state=RunState.INCOMPLETE)),
        next=Min("next_attempt_at", filter=Q(state__in=(RunState.PENDING, RunState.INCOMPLETE))),
        complete=Max("day", filter=Q(state=RunState.COMPLETE)),
    )
    histories = Backfill.objects.order_by().aggregate(
        unfinished=Count("pk", filter=Q(state__in=UNFINISHED_BACKFILLS)),
        failed=Count("pk", filter=Q(state=BackfillState.FAILED, finished_at__gte=now - LATELY)),
    )
    bars = QuarantinedBar.objects.filter(state=QuarantineState.OPEN).count()
    quotes = DoubtfulQuote.objects.filter(state__in=UNDECIDED).count()
    since = (now - LATELY).isoformat()
    lines = [
        Line(_("Newest complete market day"), runs["complete"], listed(IngestionRun, state__exact=RunState.COMPLETE)),
        Line(_("Market days being fetched"), runs["running"], listed(IngestionRun, state__exact=RunState.RUNNING)),
        Line(
            _("Market days that lack prices"),
            runs["incomplete"],
            listed(IngestionRun, state__exact=RunState.INCOMPLETE),
            runs["incomplete"] > 0,
        ),
        Line(_("Next attempt"), runs["next"]),
        Line(
            _("Histories being fetched"),
            histories["unfinished"],
            listed(Backfill, state__in=",".join(UNFINISHED_BACKFILLS)),
        ),
        Line(
            _("Histories that failed in 24 hours"),
            histories["failed"],
            listed(Backfill, state__exact=BackfillState.FAILED, finished_at__gte=since),
            histories["failed"] > 0,
        ),
        Line(_("Doubtful bars"), bars, listed(QuarantinedBar, state__exact=QuarantineState.OPEN), bars > 0),
        Line(_("Doubtful live prices"), quotes, listed(DoubtfulQuote, state__in=",".join(UNDECIDED)), quotes > 0),
    ]
    return Panel("prices", _("Prices"), lines, reverse("quarantine"), _("Market data"))


def files(now: datetime) -> Panel:
    """Files on their way into the books; one query."""
    since = now - LATELY
    counts = ImportBatch.objects.order_by().aggregate(
        busy=Count("pk", filter=Q(state__in=UNFINISHED_IMPORTS)),
        ready=Count("pk", filter=Q(state__in=(ImportState.MAPPING, ImportState.READY))),
        refused=Count("pk", filter=Q(state=ImportState.FAILED, created_at__gte=since)),
        booked=Count("pk", filter=Q(state=ImportState.COMMITTED, committed_at__gte=since)),
    )
    waiting = ",".join((ImportState.MAPPING, ImportState.READY))
    lines = [
        Line(
            _("Being checked, booked or undone"),
            counts["busy"],
            listed(ImportBatch, state__in=",".join(UNFINISHED_IMPORTS)),
        ),
        Line(_("Waiting for their owner"), counts["ready"], listed(ImportBatch, state__in=waiting)),
        Line(
            _("Refused in 24 hours"),
            counts["refused"],
            listed(ImportBatch, state__exact=ImportState.FAILED, created_at__gte=since.isoformat()),
            counts["refused"] > 0,
        ),
        Line(
            _("Booked in 24 hours"),
            counts["booked"],
            listed(ImportBatch, state__exact=ImportState.COMMITTED, committed_at__gte=since.isoformat()),
        ),
    ]
    return Panel("files", _("Imports"), lines)


def flags(now: datetime) -> Panel:
    """Open risk flags whose cause lasts, by kind; one query."""
    return Panel("flags", _("Risk flags"), list(_flag_lines()), reverse("bank-flags"), _("Flags of the bank"))


def flags_without_page(now: datetime) -> Panel:
    """The same for who may not open the pages about everybody's money."""
    return Panel("flags", _("Risk flags"), list(_flag_lines()))


def _flag_lines() -> Iterable[Line]:
    rows: QuerySet[Any] = RiskFlag.objects.lasting().open().order_by().values_list("kind").annotate(Count("pk"))
    counts = dict(rows)
    for kind in FlagKind:
        if count := counts.get(kind, 0):
            url = listed(RiskFlag, state__exact=FlagState.OPEN, ended_at__isempty=1, kind__exact=kind)
            yield Line(kind.label, count, url, alarming=True)
    if not counts:
        yield Line(_("Open"), 0, listed(RiskFlag, state__exact=FlagState.OPEN, ended_at__isempty=1))
