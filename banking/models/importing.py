"""Files that were uploaded to be booked: what was read of them, what is wrong with it, and how far each is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from activity.models import Job
from banking.models.classification import Section
from core.fields import MONEY_LIMIT, MONEY_SCALE
from users.models import Organisation, Owned

if TYPE_CHECKING:
    from decimal import Decimal

    from django.contrib.auth.models import AnonymousUser

    from users.models import User

UNITS_LIMIT = int(MONEY_LIMIT / MONEY_SCALE)  # amounts are staged as whole ten-thousandths


class ImportKind(models.TextChoices):
    TRANSACTIONS = "transactions", _("Cash transactions")
    TRADES = "trades", _("Trades")


class ImportState(models.TextChoices):
    RECEIVING = "receiving", _("Being received")
    UPLOADED = "uploaded", _("Waiting to be checked")
    CHECKING = "checking", _("Being checked")
    MAPPING = "mapping", _("Waiting for its columns")
    FAILED = "failed", _("Refused")
    READY = "ready", _("Ready to be booked")
    COMMITTING = "committing", _("Being booked")
    COMMITTED = "committed", _("Booked")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


UNFINISHED = (ImportState.UPLOADED, ImportState.CHECKING, ImportState.COMMITTING, ImportState.UNDOING)
UNMAPPED = (ImportState.MAPPING, ImportState.FAILED, ImportState.READY)
IN_BOOKS = (ImportState.COMMITTED, ImportState.UNDOING)


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """A file is seen by whoever uploaded it, whosever accounts it is booked into."""
        return self.filter(owner=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.visible_to(user)

    def claimable(self, now: datetime) -> Self:
        """Those that a worker may take: what somebody waits for, and what a dead worker left."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        return self.filter(free, state__in=UNFINISHED)


