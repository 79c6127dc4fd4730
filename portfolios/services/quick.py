"""Cash of a portfolio's account that is entered beside its trades: booked once, however often the form is sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from activity.services import once
from banking.models import CashTransaction
from banking.services.batches import NewCash
from banking.services.transactions import book_cash, check_cash, check_open, lock_accounts

if TYPE_CHECKING:
    from users.models import User


@dataclass(frozen=True, slots=True)
class CashPreview:
    """The balance of the account as of now, and with the row."""

    cash: NewCash
    before: Decimal
    after: Decimal


@transaction.atomic
def enter_cash(*, cash: NewCash, actor: User, key: str) -> tuple[CashTransaction, bool]:
    """Book ``cash``: its row, and whether it was booked now.

    A second call with the same ``key`` returns the first one's row, as it is now. Raises what book_cash raises.
    """

    def work() -> int:
        lock_accounts(cash.account.pk)
        return book_cash(
            account=cash.account,
            amount=cash.amount,
            booked_on=cash.booked_on,
            section=cash.section,
            description=cash.description,
            actor=actor,
        ).pk

    made, first = once(user=actor, key=key, work=work)
    return CashTransaction.objects.select_related("account").get(pk=made), first


def foresee_cash(cash: NewCash) -> CashPreview:
    """What ``enter_cash`` would do. Nothing is stored; raises what it raises."""
    check_cash(account=cash.account, amount=cash.amount, section=cash.section, external_id="")
    check_open(cash.account, cash.booked_on)
    rows = CashTransaction.objects.filter(account=cash.account)
    before = rows.balances().get(cash.account.pk, Decimal(0))
    return CashPreview(cash, before, before + cash.amount)
