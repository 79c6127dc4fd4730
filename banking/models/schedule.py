"""Payments to come: once on a day, or again and again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.models.account import Account
from banking.models.classification import Category
from banking.models.transaction import CashTransaction
from banking.models.transfer import Transfer
from banking.recurrence import Recurrence, Unit, Weekend
from core.fields import MONEY_LIMIT, MoneyField

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User

MOST_INTERVAL = 120
MOST_TIMES = 10_000


class ScheduleState(models.TextChoices):
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    ENDED = "ended", _("Ended")


class Every(models.TextChoices):
    ONCE = Unit.ONCE.value, _("Once")
    WEEK = Unit.WEEK.value, _("Weeks")
    MONTH = Unit.MONTH.value, _("Months")
    YEAR = Unit.YEAR.value, _("Years")


class OnWeekend(models.TextChoices):
    STAYS = Weekend.STAYS.value, _("On that day")
    BEFORE = Weekend.BEFORE.value, _("On the Friday before")
    AFTER = Weekend.AFTER.value, _("On the Monday after")


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the accounts that one sees, since they say what will be paid from them."""
        return self.filter(source__in=Account.objects.visible_to(user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(source__in=Account.objects.editable_by(user))

    def active(self) -> Self:
        return self.filter(state=ScheduleState.ACTIVE)

    def whole(self) -> Self:
        """With all that is shown of them and that one is run by."""
        return self.select_related("source__owner", "source__organisation", "target", "category", "created_by")


class Schedule(models.Model):
    """Pays an amount from an account to another one, or to whoever has an IBAN or a name, on its days.

    ``position`` counts the occurrences that are over, and ``next_on`` is the day on which the next one is paid.
    """

    source = models.ForeignKey(Account, models.PROTECT, related_name="schedules")
    target = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    inside = models.ForeignKey(
        Account,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The account of this server that had the IBAN or alias when it was set up; empty: outside.",
    )
    target_iban = models.CharField("IBAN or alias", max_length=34, blank=True)
    target_name = models.CharField("name", max_length=140, blank=True)
    amount = MoneyField(help_text="In the paying account's currency.")
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    description = models.CharField(max_length=255, blank=True)
    first_on = models.DateField()
    unit = models.CharField(max_length=5, choices=Every, default=Every.MONTH)
    interval = models.PositiveSmallIntegerField(default=1)
    until = models.DateField(null=True, blank=True, help_text="The last day on which it may be due.")
    count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="How often in all.")
    weekend = models.CharField(max_length=6, choices=OnWeekend, default=OnWeekend.STAYS, blank=True)
    state = models.CharField(max_length=6, choices=ScheduleState, default=ScheduleState.ACTIVE)
    position = models.PositiveIntegerField(default=0)
    next_on = models.DateField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Not tried before, after a failure.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        ordering = ["next_on", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=MONEY_LIMIT), name="schedule_amount_positive"),
            models.CheckConstraint(condition=Q(unit__in=Every.values), name="schedule_unit_known"),
            models.CheckConstraint(condition=Q(weekend__in=OnWeekend.values), name="schedule_weekend_known"),
            models.CheckConstraint(condition=Q(state__in=ScheduleState.values), name="schedule_state_known"),
            models.CheckConstraint(
                condition=Q(interval__gte=1, interval__lte=MOST_INTERVAL), name="schedule_interval_bounded"
            ),
            models.CheckConstraint(
                condition=Q(count__isnull=True) | Q(count__gte=1, count__lte=MOST_TIMES), name="schedule_count_bounded"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("first_on")), name="schedule_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(target__isnull=False, target_iban="", target_name="")
                | (Q(target__isnull=True) & ~Q(target_name="")),
                name="schedule_one_target",
            ),
            models.CheckConstraint(
                condition=Q(state=ScheduleState.ENDED, next_on__isnull=True)
                | (~Q(state=ScheduleState.ENDED) & Q(next_on__isnull=False)),
                name="schedule_next_until_ended",
            ),
        ]
        indexes = [models.Index(fields=["state", "next_on"], name="schedule_due")]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} to {self.payee}"

    @property
    def payee(self) -> str:
        return self.target.name if self.target else self.target_name

    @property
    def recurrence(self) -> Recurrence:
        unit, weekend = Unit(self.unit), Weekend(self.weekend)
        return Recurrence(self.first_on, unit, self.interval, self.until, self.count, weekend)

    @property
    def due_on(self) -> date | None:
        """The day of the next occurrence, before a weekend moves it; None when it has ended."""
        return None if self.state == ScheduleState.ENDED else self.recurrence.due(self.position)

    @property
    def zone(self) -> ZoneInfo:
        """Whose calendar its days are of: the account's owner's, or who set it up for an organisation."""
        person = self.source.owner or self.created_by
        return person.zone if person else ZoneInfo("UTC")


class RunState(models.TextChoices):
    DONE = "done", pgettext_lazy("payment", "Paid")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Left out")


class ScheduleRunQuerySet(models.QuerySet["ScheduleRun"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(schedule__source__in=Account.objects.visible_to(user))


class ScheduleRun(models.Model):
    """What became of one due day of a schedule. The database has one for each, so none is paid twice."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="runs")
    due_on = models.DateField()
    state = models.CharField(max_length=7, choices=RunState)
    row = models.OneToOneField(CashTransaction, models.PROTECT, null=True, blank=True, related_name="schedule_run")
    transfer = models.OneToOneField(Transfer, models.PROTECT, null=True, blank=True, related_name="schedule_run")
    error = models.CharField(max_length=255, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    overdrawn = models.BooleanField(default=False, help_text="The account was below zero after it.")
    tried_at = models.DateTimeField(null=True, blank=True)

    objects = ScheduleRunQuerySet.as_manager()

    class Meta:
        ordering = ["-due_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_on"], name="schedule_run_once"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="schedule_run_state_known"),
            models.CheckConstraint(
                condition=Q(state=RunState.DONE, row__isnull=False, transfer__isnull=True)
                | Q(state=RunState.DONE, row__isnull=True, transfer__isnull=False)
                | (~Q(state=RunState.DONE) & Q(row__isnull=True, transfer__isnull=True)),
                name="schedule_run_books_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.due_on}: {self.state}"
