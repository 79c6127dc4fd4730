"""Cash that is booked by hand, and the rows that follow from trades and corporate actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from activity.services import record
from assets.models import Asset
from banking.models import (
    Account,
    CashTransaction,
    Category,
    ClassifiedBy,
    Counterparty,
    Origin,
    Section,
    Tag,
    Transfer,
)
from banking.services.rules import classify_new, give_tags
from core.errors import DomainError, Gone
from core.fields import MONEY_LIMIT
from core.money import minor_units, quantise

if TYPE_CHECKING:
    from users.models import User

MOST_VOIDS = 1000


class AmountNotBookable(DomainError):
    """A cash amount is a finite number other than 0, in whole minor units of its account's currency."""


class UnknownSection(DomainError):
    """A cash row is income, expense or transfer."""


class DuplicateCash(DomainError):
    """The account has a row with this external id already."""


class DerivedRow(DomainError):
    """This row follows from a trade or a corporate action: void or change that instead."""


class AccountClosed(DomainError):
    """The account is closed."""


class CategoryOfAnother(DomainError):
    """A row is classified by the categories, counterparties and tags of its account's owner."""


class SectionOfAnother(DomainError):
    """The category belongs to another section than the row."""


class AlreadyVoided(DomainError):
    """This row is voided already."""


class NotVoided(DomainError):
    """This row is not voided."""


class TooManyVoids(DomainError):
    """At most 1,000 rows are voided or restored at once."""


class OtherEndNotYours(DomainError):
    """The other end of this transfer is in an account that you may not book into: whose it is sends the money back."""


class ReplacementNotYours(DomainError):
    """What was booked in place of this row is in an account that you may not book into."""


class ReplacementIsLeg(DomainError):
    """What was booked in place of this row is one leg of a transfer: take that transfer apart first."""


class ReplacementIsPayment(DomainError):
    """What was booked in place of this row is matched as the payment of a dividend: part the two first."""


class ChangedMeanwhile(DomainError):
    """Somebody changed this row at the same moment; look at it again."""


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
    category: Category | None = None,
    counterparty: Counterparty | None = None,
    tags: Sequence[Tag] = (),
    classified_by: ClassifiedBy = ClassifiedBy.PERSON,
    original: CashTransaction | None = None,
    by_rules: bool = True,
) -> CashTransaction:
    """Book one signed amount in the account's currency: a deposit, withdrawal, income or expense.

    ``classified_by`` says who chose the category, if there is one; without one the owner's rules do, unless
    ``by_rules`` is False. ``original`` is the first version of a row that this one corrects. Raises
    AmountNotBookable, UnknownSection, DuplicateCash, AccountClosed, CategoryOfAnother, SectionOfAnother.
    """
    Account.objects.filter(pk=account.pk).bump()
    check_cash(account=account, amount=amount, section=section, external_id=external_id)
    check_open(account, booked_on)
    check_classification(account, section, category, counterparty, tags)
    row = CashTransaction(
        account=account,
        amount=amount,
        booked_on=booked_on,
        section=section,
        description=description,
        asset=asset,
        external_id=external_id,
        category=category,
        classified_by=classified_by if category else ClassifiedBy.NOBODY,
        counterparty=counterparty,
        original=original,
        created_by=actor,
    )
    by_rule = classify_new([row]) if by_rules else []
    row.save(force_insert=True)
    if tags:
        row.tags.set(tags)
    give_tags(by_rule)
    data = {"account": account.pk, "amount": f"{amount:f}"} | ({"corrects": original.pk} if original else {})
    record(actor=actor, action="cash.corrected" if original else "cash.booked", subject=row, data=data)
    return row


@transaction.atomic
def void_cash(*, row: CashTransaction, actor: User | None) -> CashTransaction:
    """Void a row that was booked by hand; one leg of a transfer takes the other along.

    ``restore_cash`` takes this back. Raises DerivedRow, since such a row goes with its fact only; AlreadyVoided;
    OtherEndNotYours, where ``actor`` may book one end of a transfer only; AccountClosed, since a closed account is
    empty.
    """
    rows = _locked(row)
    _check_both_ends(rows, actor)
    if rows[0].voided_at:
        raise AlreadyVoided
    for each in rows:
        _check_not_closed(each.account)
    _set_void(rows, timezone.now(), actor)
    _record_void(rows, "voided", actor)
    return rows[0]


@transaction.atomic
def restore_cash(*, row: CashTransaction, actor: User | None) -> CashTransaction:
    """Take the void of a row back, and of the other leg of its transfer.

    What was booked in its place, and stands, is voided with the same stroke.
    Raises NotVoided, DuplicateCash, AccountClosed where an account was closed since, OtherEndNotYours, and
    ReplacementNotYours, ReplacementIsLeg and ReplacementIsPayment where what was booked in its place may not go.
    """
    rows = _locked(row)
    _check_both_ends(rows, actor)
    if not rows[0].voided_at:
        raise NotVoided
    others = _other_versions(rows)
    instead = [other for other in others if not other.voided_at]
    _check_instead(rows, instead, actor)
    _refuse_paid(others)
    _set_void(instead, timezone.now(), actor)
    for each in rows:
        check_open(each.account, each.booked_on)
        _refuse_duplicate(each.account, each.external_id)
    _set_void(rows, None, None)
    _record_void(rows, "restored", actor)
    return rows[0]


