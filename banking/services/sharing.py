"""Sharing one account with one person, and what ends when somebody leaves an organisation."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from activity.services import record
from banking.models import Account, AccountShare, ShareRole
from core.errors import DomainError, Gone
from users.models import BOOKING, Organisation, Owned, User
from users.services.organisations import locked
from users.services.people import person_named

MOST_SHARES = 100


class UnknownShareRole(DomainError):
    """It is shared with a viewer or an editor."""


class SharedWithOwner(DomainError):
    """It belongs to this person already."""


class SeesItAlready(DomainError):
    """This person may do as much already, as a member of the organisation that it belongs to."""


class TooManyShares(DomainError):
    """One account or portfolio is shared with at most 100 people."""


class ShareGone(Gone):
    """It is not shared with this person any more."""


@transaction.atomic
def share_account(*, account: Account, person: str, role: str, actor: User) -> AccountShare:
    """Let the person of this name or address see the account, or book into it. Sharing it again changes the role.

    Raises UnknownPerson, UnknownShareRole, SharedWithOwner, SeesItAlready, TooManyShares.
    """
    account_or_gone = Account.objects.select_for_update().filter(pk=account.pk)
    share: AccountShare = give(account_or_gone, person=person, role=role, actor=actor, kind="account")
    return share


@transaction.atomic
def change_account_share(*, share: AccountShare, role: str, actor: User) -> AccountShare:
    """Make a viewer an editor, or an editor a viewer."""
    changed: AccountShare = change(share, share.account, role=role, actor=actor, kind="account")
    return changed


@transaction.atomic
def unshare_account(*, share: AccountShare, actor: User) -> None:
    """End it; the person that it is shared with may do so, too."""
    end(share, share.account, actor=actor, kind="account")


def give(rows: Any, *, person: str, role: str, actor: User, kind: str) -> Any:
    """Share the one of ``rows``, a queryset with that row's lock. ``kind`` begins the names in the audit trail."""
    row = rows.first()
    if row is None:
        raise ShareGone
    if row.organisation:
        locked(row.organisation)  # whoever is leaving it now has left before, or leaves after
    wanted, somebody = _known(role), person_named(person)
    _refuse_pointless(row, somebody, wanted)
    share = row.shares.filter(user=somebody).first()
    if share is not None:
        return change(share, row, role=role, actor=actor, kind=kind)
    if row.shares.count() >= MOST_SHARES:
        raise TooManyShares
    share = row.shares.create(user=somebody, role=wanted, created_by=actor)
    record(actor=actor, action=f"{kind}.shared", subject=row, data={"user": somebody.pk, "role": wanted.value})
    return share


def change(share: Any, row: Owned, *, role: str, actor: User, kind: str) -> Any:
    wanted, before = _known(role), share.role
    if wanted == before:
        return share
    _refuse_pointless(row, share.user, wanted)
    share.role = wanted
    if not type(share).objects.filter(pk=share.pk).update(role=wanted):
        raise ShareGone
    data = {"user": share.user_id, "role": [before, wanted.value]}
    record(actor=actor, action=f"{kind}.share_changed", subject=row, data=data)
    return share


def end(share: Any, row: Owned, *, actor: User, kind: str) -> None:
    """Ending it again changes nothing."""
    if type(share).objects.filter(pk=share.pk).delete()[0]:
        data = {"user": share.user_id, "role": share.role}
        record(actor=actor, action=f"{kind}.unshared", subject=row, data=data)


def close_to_leaver(*, organisation: Organisation, user: User, **_: Any) -> None:
    """Who leaves an organisation keeps no share in its accounts.

    Their expense accounts still name it, so that what they spent for it in the past does not become their own; its
    managers see them no more. The person may say otherwise.
    """
    AccountShare.objects.filter(user=user, account__organisation=organisation).delete()


def _known(role: str) -> ShareRole:
    if role not in ShareRole.values:
        raise UnknownShareRole(field="role")
    return ShareRole(role)


def _refuse_pointless(row: Any, person: User, role: ShareRole) -> None:
    if row.owner_id == person.pk:
        raise SharedWithOwner(field="person")
    found = type(row).objects.filter(pk=row.pk).with_roles(person).values_list("member_role", flat=True).first()
    enough = BOOKING if role == ShareRole.EDITOR else ("viewer", *BOOKING)
    if found in enough:
        raise SeesItAlready(field="person")
