"""Cash that is booked by hand, and the rows that follow from trades and corporate actions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from activity.services import record
from assets.models import Asset
from banking.models import Account, CashTransaction, Origin, Section
from core.errors import DomainError
from core.fields import MONEY_LIMIT
from core.money import EXACT, minor_units

if TYPE_CHECKING:
    from users.models import User


class AmountNotBookable(DomainError):
    """A cash amount is a finite number other than 0, in whole minor units of its account's currency."""


class UnknownSection(DomainError):
    """A cash row is income, expense or transfer."""


class DuplicateCash(DomainError):
    """The account has a row with this external id already."""


class DerivedRow(DomainError):
    """This row follows from a trade or a corporate action: void or change that instead."""


class AlreadyVoided(DomainError):
    """This row is voided already."""


@transaction.atomic
def book_cash(
    *,
    account: Account,
    amount: Decimal,
    booked_on: date,
    section: Section,
    actor: User | None,
    description: str = "",
    asset: Asset | None = None,
    external_id: str = "",
) -> CashTransaction:
    """Book one signed amount in the account's currency: a deposit, withdrawal, income or expense."""
    Account.objects.filter(pk=account.pk).bump()
    check_cash(account=account, amount=amount, section=section, external_id=external_id)
    row = CashTransaction.objects.create(
        account=account,
        amount=amount,
        booked_on=booked_on,
        section=section,
        description=description,
        asset=asset,
        external_id=external_id,
        created_by=actor,
    )
    record(actor=actor, action="cash.booked", subject=row, data={"account": account.pk, "amount": f"{amount:f}"})
    return row


@transaction.atomic
def void_cash(*, row: CashTransaction, actor: User | None) -> CashTransaction:
    """Void a row that was booked by hand. A derived row goes with its fact only."""
    Account.objects.filter(pk=row.account_id).bump()
    row = CashTransaction.objects.get(pk=row.pk)
    if row.origin != Origin.ENTRY:
        raise DerivedRow
    if row.voided_at:
        raise AlreadyVoided
    row.voided_at, row.voided_by = timezone.now(), actor
    row.save(update_fields=["voided_at", "voided_by"])
    record(actor=actor, action="cash.voided", subject=row, data={"account": row.account_id})
    return row


def check_cash(*, account: Account, amount: Decimal, section: str, external_id: str = "") -> None:
    """Refuse what ``book_cash`` would refuse."""
    _check_amount(amount, account.currency)
    if section not in Section.values:
        raise UnknownSection(field="section")
    standing = CashTransaction.objects.standing().filter(account=account)
    if external_id and standing.filter(external_id=external_id).exists():
        raise DuplicateCash(f"The account has a row “{external_id}” already.", field="external_id")


def derive_cash(rows: Sequence[CashTransaction]) -> None:
    """Store rows that follow from other facts. The caller has bumped their accounts, in its transaction."""
    CashTransaction.objects.bulk_create(rows, batch_size=500)


def drop_derived_cash(origin: Origin, origin_ids: Collection[int]) -> None:
    """Remove the rows that follow from these facts; they are derivations, so nothing is lost."""
    CashTransaction.objects.filter(origin=origin, origin_id__in=origin_ids).delete()


def _check_amount(amount: Decimal, currency: str) -> None:
    if not amount.is_finite() or not amount or abs(amount) >= MONEY_LIMIT:
        raise AmountNotBookable(field="amount")
    unit = Decimal(1).scaleb(-minor_units(currency))
    if amount.quantize(unit, context=EXACT) != amount:
        raise AmountNotBookable(f"{currency} has {minor_units(currency)} decimals.", field="amount")
