"""What cash was for and whom it went to: categories, counterparties and tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.matching.words import folded
from banking.models.account import Account
from banking.shipped import spoken
from users.models import Owned, OwnedQuerySet, Role, one_owner

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class Section(models.TextChoices):
    INCOME = "income", pgettext_lazy("cash", "Income")
    EXPENSE = "expense", pgettext_lazy("cash", "Expense")
    TRANSFER = "transfer", _("Transfer")


class CategoryQuerySet(OwnedQuerySet):
    """Everybody's, which nobody owns and staff look after, and those that people and organisations add."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        if not user.is_authenticated:
            return self.none()
        return self.filter(everybodys() | self.allowed(user, Role.VIEWER))

    def for_books_of(self, row: Owned) -> Self:
        """Those that what belongs to the owner of ``row`` may be classified by."""
        return self.filter(everybodys() | Q(owner=row.owner_id, organisation=row.organisation_id))

    def by_label(self) -> list[Category]:
        """By section, then in the alphabetical order of the names that a page shows, no two of one owner alike."""
        tell_apart(self, self)
        return sorted(self, key=lambda row: (row.section, folded(row.label), row.pk))


def everybodys() -> Q:
    return Q(owner__isnull=True, organisation__isnull=True)


def tell_apart(shown: Iterable[Category | None], beside: Iterable[Category]) -> None:
    """Call the shipped ones of ``shown`` by their stored names where one of ``beside`` has the name in their place.

    A name that is typed is looked for among the stored ones first: so each is found by what the page shows. ``beside``
    is read only where the reader's language is another one than that of the stored names.
    """
    translated = [row for row in shown if row and row.label != row.name]
    taken = {(row.section, row.name.lower()) for row in beside} if translated else ()
    for row in translated:
        row.told_apart = (row.section, row.label.lower()) in taken


class Category(Owned):
    """What cash is for, such as Food or Rent, in a tree below its section."""

    section = models.CharField(max_length=8, choices=Section)
    name = models.CharField(max_length=60)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")

    objects = CategoryQuerySet.as_manager()
    told_apart = False  # shown by its stored name: see tell_apart

    class Meta:
        ordering = ["section", "name", "pk"]
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(organisation__isnull=True), name="category_one_owner_at_most"
            ),
            models.CheckConstraint(condition=Q(section__in=Section.values), name="category_section_known"),
            models.CheckConstraint(condition=~Q(name=""), name="category_has_name"),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="category_not_its_own_parent"),
            models.UniqueConstraint("section", Lower("name"), condition=everybodys(), name="category_once"),
            models.UniqueConstraint(
                "owner", "section", Lower("name"), condition=Q(owner__isnull=False), name="category_once_per_person"
            ),
            models.UniqueConstraint(
                "organisation",
                "section",
                Lower("name"),
                condition=Q(organisation__isnull=False),
                name="category_once_per_firm",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_everybodys(self) -> bool:
        return self.owner_id is None and self.organisation_id is None

    @property
    def label(self) -> str:
        """Its name as a page shows it: a shipped one's in the reader's language, unless another one is called so."""
        return spoken(self.name) if self.is_everybodys and not self.told_apart else self.name


class Counterparty(Owned):
    """Whom cash came from or went to, as one person or organisation knows them."""

    name = models.CharField(max_length=140)
    iban = models.CharField("IBAN or handle", max_length=34, blank=True)
    account = models.ForeignKey(
        Account,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The account of this server that it stands for: an internal counterparty.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name_plural = "counterparties"
        constraints = [
            one_owner("counterparty_one_owner"),
            models.CheckConstraint(condition=~Q(name=""), name="counterparty_has_name"),
            models.UniqueConstraint(
                "owner", Lower("name"), "iban", condition=Q(owner__isnull=False), name="counterparty_once_per_person"
            ),
            models.UniqueConstraint(
                "organisation",
                Lower("name"),
                "iban",
                condition=Q(organisation__isnull=False),
                name="counterparty_once_per_firm",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """Its name as a page shows it, which is what its owner called it."""
        return self.name


class Tag(Owned):
    """A word that rows of any category are marked with, such as a journey."""

    name = models.CharField(max_length=40)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            one_owner("tag_one_owner"),
            models.CheckConstraint(condition=~Q(name=""), name="tag_has_name"),
            models.UniqueConstraint(
                "owner", Lower("name"), condition=Q(owner__isnull=False), name="tag_once_per_person"
            ),
            models.UniqueConstraint(
                "organisation", Lower("name"), condition=Q(organisation__isnull=False), name="tag_once_per_firm"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """Its name as a page shows it, which is what its owner called it."""
        return self.name