def void_many(*, rows: Iterable[CashTransaction], actor: User | None) -> list[CashTransaction]:
    """Void many rows, all or none. Raises TooManyVoids and what ``void_cash`` raises."""
    return _each(rows, lambda row: void_cash(row=row, actor=actor))


def restore_many(*, rows: Iterable[CashTransaction], actor: User | None) -> list[CashTransaction]:
    """Take the voids of many rows back, all or none. Raises TooManyVoids and what ``restore_cash`` raises."""
    return _each(rows, lambda row: restore_cash(row=row, actor=actor))


@transaction.atomic
def _each(rows: Iterable[CashTransaction], act: Callable[[CashTransaction], CashTransaction]) -> list[CashTransaction]:
    """``act`` on every row in the order of ids, its account locked before; one leg of a transfer does for both."""
    ids = sorted({row.pk for row in rows})
    if len(ids) > MOST_VOIDS:
        raise TooManyVoids
    Account.objects.filter(pk__in=_accounts_of(ids)).bump()
    legs = Transfer.objects.filter(sent__in=ids, received__in=ids).values_list("sent", "received")
    seconds = {max(pair) for pair in legs}  # the first leg takes them along
    for pk in ids:
        if pk not in seconds:
            act(CashTransaction.objects.get(pk=pk))
    found = CashTransaction.objects.select_related("account").in_bulk(ids)
    return [found[pk] for pk in ids]


def _accounts_of(ids: Collection[int]) -> list[int]:
    """The accounts of these rows, of the other legs of their transfers and of their versions."""
    legs = Transfer.objects.filter(Q(sent__in=ids) | Q(received__in=ids)).values_list("sent", "received")
    every = {*ids, *(leg for pair in legs for leg in pair)}
    firsts = CashTransaction.objects.filter(pk__in=every, original__isnull=False).values("original")
    rows = CashTransaction.objects.filter(
        Q(pk__in=every) | Q(replaced_by__in=every) | Q(original__in=every) | Q(pk__in=firsts) | Q(original__in=firsts)
    )
    return list(rows.order_by().values_list("account", flat=True).distinct())


def _locked(row: CashTransaction) -> list[CashTransaction]:
    """The row as it is now, then the other leg of its transfer if it is one.

    Their accounts are locked, and those of their other versions and of the derived rows in whose place they stand.
    """
    ids = lock_with(row)
    found = CashTransaction.objects.select_related("account").in_bulk(ids)
    if any(each.origin != Origin.ENTRY for each in found.values()):
        raise DerivedRow
    return [found[pk] for pk in ids]


def lock_with(row: CashTransaction, *others: Account) -> list[int]:
    """The ids of the row and the other leg of its transfer, once every account is locked that a change of it concerns.

    Those are the accounts of the rows, of their other versions and of what they stand in place of, and ``others``: all
    at once, in ascending order, so that two changes never wait for each other. Raises ChangedMeanwhile.
    """
    ids = _legs(row)
    accounts = {*_accounts_of(ids), *(other.pk for other in others)}
    Account.objects.filter(pk__in=accounts).bump()
    if _legs(row) != ids or not accounts.issuperset(_accounts_of(ids)):
        raise ChangedMeanwhile  # matched, taken apart or moved before the locks were ours
    return ids


def lock_accounts(*ids: int) -> None:
    """Lock accounts before the names are made that rows shall have: whoever books locks in this order."""
    Account.objects.filter(pk__in=ids).bump()


def _legs(row: CashTransaction) -> list[int]:
    """The row's id, and that of the other leg of its transfer if it is one."""
    transfer = Transfer.objects.with_leg(row).first()
    return [row.pk, *{transfer.sent_id, transfer.received_id} - {row.pk}] if transfer else [row.pk]


def _check_both_ends(rows: Sequence[CashTransaction], actor: User | None) -> None:
    """Two legs move together, so whoever moves them may book both."""
    if not _may_book_all(rows, actor):
        raise OtherEndNotYours


def _may_book_all(rows: Sequence[CashTransaction], actor: User | None) -> bool:
    """Whether ``actor`` may book all of their accounts, if they are several. Staff who look after transfers may."""
    accounts = {row.account_id for row in rows}
    if actor is None or len(accounts) == 1:
        return True
    booked = Account.objects.editable_by(actor).filter(pk__in=accounts).count()
    return booked == len(accounts) or actor.has_perm("banking.change_transfer")


