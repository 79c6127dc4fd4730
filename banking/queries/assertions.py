"""Statements of balances beside what is booked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.db.models import OuterRef, QuerySet, Subquery, Sum

from banking.models import BalanceAssertion, CashTransaction
from core.fields import MONEY_SCALE
from core.money import subtract


class AssertionState(StrEnum):
    AGREES = "agrees"
    DIFFERS = "differs"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class CheckedAssertion:
    """A statement with what is booked at the close of its day, both in the account's currency."""

    assertion: BalanceAssertion
    booked: Decimal

    @property
    def difference(self) -> Decimal:
        """What the statement says more than the books; negative: less."""
        return subtract(self.assertion.balance, self.booked)

    @property
    def distance(self) -> Decimal:
        """The difference without its sign."""
        return abs(self.difference)

    @property
    def state(self) -> AssertionState:
        if self.assertion.voided_at:
            return AssertionState.VOIDED
        return AssertionState.DIFFERS if self.difference else AssertionState.AGREES


def checked(assertions: QuerySet[BalanceAssertion]) -> list[CheckedAssertion]:
    """Each statement beside the books of now, in one query, which sums each account's rows to its day."""
    rows = CashTransaction.objects.standing().filter(account=OuterRef("account"), booked_on__lte=OuterRef("day"))
    sums = rows.order_by().values("account").annotate(sum=Sum("amount")).values("sum")
    found = assertions.annotate(booked=Subquery(sums)).select_related("account", "created_by")
    # SQLite sums as float: bring the sum back to the column's scale.
    return [CheckedAssertion(each, Decimal(each.booked or 0).quantize(MONEY_SCALE)) for each in found]


def differing(accounts: Iterable[int]) -> dict[int, CheckedAssertion]:
    """Account id to its newest standing statement, where the books say something else; one query."""
    newest = BalanceAssertion.objects.standing().filter(account=OuterRef("account")).order_by("-day").values("pk")[:1]
    found = checked(BalanceAssertion.objects.filter(account__in=list(accounts), pk=Subquery(newest)))
    return {row.assertion.account_id: row for row in found if row.difference}
