"""What a bank's administrator should look at: too much in one asset, an overdrawn account, an unusual payment."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from banking.models import Account
from portfolios.models import Portfolio
from users.models import OVERSEER

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User

MEASURE_LIMIT = 1e18


class FlagKind(models.TextChoices):
    CONCENTRATION = "concentration", _("Much in one asset")
    LEVERAGE = "leverage", _("More invested than owned")
    OVERDRAWN = "overdrawn", _("Negative cash")
    DRAWDOWN = "drawdown", _("Deep fall")
    VALUE_AT_RISK = "value_at_risk", _("High value at risk")
    OUTFLOW = "outflow", _("Unusual outflow")
    DORMANT = "dormant", _("Dormant account")
    ASSERTION = "assertion", _("Statement does not agree")


class FlagState(models.TextChoices):
    OPEN = "open", _("Open")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    CLOSED = "closed", _("Closed")


class RiskFlagQuerySet(models.QuerySet["RiskFlag"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """All for who oversees the bank; else those about the portfolios and accounts that one sees."""
        if user.is_authenticated and user.has_perm(OVERSEER):
            return self.all()
        portfolios, accounts = Portfolio.objects.visible_to(user), Account.objects.visible_to(user)
        return self.filter(Q(portfolio__in=portfolios.values("pk")) | Q(account__in=accounts.values("pk")))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.all() if user.is_authenticated and user.has_perm(OVERSEER) else self.none()

    def open(self) -> Self:
        return self.filter(state=FlagState.OPEN)

    def lasting(self) -> Self:
        """Those whose cause was still there when it was last looked."""
        return self.filter(ended_at__isnull=True)

    def seen_by(self, day: date | None) -> Self:
        """Those that were first seen by the end of ``day`` in UTC; all of them without one."""
        if day is None:
            return self.all()
        return self.filter(first_seen__lt=datetime.combine(day + timedelta(days=1), time.min, UTC))


class RiskFlag(models.Model):
    """One cause for concern about one portfolio or account, from when it was first seen until it is gone.

    ``measure`` is what was found and ``limit`` what it exceeds, both in the unit of its kind (a fraction; days; an
    amount in the account's currency); ``figures`` hold everything that it follows from. ``about`` tells two of one kind
    and subject apart: an asset, a row, a statement. A flag whose cause ceases is closed by the server; one that a
    person closed comes back only if its cause had ceased in between.
    """

    kind = models.CharField(max_length=13, choices=FlagKind)
    portfolio = models.ForeignKey(Portfolio, models.CASCADE, null=True, blank=True, related_name="flags")
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="flags")
    about = models.CharField(max_length=64, blank=True)
    as_of = models.DateField()
    measure = models.FloatField()
    limit = models.FloatField()
    figures = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=12, choices=FlagState, default=FlagState.OPEN)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=255, blank=True)

    objects = RiskFlagQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "-pk"]
        permissions = [("oversee_bank", "Can look at everybody's money, read only")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FlagKind.values), name="flag_kind_known"),
            models.CheckConstraint(condition=Q(state__in=FlagState.values), name="flag_state_known"),
            models.CheckConstraint(
                condition=Q(portfolio__isnull=False, account__isnull=True)
                | Q(portfolio__isnull=True, account__isnull=False),
                name="flag_about_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(measure__gt=-MEASURE_LIMIT, measure__lt=MEASURE_LIMIT)
                & Q(limit__gt=-MEASURE_LIMIT, limit__lt=MEASURE_LIMIT),
                name="flag_figures_finite",
            ),
            models.UniqueConstraint(
                fields=["kind", "portfolio", "about"],
                condition=Q(ended_at__isnull=True, portfolio__isnull=False),
                name="flag_once_per_portfolio",
            ),
            models.UniqueConstraint(
                fields=["kind", "account", "about"],
                condition=Q(ended_at__isnull=True, account__isnull=False),
                name="flag_once_per_account",
            ),
        ]
        indexes = [models.Index(fields=["state", "kind"], name="flag_state_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.portfolio_id or self.account_id}"

    @property
    def subject(self) -> Portfolio | Account:
        """What it is about."""
        found = self.portfolio or self.account
        if found is None:
            raise ValueError("It is about nothing yet.")
        return found
