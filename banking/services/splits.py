"""One amount that was for several things: its parts, which add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import Account, CashSplit, CashTransaction, Category, ClassifiedBy
from banking.services.transactions import AlreadyVoided, check_amount, check_classification
from core.errors import DomainError
from core.money import total

if TYPE_CHECKING:
    from users.models import User

FEWEST_PARTS, MOST_PARTS = 2, 50
LONGEST_NOTE = 255


class PartsMissing(DomainError):
    """A split has from 2 to 50 parts."""


class PartsDoNotAddUp(DomainError):
    """The parts of a split add up to the amount."""


class NoteTooLong(DomainError):
    """A note has at most 255 characters."""


class NotSplit(DomainError):
    """This row is not split."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a row's amount, in its account's currency."""

    category: Category
    amount: Decimal
    note: str = ""


@transaction.atomic
def split_cash(*, row: CashTransaction, parts: Sequence[Part], actor: User | None) -> CashTransaction:
    """Say what the parts of a row were for, in place of its category and of an earlier split.

    Raises AlreadyVoided, PartsMissing, AmountNotBookable, CategoryOfAnother, SectionOfAnother, PartsDoNotAddUp; the
    field of an error begins with the part's place, as in "parts.0.amount".
    """
    row = _locked(row)
    _check(row, parts)
    row.splits.all().delete()
    CashSplit.objects.bulk_create(
        CashSplit(transaction=row, category=part.category, amount=part.amount, note=part.note) for part in parts
    )
    _set_classified(row, ClassifiedBy.PERSON)
    record(actor=actor, action="cash.split", subject=row, data={"parts": [_said(part) for part in parts]})
    return row


@transaction.atomic
def unsplit_cash(*, row: CashTransaction, actor: User | None) -> CashTransaction:
    """Take a split back: the row is one again, without a category. Raises NotSplit, AlreadyVoided."""
    row = _locked(row)
    if not row.splits.all().delete()[0]:
        raise NotSplit
    _set_classified(row, ClassifiedBy.NOBODY)
    record(actor=actor, action="cash.unsplit", subject=row)
    return row


def _said(part: Part) -> dict[str, Any]:
    """``everybodys``: the name may be a shipped one, which is read in the reader's language."""
    category = part.category
    amount = f"{part.amount.normalize():f}"
    return {"category": category.name, "everybodys": category.is_everybodys, "amount": amount}


def _locked(row: CashTransaction) -> CashTransaction:
    """The row as it is now, with its account locked."""
    Account.objects.filter(pk=row.account_id).bump()
    row = CashTransaction.objects.select_related("account").get(pk=row.pk)
    if row.voided_at:
        raise AlreadyVoided
    return row


def _set_classified(row: CashTransaction, by: ClassifiedBy) -> None:
    row.category, row.classified_by = None, by
    row.save(update_fields=["category", "classified_by"])


def _check(row: CashTransaction, parts: Sequence[Part]) -> None:
    if not FEWEST_PARTS <= len(parts) <= MOST_PARTS:
        raise PartsMissing(field="parts")
    for place, part in enumerate(parts):
        try:
            check_amount(part.amount, row.account.currency)
            check_classification(row.account, row.section, part.category)
            if len(part.note) > LONGEST_NOTE:
                raise NoteTooLong(field="note")
        except DomainError as error:
            error.field = f"parts.{place}.{error.field}"
            raise
    left = row.amount - total(part.amount for part in parts)
    if left:
        message = _("The parts add up to %(parts)s and not to %(amount)s %(currency)s.") % {
            "parts": f"{row.amount - left:f}",
            "amount": f"{row.amount.normalize():f}",
            "currency": row.account.currency,
        }
        raise PartsDoNotAddUp(message, field="parts")