def _other_versions(rows: Sequence[CashTransaction]) -> list[CashTransaction]:
    """What was booked in place of these rows, or they in place of; at most one version of each stands."""
    firsts = {row.original_id or row.pk for row in rows}
    versions = CashTransaction.objects.filter(Q(pk__in=firsts) | Q(original__in=firsts))
    return list(versions.exclude(pk__in=[row.pk for row in rows]))


def _check_instead(rows: Sequence[CashTransaction], instead: Sequence[CashTransaction], actor: User | None) -> None:
    """Nobody voids by a restore what may not be voided alone, or not by them."""
    if not instead:
        return
    if not _may_book_all([*rows, *instead], actor):
        raise ReplacementNotYours
    if Transfer.objects.filter(Q(sent__in=instead) | Q(received__in=instead)).exists():
        raise ReplacementIsLeg


def _refuse_paid(others: Sequence[CashTransaction]) -> None:
    """A dividend whose payment is another version of a row, standing or not, would count beside the row itself."""
    if CashTransaction.objects.filter(replaced_by__in=others).exists():
        raise ReplacementIsPayment


def _set_void(rows: Sequence[CashTransaction], at: datetime | None, actor: User | None) -> None:
    """Void or restore; the derived row in whose place one stands comes back, or steps aside again."""
    for row in rows:
        row.voided_at, row.voided_by = at, actor
        row.save(update_fields=["voided_at", "voided_by"])
        CashTransaction.objects.filter(replaced_by=row).update(voided_at=aside_since(row))


def aside_since(row: CashTransaction | None) -> datetime | None:
    """Since when a derived row is voided in whose place ``row`` stands: the same after every rebuild."""
    return row.created_at if row and not row.voided_at else None


def _record_void(rows: Sequence[CashTransaction], verb: str, actor: User | None) -> None:
    """One line, about the row or about the transfer that it is a leg of."""
    if len(rows) == 1:
        record(actor=actor, action=f"cash.{verb}", subject=rows[0], data={"account": rows[0].account_id})
        return
    transfer = Transfer.objects.with_leg(rows[0]).get()
    record(actor=actor, action=f"transfer.{verb}", subject=transfer, data={"legs": [row.pk for row in rows]})


def check_cash(*, account: Account, amount: Decimal, section: str, external_id: str = "") -> None:
    """Refuse what ``book_cash`` would refuse."""
    check_amount(amount, account.currency)
    if section not in Section.values:
        raise UnknownSection(field="section")
    _refuse_duplicate(account, external_id)


def check_open(account: Account, day: date) -> None:
    """Refuse to book into an account that is closed by ``day``, as the database has it now. Raises AccountClosed."""
    found = list(Account.objects.filter(pk=account.pk).values_list("closed_on", flat=True))
    if not found:
        raise Gone(_("This account was deleted meanwhile."))
    closed = found[0]
    if closed and day >= closed:
        raise AccountClosed(_("The account is closed since %(day)s.") % {"day": closed}, field="booked_on")


def _check_not_closed(account: Account) -> None:
    """Refuse what would leave something in an account that was closed as empty. Its row is as it was when locked."""
    if account.closed_on:
        raise AccountClosed(
            _("%(name)s is closed since %(day)s: reopen it first.") % {"name": account.name, "day": account.closed_on}
        )


def check_classification(
    account: Account,
    section: str,
    category: Category | None = None,
    counterparty: Counterparty | None = None,
    tags: Iterable[Tag] = (),
) -> None:
    """Refuse what belongs to others, and a category of another section. Raises CategoryOfAnother, SectionOfAnother."""
    if category and not (category.belongs_with(account) or category.is_everybodys):
        raise CategoryOfAnother(field="category")
    if category and category.section != section:
        raise SectionOfAnother(
            _("%(name)s is a category of %(section)s.")
            % {"name": category.label, "section": category.get_section_display().lower()},
            field="category",
        )
    if counterparty and not counterparty.belongs_with(account):
        raise CategoryOfAnother(field="counterparty")
    if any(not tag.belongs_with(account) for tag in tags):
        raise CategoryOfAnother(field="tags")


def check_amount(amount: Decimal, currency: str, field: str = "amount") -> None:
    """Refuse an amount that is no money: 0, not finite, too large, or with more decimals than the currency has."""
    if not amount.is_finite() or not amount or abs(amount) >= MONEY_LIMIT:
        raise AmountNotBookable(field=field)
    if quantise(amount, currency) != amount:
        raise AmountNotBookable(
            _("%(currency)s has %(number)s decimals.") % {"currency": currency, "number": minor_units(currency)},
            field=field,
        )


def _refuse_duplicate(account: Account, external_id: str) -> None:
    standing = CashTransaction.objects.standing().filter(account=account)
    if external_id and standing.filter(external_id=external_id).exists():
        raise DuplicateCash(_("The account has a row “%(id)s” already.") % {"id": external_id}, field="external_id")
