"""What all people and organisations have together, as it was when it was last summed. Derived: any can be dropped."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from core.fields import MoneyField
from users.models import Owned, one_owner


class BankReport(models.Model):
    """The sums over everybody at the close of a day, in one currency.

    ``months`` are the parts of net worth at the last month ends and on the day itself; ``categories`` what came in and
    went out by category in the months since the first of them.
    """

    as_of = models.DateField()
    currency = models.CharField(max_length=3)
    months = models.JSONField(default=list, blank=True)
    categories = models.JSONField(default=list, blank=True)
    missing = models.JSONField(default=list, blank=True, help_text="What has no exchange rate and is not counted.")
    people = models.PositiveIntegerField(default=0)
    organisations = models.PositiveIntegerField(default=0)
    accounts = models.PositiveIntegerField(default=0)
    portfolios = models.PositiveIntegerField(default=0)
    transactions = models.PositiveBigIntegerField(default=0)
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["-computed_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.as_of} in {self.currency}"


class HolderFigures(Owned):
    """One person's or organisation's worth in a report, in the report's currency."""

    report = models.ForeignKey(BankReport, models.CASCADE, related_name="holders")
    cash = MoneyField()
    investments = MoneyField()
    possessions = MoneyField()
    debts = MoneyField(help_text="Negative.")
    total = MoneyField()
    year_before = MoneyField(null=True, blank=True, help_text="The total a year before.")
    accounts = models.PositiveIntegerField(default=0)
    portfolios = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-total", "pk"]
        verbose_name_plural = "holder figures"
        constraints = [one_owner("holder_figures_one_owner")]
        indexes = [models.Index(fields=["report", "-total"], name="holder_figures_total")]

    @property
    def grown(self) -> Decimal | None:
        """By how much the total changed in the year."""
        return None if self.year_before is None else self.total - self.year_before

    def __str__(self) -> str:
        return f"{self.owner_id or self.organisation_id} in {self.report_id}"
