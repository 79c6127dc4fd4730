"""Cash that moved."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from banking.models.account import Account
from banking.models.classification import Category, Counterparty, Section, Tag
from banking.models.importing import ImportBatch
from core.fields import MONEY_LIMIT, MONEY_SCALE, MoneyField

if TYPE_CHECKING:
    from datetime import date

    from users.models import User


class Origin(models.TextChoices):
    """What a row follows from. Rows of trades and actions are derived: rebuilt with them, never voided by hand."""

    ENTRY = "entry", _("Entered")
    TRADE = "trade", _("Trade")
    ACTION = "action", _("Corporate action")


class ClassifiedBy(models.TextChoices):
    """Who chose a row's category. What a person set, neither a rule nor an import changes."""

    NOBODY = "", _("Nobody")
    IMPORT = "import", _("The file it came from")
    RULE = "rule", _("A rule")
    PERSON = "person", _("A person")


def counted_now(path: str = "") -> Q:
    """The rows that are in a balance of now: those of today, in UTC, and before; not those of pay-dates to come.

    A trade's row counts with its trade, though it may be of the exchange's tomorrow while UTC still has today.
    ``path`` leads to the rows, as in "transactions__".
    """
    today = Q(**{f"{path}booked_on__lte": timezone.now().date()})
    return today | Q(**{f"{path}origin": Origin.TRADE})


# Derived rows whose fact does not stand: kept for what a person set on them, until it does again. Nothing counts them.
SET_ASIDE = Q(origin_id__isnull=False, voided_at__isnull=False, replaced_by__isnull=True)


class CashTransactionQuerySet(models.QuerySet["CashTransaction"]):
    def visible_to(self, user: User) -> CashTransactionQuerySet:
        return self.filter(account__in=Account.objects.visible_to(user))

    def editable_by(self, user: User) -> CashTransactionQuerySet:
        return self.filter(account__in=Account.objects.editable_by(user))

    def standing(self) -> CashTransactionQuerySet:
        return self.filter(voided_at__isnull=True)

    def set_aside(self) -> CashTransactionQuerySet:
        return self.filter(SET_ASIDE)

    def versions_of(self, row: CashTransaction) -> CashTransactionQuerySet:
        """The row and what was booked in its place, before it and after it; at most one of them stands."""
        first = row.original_id or row.pk
        return self.filter(Q(pk=first) | Q(original=first))

    def with_transfer(self) -> CashTransactionQuerySet:
        """Rows with ``transfer_id``: that of the transfer that they are a leg of, else None."""
        return self.annotate(transfer_id=Coalesce("transfer_sent", "transfer_received"))

    def balances(self, day: date | None = None) -> dict[int, Decimal]:
        """Account id to its balance at the close of ``day``, or now (see ``counted_now``), in its currency."""
        rows = self.standing().filter(Q(booked_on__lte=day) if day else counted_now())
        sums = rows.order_by().values_list("account").annotate(Sum("amount"))
        # SQLite sums as float: bring the sum back to the column's scale.
        return {account: Decimal(balance).quantize(MONEY_SCALE) for account, balance in sums}


