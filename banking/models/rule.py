"""What people and organisations say once about cash that looks alike."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import F, Q

from banking.models.account import Account
from banking.models.classification import Category, Counterparty, Section, Tag
from core.fields import MONEY_LIMIT, MoneyField, within
from users.models import Owned, OwnedQuerySet, one_owner


class RuleQuerySet(OwnedQuerySet):
    """Those who read the owner's books see the rules; those who book into them change them."""

    def whole(self) -> Self:
        """With all that is shown of them; 2 queries."""
        joined = self.select_related("owner", "organisation", "account", "counterparty", "category", "set_counterparty")
        return joined.prefetch_related("tags")

    def running(self) -> Self:
        return self.filter(active=True)


class Rule(Owned):
    """What new rows become that fit: of an owner's rules the first one, by ``position``, whose conditions all hold.

    A condition that is empty does not count; see ``banking.matching.rules``.
    """

    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100, blank=True)
    active = models.BooleanField(default=True)
    words = models.CharField(max_length=500, blank=True, help_text="Any of these, between commas.")
    least = MoneyField(null=True, blank=True)
    most = MoneyField(null=True, blank=True)
    signed = models.BooleanField(
        default=False, help_text="Whether the limits are of the amount with its sign, not of its size."
    )
    account = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    section = models.CharField(max_length=8, choices=Section, blank=True)
    counterparty = models.ForeignKey(Counterparty, models.PROTECT, null=True, blank=True, related_name="+")
    iban = models.CharField("IBAN or handle", max_length=34, blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    set_counterparty = models.ForeignKey(Counterparty, models.PROTECT, null=True, blank=True, related_name="+")
    tags = models.ManyToManyField(Tag, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["owner", "organisation", "position", "pk"]
        constraints = [
            one_owner("rule_one_owner"),
            models.UniqueConstraint(
                fields=["owner", "position"], condition=Q(owner__isnull=False), name="rule_place_once_per_person"
            ),
            models.UniqueConstraint(
                fields=["organisation", "position"],
                condition=Q(organisation__isnull=False),
                name="rule_place_once_per_firm",
            ),
            models.CheckConstraint(condition=Q(section__in=["", *Section.values]), name="rule_section_known"),
            models.CheckConstraint(
                condition=Q(least__isnull=True) | within(MONEY_LIMIT, "least"), name="rule_least_finite"
            ),
            models.CheckConstraint(
                condition=Q(most__isnull=True) | within(MONEY_LIMIT, "most"), name="rule_most_finite"
            ),
            models.CheckConstraint(
                condition=Q(least__isnull=True) | Q(most__isnull=True) | Q(most__gte=F("least")),
                name="rule_least_before_most",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.words or f"rule {self.pk}"
