"""Accounts that hold cash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.models.sharing import AccountShare, ShareRole
from core.fields import MONEY_LIMIT, MoneyField
from users.models import Membership, Organisation, Owned, OwnedQuerySet, Role, one_owner, validate_currency

if TYPE_CHECKING:
    from datetime import date

    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class AccountKind(models.TextChoices):
    CHECKING = "checking", _("Checking")
    SAVINGS = "savings", _("Savings")
    CREDIT = "credit", _("Credit card")
    CASH = "cash", _("Cash")
    BROKERAGE = "brokerage", _("Brokerage")
    EXPENSE = "expense", pgettext_lazy("account", "Expense")
    LOAN = "loan", _("Loan")
    DEPOSIT = "deposit", _("Term deposit")


OWING = {AccountKind.CREDIT, AccountKind.LOAN}  # below zero by their nature
MAY_OWE = OWING | {AccountKind.EXPENSE}


class AccountQuerySet(OwnedQuerySet):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """One's own, the organisations' whose books one reads, those shared with one, and employees' for managers."""
        if not user.is_authenticated:
            return self.none()
        shared = AccountShare.objects.filter(user=user)
        return self.filter(
            self.allowed(user, Role.VIEWER) | Q(pk__in=shared.values("account")) | Q(pk__in=self._of_employees(user))
        )

    def editable_by(self, user: User | AnonymousUser) -> Self:
        if not user.is_authenticated:
            return self.none()
        shared = AccountShare.objects.filter(user=user, role=ShareRole.EDITOR)
        return self.filter(self.allowed(user, Role.MEMBER) | Q(pk__in=shared.values("account")))

    def expenses_of(self, organisation: Organisation) -> Self:
        """The expense accounts of people who say that they spend for ``organisation``, and still belong to it."""
        return self.filter(employer=organisation, owner__memberships__organisation=organisation)

    def open_on(self, day: date) -> Self:
        return self.filter(Q(closed_on__isnull=True) | Q(closed_on__gt=day))

    @staticmethod
    def _of_employees(user: User | AnonymousUser) -> models.QuerySet[Any, Any]:
        employed = Membership.objects.filter(organisation=OuterRef("employer"), user=OuterRef("owner"))
        found = Account.objects.filter(models.Exists(employed), employer__in=Organisation.objects.managed_by(user))
        return found.values("pk")

    def bump(self) -> None:
        """Take the rows' locks in ascending order and mark what was derived from them stale."""
        for pk in self.order_by("pk").values_list("pk", flat=True):
            Account.objects.filter(pk=pk).update(version=F("version") + 1)


class Account(Owned):
    """Money in one currency that belongs to one person or organisation. Its balance is the sum of its transactions."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.CHECKING)
    currency = models.CharField(max_length=3, validators=[validate_currency])
    iban = models.CharField("IBAN or alias", max_length=34, blank=True)
    receives = models.BooleanField(
        default=False, help_text="People of this server may pay into it by its IBAN or alias, without seeing it."
    )
    employer = models.ForeignKey(
        Organisation,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose money an employee spends here; its managers see the account.",
    )
    opened_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True, help_text="Nothing is booked from this day on.")
    version = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            one_owner("account_one_owner"),
            models.CheckConstraint(condition=Q(kind__in=AccountKind.values), name="account_kind_known"),
            models.CheckConstraint(condition=~Q(currency=""), name="account_has_currency"),
            models.CheckConstraint(
                condition=Q(employer__isnull=True) | Q(kind=AccountKind.EXPENSE, owner__isnull=False),
                name="account_employer_of_expenses",
            ),
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True) | Q(opened_on__isnull=True) | Q(closed_on__gte=F("opened_on")),
                name="account_closed_after_opening",
            ),
            models.CheckConstraint(condition=Q(receives=False) | ~Q(iban=""), name="account_receives_by_name"),
            models.UniqueConstraint(
                fields=["owner", "iban"], condition=~Q(iban="") & Q(owner__isnull=False), name="account_iban_once"
            ),
            models.UniqueConstraint(
                fields=["organisation", "iban"],
                condition=~Q(iban="") & Q(organisation__isnull=False),
                name="account_iban_once_in_firm",
            ),
            models.UniqueConstraint(fields=["iban"], condition=Q(receives=True), name="account_receives_once"),
        ]
        indexes = [
            models.Index(fields=["iban"], name="account_iban"),
            models.Index(fields=["employer", "owner"], name="account_employer"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class AssertionQuerySet(models.QuerySet["BalanceAssertion"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(account__in=Account.objects.visible_to(user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(account__in=Account.objects.editable_by(user))

    def standing(self) -> Self:
        return self.filter(voided_at__isnull=True)


class BalanceAssertion(models.Model):
    """What a statement says that an account held at the close of a day. Never edited: voided and stated anew."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="assertions")
    day = models.DateField()
    balance = MoneyField(help_text="In the account's currency; negative: overdrawn.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    objects = AssertionQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__gt=-MONEY_LIMIT, balance__lt=MONEY_LIMIT), name="assertion_balance_finite"
            ),
            models.UniqueConstraint(
                fields=["account", "day"], condition=Q(voided_at__isnull=True), name="assertion_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.balance.normalize():f} on {self.day}"