class ImportBatch(models.Model):
    """One file on its way into the books: read and checked first, then booked whole or not at all, and undone whole.

    A worker holds it by a lease that it renews with every step; ``fence`` grows with each take-over, and a worker whose
    fence is no longer the row's may not write.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(
        max_length=12, choices=ImportKind, blank=True, help_text="Empty until the columns are read."
    )
    file_name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    encoding = models.CharField(max_length=16, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    asks = models.BooleanField(default=False, help_text="Whether somebody can be asked which column is which.")
    head = models.JSONField(
        default=dict, blank=True, help_text="Of a file with other columns: their names, and the first rows."
    )
    mapping = models.JSONField(default=dict, blank=True, help_text="Which column is which, where somebody said so.")
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.RECEIVING)
    message = models.TextField(blank=True, help_text="Why the file was refused, or cannot be undone.")
    rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0, help_text="Rows that are not in the books yet.")
    known = models.PositiveIntegerField(default=0, help_text="Rows that are there already, and are skipped.")
    wrong = models.PositiveIntegerField(default=0, help_text="Rows with an error.")
    transfers = models.PositiveIntegerField(default=0, help_text="Pairs of new rows that are one transfer.")
    versions = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Of the accounts together, before they were compared with the file."
    )
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "import batches"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_known"),
            models.CheckConstraint(condition=Q(kind__in=["", *ImportKind.values]), name="import_kind_known"),
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="import_state_lease")]

    def __str__(self) -> str:
        return f"{self.file_name} {self.get_state_display().lower()}"

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    def payments(self) -> int:
        """How many of its transfers are booked as an expense and an income, since they go between two owners."""
        rows = self.staged.filter(outcome=Outcome.NEW, section=Section.EXPENSE)
        return rows.exclude(transfer_group="").order_by().count()

    @property
    def mappable(self) -> bool:
        """Whether its columns can be told, or told anew: the file is kept, and nothing of it is booked."""
        return bool(self.head) and self.state in UNMAPPED


class ImportChunk(models.Model):
    """A part of an uploaded file, compressed: what every worker can read. Deleted when the file has been read."""

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="import_chunk_once")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.batch_id}"


class Outcome(models.TextChoices):
    NEW = "new", _("New")
    KNOWN = "known", _("Already there")
    WRONG = "wrong", _("Error")


class ImportRowQuerySet(models.QuerySet["ImportRow"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(batch__in=ImportBatch.objects.visible_to(user))


class ImportRow(models.Model):
    """One line of a file that is not booked yet. What the books check of a row, the constraints here have checked."""

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="staged", db_index=False)
    line = models.PositiveIntegerField(help_text="Of the file, from 1 on.")
    outcome = models.CharField(max_length=5, choices=Outcome, default=Outcome.NEW)
    error = models.CharField(max_length=500, blank=True)
    raw = models.CharField(max_length=500, blank=True, help_text="The line as it stands in the file, if it is wrong.")
    account = models.PositiveBigIntegerField(null=True, blank=True, help_text="Its id; looked up anew when booked.")
    booked_on = models.DateField(null=True, blank=True)
    units = models.BigIntegerField(null=True, blank=True, help_text="The amount in ten-thousandths.")
    currency = models.CharField(max_length=3, blank=True)
    section = models.CharField(max_length=8, blank=True)
    description = models.CharField(max_length=255, blank=True)
    category = models.PositiveIntegerField(null=True, blank=True, help_text="Number of a name of the file.")
    counterparty = models.PositiveIntegerField(null=True, blank=True, help_text="Number of a name of the file.")
    transfer_group = models.CharField(max_length=64, blank=True)
    external_id = models.CharField(max_length=64, blank=True)
    content_key = models.BigIntegerField(null=True, blank=True, help_text="Of a row without an external id.")
    terms = models.JSONField(null=True, blank=True, help_text="Of a trade.")

    objects = ImportRowQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "line"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="import_row_outcome_known"),
            models.CheckConstraint(condition=Q(section__in=["", *Section.values]), name="import_row_section_known"),
            models.CheckConstraint(
                condition=Q(units__isnull=True) | (Q(units__gt=-UNITS_LIMIT, units__lt=UNITS_LIMIT) & ~Q(units=0)),
                name="import_row_amount_finite",
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "line"], name="import_row_line"),
            models.Index(
                fields=["batch", "transfer_group"], condition=~Q(transfer_group=""), name="import_row_transfer"
            ),
            models.Index(fields=["batch", "outcome", "line"], condition=Q(outcome="wrong"), name="import_row_wrong"),
        ]

    def __str__(self) -> str:
        return f"line {self.line} of {self.batch_id}"

    @property
    def amount(self) -> Decimal | None:
        return None if self.units is None else self.units * MONEY_SCALE


class NameKind(models.TextChoices):
    CATEGORY = "category", _("Category")
    COUNTERPARTY = "counterparty", _("Counterparty")
    INSTRUMENT = "instrument", _("Instrument")


class ImportNameQuerySet(models.QuerySet["ImportName"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(batch__in=ImportBatch.objects.visible_to(user))

    def missing(self) -> Self:
        """Those that booking the file will make."""
        return self.filter(found__isnull=True)


class ImportName(Owned):
    """A category, counterparty or instrument that rows of a file name, and whose books it is in."""

    organisation = models.ForeignKey(  # a file that was never booked does not keep an organisation from being deleted
        Organisation, models.CASCADE, null=True, blank=True, related_name="+"
    )
    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="names", db_index=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=NameKind)
    section = models.CharField(max_length=8, blank=True, help_text="Of a category.")
    name = models.CharField(max_length=140)
    code = models.CharField(max_length=34, blank=True, help_text="IBAN or handle of a counterparty, ISIN.")
    currency = models.CharField(max_length=3, blank=True, help_text="Of an instrument.")
    found = models.PositiveBigIntegerField(null=True, blank=True, help_text="The id of what it names; empty: missing.")

    objects = ImportNameQuerySet.as_manager()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=NameKind.values), name="import_name_kind_known"),
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(organisation__isnull=True), name="import_name_one_owner_at_most"
            ),
            models.UniqueConstraint(fields=["batch", "number"], name="import_name_once"),
        ]

    def __str__(self) -> str:
        return self.name
