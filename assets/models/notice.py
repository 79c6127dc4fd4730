"""Corporate actions as feeds announce them, before the books know them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from assets.models.action import PAYING, ActionKind, CorporateAction
from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField

if TYPE_CHECKING:
    from users.models import User


class ProposalState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    APPLIED = "applied", _("Applied")
    IGNORED = "ignored", _("Ignored")
    SUPERSEDED = "superseded", _("Superseded")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Announced(NamedTuple):
    """Cash per unit that a feed told of: not confirmed by anybody, and without who told it."""

    asset_id: int
    kind: str
    ex_date: date
    pay_date: date | None
    cash: Decimal
    currency: str

    @property
    def kind_name(self) -> str:
        return str(ActionKind(self.kind).label)


class ActionProposalQuerySet(models.QuerySet["ActionProposal"]):
    def visible_to(self, user: User) -> ActionProposalQuerySet:
        """What is to be booked to everybody is for staff to decide."""
        return self if user.is_staff else self.none()

    def open(self) -> ActionProposalQuerySet:
        return self.filter(state=ProposalState.PROPOSED)

    def announced(self) -> list[Announced]:
        """The cash of these that nobody decided about yet, the next first; one query.

        For whoever holds the assets: ``visible_to`` keeps the decision and the feeds to staff, but that a dividend is
        announced is public, and who holds the asset plans with it. So this gives its terms and nothing else of a row.
        """
        rows = self.open().filter(kind__in=PAYING, withdrawal=False, cash__gt=0).order_by("ex_date", "pk")
        return [Announced._make(row) for row in rows.values_list(*Announced._fields)]


class ActionProposal(models.Model):
    """A split or a dividend that a feed announced. It becomes a CorporateAction when it is applied.

    Once per asset, provider, external id and terms. A feed that corrects itself makes another one that ``supersedes``
    the first. One that withdraws what is booked already makes a ``withdrawal``: accepted, it voids the action of the
    proposal that it supersedes. ``accepted_at`` is a person's yes, which counts from the ex-date on.
    """

    asset = models.ForeignKey(Asset, models.PROTECT, related_name="action_proposals")
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=200, help_text="The feed's own name for it.")
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the terms.")
    kind = models.CharField(max_length=17, choices=ActionKind)
    ex_date = models.DateField()
    pay_date = models.DateField(null=True, blank=True)
    ratio = QuantityField(null=True, blank=True, help_text="New units …")
    per = QuantityField(null=True, blank=True, help_text="… for this many held ones.")
    cash = QuantityField(null=True, blank=True, help_text="Per unit, gross.")
    currency = models.CharField(max_length=3, blank=True)
    state = models.CharField(max_length=10, choices=ProposalState, default=ProposalState.PROPOSED)
    withdrawal = models.BooleanField(
        default=False, help_text="The feed has it no more: accepted, the booked action is voided."
    )
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="Since then the feed's answers have been without it."
    )
    supersedes = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="superseded_by")
    action = models.ForeignKey(
        CorporateAction, models.SET_NULL, null=True, blank=True, related_name="+", help_text="What it became."
    )
    problem = models.CharField(max_length=500, blank=True, help_text="Why it could not be applied.")
    accepted_at = models.DateTimeField(null=True, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the server.",
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = ActionProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-ex_date", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ProposalState.values), name="proposal_state_known"),
            models.CheckConstraint(condition=Q(kind__in=ActionKind.values), name="proposal_kind_known"),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{field}__gt": 0, f"{field}__lt": QUANTITY_LIMIT})
                    | Q(**{f"{field}__isnull": True}),
                    name=f"proposal_{field}_positive",
                )
                for field in ("ratio", "per", "cash")
            ),
            models.UniqueConstraint(
                fields=["asset", "provider", "external_id", "digest"], name="proposal_once_per_notice_and_terms"
            ),
        ]
        indexes = [models.Index(fields=["state", "ex_date"], name="proposal_state_ex_date")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.asset_id} on {self.ex_date}"