class CashTransaction(models.Model):
    """One signed amount in its account's currency on one day. Never edited: voided and booked anew."""

    # Columns without an index of their own begin one below; where most are empty, it leaves the empty ones out.
    account = models.ForeignKey(Account, models.PROTECT, related_name="transactions", db_index=False)
    booked_on = models.DateField()
    amount = MoneyField(help_text="Positive: money came in.")
    section = models.CharField(max_length=8, choices=Section)
    description = models.CharField(max_length=255, blank=True)
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Empty for a row that is split.",
    )
    classified_by = models.CharField(max_length=6, choices=ClassifiedBy, default=ClassifiedBy.NOBODY, blank=True)
    counterparty = models.ForeignKey(
        Counterparty, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="+")
    asset = models.ForeignKey("assets.Asset", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.ENTRY)
    origin_id = models.PositiveBigIntegerField(null=True, blank=True, help_text="The fact that the row follows from.")
    external_id = models.CharField(max_length=64, blank=True)
    batch = models.ForeignKey(
        ImportBatch,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cash",
        db_index=False,
        help_text="The file that the row came from.",
    )
    batch_line = models.PositiveIntegerField(null=True, blank=True, help_text="Its line in that file.")
    content_key = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="Of an imported row without an external id: a hash of it."
    )
    replaced_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replaces",
        db_index=False,
        help_text="The entered row that is the same payment. While that stands, this one is voided.",
    )
    original = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="corrections",
        db_index=False,
        help_text="The first version of a row that was corrected; empty for that one itself.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    objects = CashTransactionQuerySet.as_manager()

    class Meta:
        ordering = ["-booked_on", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(section__in=Section.values), name="cash_section_known"),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="cash_origin_known"),
            models.CheckConstraint(condition=Q(classified_by__in=ClassifiedBy.values), name="cash_classifier_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=-MONEY_LIMIT, amount__lt=MONEY_LIMIT) & ~Q(amount=0), name="cash_amount_finite"
            ),
            models.CheckConstraint(
                condition=Q(origin=Origin.ENTRY, origin_id__isnull=True)
                | (~Q(origin=Origin.ENTRY) & Q(origin_id__isnull=False)),
                name="cash_origin_named",
            ),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | Q(origin=Origin.ACTION), name="cash_replaced_is_derived"
            ),
            models.CheckConstraint(
                condition=Q(original__isnull=True) | Q(origin=Origin.ENTRY), name="cash_corrected_is_entered"
            ),
            models.UniqueConstraint(
                fields=["origin", "origin_id"], condition=Q(origin=Origin.TRADE), name="cash_once_per_trade"
            ),
            models.UniqueConstraint(
                fields=["account", "origin", "origin_id"],
                condition=Q(origin=Origin.ACTION),
                name="cash_once_per_account_and_action",
            ),
            models.UniqueConstraint(
                fields=["account", "external_id"],
                condition=~Q(external_id="") & Q(voided_at__isnull=True),
                name="cash_imported_once",
            ),
            models.UniqueConstraint(
                fields=["batch", "batch_line"], condition=Q(batch__isnull=False), name="cash_once_per_line"
            ),
            models.CheckConstraint(
                condition=Q(batch__isnull=True) | Q(origin=Origin.ENTRY), name="cash_imported_is_entered"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "booked_on"], name="cash_account_day"),
            models.Index(fields=["category", "booked_on"], name="cash_category_day"),
            models.Index(fields=["counterparty", "booked_on"], name="cash_counterparty_day"),
            models.Index(fields=["booked_on", "id"], name="cash_day"),
            # The list of the rows that stand is read from these alone: its pages, text, sums and number, by category.
            # Voided rows leave them, so that booking a million rows and voiding them write less. SQLite holds such an
            # index for enough only if ``voided_at`` is in it, although it is always empty there.
            models.Index(
                fields=[
                    *("account", "booked_on", "id", "section", "amount", "counterparty"),
                    *("description", "external_id", "voided_at"),
                ],
                condition=Q(voided_at__isnull=True),
                name="cash_list",
            ),
            models.Index(
                fields=["account", "category", "booked_on", "id", "voided_at"],
                condition=Q(voided_at__isnull=True),
                name="cash_list_category",
            ),
            models.Index(fields=["original"], condition=Q(original__isnull=False), name="cash_original"),
            models.Index(fields=["asset"], condition=Q(asset__isnull=False), name="cash_asset"),
            models.Index(fields=["account"], condition=SET_ASIDE, name="cash_set_aside"),
            models.Index(fields=["replaced_by"], condition=Q(replaced_by__isnull=False), name="cash_replaced_by"),
            models.Index(
                fields=["account", "external_id"],
                condition=~Q(external_id="") & Q(voided_at__isnull=False),
                name="cash_external_voided",
            ),
            models.Index(
                fields=["account", "content_key"], condition=Q(content_key__isnull=False), name="cash_content"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} on {self.booked_on}"


class CashSplitQuerySet(models.QuerySet["CashSplit"]):
    def visible_to(self, user: User) -> CashSplitQuerySet:
        return self.filter(transaction__in=CashTransaction.objects.visible_to(user))


class CashSplit(models.Model):
    """A part of a row's amount that was for something else than the rest. The parts of a row add up to its amount."""

    transaction = models.ForeignKey(CashTransaction, models.CASCADE, related_name="splits")
    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    amount = MoneyField(help_text="Of the sign of the whole, or against it, as a refund within a purchase is.")
    note = models.CharField(max_length=255, blank=True)

    objects = CashSplitQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=-MONEY_LIMIT, amount__lt=MONEY_LIMIT) & ~Q(amount=0), name="split_amount_finite"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} of {self.transaction_id}"
